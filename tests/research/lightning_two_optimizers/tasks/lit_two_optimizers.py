"""Two optimizers with a schedule each, as Lightning's documentation steps them by hand."""

from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.lr_scheduler import ExponentialLR, ReduceLROnPlateau
from torchmetrics.functional import accuracy


class LitTwoOptimizers(LightningModule):
    def __init__(self, body_lr: float = 1e-2, head_lr: float = 1e-2) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.automatic_optimization = False
        self.body = nn.Sequential(nn.Linear(64, 64), nn.ReLU())
        self.head = nn.Linear(64, 10)

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        images, digits = batch
        loss = functional.cross_entropy(self.head(self.body(images)), digits)
        for optimizer in self.optimizers():
            optimizer.zero_grad()
        self.manual_backward(loss)
        for optimizer in self.optimizers():
            optimizer.step()
        self.log("train_loss", loss, on_step=False, on_epoch=True)
        return loss

    def on_train_epoch_end(self) -> None:
        exponential, plateau = self.lr_schedulers()
        exponential.step()
        if "val_loss" in self.trainer.callback_metrics:
            plateau.step(self.trainer.callback_metrics["val_loss"])

    def evaluate(self, batch: tuple[Tensor, Tensor], stage: str) -> None:
        images, digits = batch
        logits = self.head(self.body(images))
        right = accuracy(logits.argmax(dim=1), digits, task="multiclass", num_classes=10)
        self.log_dict({f"{stage}_loss": functional.cross_entropy(logits, digits), f"{stage}_acc": right})

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self.evaluate(batch, "val")

    def test_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self.evaluate(batch, "test")

    def configure_optimizers(self) -> Any:
        body = torch.optim.SGD(self.body.parameters(), lr=self.hparams.body_lr, momentum=0.9)
        head = torch.optim.Adam(self.head.parameters(), lr=self.hparams.head_lr)
        return (
            {"optimizer": body, "lr_scheduler": ExponentialLR(body, gamma=0.9)},
            {
                "optimizer": head,
                "lr_scheduler": {"scheduler": ReduceLROnPlateau(head, patience=0), "monitor": "val_loss"},
            },
        )
