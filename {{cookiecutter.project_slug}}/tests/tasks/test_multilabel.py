"""Each label is there or not, by itself."""

import torch
from hyperplane import DataSpec
from torch import nn

from {{ cookiecutter.package_name }}.tasks.multilabel import MultiLabel

SPEC = DataSpec("multilabel", (2,), 2, class_names=("loud", "red"))


def test_predictions_are_labels_and_their_probabilities():
    task = MultiLabel(nn.Identity(), nn.BCEWithLogitsLoss(), SPEC, nn.Identity(), None)
    predictions = task.to_predictions(torch.tensor([[0.0, -3.0], [-0.1, 2.0]]))
    assert torch.allclose(predictions[1], torch.tensor([-0.1, 2.0]).sigmoid())
    table = task.as_table(predictions.numpy())
    assert table.columns == ["loud", "red", "probability loud", "probability red"]
    assert table.select("loud", "red").rows() == [(1, 0), (0, 1)]


def test_accuracy_is_the_mean_over_labels():
    task = MultiLabel(nn.Identity(), nn.BCEWithLogitsLoss(), SPEC, nn.Identity(), None, metrics=["accuracy"])
    task.test_step([torch.tensor([[1.0, -1.0], [1.0, 1.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]])], 0)
    assert task.test_metrics[0].compute()["test/accuracy"] == 0.75
