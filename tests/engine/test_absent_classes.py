"""An area under the ROC curve of a class that does not occur is no number, and no part of a mean."""

import numpy as np
import pytest
import torch
from hyperplane.metrics.ranking import BinaryAuroc, MulticlassAuroc, MultilabelAuroc
from sklearn.metrics import roc_auc_score

random = np.random.default_rng(0)
SCORES = random.uniform(size=(40, 3)).astype(np.float32)
SCORES /= SCORES.sum(axis=1, keepdims=True)


def area(metric, scores, targets):
    metric.update(torch.from_numpy(scores), torch.from_numpy(targets))
    return float(metric.compute())


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("only", [0, 1])
def test_of_one_class_there_is_no_area(only):
    assert np.isnan(area(BinaryAuroc(), SCORES[:, 0], np.full(40, only)))
    assert np.isnan(area(MulticlassAuroc(num_classes=3), SCORES, np.full(40, only)))
    assert np.isnan(area(MultilabelAuroc(num_labels=3), SCORES, np.full((40, 3), only)))


@pytest.mark.filterwarnings("error")
def test_a_class_that_does_not_occur_is_no_part_of_the_mean():
    targets = random.integers(0, 2, 40)  # of three classes
    expected = np.mean([roc_auc_score(targets == k, SCORES[:, k]) for k in (0, 1)])
    assert area(MulticlassAuroc(num_classes=3), SCORES, targets) == pytest.approx(expected, rel=1e-6)
    labels = np.stack([targets, np.ones(40, int), np.zeros(40, int)], axis=1)
    assert area(MultilabelAuroc(num_labels=3), SCORES, labels) == pytest.approx(
        roc_auc_score(targets, SCORES[:, 0]), rel=1e-6
    )


def test_with_all_classes_it_is_that_of_scikit_learn():
    targets = random.integers(0, 3, 40)
    expected = roc_auc_score(targets, SCORES, multi_class="ovr")
    assert area(MulticlassAuroc(num_classes=3), SCORES, targets) == pytest.approx(expected, rel=1e-6)
    two = (targets > 1).astype(int)
    assert area(BinaryAuroc(), SCORES[:, 0], two) == pytest.approx(roc_auc_score(two, SCORES[:, 0]), rel=1e-6)


@pytest.mark.parametrize("text", ['x,y\n"a",1\n"b" c,2\n', 'x,y\n"a",1\n"b",2\n"c,3\n'])
def test_a_quotation_mark_that_nothing_closes_is_named(train, tmp_path, text):
    (tmp_path / "mine.csv").write_text(text)
    said = train("data=table", "data.path=mine.csv", "data.target=y", status=2).stderr
    assert "Inside a field, write a quotation mark twice" in said
