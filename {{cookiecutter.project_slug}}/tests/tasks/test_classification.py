"""The class with the largest logit wins; what has no class counts nowhere; uneven classes are named."""

import pytest
import torch
from hyperplane import DataSpec
from hyperplane.data.arrays import IGNORED
from torch import nn

from {{ cookiecutter.package_name }}.tasks.classification import Classification, is_uneven, labelled


def task(spec):
    return Classification(nn.Identity(), nn.CrossEntropyLoss(), spec, nn.Identity(), None)


def test_predictions_are_probabilities_under_the_names_of_the_classes():
    named = task(DataSpec("classification", (2,), 3, class_names=("a", "b", "c")))
    logits = torch.tensor([[0.0, 1.0, 0.0], [3.0, 0.0, 1.0]])
    predictions = named.to_predictions(logits)
    assert torch.allclose(predictions, logits.exp() / logits.exp().sum(1, keepdim=True))
    table = named.as_table(predictions.numpy())
    assert table.columns == ["prediction", "probability a", "probability b", "probability c"]
    assert table["prediction"].to_list() == ["b", "a"]
    places = torch.eye(3)[torch.tensor([[0, 2], [1, 1]])].movedim(-1, 1)  # (samples, K, places)
    assert named.as_table(places.numpy()).rows() == [("a", "c"), ("b", "b")], "a column for each place"


def test_places_without_a_class_are_left_out():
    logits, targets = torch.randn(2, 3, 4), torch.tensor([[0, 1, IGNORED, 2], [IGNORED, 1, 1, 0]])
    outputs, classes = labelled(logits, targets)
    assert classes.tolist() == [0, 1, 2, 1, 1, 0]
    assert torch.equal(outputs[3], logits[1, :, 1])


@pytest.mark.parametrize(("counts", "uneven"), [((50, 50), False), ((80, 20), True), ((70, 20, 10), True), ((), False)])
def test_of_uneven_classes_balanced_accuracy_is_measured_too(counts, uneven):
    spec = DataSpec("classification", (2,), len(counts) or 2, class_counts=counts)
    assert is_uneven(spec) == uneven
    assert ("balanced_accuracy" in task(spec).metric_names) == uneven
