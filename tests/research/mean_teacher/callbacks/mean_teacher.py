"""The mean teacher, Tarvainen & Valpola 2017: a network learns from samples without labels what its own average says.

    loss = loss of the labelled samples + w · mean (p(x + noise) − p'(x + noise'))²

p are the student's probabilities of the classes, p' those of the teacher, whose weights are the mean of the student's.
"""

from copy import deepcopy
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor


class MeanTeacher(Callback):
    """Averages the weights of the network after each step, and draws its predictions to those of the average."""

    def __init__(
        self,
        weight: float = 3.0,  # w
        decay: float = 0.95,  # share of the average that a step keeps
        noise: float = 0.2,  # standard deviation
    ) -> None:
        self.weight = weight
        self.decay = decay
        self.noise = noise

    def setup(self, trainer: Trainer, task: LightningModule, stage: str) -> None:
        """Begin with the student's weights; those of a checkpoint are loaded after this."""
        if stage == "fit":
            self.teacher = deepcopy(task.network).requires_grad_(False)

    def state_dict(self) -> dict[str, Tensor]:
        return self.teacher.state_dict()

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        self.teacher.load_state_dict(state)

    def on_train_batch_start(self, trainer: Trainer, task: LightningModule, batch: Any, batch_idx: int) -> None:
        self.inputs = batch[0]

    def on_after_backward(self, trainer: Trainer, task: LightningModule) -> None:
        """Add the gradients of the second part of the loss."""
        student, teacher = (
            network(self.inputs + self.noise * torch.randn_like(self.inputs)).softmax(dim=1)
            for network in (task.network, self.teacher)
        )
        consistency = (student - teacher).square().sum(dim=1).mean()
        (self.weight * consistency).backward()
        self.log("train/consistency", consistency.detach(), on_step=False, on_epoch=True)

    def on_train_batch_end(
        self, trainer: Trainer, task: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        for mean, weights in zip(self.teacher.parameters(), task.network.parameters(), strict=True):
            mean.lerp_(weights.detach(), 1 - self.decay)

    def on_validation_batch_end(
        self, trainer: Trainer, task: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        inputs, classes = batch
        is_labelled = classes >= 0
        is_right = self.teacher(inputs).argmax(dim=1) == classes
        self.log("val/teacher_accuracy", is_right[is_labelled].float().mean(), batch_size=int(is_labelled.sum()))
