"""A classifier as Lightning's documentation structures one: its network, its metrics, and `self.log` in each step."""

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torch.nn import functional
from torchmetrics.classification import MulticlassAccuracy


class LitClassifier(LightningModule):
    def __init__(self, hidden_size: int = 64, lr: float = 1e-3) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.network = nn.Sequential(nn.Linear(64, hidden_size), nn.ReLU(), nn.Dropout(0.1), nn.Linear(hidden_size, 10))
        self.train_acc = MulticlassAccuracy(num_classes=10)
        self.val_acc = MulticlassAccuracy(num_classes=10)
        self.test_acc = MulticlassAccuracy(num_classes=10)

    def forward(self, images: Tensor) -> Tensor:
        return self.network(images)

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        images, digits = batch
        logits = self(images)
        loss = functional.cross_entropy(logits, digits)
        self.train_acc(logits, digits)
        self.log("train_loss", loss)
        self.log("train_acc", self.train_acc, on_step=True, on_epoch=True)
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        images, digits = batch
        logits = self(images)
        self.val_acc(logits, digits)
        self.log("val_loss", functional.cross_entropy(logits, digits), prog_bar=True)
        self.log("val_acc", self.val_acc, prog_bar=True)

    def test_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        images, digits = batch
        logits = self(images)
        self.test_acc(logits, digits)
        self.log("test_loss", functional.cross_entropy(logits, digits))
        self.log("test_acc", self.test_acc)

    def predict_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        return self(batch).softmax(dim=1)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=self.hparams.lr)
