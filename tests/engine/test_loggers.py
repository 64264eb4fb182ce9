"""Any Lightning logger as the tracker, by `_target_`: what it is built from, and what is said where it cannot be."""

import csv
import sys
import types
from typing import ClassVar

import pytest
import torch
from hyperplane.components import settings_class
from hyperplane.errors import UserError
from hyperplane.tracking.tensorboard_tracker import TensorBoardTracker
from hyperplane.tracking.tracker import close_tracker, make_tracker
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.loggers.logger import Logger
from loguru import logger

PACKAGE = "my_research"
CSV = "lightning.pytorch.loggers.CSVLogger"
SUMMARY = {"status": "completed", "metrics": {}, "checkpoint": {}}


class Remembers(Logger):
    """What a project could add in a module of its own: keeps everything in lists."""

    made: ClassVar[list[Logger]] = []

    def __init__(self, save_dir, version, words=("a",)):
        super().__init__()
        if words == "none":
            raise OSError("the server does not answer")
        self.arguments = {"save_dir": save_dir, "version": version, "words": words}
        self.calls = []
        Remembers.made.append(self)

    name, version = "remembers", "1"

    def log_metrics(self, metrics, step=None):
        self.calls.append(("metrics", metrics, step))

    def log_hyperparams(self, params):
        self.calls.append(("hyperparams", params))

    def log_graph(self, model, input_array=None):
        self.calls.append(("graph", model))

    def finalize(self, status):
        self.calls.append(("finalize", status))


class Stranger:
    """No logger."""


@pytest.fixture(autouse=True)
def own_module(monkeypatch):
    """A module of the project where a `_target_` may look, with the two classes above."""
    module = types.ModuleType(f"{PACKAGE}.callbacks.mine")
    for made in (Remembers, Stranger):
        monkeypatch.setattr(made, "__module__", module.__name__)
        setattr(module, made.__name__, made)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    Remembers.made.clear()


def start(folder, target, **arguments):
    settings = settings_class(target, "tracking").model_validate({"_target_": target, **arguments})
    return make_tracker(settings, folder, name="2026-01-01/12-00", group=None, config={"seed": 3})


def test_a_logger_of_the_project_is_told_everything(tmp_path):
    tracker = start(tmp_path, f"{PACKAGE}.callbacks.mine.Remembers", words=["b"])
    (inner,) = Remembers.made
    assert inner.arguments == {"save_dir": str(tmp_path), "version": "2026-01-01-12-00", "words": ["b"]}
    tracker.log_metrics({"val/loss": 0.5}, 9)
    tracker.log_metrics({"train/loss": 0.25}, 9)
    tracker.log_graph("model")
    close_tracker(tracker, SUMMARY | {"status": "interrupted"})
    assert inner.calls == [
        ("hyperparams", {"seed": 3}),
        ("graph", "model"),
        ("metrics", {"val/loss": 0.5, "train/loss": 0.25}, 9),
        ("finalize", "failed"),
    ]


def test_what_is_set_counts_more_than_what_the_run_offers(tmp_path):
    tracker = start(tmp_path, CSV, name="mine", version="")
    tracker.log_metrics({"val/loss": 0.5}, 9)
    close_tracker(tracker, SUMMARY)
    assert "0.5" in (tmp_path / "mine" / "metrics.csv").read_text()
    assert isinstance(tracker.inner, CSVLogger)


def test_lightnings_tensorboard_logger_shows_figures_too(tmp_path):
    pytest.importorskip("tensorboard")
    tracker = start(tmp_path, "lightning.pytorch.loggers.TensorBoardLogger", name="tb", version="")
    assert isinstance(tracker, TensorBoardTracker)
    close_tracker(tracker, SUMMARY)
    assert list((tmp_path / "tb").glob("events.*"))


@pytest.mark.parametrize(
    ("target", "arguments", "named"),
    [
        (f"{PACKAGE}.callbacks.mine.Remembers", {"word": "a"}, r"argument 'word'.* It takes .*words"),
        (f"{PACKAGE}.callbacks.mine.Stranger", {}, "builds no Lightning logger"),
        ("torch.nn.Linear", {"in_features": 1, "out_features": 1}, "builds no Lightning logger"),
        ("lightning.pytorch.loggers.NoLogger", {}, "NoLogger"),
        ("lightning.pytorch.loggers.CometLogger", {}, "comet"),
        ("os.system", {"command": "touch was-here"}, "`libraries`, in my_research"),
    ],
)
def test_what_is_no_logger_is_refused(tmp_path, target, arguments, named):
    with pytest.raises(UserError, match=named):
        start(tmp_path, target, **arguments)
    assert list(tmp_path.iterdir()) == []


def test_a_logger_that_does_not_start_is_done_without(tmp_path):
    said = []
    sink = logger.add(lambda message: said.append(message.record["message"]), level="INFO")
    assert start(tmp_path, f"{PACKAGE}.callbacks.mine.Remembers", words="none") is None
    logger.remove(sink)
    assert said == [
        f"{PACKAGE}.callbacks.mine.Remembers did not start; the run continues without it: the server does not answer"
    ]


def test_a_file_of_the_group_tracking_names_a_logger(train, tmp_path):
    folder = tmp_path / "given" / "tracking"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text(f"# Mine.\n_target_: {CSV}\nname: mine\nversion: ''\nprefix: ''\n")
    given = f"--config-dir={folder.parent}"
    done = train(given, "tracking=mine", "data=blobs", "data.num_samples=50")
    with (done.folder / "mine" / "metrics.csv").open(newline="") as file:
        tracked = list(csv.DictReader(file))
    for name in ("test/loss", "test/accuracy"):
        assert done.summary["metrics"][name] in [float(row[name]) for row in tracked if row.get(name)]
    assert "num_samples: 50" in (done.folder / "mine" / "hparams.yaml").read_text()
    for words in ("tracking.prefix=$HOME", "tracking.name=../x", "tracking.name=/was-here"):
        refused = train(given, "tracking=mine", words, status=2)
        assert f"{words} is not allowed: " in refused.stderr
    unknown = train(given, "tracking=mine", "+tracking.prefx=x", status=2)
    assert "tracking.prefx=x is not a setting. Did you mean tracking.prefix?" in unknown.stderr
    assert len(list(tmp_path.glob("runs/*/*/train.log"))) == 1, "of those that were refused nothing is left"


@pytest.mark.parametrize("tracking", ["none", "tensorboard"])
def test_a_task_shows_its_logger_pictures_as_lightning_documents_it(train, command, monkeypatch, tracking):
    from my_research.tasks.classification import Classification

    shown = []

    class Shows(Classification):
        def on_test_epoch_end(self):
            picture = torch.zeros(3, 4, 4)
            self.logger.experiment.add_image("own", picture, self.global_step)
            shown.append(type(self.logger).__name__)

    monkeypatch.setattr("my_research.tasks.classification.Classification", Shows)
    folder = train("data=moons", f"tracking={tracking}").folder
    assert command("evaluate", f"run={folder}").status == 0
    assert shown == ["MetricsFile" if tracking == "none" else "TensorBoardTracker", "DummyLogger"]
    if tracking == "tensorboard":
        events = b"".join(path.read_bytes() for path in (folder / "tensorboard").glob("events*"))
        assert b"own" in events


def test_a_tracker_answers_as_its_logger_does(tmp_path):
    tracker = start(tmp_path, f"{PACKAGE}.callbacks.mine.Remembers")
    assert tracker.calls is Remembers.made[0].calls
    with pytest.raises(AttributeError, match="log_image"):
        tracker.log_image()
