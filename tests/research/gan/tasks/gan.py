"""A generative adversarial network, Goodfellow et al. 2014, with the non-saturating loss: two players, two optimizers.

Dimensions: B batch, D values of a sample, Z values of noise.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from hyperplane import DataSpec
from lightning.pytorch import LightningDataModule, LightningModule
from matplotlib.figure import Figure
from torch import Tensor, nn
from torch.nn.functional import softplus
from torch.optim import Optimizer


class GAN(LightningModule):
    """A generator makes samples of noise, a discriminator tells them from real ones.

    Args:
        spec: of the data.
        optimizer: makes the optimizer of each player.
        noise_size: Z.
        hidden_size: units of each of two hidden layers of both players.
        discriminator_lr: learning rate of the discriminator, which has to be ahead (Heusel et al. 2017).
    """

    higher_is_better = {"energy_distance": False}

    def __init__(
        self,
        spec: DataSpec,
        optimizer: Callable[..., Optimizer],
        noise_size: int = 4,
        hidden_size: int = 64,
        discriminator_lr: float = 0.002,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.optimizer = optimizer
        self.noise_size = noise_size
        self.example_input_array = torch.zeros(1, noise_size)  # what `export-model` traces forward with
        self.discriminator_lr = discriminator_lr
        self.generator = mlp(noise_size, hidden_size, math.prod(spec.input_shape))
        self.discriminator = mlp(math.prod(spec.input_shape), hidden_size, 1)

    def forward(self, noise: Tensor) -> Tensor:
        """Map noise (B, Z) to samples (B, D)."""
        return self.generator(noise)

    def sample(self, count: int) -> Tensor:
        """Return new samples (count, D)."""
        return self(torch.randn(count, self.noise_size, device=self.device))

    def training_step(self, batch: Any, batch_idx: int) -> None:
        real, _ = batch
        fake = self.sample(len(real))
        for_generator, for_discriminator = self.optimizers()

        # −log D(x) − log(1 − D(G(z))), where D is the sigmoid of what the discriminator returns
        loss = softplus(-self.discriminator(real)).mean() + softplus(self.discriminator(fake.detach())).mean()
        for_discriminator.zero_grad()
        self.manual_backward(loss)
        for_discriminator.step()

        generator_loss = softplus(-self.discriminator(fake)).mean()  # −log D(G(z))
        for_generator.zero_grad()
        self.manual_backward(generator_loss)
        for_generator.step()

        losses = {"train/discriminator_loss": loss, "train/generator_loss": generator_loss}
        self.log_dict(losses, on_step=False, on_epoch=True)

    def test_step(self, batch: Any, batch_idx: int) -> None:
        real, _ = batch
        self.log("test/energy_distance", energy_distance(self.sample(1000), real))

    def configure_optimizers(self) -> list[Optimizer]:
        faster = {"params": self.discriminator.parameters(), "lr": self.discriminator_lr}
        return [self.optimizer(self.generator.parameters()), self.optimizer([faster])]

    @torch.no_grad()
    def figures(self, data: LightningDataModule) -> dict[str, Figure]:
        """Draw new samples beside those of the test; both have two values."""
        real, _ = next(iter(data.test_dataloader()))
        figure = Figure(figsize=(4.8, 3.6), layout="constrained")
        axis = figure.subplots()
        axis.scatter(*real.T, s=8, color="#0072B2", label="test samples")
        axis.scatter(*self.sample(len(real)).T, s=8, color="#E69F00", label="generated")
        axis.set(title="What the generator has learned", xlabel="x1", ylabel="x2")
        axis.legend()
        return {"samples": figure}


def mlp(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    """Return a network with two hidden layers."""
    return nn.Sequential(
        nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, outputs)
    )


def energy_distance(x: Tensor, y: Tensor) -> Tensor:
    """Return 2 E|x − y| − E|x − x'| − E|y − y'|, 0 for samples (B, D) of the same distribution (Székely 2003)."""
    return 2 * torch.cdist(x, y).mean() - torch.cdist(x, x).mean() - torch.cdist(y, y).mean()
