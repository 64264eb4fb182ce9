"""Accuracy of two guesses."""

import torch
from torch import Tensor
from torchmetrics import Metric


class TopTwo(Metric):
    """The share of samples whose true class has one of the two largest logits."""

    higher_is_better = True

    def __init__(self) -> None:
        super().__init__()
        self.add_state("right", torch.tensor(0), dist_reduce_fx="sum")
        self.add_state("total", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, outputs: Tensor, targets: Tensor) -> None:
        self.right += (outputs.topk(2, dim=1).indices == targets[:, None]).sum()
        self.total += len(targets)

    def compute(self) -> Tensor:
        return self.right / self.total
