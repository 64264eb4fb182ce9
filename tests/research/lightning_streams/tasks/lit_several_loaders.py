"""A classifier that validates on several loaders: each step is told which."""

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torch.nn import functional
from torchmetrics.functional import accuracy


class LitSeveralLoaders(LightningModule):
    def __init__(self, hidden_size: int = 64, lr: float = 1e-3) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.network = nn.Sequential(nn.Linear(64, hidden_size), nn.ReLU(), nn.Linear(hidden_size, 10))

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        images, digits = batch
        loss = functional.cross_entropy(self.network(images), digits)
        self.log("train_loss", loss, on_step=False, on_epoch=True)
        return loss

    def evaluate(self, batch: tuple[Tensor, Tensor], stage: str) -> None:
        images, digits = batch
        logits = self.network(images)
        right = accuracy(logits.argmax(dim=1), digits, task="multiclass", num_classes=10)
        self.log_dict({f"{stage}_loss": functional.cross_entropy(logits, digits), f"{stage}_acc": right})

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int, dataloader_idx: int = 0) -> None:
        self.evaluate(batch, "val")

    def test_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self.evaluate(batch, "test")

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=self.hparams.lr)
