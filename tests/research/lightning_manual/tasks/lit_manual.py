"""Manual optimization as Lightning's documentation structures it: gradients of several batches make up a step."""

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.lr_scheduler import StepLR
from torchmetrics.functional import accuracy


class LitManual(LightningModule):
    def __init__(self, accumulate: int = 4, lr: float = 1e-2) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.automatic_optimization = False
        self.network = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))

    def forward(self, images: Tensor) -> Tensor:
        return self.network(images)

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        optimizer = self.optimizers()
        images, digits = batch
        loss = functional.cross_entropy(self(images), digits)
        self.manual_backward(loss / self.hparams.accumulate)
        if (batch_idx + 1) % self.hparams.accumulate == 0:
            self.clip_gradients(optimizer, gradient_clip_val=1.0, gradient_clip_algorithm="norm")
            optimizer.step()
            optimizer.zero_grad()
        self.log("train_loss", loss, on_step=False, on_epoch=True)

    def on_train_epoch_end(self) -> None:
        self.lr_schedulers().step()

    def evaluate(self, batch: tuple[Tensor, Tensor], stage: str) -> None:
        images, digits = batch
        logits = self(images)
        right = accuracy(logits.argmax(dim=1), digits, task="multiclass", num_classes=10)
        self.log_dict({f"{stage}_loss": functional.cross_entropy(logits, digits), f"{stage}_acc": right})

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self.evaluate(batch, "val")

    def test_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self.evaluate(batch, "test")

    def configure_optimizers(self) -> tuple[list[torch.optim.Optimizer], list[StepLR]]:
        optimizer = torch.optim.Adam(self.parameters(), lr=self.hparams.lr)
        return [optimizer], [StepLR(optimizer, step_size=2, gamma=0.7)]
