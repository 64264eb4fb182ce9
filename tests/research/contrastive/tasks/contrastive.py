"""Contrastive learning: views of the same image get similar embeddings; no class is ever seen."""

from typing import Any

import torch
from hyperplane import Task
from torch import Tensor
from torch.nn.functional import one_hot

RIDGE = 1e-3  # penalty on the weights of the probe


class Contrastive(Task):
    """After the test a probe, a linear classifier of embeddings, says how much these know about digits."""

    higher_is_better = {"probe_accuracy": True}

    def step(self, batch: Any) -> tuple[Tensor, Tensor, Tensor]:
        """Return the loss, the embeddings of the first views, and the digits, which only the probe looks at."""
        first, second = self.network(batch["first"]), self.network(batch["second"])
        return self.loss(first, second), first, batch["digit"]

    def on_test_epoch_end(self) -> None:
        super().on_test_epoch_end()
        data: Any = self.trainer.datamodule  # type: ignore[attr-defined]
        predicted = (self.features(data.test) @ self.probe(data.train)).argmax(dim=1).cpu()
        self.log("test/probe_accuracy", (predicted == data.test.digits).float().mean())

    def probe(self, views: Any) -> Tensor:
        """Return weights (K + 1, digits): those that fit the digits of images best, by ridge regression."""
        features, digits = self.features(views), one_hot(views.digits).float().to(self.device)
        penalty = RIDGE * torch.eye(features.shape[1], device=self.device)
        return torch.linalg.solve(features.T @ features + penalty, features.T @ digits)

    def features(self, views: Any) -> Tensor:
        """Return the embeddings of whole images, and a column of ones (samples, K + 1)."""
        embeddings = self(views.images.to(self.device))
        return torch.cat([embeddings, torch.ones_like(embeddings[:, :1])], dim=1)
