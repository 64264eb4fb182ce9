"""Metrics of an epoch are those of all its samples, however they came in batches."""

import pytest
import torch
from hyperplane.data.arrays import IGNORED
from hyperplane.data.spec import DataSpec
from hyperplane.tasks import epoch_metrics
from hyperplane.tasks.epoch_metrics import EpochMetrics, View
from torch.nn.functional import cross_entropy
from torchmetrics import MetricCollection
from torchmetrics.classification import MulticlassAccuracy

from my_research.losses.classification import CrossEntropy


@pytest.fixture
def metrics():
    return EpochMetrics("val", [View(MetricCollection(dict(accuracy=MulticlassAccuracy(4, average="micro"))))])


def samples(count, seed=0):
    generator = torch.Generator().manual_seed(seed)
    outputs = 3 * torch.randn(count, 4, generator=generator)
    return outputs, torch.randint(4, (count,), generator=generator)


def add(metrics, outputs, targets, batch_size):
    for output, target in zip(outputs.split(batch_size), targets.split(batch_size), strict=True):
        metrics.add(cross_entropy(output, target), output, target)


# One batch, batches that wait for others, more than wait at once, a last batch of one sample.
@pytest.mark.parametrize("batch_size", [1000, 100, 7, 27])
def test_metrics_equal_those_of_all_samples_together(metrics, batch_size):
    outputs, targets = samples(1000)
    add(metrics, outputs, targets, batch_size)
    values = metrics.compute()
    assert set(values) == {"val/loss", "val/accuracy"}
    assert values["val/loss"].item() == pytest.approx(cross_entropy(outputs, targets).item(), rel=1e-5)
    correct = (outputs.argmax(dim=1) == targets).float().mean().item()
    assert values["val/accuracy"].item() == pytest.approx(correct)


def test_an_epoch_forgets_the_one_before(metrics):
    add(metrics, *samples(500, seed=1), batch_size=10)
    metrics.compute()
    outputs, targets = samples(100, seed=2)
    add(metrics, outputs, targets, batch_size=10)
    assert metrics.compute()["val/loss"].item() == pytest.approx(cross_entropy(outputs, targets).item(), rel=1e-5)


def test_metrics_hold_no_graph(metrics):
    outputs, targets = samples(10)
    outputs.requires_grad_()
    add(metrics, outputs, targets, batch_size=10)
    assert not any(tensor.requires_grad for batch in metrics.waiting for tensor in (batch.loss, batch.outputs))


def test_the_mean_of_losses_in_bfloat16_is_not(metrics):
    outputs, targets = samples(10)
    for _ in range(20_000):
        metrics.add(torch.tensor(1.0, dtype=torch.bfloat16), outputs, targets)
    metrics.add(torch.tensor(0.0, dtype=torch.bfloat16), outputs, targets)
    assert metrics.compute()["val/loss"].item() == pytest.approx(20_000 / 20_001, rel=1e-5)


def test_a_batch_that_is_evaluated_again_counts_once_in_its_epoch(metrics):
    outputs, targets = samples(10)
    for epoch in range(2):
        for number, loss in [(0, 1.0), (0, 0.5), (0, 0.3), (1, 3.0), (1, 2.0)]:
            metrics.add(torch.tensor(loss), outputs, targets, number=number)
        if epoch:  # a run that goes on between two evaluations
            metrics.load_state(metrics.save_state(), torch.device("cpu"))
        metrics.add(torch.tensor(1.0), outputs, targets, number=1)
        assert metrics.compute()["val/loss"].item() == 2.0
    metrics.add(torch.tensor(1.0), outputs, targets, number=1)
    assert metrics.compute()["val/loss"].item() == 1.0, "the last number of the epoch before is forgotten"


def test_what_waits_is_bounded_in_bytes(metrics, monkeypatch):
    monkeypatch.setattr(epoch_metrics, "BYTES_AT_ONCE", 1000)
    waiting = []
    for size in (50, 10, 3, 60, 1, 1, 1, 1):  # samples of 16 bytes
        outputs, targets = samples(size)
        metrics.add(cross_entropy(outputs, targets), outputs, targets)
        waiting.append(len(metrics.waiting))
    assert waiting == [1, 2, 0, 1, 2, 3, 0, 1]


@pytest.mark.parametrize("batch_size", [1000, 7])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("places", [(), (3,)])
@pytest.mark.parametrize("class_weights", [None, (1.0, 5.0, 0.5, 2.0)])
def test_the_loss_of_an_epoch_is_that_of_one_batch_of_everything(batch_size, weighted, places, class_weights):
    generator = torch.Generator().manual_seed(0)
    outputs = torch.randn(1000, 4, *places, generator=generator)
    targets = torch.randint(4, (1000, *places), generator=generator).sort(0).values  # batches of other classes
    targets[:300] = torch.where(torch.rand(300, *places, generator=generator) < 0.9, IGNORED, targets[:300])
    weights = torch.rand(1000, generator=generator) if weighted else None
    spec = DataSpec("classification", (4,), 4, train_size=1000, class_counts=(250,) * 3 + (249,))
    loss = CrossEntropy(spec, class_weights)
    metrics = EpochMetrics("val", [], sample_weights=loss.sample_weights)
    for start in range(0, 1000, batch_size):
        part = slice(start, start + batch_size)
        weight = weights[part] if weighted else None
        metrics.add(loss(outputs[part], targets[part], weight), outputs[part], targets[part], weight)
    assert metrics.compute()["val/loss"].item() == pytest.approx(loss(outputs, targets, weights).item(), rel=1e-5)


@pytest.mark.parametrize("kind", ["classes", "weights", "class weights", "true or false"])
@pytest.mark.parametrize("number", [15, 16, 70])
def test_batches_that_come_in_one_piece_count_as_those_that_come_one_by_one(kind, number):
    outputs, targets = (one.unflatten(0, (number, 300)) for one in samples(number * 300))
    losses = torch.rand(number)
    weights = torch.rand(number, 300) if kind == "weights" else None
    spec = DataSpec("classification", (4,), 4, train_size=1000, class_counts=(250,) * 4)
    of_loss = CrossEntropy(spec, (1.0, 5.0, 0.5, 2.0)).sample_weights if kind == "class weights" else None
    if kind == "true or false":
        targets = targets[..., None] > torch.arange(4)
    found = []
    for at_once in (True, False):
        metrics = EpochMetrics("train", [], sample_weights=of_loss)
        if at_once:
            metrics.add_many(losses, outputs, targets, weights)
        else:
            for place, batch in enumerate(zip(losses, outputs, targets, strict=True)):
                metrics.add(*batch, None if weights is None else weights[place], place)
        assert metrics.waiting.last == number - 1
        metrics.add(torch.tensor(9.0), outputs[0, :7], targets[0, :7], None if weights is None else weights[0, :7])
        found.append(metrics.compute()["train/loss"].item())
    assert found[0] == pytest.approx(found[1], rel=1e-5)


def test_texts_of_any_length_count_by_their_known_places():
    loss = CrossEntropy(DataSpec("classification", (4,), 4))
    metrics = EpochMetrics("val", [], sample_weights=loss.sample_weights)
    losses = []
    for length in (2, 50):
        outputs, targets = torch.randn(3, 4, length), torch.randint(4, (3, length))
        targets[0] = IGNORED
        metrics.add(loss(outputs, targets), outputs, targets)
        losses.append(cross_entropy(outputs, targets, reduction="sum").item())
    assert metrics.compute()["val/loss"].item() == pytest.approx(sum(losses) / (2 * 52), rel=1e-5)
