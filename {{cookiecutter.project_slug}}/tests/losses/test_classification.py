"""Cross-entropy is that of scikit-learn, with weights of classes and samples, at every place of dense outputs."""

import numpy as np
import pytest
import torch
from hyperplane import DataSpec, UserError
{%- if cookiecutter.examples == 'all' %}
from hyperplane.data.arrays import IGNORED
{%- endif %}
from sklearn.metrics import log_loss
from sklearn.utils.class_weight import compute_class_weight

from {{ cookiecutter.package_name }}.losses.classification import CrossEntropy

TARGETS = torch.tensor([0, 1, 2, 2, 1, 2, 2, 0, 2, 2])
THREE = DataSpec("classification", (4,), 3, train_size=10, class_counts=(2, 2, 6))
DRAWN = torch.Generator().manual_seed(0)
LOGITS, PIXEL_LOGITS = torch.randn(10, 3, generator=DRAWN), torch.randn(10, 3, 4, 5, generator=DRAWN)
WEIGHTS = torch.tensor([0.0, 2.0, 1.0, 0.5, 3.0, 1.0, 0.0, 4.0, 0.1, 1.0])
PIXELS = torch.randint(0, 3, (10, 4, 5), generator=DRAWN)  # class numbers of images


def reference(logits, targets, weights):
    return pytest.approx(log_loss(targets, logits.double().softmax(dim=1), sample_weight=weights), rel=1e-5)


@pytest.mark.parametrize("weights", [None, (1.0, 2.0, 0.5), "balanced"])
def test_it_is_that_of_scikit_learn(weights):
    balanced = compute_class_weight("balanced", classes=np.arange(3), y=TARGETS.numpy())
    c = torch.tensor({None: (1.0, 1.0, 1.0), "balanced": tuple(balanced)}.get(weights, weights)).double()
    loss, logits, targets = CrossEntropy(THREE, weights), PIXEL_LOGITS.movedim(1, -1).reshape(-1, 3), PIXELS.flatten()
    assert loss(LOGITS, TARGETS).item() == reference(LOGITS, TARGETS, c[TARGETS])
    assert loss(LOGITS, TARGETS, WEIGHTS).item() == reference(LOGITS, TARGETS, c[TARGETS] * WEIGHTS)
    assert loss(PIXEL_LOGITS, PIXELS).item() == reference(logits, targets, c[targets])
    each = WEIGHTS.repeat_interleave(20) * c[targets]
    assert loss(PIXEL_LOGITS, PIXELS, WEIGHTS).item() == reference(logits, targets, each)
{%- if cookiecutter.examples == 'all' %}


@pytest.mark.parametrize("weights", [None, torch.ones(10), WEIGHTS])
def test_a_target_that_is_ignored_counts_nowhere(weights):
    loss, ignored = CrossEntropy(THREE, (1.0, 2.0, 0.5)), PIXELS.clone()
    ignored[:, :, 3:] = IGNORED
    expected = loss(PIXEL_LOGITS[..., :3], PIXELS[..., :3], weights)
    assert loss(PIXEL_LOGITS, ignored, weights).item() == pytest.approx(expected.item(), rel=1e-6)


@pytest.mark.parametrize(("targets", "weights"), [(torch.full((10,), IGNORED), None), (TARGETS, torch.zeros(10))])
def test_a_batch_in_which_nothing_counts_costs_nothing_and_pulls_nowhere(targets, weights):
    partly = DataSpec("classification", (4,), 3, train_size=20, class_counts=(0, 4, 6))
    outputs = LOGITS.clone().requires_grad_()
    nothing = CrossEntropy(partly, "balanced")(outputs, targets, weights)
    nothing.backward()
    assert nothing.item() == 0 and outputs.grad.abs().max() == 0
{%- endif %}


@pytest.mark.parametrize(
    ("spec", "weights", "message"),
    [
        (DataSpec("regression", (4,), 2), None, "for classification, but these data are for regression. loss=auto"),
        (THREE, (1.0, 2.0), r"loss\.class_weights has 2 entries, but the data have 3 classes"),
        (DataSpec("classification", (4,), 3), "balanced", r"class_weights=balanced needs .* state no class_counts"),
    ],
)
def test_what_does_not_fit_the_data_is_refused(spec, weights, message):
    with pytest.raises(UserError, match=message):
        CrossEntropy(spec, weights)
