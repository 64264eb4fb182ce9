"""Metrics by name equal those of scikit-learn, and each says itself which direction is better."""

import csv
import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hyperplane.commands.report import main as report
from hyperplane.components import build
from hyperplane.data.arrays import IGNORED
from hyperplane.data.scaling import Scaling
from hyperplane.data.spec import DataSpec
from hyperplane.errors import UserError
from hyperplane.metrics import METRICS, higher_is_better, named, snake_case
from scipy.stats import spearmanr
from sklearn import metrics as reference
from torchmetrics.classification import MulticlassAccuracy, MulticlassConfusionMatrix, MulticlassROC
from torchmetrics.classification import MulticlassFBetaScore as FBetaScore

from my_research.tasks.classification import Classification
from my_research.tasks.multilabel import MultiLabel
from my_research.tasks.regression import Regression

SAMPLES = 300


def measured(kind, spec, metrics, outputs, targets, scaling=None):
    """What a task measures of outputs and targets, that come in batches."""
    task = kind(torch.nn.Identity(), None, spec, scaling or Scaling(spec), None, None, metrics)
    for out, target in zip(outputs.split(70), targets.split(70), strict=True):
        task.train_metrics.add(torch.tensor(0.0), out, target)
    return {name.removeprefix("train/"): float(value) for name, value in task.train_metrics.compute().items()}


def drawn(classes, scale=2.0):
    generator = torch.Generator().manual_seed(0)
    targets = torch.randint(classes, (SAMPLES,), generator=generator)
    logits = scale * torch.randn(SAMPLES, classes, generator=generator)
    logits[torch.arange(SAMPLES), targets] += scale / 2
    return logits, targets


def macro(function):
    return lambda t, p: function(t, p.argmax(1), average="macro")


MULTICLASS = {
    "accuracy": lambda t, p: reference.accuracy_score(t, p.argmax(1)),
    "balanced_accuracy": lambda t, p: reference.balanced_accuracy_score(t, p.argmax(1)),
    "f1": macro(reference.f1_score),
    "precision": macro(reference.precision_score),
    "recall": macro(reference.recall_score),
    "iou": macro(reference.jaccard_score),
    "auroc": lambda t, p: reference.roc_auc_score(t, p, multi_class="ovr"),
    "average_precision": lambda t, p: reference.average_precision_score(np.eye(p.shape[1])[t], p),
    "brier": lambda t, p: ((p - np.eye(p.shape[1])[t]) ** 2).sum(1).mean(),
    "matthews": lambda t, p: reference.matthews_corrcoef(t, p.argmax(1)),
    "perplexity": lambda t, p: np.exp(reference.log_loss(t, p)),
}


@pytest.mark.parametrize("scale", [2.0, 0.3], ids=["logits", "logits that could be probabilities"])
@pytest.mark.parametrize("name", MULTICLASS)
def test_metrics_of_classes(name, scale):
    logits, targets = drawn(4, scale)
    if scale < 1:
        logits = logits.sigmoid()  # all between 0 and 1, and no probabilities
    spec = DataSpec("classification", (2,), 4)
    probabilities = logits.double().softmax(1).numpy()
    expected = MULTICLASS[name](targets.numpy(), probabilities)
    assert measured(Classification, spec, [name], logits, targets)[name] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("name", MULTICLASS)
def test_samples_without_a_class_count_in_no_metric(name):
    logits, targets = drawn(4)
    spec, known = DataSpec("classification", (2,), 4), torch.arange(SAMPLES) % 3 == 0
    expected = measured(Classification, spec, [name], logits[known], targets[known])[name]
    assert measured(Classification, spec, [name], logits, targets.where(known, IGNORED))[name] == expected


def test_a_batch_without_a_class_changes_no_metric():
    task = Classification(torch.nn.Identity(), None, spec := DataSpec("classification", (2,), 4), Scaling(spec), None)
    logits, targets = drawn(4)
    for some in (targets, targets.new_full((SAMPLES,), IGNORED)):
        task.train_metrics.add(torch.tensor(0.0), logits, some)
        task.train_metrics.update()
    assert task.train_metrics.compute()["train/accuracy"] == (logits.argmax(1) == targets).float().mean()


BINARY = {
    "f1": lambda t, p: reference.f1_score(t, p > 0.5),
    "precision": lambda t, p: reference.precision_score(t, p > 0.5),
    "recall": lambda t, p: reference.recall_score(t, p > 0.5),
    "auroc": reference.roc_auc_score,
    "average_precision": reference.average_precision_score,
}


@pytest.mark.parametrize("name", BINARY)
def test_metrics_of_two_classes_are_those_of_the_second(name):
    logits, targets = drawn(2)
    expected = BINARY[name](targets.numpy(), logits.softmax(1)[:, 1].numpy())
    found = measured(Classification, DataSpec("classification", (2,), 2), ["accuracy", name], logits, targets)
    assert found[name] == pytest.approx(expected, abs=1e-5)
    assert found["accuracy"] == pytest.approx((logits.argmax(1) == targets).float().mean().item())


def test_classes_are_counted_where_dense_targets_have_one():
    logits = torch.tensor([[[3.0, 0.0, 0.0], [0.0, 3.0, 0.0]]])  # (1, K, 3)
    targets = torch.tensor([[0, 0, -100]])
    found = measured(Classification, DataSpec("classification", (3,), 2), ["accuracy", "f1"], logits, targets)
    assert found["accuracy"] == 0.5


MULTILABEL = {
    "accuracy": lambda t, p: ((p > 0.5) == t).mean(),
    "f1": lambda t, p: reference.f1_score(t, p > 0.5, average="macro"),
    "auroc": lambda t, p: reference.roc_auc_score(t, p, average="macro"),
    "average_precision": lambda t, p: reference.average_precision_score(t, p, average="macro"),
    "exact_match": lambda t, p: ((p > 0.5) == t).all(1).mean(),
    "brier": lambda t, p: ((p - t) ** 2).mean(),
}


@pytest.mark.parametrize("name", MULTILABEL)
def test_metrics_of_labels(name):
    generator = torch.Generator().manual_seed(0)
    targets = (torch.rand(SAMPLES, 3, generator=generator) < 0.4).float()
    logits = torch.randn(SAMPLES, 3, generator=generator) + targets
    expected = MULTILABEL[name](targets.numpy(), logits.sigmoid().numpy())
    found = measured(MultiLabel, DataSpec("multilabel", (2,), 3), [name], logits, targets)
    assert found[name] == pytest.approx(expected, abs=1e-5)


REAL = {
    "rmse": lambda t, p: reference.mean_squared_error(t, p) ** 0.5,
    "mse": reference.mean_squared_error,
    "mae": reference.mean_absolute_error,
    "mape": reference.mean_absolute_percentage_error,
    "r2": reference.r2_score,
    "spearman": lambda t, p: np.mean([spearmanr(t[:, k], p[:, k]).statistic for k in range(t.shape[1])]),
}


@pytest.mark.parametrize("mean", [0.0, 1e6], ids=["around 0", "a million spreads from 0"])
@pytest.mark.parametrize("name", REAL)
def test_metrics_of_values(name, mean):
    generator = torch.Generator().manual_seed(0)
    targets = torch.randn(SAMPLES, 2, generator=generator, dtype=torch.float64)
    outputs = targets + 0.7 * torch.randn(SAMPLES, 2, generator=generator, dtype=torch.float64)
    scaling = Scaling(DataSpec("regression", (2,), 2))
    scaling.target_mean, scaling.target_std = torch.full((2,), mean, dtype=torch.float64), torch.tensor([1.0, 3.0])
    units = [(part.float().double() * scaling.target_std + mean).numpy() for part in (targets, outputs)]
    found = measured(Regression, DataSpec("regression", (2,), 2), [name], outputs.float(), targets.float(), scaling)
    assert found[name] == pytest.approx(REAL[name](*units), rel=1e-5, abs=1e-9)


def test_every_name_has_a_direction_that_is_that_of_its_class():
    for task, known in METRICS.items():
        for name in known:
            spec = SimpleNamespace(quantiles=(0.5,))
            metric = build(named(name, task), spec=spec, num_classes=3, num_labels=3)
            assert metric.higher_is_better is higher_is_better(f"val/{name}", SimpleNamespace(task=None)), name
            assert isinstance(metric.higher_is_better, bool), name


@pytest.mark.parametrize(
    ("name", "expected"),
    [("TopTwo", "top_two"), ("R2", "r2"), ("AUROC", "auroc"), ("MulticlassF1Score", "multiclass_f1_score")],
)
def test_a_class_goes_by_its_name_in_snake_case(name, expected):
    assert snake_case(name) == expected


@pytest.mark.parametrize("name", ["accuracy", "val/accuracy", "val_accuracy", "val/night/accuracy"])
def test_a_direction_does_not_depend_on_how_the_stage_is_written(name):
    assert higher_is_better(name, SimpleNamespace(task=None)) is True


def test_two_metrics_of_one_name_are_refused():
    two = [FBetaScore(beta=beta, num_classes=4) for beta in (0.5, 2.0)]
    with pytest.raises(UserError, match="two metrics that go by the name multiclass_f_beta_score"):
        measured(Classification, DataSpec("classification", (2,), 4), two, *drawn(4))


@pytest.mark.parametrize("kind", [MulticlassConfusionMatrix, MulticlassROC])
def test_a_metric_that_is_no_single_number_is_refused_with_what_helps(kind):
    with pytest.raises(UserError, match=f"{snake_case(kind.__name__)} is several numbers. Choose an average="):
        measured(Classification, DataSpec("classification", (2,), 4), [kind(num_classes=4)], *drawn(4))


def test_a_metric_may_return_a_number_of_python():
    class Plain(MulticlassAccuracy):
        def compute(self):
            return 0.5

    assert (
        measured(Classification, DataSpec("classification", (2,), 4), [Plain(num_classes=4)], *drawn(4))["plain"] == 0.5
    )


def test_a_name_that_no_metric_has_is_told_the_nearest():
    with pytest.raises(UserError, match=r"acuracy is not a metric of classification\. Did you mean accuracy\?"):
        named("acuracy", "classification")


def rows(folder, name):
    with (folder / "metrics.csv").open(newline="") as file:
        return [float(row[name]) for row in csv.DictReader(file) if row[name]]


OWN = "{_target_: hyperplane.metrics.probabilities.Brier}"  # as a class of the project is named


@pytest.mark.parametrize(
    ("metric", "name", "best"),
    [
        ("accuracy", "accuracy", max),
        ("f1", "f1", max),
        ("perplexity", "perplexity", min),
        (OWN, "brier", min),
        ("{_target_: torchmetrics.classification.MulticlassHammingDistance}", "multiclass_hamming_distance", min),
        ("accuracy", "loss", min),
    ],
)
def test_best_weights_and_reports_go_in_the_direction_of_the_metric(train, tmp_path, capsys, metric, name, best):
    settings = ("data=moons", f"task.metrics=[{metric}]", f"checkpoint.monitor=val/{name}", "trainer.max_epochs=4")
    train("-m", *settings, "optimizer.lr=0.0001,0.003", "sweep=both")
    folders = sorted(path.parent for path in tmp_path.glob("runs/sweeps/both/*/summary.json"))
    summaries = [json.loads((folder / "summary.json").read_text()) for folder in folders]
    for folder, summary in zip(folders, summaries, strict=True):
        assert summary["metrics"][f"val/{name}"] == best(rows(folder, f"val/{name}"))
        assert summary["higher_is_better"][name] is (best is max)
    by_rate = {word: summary for summary in summaries for word in summary["overrides"] if "lr=" in word}
    rates = ("optimizer.lr=0.0001", "optimizer.lr=0.003")
    slow, quick = (by_rate[rate]["metrics"][f"val/{name}"] for rate in rates)
    assert best(slow, quick) == quick != slow
    capsys.readouterr()
    assert report([str(tmp_path / "runs/sweeps/both"), "--metric", f"test/{name}"]) == 0
    assert "optimizer.lr=0.003" in capsys.readouterr().out.partition("Best")[2].splitlines()[0]
