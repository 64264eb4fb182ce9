"""Baselines that can be trusted: the linear model ends where scikit-learn's does, and every test has its floor."""

import json
import re
from itertools import count
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import yaml
from hyperplane.commands.report import main as report
from hyperplane.data.spec import DataSpec, PanelSpec
from hyperplane.training import budget
from hyperplane.training.budget import CONVEX_STEPS, EPOCHS, STEPS
from sklearn.linear_model import LogisticRegression, Ridge

from my_research.data.bundled import Bundled
from my_research.models.linear import Linear, penalty_factor
from synthetic_runs import write_run

AS_IT_IS = "trainer.max_epochs=auto"  # the default, which the fixture `train` changes


def samples(name, seed=0):
    """Return the parts of a bundled data set, as the model receives them."""
    data = Bundled(name=name, standardize=name != "digits", seed=seed)
    data.setup()
    return {part: (x.flatten(1).double().numpy(), y.numpy()) for part, (x, y) in data.parts.items()}


def floors(done):
    return {name: value for name, value in done.summary["metrics"].items() if "naive" in name}


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(("name", "metric"), [("wine", "accuracy"), ("breast_cancer", "accuracy"), ("diabetes", "r2")])
def test_at_its_defaults_the_linear_model_is_as_good_as_that_of_scikit_learn(train, name, metric, seed):
    done = train("model=linear", f"data={name}", f"seed={seed}", AS_IT_IS)
    parts = samples(name, seed)
    reference = (Ridge() if metric == "r2" else LogisticRegression(max_iter=10_000)).fit(*parts["train"])
    assert done.summary["metrics"][f"test/{metric}"] == pytest.approx(reference.score(*parts["test"]), abs=0.02)
    assert done.summary["warnings"] == [] and done.summary["checkpoint"]["tested"] == "last"


@pytest.mark.parametrize("name", ["wine", "breast_cancer", "diabetes"])
@pytest.mark.parametrize("l2", [1.0, 30.0])
def test_lbfgs_finds_the_weights_of_ridge_and_of_logistic_regression(train, name, l2):
    done = train("model=linear", f"model.l2={l2}", f"data={name}", "optimizer=lbfgs", AS_IT_IS)
    parts = samples(name)
    saved = torch.load(done.folder / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    found = saved["network.output.weight"].double().numpy()
    if name == "diabetes":
        expected = Ridge(alpha=l2).fit(*parts["train"]).coef_
    else:
        expected = LogisticRegression(C=1 / l2, max_iter=10_000, tol=1e-8).fit(*parts["train"]).coef_
    if name == "breast_cancer":  # of two classes, scikit-learn has one row
        found = found[1:] - found[:1]
    assert found == pytest.approx(np.atleast_2d(expected), abs=2e-3)


def test_lbfgs_takes_all_samples_at_once_unless_told_how_many(train):
    done = train("model=linear", "data=wine", "model.l2=0", "optimizer=lbfgs", AS_IT_IS)
    assert done.summary["metrics"]["train/loss"] < 0.01, "where mini-batches ended above 1"
    assert "Each step uses all 129 training samples" in done.stderr
    assert (done.summary["steps"], done.summary["epochs"]) == (EPOCHS, EPOCHS)
    told = train("model=linear", "data=wine", "optimizer=lbfgs", "data.batch_size=43")
    assert told.summary["steps"] == 3 and "Each step uses" not in told.stderr


def test_a_penalty_holds_the_quantiles_of_a_step_together():
    panel = PanelSpec(encoder_length=6, decoder_length=2, quantiles=(0.1, 0.5, 0.9), target="y", train_size=50)
    network = Linear(panel, l2=8.0)
    of_steps = torch.tensor([[1.0], [2.0]]).expand(2, 6).repeat_interleave(3, dim=0)
    apart = torch.tensor([-1.0, 0.0, 1.0]).repeat(2)[:, None].expand(6, 6)
    for weights, squares in ((of_steps, 6 * 3 * (1 + 4)), (of_steps + apart, 6 * 3 * (1 + 4) + 11 * 6 * 2 * 2)):
        network.output.weight.data.copy_(weights)
        assert network.penalty().item() == pytest.approx(8 / 2 / (50 * 6) * squares)


def test_the_penalty_is_that_of_the_reference():
    table = DataSpec("regression", (4,), 1, train_size=50)
    classes = DataSpec("classification", (4,), 3, train_size=50)
    assert penalty_factor(table, 1, None) == pytest.approx(1 / 50)
    assert penalty_factor(table, 2, 3.0) == pytest.approx(3 / 100), "the loss is a mean over targets"
    assert penalty_factor(classes, 3, None) == pytest.approx(1 / 100)
    assert penalty_factor(DataSpec("classification", (4,), 2, train_size=50), 2, None) == pytest.approx(1 / 50)
    assert penalty_factor(DataSpec("classification", (40, 1), 10, train_size=50), 10, None) == 0, "a signal"
    assert penalty_factor(DataSpec("classification", (4,), 3), 3, 1.0) == 0, "nobody says how many samples there are"
    panel = PanelSpec(encoder_length=6, decoder_length=2, quantiles=(0.1, 0.5, 0.9), target="y", train_size=50)
    assert penalty_factor(panel, 6, 8.0) == pytest.approx(8 / 2 / (50 * 6))
    assert penalty_factor(panel, 6, None) == 0, "nobody says what suits the windows"
    assert not Linear(table, l2=0.0).has_penalty and Linear(table).has_penalty


@pytest.mark.parametrize(
    ("words", "epochs", "steps"),
    [
        (["model=mlp"], -(-STEPS // 2), STEPS),  # 129 samples are two batches
        (["model=linear"], CONVEX_STEPS // 2, CONVEX_STEPS),
        (["model=mlp", "trainer.least_steps=7"], EPOCHS, 2 * EPOCHS),
        (["model=mlp", "trainer.least_steps=50", "trainer.accumulate_grad_batches=2"], 50, 50),
        (["model=linear", "trainer.max_epochs=3"], 3, 6),
        (["model=linear", "trainer.max_steps=45"], 23, 45),
        (["model=linear", "optimizer=sgd", "trainer.max_epochs=1"], 1, 2),
    ],
)
def test_small_data_get_more_epochs_unless_told_how_many(train, words, epochs, steps):
    done = train("data=wine", "data.batch_size=70", AS_IT_IS, *words)
    assert (done.summary["epochs"], done.summary["steps"]) == (epochs, steps)
    assert (f"Trains for {epochs} epochs: {EPOCHS} would be only" in done.stderr) == (
        epochs > EPOCHS and "max_steps" not in "".join(words)
    )


def test_a_run_that_takes_minutes_says_so_once(train, monkeypatch):
    monkeypatch.setattr(budget, "time", SimpleNamespace(monotonic=count(0, 4).__next__))  # epochs take 4 seconds
    said = train("data=wine", "data.batch_size=70", AS_IT_IS, "model=mlp", "trainer.least_steps=7").stderr
    assert re.findall("About .*", said) == ["About 68 s left until epoch 20. trainer.max_epochs=... sets fewer epochs"]


def test_a_run_that_goes_on_has_the_same_budget(train):
    whole = train("data=wine", "model=linear", "trainer.max_epochs=auto", "trainer.least_steps=90")
    stopped = train("data=wine", "model=linear", "trainer.max_epochs=auto", "trainer.least_steps=90")
    again = train(f"resume={stopped.folder}", "trainer.max_epochs=60")
    assert whole.summary["epochs"] == 30 and again.folders == []
    assert json.loads((stopped.folder / "summary.json").read_text())["epochs"] == 60


@pytest.mark.parametrize(
    ("words", "rate"), [("", 0.03), ("optimizer=adam", 0.001), ("experiment=mnist1d_table", 0.01), ("model=mlp", 0.001)]
)
def test_what_the_linear_model_chooses_is_seen_and_gives_way(python, words, rate):
    typed = f"import sys; sys.argv[1:] = 'model=linear {words} --cfg job'.split()"
    composed = yaml.safe_load(
        python(f"{typed}\nfrom hyperplane.command_line import start\nimport my_research; start('train')")
    )
    assert composed["optimizer"]["lr"] == rate
    assert composed["scheduler"]["_target_"] == ("my_research.schedulers.cosine.cosine" if rate == 0.03 else None)


def test_a_learning_rate_is_found_for_the_linear_model(command):
    done = command("train", "model=linear", "data=wine", "find=lr", "tracking=none", "figures=false", "hardware=cpu")
    assert done.status == 0 and done.summary["found"]["optimizer.lr"] > 1e-3


def test_the_floor_of_classes_is_the_most_frequent_one_of_training(train):
    parts = samples("wine")
    majority = np.bincount(parts["train"][1]).argmax()
    frequencies = np.bincount(parts["train"][1]) / len(parts["train"][1])
    for model in ("linear", "sklearn"):
        done = train("data=wine", f"model={model}")
        assert floors(done)["test/naive_accuracy"] == pytest.approx((parts["test"][1] == majority).mean())
        assert floors(done)["test/naive_loss"] == pytest.approx(-np.log(frequencies[parts["test"][1]]).mean(), rel=1e-5)
        assert done.summary["higher_is_better"]["naive_accuracy"] is True
        assert done.summary["higher_is_better"]["naive_loss"] is False
        assert f"(naive {floors(done)['test/naive_accuracy']:.4f})" in done.stderr


@pytest.mark.parametrize("standardize", ["true", "false"])
def test_the_floor_of_values_is_the_mean_of_training_in_units(train, standardize):
    data = Bundled(name="diabetes", standardize=False, seed=0)
    data.setup()
    (_, known), (_, true) = data.raw["train"], data.raw["test"]
    errors = (true - known.mean()).double()
    found = floors(train("data=diabetes", "model=linear", f"data.standardize={standardize}"))
    assert found["test/naive_rmse"] == pytest.approx(float(errors.square().mean().sqrt()), rel=1e-5)
    assert found["test/naive_mae"] == pytest.approx(float(errors.abs().mean()), rel=1e-5)
    assert found["test/naive_r2"] == pytest.approx(
        1 - float(errors.square().sum() / (true - true.mean()).square().sum()), abs=1e-5
    )


def test_uneven_classes_have_metrics_that_see_the_rare_one(train, tmp_path):
    generator = np.random.default_rng(0)
    rows = [f"{x:.3f},{'yes' if x > 1.7 else 'no'}" for x in generator.normal(size=600)]
    (tmp_path / "rare.csv").write_text("\n".join(["x,y", *rows]))
    done = train("model=linear", "data=table", "data.path=rare.csv", "data.target=y", "optimizer.lr=1e-9")
    metrics = done.summary["metrics"]
    wanted = {"accuracy", "balanced_accuracy", "f1", "auroc", "average_precision"}
    assert wanted <= {name.partition("/")[2] for name in metrics if name.startswith("test/")}
    assert metrics["test/naive_balanced_accuracy"] == metrics["test/naive_auroc"] == 0.5
    assert metrics["test/naive_f1"] == 0 and metrics["test/naive_accuracy"] > 0.9
    assert {"train/f1"} <= set(metrics) and not {"train/auroc", "train/average_precision"} & set(metrics)


def test_forecasts_have_errors_in_units_and_the_coverage_of_their_band(train):
    done = train("data=demand", "model=linear")
    metrics = done.summary["metrics"]
    assert metrics["test/mase"] / metrics["test/naive_mase"] == pytest.approx(
        metrics["test/mae"] / metrics["test/naive_mae"]
    )
    assert 0.5 < metrics["test/coverage"] < 1 and "coverage" not in done.summary["higher_is_better"]


def test_a_run_says_that_it_was_cut_short_and_what_helps(train):
    done = train("data=breast_cancer", "model=mlp", "optimizer.lr=1e-5", "trainer.max_epochs=12")
    (warning,) = done.summary["warnings"]
    assert "optimizer.lr=1e-05 is far too low. Try optimizer.lr=0.0001" in warning and warning in done.stderr
    done = train("data=breast_cancer", "model=linear", "optimizer=adam", "optimizer.lr=0.002", "trainer.max_epochs=20")
    assert any("Try trainer.max_epochs=40" in warning for warning in done.summary["warnings"])
    done = train("data=breast_cancer", "model=mlp", AS_IT_IS)
    assert done.summary["warnings"] == []


def test_a_model_that_a_constant_beats_says_so(train):
    done = train("data=diabetes", "model=linear", "optimizer=adam", "optimizer.lr=1e-6")
    (warning,) = done.summary["warnings"]
    assert re.search(r"is below the -\d\.?\d*e-05 of the mean", warning), "not -0.0000"
    assert "trainer.max_epochs=2" in warning and warning in done.stderr


def test_the_report_shows_floors_and_warnings(tmp_path, capsys):
    for model, accuracy in (("mlp", 0.9), ("cnn", 0.8)):
        metrics = {"val/accuracy": accuracy, "test/accuracy": accuracy, "test/naive_accuracy": 0.3}
        warned = {"warnings": ["val/loss was still falling"]} if model == "mlp" else {}
        write_run(
            tmp_path / model, 0, None, metrics=metrics, model=model, higher_is_better={"accuracy": True}, **warned
        )
    assert report([str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    lines = printed.splitlines()
    assert "test/naive_accuracy" in lines[0] and lines[2].split().count("0.300") == 1
    best = next(line for line in lines if line.startswith("Best"))
    assert "model=mlp" in best and "1 of its runs warned: val/loss was still falling" in best
    assert f"- {tmp_path / 'mlp'}: val/loss was still falling" in printed
    head, first, _ = (tmp_path / "report" / "table.csv").read_text().splitlines()
    assert dict(zip(head.split(","), first.split(","), strict=True))["test/naive_accuracy"] == "0.3"
