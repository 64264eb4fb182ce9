"""A variational autoencoder, Kingma & Welling 2014: log p(x) ≥ E_q(z|x)[log p(x|z)] − KL(q(z|x) ‖ p(z)).

Dimensions: B batch, D pixels, Z values of a code.
"""

import math
from typing import Any

import torch
from hyperplane import DataSpec
from lightning.pytorch import LightningDataModule, LightningModule
from matplotlib.figure import Figure
from torch import Tensor, nn


class VAE(LightningModule):
    """Encodes an image as a normal distribution of codes, and decodes a code that is drawn from it.

    Args:
        spec: of the images.
        latent_size: Z.
        hidden_size: units of the hidden layer of encoder and decoder.
        noise: standard deviation of a pixel around what the decoder says.
        lr: learning rate.
    """

    def __init__(self, spec: DataSpec, latent_size: int, hidden_size: int, noise: float, lr: float) -> None:
        super().__init__()
        self.noise = noise
        self.lr = lr
        shape, pixels = spec.input_shape, math.prod(spec.input_shape)
        self.encoder = nn.Sequential(
            nn.Flatten(), nn.Linear(pixels, hidden_size), nn.ReLU(), nn.Linear(hidden_size, 2 * latent_size)
        )
        self.decoder = nn.Sequential(
            nn.Linear(latent_size, hidden_size), nn.ReLU(), nn.Linear(hidden_size, pixels), nn.Unflatten(1, shape)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map images (B, *shape) to their reconstructions, by the means of their codes."""
        mean, _ = self.encoder(x).chunk(2, dim=1)
        return self.decoder(mean)

    def step(self, batch: Any, stage: str) -> Tensor:
        """Return the loss () of a batch, in nats for each image, and log its two parts."""
        x, _ = batch
        mean, log_var = self.encoder(x).chunk(2, dim=1)  # (B, Z) each
        z = mean + torch.randn_like(mean) * (log_var / 2).exp()
        reconstruction = ((self.decoder(z) - x) ** 2).sum() / (2 * self.noise**2) / len(x)
        kl = (mean**2 + log_var.exp() - 1 - log_var).sum() / 2 / len(x)
        loss = reconstruction + kl
        values = {f"{stage}/loss": loss, f"{stage}/reconstruction": reconstruction, f"{stage}/kl": kl}
        self.log_dict(values, on_step=False, on_epoch=True, batch_size=len(x))
        return loss

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        return self.step(batch, "train")

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.step(batch, "val")

    def test_step(self, batch: Any, batch_idx: int) -> None:
        self.step(batch, "test")

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=self.lr)

    @torch.no_grad()
    def figures(self, data: LightningDataModule) -> dict[str, Figure]:
        """Draw test images above their reconstructions."""
        x, _ = next(iter(data.test_dataloader()))
        x = x[:8]
        figure = Figure(figsize=(8, 2.4), layout="constrained")
        for row, images in zip(figure.subplots(2, len(x)), (x, self(x)), strict=True):
            for axis, image in zip(row, images, strict=True):
                axis.imshow(image.squeeze(-1), cmap="gray", vmin=0, vmax=1)
                axis.set_axis_off()
        figure.suptitle("Test images, and below them their reconstructions")
        return {"reconstructions": figure}
