"""Trackers and metrics.csv: what they write, what they say, and that they never stop a run."""

import json
import pickle
import subprocess
import sys
from base64 import b64encode
from hashlib import md5
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hyperplane.errors import UserError
from hyperplane.settings import Tracking
from hyperplane.tracking import wandb_run
from hyperplane.tracking.base import Tracker
from hyperplane.tracking.metrics_file import MetricsFile
from hyperplane.tracking.tracker import close_tracker, log_figures, make_tracker
from lightning.pytorch.loggers import CSVLogger
from matplotlib.image import imsave
from pydantic import ValidationError


@pytest.fixture
def nobody_logged_in(monkeypatch, tmp_path):
    """W&B as on a machine where nobody is logged in, whoever runs this test."""
    import wandb

    for name in ("WANDB_API_KEY", "WANDB_MODE", "WANDB_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path / "wandb_config"))
    monkeypatch.setattr(wandb_run, "_server_unreachable", False)
    monkeypatch.chdir(tmp_path)
    wandb.teardown()  # so that W&B reads the environment again
    yield
    wandb.teardown()


def start(kind, folder, **settings):
    folder.mkdir(parents=True, exist_ok=True)
    config = {"model": {"hidden_sizes": [100, 100]}, "seed": 3}
    settings = Tracking(kind=kind, project="test", **settings)
    return make_tracker(settings, folder, name="mlp seed 3", group="table", config=config)


def test_metrics_of_one_step_share_a_row(tmp_path):
    metrics = MetricsFile(tmp_path)
    for epoch in range(2):
        step = 40 * epoch + 39
        metrics.log_metrics({"val/loss": 0.5, "epoch": epoch}, step)
        metrics.log_metrics({"train/loss": 0.25, "epoch": epoch}, step)
    metrics.finalize("success")
    lines = (tmp_path / "metrics.csv").read_text().splitlines()
    assert lines == ["epoch,step,val/loss,train/loss", "0,39,0.5,0.25", "1,79,0.5,0.25"]
    assert metrics.rows[1] == {"epoch": 1, "step": 79, "val/loss": 0.5, "train/loss": 0.25}


def test_a_metric_that_appears_later_gets_a_column(tmp_path):
    metrics = MetricsFile(tmp_path)
    metrics.log_metrics({"train/loss": 0.5, "epoch": 0}, 39)
    metrics.finalize("success")
    metrics.log_metrics({"test/loss": 0.75, "epoch": 1}, 40)
    metrics.finalize("success")
    lines = (tmp_path / "metrics.csv").read_text().splitlines()
    assert lines == ["epoch,step,train/loss,test/loss", "0,39,0.5,", "1,40,,0.75"]
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.csv"]


def test_a_written_row_can_still_grow(tmp_path):
    metrics = MetricsFile(tmp_path)
    metrics.log_metrics({"train/loss": 0.5, "epoch": 0}, 39)
    metrics.finalize("success")
    metrics.log_metrics({"train/loss": 0.25}, 39)
    metrics.finalize("success")
    assert (tmp_path / "metrics.csv").read_text().splitlines()[1:] == ["0,39,0.25"]


def test_complete_rows_are_in_the_file_while_the_run_goes_on(tmp_path):
    metrics = MetricsFile(tmp_path)
    for epoch in range(4):
        metrics.log_metrics({"train/loss": 0.5, "epoch": epoch}, 10 * epoch + 9)
    assert len((tmp_path / "metrics.csv").read_text().splitlines()) == 1 + 3


def test_a_resumed_run_keeps_its_rows_up_to_the_checkpoint(tmp_path):
    first = MetricsFile(tmp_path)
    for epoch in range(5):
        first.log_metrics({"train/loss": 1 / (1 + epoch), "epoch": epoch}, 10 * epoch + 9)
    first.finalize("failed")
    resumed = MetricsFile(tmp_path)
    resumed.restore(first.rows[:3])
    resumed.log_metrics({"train/loss": 0.125, "epoch": 3}, 39)
    resumed.finalize("success")
    lines = (tmp_path / "metrics.csv").read_text().splitlines()
    assert [line.split(",")[1] for line in lines] == ["step", "9", "19", "29", "39"]
    assert lines[3] == f"2,29,{1 / 3}"
    assert [row["train/loss"] for row in resumed.rows][2:] == [1 / 3, 0.125]


def test_a_new_run_does_not_inherit_old_rows(tmp_path):
    (tmp_path / "metrics.csv").write_text("epoch,step,train/loss\n0,9,0.5\n")
    metrics = MetricsFile(tmp_path)
    metrics.log_metrics({"train/loss": 0.25, "epoch": 0}, 9)
    metrics.finalize("success")
    assert (tmp_path / "metrics.csv").read_text().splitlines()[1:] == ["0,9,0.25"]


def test_what_a_tracker_would_be_shown_is_dropped(tmp_path):
    metrics = MetricsFile(tmp_path)
    assert metrics.log_image(key="own", images=[]) is None
    assert metrics.experiment.add_figure("own", None) is None
    assert not hasattr(metrics, "_own")
    assert pickle.loads(pickle.dumps(metrics)).rows == []
    assert list(tmp_path.iterdir()) == []


def test_no_tracker(tmp_path):
    tracker = start("none", tmp_path)
    log_figures(tracker, {})
    close_tracker(tracker, {"status": "completed"})
    assert list(tmp_path.iterdir()) == []


def test_the_csv_tracker_writes_metrics_and_config(tmp_path):
    tracker = start("csv", tmp_path)
    tracker.log_metrics({"train/loss": 0.5}, 9)
    close_tracker(tracker, {"status": "completed"})
    assert "0.5" in (tmp_path / "csv" / "metrics.csv").read_text()
    assert "hidden_sizes" in (tmp_path / "csv" / "hparams.yaml").read_text()


def test_a_secret_in_an_error_is_not_told_to_the_tracker(tmp_path, monkeypatch):
    monkeypatch.setenv("MY_API_KEY", "correct-horse-battery")
    tracker = start("csv", tmp_path)
    noted = {}
    tracker.note = noted.update
    close_tracker(tracker, {"status": "failed", "error": "KeyError: correct-horse-battery"})
    assert noted == {"status": "failed", "error": "KeyError: <MY_API_KEY>"}


def test_tensorboard_writes_events_or_names_the_missing_package(tmp_path):
    if find_spec("tensorboard") is None and find_spec("tensorboardX") is None:
        with pytest.raises(UserError, match="pip install tensorboard"):
            start("tensorboard", tmp_path)
        return
    imsave(tmp_path / "pixel.png", np.zeros((1, 1, 3)))
    tracker = start("tensorboard", tmp_path, notes="why this run", tags=["baseline", "small"])
    tracker.log_metrics({"train/loss": 0.5}, 9)
    log_figures(tracker, {"pixel": tmp_path / "pixel.png"})
    close_tracker(tracker, {"status": "completed"})
    (events,) = (tmp_path / "tensorboard").glob("events.*")
    for words in (b"train/loss", b"figures/pixel", b"why this run", b"baseline, small"):
        assert words in events.read_bytes(), words


def test_mlflow_that_is_not_installed_is_named_with_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(UserError, match=r"MLflow cannot be imported: .*mlflow.*\n.*pip install mlflow-skinny"):
        start("mlflow", tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["tensorboard", "csv", "none"])
def test_a_checkpoint_is_kept_only_where_there_are_artifacts(kind):
    with pytest.raises(ValidationError, match=f"log_model=best needs kind=wandb or mlflow, not {kind}"):
        Tracking(kind=kind, log_model="best")


@pytest.mark.parametrize("tag", ["", "x" * 65])
def test_a_tag_has_as_many_characters_as_wandb_takes(tag):
    with pytest.raises(ValidationError, match=r"tags\.0"):
        Tracking(kind="wandb", tags=[tag])


def test_a_tracker_that_fails_warns_once_and_stops_nothing(tmp_path, messages):
    class FullDisk(CSVLogger):
        def log_metrics(self, metrics, step=None):
            raise OSError("No space left on device")

    tracker = Tracker(FullDisk(tmp_path, name="csv", version=""), tmp_path)
    for step in range(3):
        tracker.log_metrics({"train/loss": 0.5}, step)
        tracker.finalize("success")
    close_tracker(tracker, {"status": "completed"})
    assert len(messages) == 1 and "No space left on device" in messages[0]


def test_jobs_of_a_sweep_are_wandb_runs_of_their_own(tmp_path, nobody_logged_in, messages, capfd):
    imsave(tmp_path / "pixel.png", np.zeros((1, 1, 3)))
    for job, status in (("a", "failed"), ("b", "completed")):
        folder = tmp_path / "runs" / "sweeps" / "table" / job
        tracker = start("wandb", folder)
        tracker.log_metrics({"val/accuracy": 0.5}, 39)
        tracker.log_metrics({"train/loss": 0.25}, 39)
        log_figures(tracker, {"pixel": tmp_path / "pixel.png"})
        paths = {"best": None, "last": "checkpoints/last.ckpt", "tested": None}
        close_tracker(tracker, {"status": status, "metrics": {"test/accuracy": 0.75}, "checkpoint": paths})

    here = Path("runs/sweeps/table")
    said = [message for message in messages if "offline" in message]
    assert len(said) == 1, "it is said once, not for every job"
    assert f"`wandb leet {here / 'a' / 'wandb'}`" in said[0]
    assert f"`wandb sync {here / '*' / 'wandb'}`" in said[0]
    assert capfd.readouterr().out == "", "W&B itself is silent"

    for job, exit_code in (("a", 1), ("b", 0)):
        (file,) = (tmp_path / here / job / "wandb").glob("offline-run-*/run-*.wandb")
        content = file.read_bytes()
        assert b"mlp seed 3" in content and b"table" in content and b"hidden_sizes" in content
        assert len(list(file.parent.glob("files/media/images/figures/*.png"))) == 1
        assert [path for path in file.parents[1].iterdir() if path != file.parent] == [], "no links, one run in each"
        summary = inspect(file)
        assert summary["val/accuracy"] == 0.5 and summary["train/loss"] == 0.25
        assert summary["test/accuracy"] == 0.75 and summary["exit_code"] == exit_code
        checkpoint = tmp_path / here / job / "checkpoints" / "last.ckpt"
        assert Path(summary["checkpoint"]["last"]) == checkpoint


def test_wandb_is_told_why_and_keeps_the_best_checkpoint(tmp_path, nobody_logged_in, monkeypatch):
    monkeypatch.setenv("WANDB_DATA_DIR", str(tmp_path / "copies"))
    checkpoint = tmp_path / "run" / "checkpoints" / "best.ckpt"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.write_bytes(b"weights")
    tracker = start("wandb", tmp_path / "run", notes="why this run", tags=["baseline"], log_model="best")
    run_id = tracker.version
    summary = {"metrics": {"test/accuracy": 0.75}, "checkpoint": {"best": "checkpoints/best.ckpt"}}
    close_tracker(tracker, {"status": "completed"} | summary)
    (file,) = (tmp_path / "run" / "wandb").glob("offline-run-*/run-*.wandb")
    (run,) = records(file, "run")
    assert run["notes"] == "why this run" and run["tags"] == ["baseline"]
    (artifact,) = records(file, "artifact")
    assert artifact["name"] == f"model-{run_id}" and artifact["type"] == "model" and "best" in artifact["aliases"]
    assert json.loads(artifact["metadata"]) == {"test/accuracy": 0.75}
    (content,) = artifact["manifest"]["contents"]
    assert content["digest"] == b64encode(md5(b"weights").digest()).decode()
    assert content["local_path"] == str(checkpoint), "it is uploaded from the run folder, not from a copy"
    assert not list((tmp_path / "copies").rglob("*tmp*"))


def test_a_resumed_run_keeps_its_wandb_id(tmp_path, nobody_logged_in):
    settings = Tracking(kind="wandb", project="test", mode="offline")
    ids = []
    for resumed in (False, True, False):
        tracker = make_tracker(settings, tmp_path, name="n", group=None, config={}, resumed=resumed)
        ids.append(tracker.version)
        close_tracker(tracker, {"status": "completed"})
    assert ids[0] == ids[1] != ids[2]


def test_wandb_must_be_online_but_nobody_is_logged_in(tmp_path, nobody_logged_in):
    with pytest.raises(UserError, match=r"tracking\.mode=online.*\n.*wandb login"):
        start("wandb", tmp_path / "run", mode="online")
    assert list((tmp_path / "run").iterdir()) == []


def test_wandb_goes_on_offline_when_the_server_does_not_answer(tmp_path, nobody_logged_in, messages, monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", "0123456789" * 4)
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")  # nothing listens there
    for job in ("a", "b"):
        tracker = start("wandb", tmp_path / job, init_timeout=1.0)
        tracker.log_metrics({"train/loss": 0.5}, 9)
        close_tracker(tracker, {"status": "completed"})
        names = [path.name for path in (tmp_path / job / "wandb").glob("*run-*")]
        assert len(names) == 1 and names[0].startswith("offline-run-")
    assert len(messages) == 2, "one warning and one notice; the second job does not wait again"


def records(file, kind):
    """The records of one kind in a W&B run file, read by W&B's own command."""
    command = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(file)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [record[kind] for record in map(json.loads, output.splitlines()) if record["type"] == kind]


def inspect(file):
    """The summary of a W&B run file and its exit code."""
    found = {}
    for record in records(file, "summary"):
        found.update(record.get("update", {}))
    (ended,) = records(file, "exit")
    return found | {"exit_code": ended.get("exit_code", 0)}
