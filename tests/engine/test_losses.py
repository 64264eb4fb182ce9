"""Losses are their equations, and refuse data that they are not for."""

import math

import numpy as np
import pytest
import torch
from hyperplane.data.arrays import IGNORED
from hyperplane.data.spec import DataSpec, PanelSpec
from hyperplane.errors import UserError
from sklearn.metrics import hinge_loss, log_loss, mean_pinball_loss, mean_squared_error
from sklearn.utils.class_weight import compute_class_weight
from torch.nn import functional

from my_research.losses.auto import LOSSES
from my_research.losses.classification import BinaryCrossEntropy, CrossEntropy, Hinge
from my_research.losses.forecasting import Quantile
from my_research.losses.from_spec import TASKS
from my_research.losses.regression import Huber, SquaredError

TARGETS = torch.tensor([0, 1, 2, 2, 1, 2, 2, 0, 2, 2])
COUNTS = (2, 2, 6)
THREE = DataSpec("classification", (4,), 3, train_size=10, class_counts=COUNTS)
TWO = DataSpec("classification", (4,), 2, train_size=10, class_counts=(7, 3))
VALUES = DataSpec("regression", (4,), 2)
LABELS = DataSpec("multilabel", (4,), 3, train_size=10, class_counts=(2, 5, 0))
PANEL = PanelSpec(encoder_length=2, decoder_length=3, quantiles=(0.1, 0.7), target="y")
DRAWN = torch.Generator().manual_seed(0)
LOGITS = torch.randn(10, 3, generator=DRAWN)
HAS_LABEL = (torch.rand(10, 3, generator=DRAWN) > 0.5).float()
WEIGHTS = torch.tensor([0.0, 2.0, 1.0, 0.5, 3.0, 1.0, 0.0, 4.0, 0.1, 1.0])
PIXELS = torch.randint(0, 3, (10, 4, 5), generator=DRAWN)  # class numbers of images
PIXEL_LOGITS = torch.randn(10, 3, 4, 5, generator=DRAWN)


def test_cross_entropy_is_that_of_scikit_learn():
    expected = log_loss(TARGETS, LOGITS.double().softmax(dim=1))
    assert CrossEntropy(THREE)(LOGITS, TARGETS).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("weights", [(1.0, 2.0, 0.5), "balanced"])
def test_class_weights_weigh_samples_as_in_scikit_learn(weights):
    w = compute_class_weight("balanced", classes=np.arange(3), y=TARGETS.numpy()) if weights == "balanced" else weights
    expected = log_loss(TARGETS, LOGITS.double().softmax(dim=1), sample_weight=np.array(w)[TARGETS])
    assert CrossEntropy(THREE, weights)(LOGITS, TARGETS).item() == pytest.approx(expected, rel=1e-5)


def test_balanced_weights_have_mean_one_over_the_training_samples():
    weights = CrossEntropy(THREE, "balanced").class_weights
    assert weights.tolist() == pytest.approx([10 / 6, 10 / 6, 10 / 18])
    assert weights[TARGETS].mean().item() == pytest.approx(1.0)


def test_hinge_of_two_classes_is_that_of_scikit_learn():
    outputs, targets = LOGITS[:, :2], TARGETS % 2
    f = (outputs[:, 1] - outputs[:, 0]) / 2
    assert Hinge(TWO)(outputs, targets).item() == pytest.approx(hinge_loss(targets, f), rel=1e-5)
    heavy = hinge_loss(targets, f, sample_weight=np.array([1.0, 3.0])[targets]) * np.array([1.0, 3.0])[targets].mean()
    assert Hinge(TWO, (1.0, 3.0))(outputs, targets).item() == pytest.approx(heavy, rel=1e-5)


def test_hinge_of_more_classes_is_one_against_the_rest():
    expected = sum(hinge_loss(TARGETS.eq(c), LOGITS[:, c]) for c in range(3))
    assert Hinge(THREE)(LOGITS, TARGETS).item() == pytest.approx(expected, rel=1e-5)


def test_beyond_the_margin_hinge_costs_nothing_and_pulls_no_more():
    outputs = torch.tensor([[-1.5, 1.5], [0.4, -0.2]], requires_grad=True)
    loss = Hinge(TWO)(outputs, torch.tensor([1, 0]))
    assert loss.item() == pytest.approx((0 + 1 - 0.3) / 2)
    loss.backward()
    assert outputs.grad.tolist() == [[0, 0], [-0.25, 0.25]]


def test_squared_error_and_huber_are_their_equations():
    outputs, targets = torch.tensor([[0.5, -3.0], [2.0, 1.0]]), torch.zeros(2, 2)
    assert SquaredError(VALUES)(outputs, targets).item() == pytest.approx((0.25 + 9 + 4 + 1) / 4)
    for delta in (1.0, 2.5):
        terms = [e * e / 2 if e < delta else delta * (e - delta / 2) for e in (0.5, 3.0, 2.0, 1.0)]
        assert Huber(VALUES, delta)(outputs, targets).item() == pytest.approx(math.fsum(terms) / 4)


@pytest.mark.parametrize(
    ("loss", "spec"),
    [
        (CrossEntropy, VALUES),
        (CrossEntropy, LABELS),
        (BinaryCrossEntropy, THREE),
        (Hinge, VALUES),
        (SquaredError, THREE),
        (Huber, THREE),
        (Quantile, VALUES),
    ],
)
def test_a_loss_of_another_task_is_refused(loss, spec):
    with pytest.raises(UserError, match="loss=auto chooses what fits"):
        loss(spec)


def test_class_weights_of_another_number_of_classes_are_refused():
    with pytest.raises(UserError, match=r"loss\.class_weights has 2 entries, but the data have 3 classes"):
        CrossEntropy(THREE, (1.0, 2.0))


def test_a_class_without_training_samples_has_a_finite_weight():
    spec = DataSpec("classification", (4,), 3, train_size=10, class_counts=(0, 4, 6))
    assert torch.isfinite(CrossEntropy(spec, "balanced").class_weights).all()


@pytest.mark.parametrize("loss", [CrossEntropy, Hinge, SquaredError, Huber, BinaryCrossEntropy])
def test_a_task_of_a_projects_own_may_take_any_loss(loss):
    loss(DataSpec("matching", (4,), 3))


def test_balanced_weights_need_counts():
    with pytest.raises(UserError, match=r"loss\.class_weights=balanced needs to know .* state no class_counts"):
        CrossEntropy(DataSpec("classification", (4,), 3), "balanced")


def test_every_task_has_a_loss():
    assert LOSSES["multilabel"] is BinaryCrossEntropy
    assert tuple(LOSSES) == TASKS == ("classification", "multilabel", "regression", "forecasting")


def test_binary_cross_entropy_is_the_mean_of_scikit_learns_over_the_labels():
    p = LOGITS.double().sigmoid()
    expected = np.mean([log_loss(HAS_LABEL[:, k], p[:, k]) for k in range(3)])
    assert BinaryCrossEntropy(LABELS)(LOGITS, HAS_LABEL).item() == pytest.approx(expected, rel=1e-5)


def test_balanced_labels_count_where_they_apply_as_much_as_where_they_do_not():
    loss = BinaryCrossEntropy(LABELS, "balanced")
    assert loss.pos_weight.tolist() == [8 / 2, 5 / 5, 10.0], "a label that no sample has stays finite"
    expected = functional.binary_cross_entropy_with_logits(LOGITS, HAS_LABEL, pos_weight=torch.tensor([4.0, 1.0, 10.0]))
    assert loss(LOGITS, HAS_LABEL).item() == expected.item()
    dense = torch.randn(2, 3, 4, 5), torch.ones(2, 3, 4, 5)
    by_hand = (-torch.tensor([4.0, 1.0, 10.0])[:, None, None] * functional.logsigmoid(dense[0])).mean()
    assert loss(*dense).item() == pytest.approx(by_hand.item(), rel=1e-6)
    with pytest.raises(UserError, match=r"loss\.pos_weight has 2 entries, but the data have 3 labels"):
        BinaryCrossEntropy(LABELS, (1.0, 2.0))


def test_weights_of_samples_are_those_of_scikit_learn():
    w, p = WEIGHTS.double().numpy(), LOGITS.double().softmax(dim=1)
    assert CrossEntropy(THREE)(LOGITS, TARGETS, WEIGHTS).item() == pytest.approx(
        log_loss(TARGETS, p, sample_weight=w), rel=1e-5
    )
    c = np.array([1.0, 2.0, 0.5])[TARGETS]
    assert CrossEntropy(THREE, (1.0, 2.0, 0.5))(LOGITS, TARGETS, WEIGHTS).item() == pytest.approx(
        log_loss(TARGETS, p, sample_weight=w * c), rel=1e-5
    )
    f = LOGITS[:, 1] - LOGITS[:, 0]
    assert Hinge(TWO)(LOGITS[:, :2], TARGETS % 2, WEIGHTS).item() == pytest.approx(
        hinge_loss(TARGETS % 2, f / 2, sample_weight=w), rel=1e-5
    )
    assert SquaredError(VALUES)(LOGITS[:, :2], HAS_LABEL[:, :2], WEIGHTS).item() == pytest.approx(
        mean_squared_error(HAS_LABEL[:, :2], LOGITS[:, :2], sample_weight=w), rel=1e-5
    )
    quantiles, targets = torch.randn(10, 3, 2, generator=DRAWN), torch.randn(10, 3, generator=DRAWN)
    expected = [
        mean_pinball_loss(targets, quantiles[:, :, k], sample_weight=w, alpha=q) for k, q in enumerate((0.1, 0.7))
    ]
    assert Quantile(PANEL)(quantiles, targets, WEIGHTS).item() == pytest.approx(np.mean(expected), rel=1e-5)


# A loss, its outputs and targets; the loss of a batch is the weighted mean of those of its samples.
CASES = {
    "cross_entropy": (CrossEntropy(THREE), LOGITS, TARGETS),
    "hinge": (Hinge(THREE, (1.0, 2.0, 0.5)), LOGITS, TARGETS),
    "binary_cross_entropy": (BinaryCrossEntropy(LABELS, "balanced"), LOGITS, HAS_LABEL),
    "squared_error": (SquaredError(VALUES), LOGITS, HAS_LABEL),
    "huber": (Huber(VALUES, 0.3), LOGITS, HAS_LABEL),
    "quantile": (Quantile(PANEL), LOGITS[..., None] * torch.tensor([0.5, 1.0]), HAS_LABEL),
    "pixels": (CrossEntropy(THREE), PIXEL_LOGITS, PIXELS),
    "hinge of pixels": (Hinge(THREE), PIXEL_LOGITS, PIXELS),
    "values of pixels": (SquaredError(VALUES), PIXEL_LOGITS, PIXEL_LOGITS.flip(0)),
}


@pytest.mark.parametrize("name", CASES)
def test_a_weighted_loss_is_the_weighted_mean_of_the_losses_of_samples(name):
    loss, outputs, targets = CASES[name]
    alone = torch.stack([loss(outputs[i : i + 1], targets[i : i + 1]) for i in range(10)]).double()
    expected = (WEIGHTS * alone).sum() / WEIGHTS.sum()
    assert loss(outputs, targets, WEIGHTS).item() == pytest.approx(expected.item(), rel=1e-5)
    assert loss(outputs, targets, torch.full((10,), 0.3)).item() == pytest.approx(
        loss(outputs, targets).item(), rel=1e-5
    )
    assert loss(outputs, targets, 7 * WEIGHTS).item() == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize("name", CASES)
def test_a_batch_whose_samples_all_weigh_nothing_costs_nothing_and_pulls_nowhere(name):
    loss, outputs, targets = CASES[name]
    outputs = outputs.clone().requires_grad_()
    value = loss(outputs, targets, torch.zeros(10))
    value.backward()
    assert value.item() == 0 and not outputs.grad.any()


def test_every_pixel_is_a_target_with_the_weight_of_its_class():
    c = torch.tensor([1.0, 2.0, 0.5])
    loss = CrossEntropy(THREE, tuple(c.tolist()))
    flat = PIXEL_LOGITS.movedim(1, -1).reshape(-1, 3), PIXELS.flatten()
    expected = functional.cross_entropy(*flat, c)
    assert loss(PIXEL_LOGITS, PIXELS).item() == pytest.approx(expected.item(), rel=1e-6)
    each = WEIGHTS.repeat_interleave(PIXELS[0].numel())
    weighted = log_loss(flat[1], flat[0].double().softmax(dim=1), sample_weight=(each * c[flat[1]]).double())
    assert loss(PIXEL_LOGITS, PIXELS, WEIGHTS).item() == pytest.approx(weighted, rel=1e-5)


@pytest.mark.parametrize("weights", [None, torch.ones(10), WEIGHTS])
def test_a_target_that_is_ignored_counts_nowhere(weights):
    loss = CrossEntropy(THREE, (1.0, 2.0, 0.5))
    without = PIXELS[:, :, :3], PIXEL_LOGITS[:, :, :, :3]
    ignored = PIXELS.clone()
    ignored[:, :, 3:] = IGNORED
    expected = loss(without[1], without[0], weights)
    assert loss(PIXEL_LOGITS, ignored, weights).item() == pytest.approx(expected.item(), rel=1e-6)


def test_balanced_weights_of_pixels_follow_from_all_of_them():
    counts = torch.bincount(PIXELS.flatten(), minlength=3)
    spec = DataSpec("classification", (4, 5, 1), 3, train_size=10, class_counts=tuple(counts.tolist()))
    expected = compute_class_weight("balanced", classes=np.arange(3), y=PIXELS.flatten().numpy())
    assert CrossEntropy(spec, "balanced").class_weights.tolist() == pytest.approx(expected.tolist())


def test_samples_without_a_label_are_left_out_and_a_batch_of_them_has_no_loss():
    partly = DataSpec("classification", (4,), 3, train_size=20, class_counts=COUNTS)
    targets = TARGETS.masked_fill(torch.arange(10) % 2 == 0, IGNORED)
    for weights in (None, (1.0, 2.0, 0.5)):
        loss = CrossEntropy(partly, weights)
        assert loss(LOGITS, targets).item() == pytest.approx(CrossEntropy(THREE, weights)(LOGITS, targets).item())
        outputs = LOGITS.clone().requires_grad_()
        nothing = loss(outputs, torch.full((10,), IGNORED))
        nothing.backward()
        assert nothing.item() == 0 and outputs.grad.abs().max() == 0
