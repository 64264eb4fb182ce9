"""Binary cross-entropy is the mean of scikit-learn's over the labels."""

import numpy as np
import pytest
import torch
from hyperplane import DataSpec, UserError
from sklearn.metrics import log_loss
from torch.nn import functional

from {{ cookiecutter.package_name }}.losses.multilabel import BinaryCrossEntropy

SPEC = DataSpec("multilabel", (4,), 3, train_size=10, class_counts=(2, 5, 0))
DRAWN = torch.Generator().manual_seed(0)
LOGITS = torch.randn(10, 3, generator=DRAWN)
LABELS = (torch.rand(10, 3, generator=DRAWN) > 0.5).float()


@pytest.mark.parametrize("weights", [None, torch.arange(10) / 3])
def test_it_is_the_mean_of_scikit_learns_over_the_labels(weights):
    p = LOGITS.double().sigmoid()
    expected = np.mean([log_loss(LABELS[:, k], p[:, k], sample_weight=weights) for k in range(3)])
    assert BinaryCrossEntropy(SPEC)(LOGITS, LABELS, weights).item() == pytest.approx(expected, rel=1e-5)
    assert BinaryCrossEntropy(SPEC)(LOGITS, LABELS, torch.zeros(10)) == 0


def test_balanced_labels_count_where_they_apply_as_much_as_where_they_do_not():
    loss = BinaryCrossEntropy(SPEC, "balanced")
    assert loss.pos_weight.tolist() == [8 / 2, 5 / 5, 10.0], "a label that no sample has stays finite"
    dense = torch.randn(2, 3, 4, 5), torch.ones(2, 3, 4, 5)
    by_hand = (-torch.tensor([4.0, 1.0, 10.0])[:, None, None] * functional.logsigmoid(dense[0])).mean()
    assert loss(*dense).item() == pytest.approx(by_hand.item(), rel=1e-6)


def test_what_does_not_fit_the_data_is_refused():
    with pytest.raises(UserError, match=r"loss\.pos_weight has 2 entries, but the data have 3 labels"):
        BinaryCrossEntropy(SPEC, (1.0, 2.0))
    with pytest.raises(UserError, match="loss=auto chooses what fits"):
        BinaryCrossEntropy(DataSpec("classification", (4,), 3))
