"""Two schedules of one optimizer, as Lightning's documentation configures them: one for each step, one that watches."""

from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.lr_scheduler import LinearLR, ReduceLROnPlateau
from torchmetrics.functional import accuracy


class LitSchedulers(LightningModule):
    def __init__(self, lr: float = 1e-2, patience: int = 0) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.network = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))

    def step(self, batch: tuple[Tensor, Tensor], stage: str) -> Tensor:
        images, digits = batch
        logits = self.network(images)
        loss = functional.cross_entropy(logits, digits)
        self.log(f"{stage}_loss", loss, on_step=False, on_epoch=True)
        right = accuracy(logits.argmax(dim=1), digits, task="multiclass", num_classes=10)
        self.log(f"{stage}_acc", right, on_step=False, on_epoch=True)
        return loss

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        return self.step(batch, "train")

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self.step(batch, "val")

    def test_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self.step(batch, "test")

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.AdamW(self.parameters(), lr=self.hparams.lr)
        warmup = LinearLR(optimizer, start_factor=0.1, total_iters=50)
        plateau = ReduceLROnPlateau(optimizer, factor=0.3, patience=self.hparams.patience)
        return [optimizer], [
            {"scheduler": warmup, "interval": "step"},
            {"scheduler": plateau, "monitor": "val_loss"},
        ]
