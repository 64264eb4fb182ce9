"""Components that a user writes are checked by their signatures, before they or torch are imported."""

import json

import pytest
from hyperplane.component_settings import described
from hyperplane.components import build
from hyperplane.signatures.capabilities import states
from hyperplane.validation import problems_of, with_experiment
from pydantic import ValidationError

from my_research import metrics

PACKAGE = "my_research"
MODEL = """
from collections.abc import Callable, Sequence
from typing import Annotated, Literal, Optional

import torch
from pydantic import Field, PositiveInt
from torch import Tensor, nn

from hyperplane.setting_types import Divides, Fraction

Size = PositiveInt | Literal["auto"]
RATE = 0.1


class Mine(nn.Module):
    def __init__(
        self,
        spec,
        width: PositiveInt = 10,  # units
        heads: Annotated[int, Divides("width"), Field(ge=1)] = 2,
        size: Size = "auto",
        scale: float | Tensor = 1.0,
        encoder: nn.Module | None = None,
        activation: Callable[[Tensor], Tensor] = torch.tanh,
        rate: float = RATE,
        names: "Optional[Sequence[str]]" = None,
        copy=None,
    ):
        super().__init__()


class Deep(Mine):
    def __init__(self, *, depth: PositiveInt, width: PositiveInt = 20, **options):
        super().__init__(width=width, names=["a"], **options)


class Focal(nn.Module):
    def __init__(self, spec, gamma: Fraction = 0.5):
        super().__init__()
"""
TASK = """
from lightning.pytorch import LightningModule
from pydantic import PositiveFloat


class VAE(LightningModule):
    def __init__(self, network, optimizer, metrics, beta: PositiveFloat = 1.0):
        super().__init__()
"""
CALLBACK = """
from lightning.pytorch import Callback
from lightning.pytorch.callbacks import BatchSizeFinder


class EMA(Callback):
    def __init__(self, decay: float, every: int = 1):
        self.decay = decay


class Largest(BatchSizeFinder):
    pass
"""
METRIC = """
from pydantic import PositiveInt
from torchmetrics import Metric
from torchmetrics.classification import MulticlassAccuracy


class TopK(Metric):
    def __init__(self, k: PositiveInt = 2):
        super().__init__()


class OfTwo(MulticlassAccuracy):
    def __init__(self, **options):
        super().__init__(num_classes=2, **options)
"""
MINE = f"{PACKAGE}.models.mine"
LOSSES = [1 - 0.01 * step for step in range(40)]  # that fall as fast at the end
# What a file of configs/ holds, and what is said of it.
MISTAKES = [
    ("model", f"_target_: {MINE}.Mine\nwidth: -1", ["model.width=-1", "greater than 0"]),
    ("model", f"_target_: {MINE}.Mine\nwidht: 3", ["model.widht=3", "mean model.width?"]),
    ("model", f"_target_: {MINE}.Mine\nheads: 3", ["model: heads=3 must divide width=10"]),
    ("model", f"_target_: {MINE}.Mine\nsize: small", ["model.size=small", "'auto'"]),
    ("model", f"_target_: {MINE}.Mine\nscale: large", ["model.scale=large is not allowed: must be a number"]),
    ("model", f"_target_: {MINE}.Mine\nnames: a", ["model.names=a"]),
    ("model", f"_target_: {MINE}.Mine\nencoder:\n  _target_: {MINE}.Mine\n  width: 0", ["model.encoder.width=0"]),
    ("model", f"_target_: {MINE}.Deep", ["model.depth has no value", "+model.depth="]),
    ("model", f"_target_: {MINE}.Deep\ndepth: 1\nwidth: 0", ["model.width=0", "greater than 0"]),
    ("model", f"_target_: {MINE}.Deep\ndepth: 1\nnames: [b]", ["model.names=[b] is not a setting"]),
    ("loss", f"_target_: {MINE}.Focal\ngamma: 2", ["loss.gamma=2", "less than or equal to 1"]),
    ("task", f"_target_: {PACKAGE}.tasks.vae.VAE\nmetrics: []\nbeta: 0", ["task.beta=0", "greater than 0"]),
    (
        "task",
        f"_target_: {PACKAGE}.tasks.vae.VAE\nmetrics:\n- f1\n- _target_: {PACKAGE}.metrics.own.TopK\n  k: 0",
        ["task.metrics.1.k=0"],
    ),
    ("task", f"_target_: {PACKAGE}.tasks.auto.auto\nmetrics: f1", ["task.metrics=f1 is not allowed"]),
    ("callbacks", f"ema:\n  _target_: {PACKAGE}.callbacks.own.EMA\n  decya: 0.9", ["mean callbacks.ema.decay?"]),
    ("callbacks", f"ema:\n  _target_: {PACKAGE}.callbacks.own.EMA\n  decay: 0.9\n  every: a", ["ema.every=a"]),
    (
        "callbacks",
        f"a:\n  _target_: {PACKAGE}.callbacks.own.Largest",
        ["callbacks.a: a run", "find=batch_size"],
    ),
    (
        "callbacks",
        "a:\n  _target_: lightning.pytorch.callbacks.ModelPruning\n  make_pruning_permanent: false",
        ["callbacks.a.make_pruning_permanent=false"],
    ),
    ("callbacks", "a:\n  _target_: lightning.pytorch.callbacks.LearningRateFinder", ["its optimizer.lr", "find=lr"]),
    ("optimizer", "_target_: torch.optim.NAdam\nmomentum_decay: -1", ["optimizer.momentum_decay=-1"]),
    ("optimizer", "_target_: torch.optim.NAdam\nlr: 0", ["optimizer.lr=0", "greater than 0"]),
    ("optimizer", "_target_: torch.optim.NAdam\nbetas: [0.9, 1.0]", ["optimizer.betas.1=1.0", "less than 1"]),
    ("optimizer", "_target_: torch.optim.Adam\ngroups: [{lr: 1}]", ["optimizer.groups.0.match has no value"]),
    ("optimizer", "_target_: torch.optim.Adam\ngroups: [{match: a, lr: 0}]", ["optimizer.groups.0.lr=0", "than 0"]),
    ("optimizer", "_target_: torch.optim.Adam\ngroups: [{match: a, lrr: 1}]", ["mean optimizer.groups.0.lr?"]),
    ("scheduler", "_target_: torch.optim.lr_scheduler.StepLR", ["scheduler.step_size has no value"]),
    (
        "scheduler",
        "_target_: torch.optim.lr_scheduler.StepLR\nstep_size: 3\ninterval: day",
        ["scheduler.interval=day", "'step' or 'epoch'"],
    ),
    ("scheduler", "_target_: torch.optim.lr_scheduler.ExponentialLR\ngama: 1", ["mean scheduler.gamma?"]),
]


@pytest.fixture
def files(write):
    write("models/mine.py", MODEL)
    write("tasks/vae.py", TASK)
    write("callbacks/own.py", CALLBACK)
    write("metrics/own.py", METRIC)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake[1].partition("_target_: ")[2])
def test_a_wrong_setting_is_told_before_a_run(train, files, tmp_path, mistake):
    group, text, named = mistake
    path = tmp_path / "own" / group / "mine.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    done = train(f"--config-dir={tmp_path / 'own'}", f"{'+' * (group == 'callbacks')}{group}=mine", status=2)
    for words in named:
        assert words in done.stderr
    assert len(done.stderr.splitlines()) <= 3 and done.folders == []


def test_a_setting_of_an_experiment_that_is_refused_is_named_as_such():
    said = "optimizer.lr=0.01 is not allowed: why\ntrainer.max_steps=60 is not allowed: why"  # the file has 6000
    assert with_experiment(said, "mnist1d_table") == f"{said}\nin experiment/mnist1d_table.yaml: optimizer.lr=0.01"
    assert with_experiment(said, None) == with_experiment(said, "elsewhere") == said


@pytest.mark.parametrize("words", ["loss=hinge", "scheduler.step_size=3 scheduler=step", "-m loss=hinge,huber"])
def test_what_the_task_does_not_ask_for_is_not_set_in_vain(train, files, tmp_path, words):
    path = tmp_path / "own" / "task" / "mine.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(f"_target_: {PACKAGE}.tasks.vae.VAE\nmetrics: []", encoding="utf-8")
    done = train(f"--config-dir={path.parents[1]}", "task=mine", *words.split(), status=2)
    vain = " ".join(words.split()[-1:]).split(",")[0]
    assert f"{vain} has no effect: task={PACKAGE}.tasks.vae.VAE has its own" in done.stderr
    assert "does not ask for loss or scheduler.\ntask has: metrics, beta" in done.stderr and not done.folders


def test_a_file_that_holds_nothing_but_a_target_has_the_settings_of_its_signature(train, files, tmp_path):
    path = tmp_path / "own" / "task" / "mine.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(f"_target_: {PACKAGE}.tasks.vae.VAE", encoding="utf-8")
    said = train(f"--config-dir={path.parents[1]}", "task=mine", "task.bta=2", status=2).stderr
    assert said == "task.bta=2 is not a setting. Did you mean task.beta?\ntask has: beta, metrics\n"


def test_the_check_imports_neither_torch_nor_what_is_checked(python, tmp_path):
    for name, text in {"models/mine.py": MODEL + "\nraise SystemExit('run')\n", "tasks/vae.py": TASK}.items():
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text)
    python(f"""
import sys
import {PACKAGE}
{PACKAGE}.__path__.append({str(tmp_path)!r})
from {PACKAGE} import train
for typed in [
    ["model._target_={MINE}.Mine", "~model.residual", "+model.width=-1"],
    ["task._target_={PACKAGE}.tasks.vae.VAE", "+task.beta=0"],
    ["optimizer._target_=torch.optim.NAdam", "optimizer.lr=-1"],
]:
    sys.argv = ["train", *typed]
    try:
        train.main()
    except SystemExit as stop:
        assert stop.code == 2, stop.code
    slow = set("torch lightning {MINE}".split()) & set(sys.modules)
    assert not slow, (typed, slow)
""")


def given(target, **settings):
    return described(target).model_validate({"_target_": target, **settings})


def test_what_is_not_given_keeps_the_default_of_the_signature(files):
    settings = given(f"{MINE}.Deep", depth=3)
    plain = {"depth": 3, "width": 20, "heads": 2, "size": "auto", "scale": 1.0, "encoder": None, "copy": None}
    assert settings.arguments() == plain
    written = settings.model_dump(mode="json", by_alias=True)
    assert written == {"_target_": f"{MINE}.Deep", **plain}, "rate and activation would have to be computed"
    assert given("torch.optim.Adam", lr=0.1).arguments() == {"lr": 0.1}, "a library knows its own"


def test_what_a_class_has_decided_is_not_offered_to_its_base(files, tmp_path, monkeypatch):
    monkeypatch.setattr(metrics, "__path__", [*metrics.__path__, str(tmp_path / "added" / "metrics")])
    assert build(given(f"{PACKAGE}.metrics.own.OfTwo"), num_classes=5).num_classes == 2
    assert build(given("torchmetrics.classification.MulticlassAccuracy"), num_classes=5).num_classes == 5


def test_what_the_run_offers_is_a_setting_only_if_it_is_given(files):
    kind = described(f"{MINE}.Mine")
    assert "spec" not in kind.names() and given(f"{MINE}.Mine").asks_for("spec")
    settings = given(f"{MINE}.Mine", spec={"_target_": "torch.nn.Identity"})
    assert settings.arguments()["spec"] == {"_target_": "torch.nn.Identity"} and not settings.asks_for("spec")


def test_names_that_pydantic_has_itself_can_be_settings(files):
    settings = given(f"{MINE}.Mine", copy=[1])
    assert settings.arguments()["copy"] == [1] and "copy" in settings.names()
    with pytest.raises(ValidationError) as error:
        given(f"{MINE}.Mine", copy_=1)
    (sentence,) = [
        line
        for line in problems_of(error.value, described(f"{MINE}.Mine"), {"copy_": 1, "_target_": "x"})
        if "=" in line
    ]
    assert sentence == "copy_=1 is not a setting. Did you mean copy?"


def test_what_a_class_needs_is_stated_with_it(write):
    write(
        "models/own.py",
        "from torch import optim\n\n\nclass Quiet(optim.LBFGS):\n    pass\n\n\n"
        "class Calm(Quiet):\n    reevaluates_loss = False\n",
    )
    write("models/mine.py", "class Mine:\n    solved_at_once = True\n\n\nclass Sub(Mine):\n    pass\n")
    assert states(f"{MINE}.Sub", "solved_at_once") and not states(f"{PACKAGE}.models.mlp.MLP", "solved_at_once")
    assert states("torch.optim.LBFGS", "reevaluates_loss") and not states("torch.optim.Adam", "reevaluates_loss")
    assert states(f"{PACKAGE}.optimizers.muon.Muon", "needs_whole_matrices")
    assert states("torch.optim.Muon", "needs_whole_matrices")
    assert states("torch.optim.lr_scheduler.ReduceLROnPlateau", "watches_metric")
    assert states("torch.optim.lr_scheduler.ReduceLROnPlateau", "reevaluates_loss") is False
    # A function states what the class that it returns states.
    assert states(f"{PACKAGE}.tasks.auto.auto", "metrics_by_name") and states("hyperplane.Task", "metrics_by_name")
    assert not states(f"{PACKAGE}.schedulers.cosine.cosine", "watches_metric")
    for name, expected in {"Quiet": True, "Calm": False}.items():
        assert states(f"{PACKAGE}.models.own.{name}", "reevaluates_loss") is expected, name


def test_what_cannot_be_read_takes_any_setting(write):
    write("models/mine.py", "from dataclasses import dataclass\n\n\n@dataclass\nclass Mine:\n    width: int = 3\n")
    write("models/broken.py", "class Broken(:\n")
    for target in (f"{MINE}.Mine", f"{PACKAGE}.models.broken.Broken"):
        assert given(target, width=3).arguments() == {"width": 3}


def test_groups_and_how_often_a_schedule_moves_are_no_arguments():
    kind = described("torch.optim.SGD", "optimizer")
    optimizer = kind.model_validate({"_target_": "torch.optim.SGD", "groups": [{"match": "body.*", "lr": 1}]})
    assert optimizer.arguments() == {}
    assert optimizer.reserved == {"groups": ({"match": "body.*", "lr": 1.0},)}
    assert json.loads(optimizer.model_dump_json(by_alias=True))["groups"] == [{"match": "body.*", "lr": 1.0}]
    target = f"{PACKAGE}.schedulers.cosine.cosine"
    schedule = described(target, "scheduler").model_validate({"_target_": target, "frequency": 2})
    assert schedule.arguments() == {"final_fraction": 0.0} and schedule.asks_for("total_steps")
    assert schedule.reserved == {"interval": None, "monitor": None, "frequency": 2}


def test_a_thousand_checks_read_each_signature_once(files, monkeypatch):
    from hyperplane import component_settings

    read = []
    monkeypatch.setattr(component_settings, "signature", lambda target: read.append(target))
    for _ in range(1000):
        given(f"{MINE}.Mine", width=3)
    assert read == [f"{MINE}.Mine"]


def test_a_rate_that_is_the_tasks_own_is_not_called_that_of_the_optimizer(files, write, monkeypatch):
    from types import SimpleNamespace as Made

    from hyperplane.finding import learning_rate
    from hyperplane.training import caveats, hints

    write("tasks/alone.py", "from lightning.pytorch import LightningModule as Base\n\n\nclass Alone(Base):\n    pass\n")
    monkeypatch.setattr(learning_rate, "train_shortly", lambda run, data, test, max_steps: test.losses.extend(LOSSES))
    monkeypatch.setattr(hints, "step_of", lambda error, trainer: 1)
    trainer, diverged = Made(current_epoch=12, max_steps=-1), type("Diverged", (ArithmeticError,), {})()
    for target, names_it in ((f"{PACKAGE}.tasks.alone.Alone", False), (f"{PACKAGE}.tasks.vae.VAE", True)):
        settings = Made(task=given(target, metrics=[]) if names_it else given(target), scheduler=None)
        settings.optimizer = given("torch.optim.Adam", lr=1e-5)
        run = Made(settings=settings)
        said = [
            caveats.cut_short(settings, trainer, LOSSES),
            hints.explain_failure(diverged, settings, trainer),
            learning_rate.find_learning_rate(run, None).setting,
        ]
        assert [("optimizer.lr" in text) for text in said] == 3 * [names_it], said
        assert names_it or (said[0].endswith("Try trainer.max_epochs=24") and "Lower the learning rate" in said[1])
