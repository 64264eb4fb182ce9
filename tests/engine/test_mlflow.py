"""MLflow as the tracker: what is in its database, under which names, and that it never stops a run."""

import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from hyperplane.settings import Tracking
from hyperplane.tracking import mlflow_run
from hyperplane.tracking.tracker import close_tracker, log_figures, make_tracker
from matplotlib.image import imsave

mlflow = pytest.importorskip("mlflow")
pytest.importorskip("alembic")

PATHS = {"best": "checkpoints/best.ckpt", "last": "checkpoints/last.ckpt", "tested": "best"}
SUMMARY = {"status": "completed", "metrics": {"test/loss": 0.25}, "checkpoint": PATHS, "error": None}


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory):
    """A database with its tables: making them takes a second."""
    path = tmp_path_factory.mktemp("store") / mlflow_run.STORE.name
    mlflow.MlflowClient(f"sqlite:///{path}")
    return path


@pytest.fixture(autouse=True)
def project(empty_store, tmp_path, monkeypatch):
    """The folder of a project that has a database, and where no server of MLflow is named."""
    monkeypatch.chdir(tmp_path)
    mlflow_run.STORE.parent.mkdir()
    shutil.copy(empty_store, mlflow_run.STORE)
    monkeypatch.setattr(mlflow_run, "_given_up", False)
    for name in [name for name in os.environ if name.startswith("MLFLOW_")]:
        monkeypatch.delenv(name)


def start(folder="runs/day/time", *, name="day/time", group=None, config=None, resumed=False, **settings):
    folder = Path(folder)
    (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
    settings = Tracking(kind="mlflow", project="test", **settings)
    config = {"seed": 3} if config is None else config
    return make_tracker(settings, folder, name=name, group=group, config=config, resumed=resumed)


def client():
    return mlflow.MlflowClient(f"sqlite:///{mlflow_run.STORE.absolute()}")


def runs():
    """All runs in the database, the oldest first."""
    ids = [experiment.experiment_id for experiment in client().search_experiments()]
    return sorted(client().search_runs(ids), key=lambda run: run.info.start_time)


def artifacts(run):
    """The artifacts of a run: name to content."""
    folder = mlflow_run.ARTIFACTS / run.info.run_id / "artifacts"
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_run_is_in_the_database_of_the_project(messages, capfd):
    mlflow_run.STORE.unlink()  # the first run makes it
    imsave("pixel.png", np.zeros((1, 1, 3)))
    config = {"model": {"hidden_sizes": [100, 50], "dropout": None}, "data": {"shuffle": True}, "callbacks": {}}
    tracker = start(config=config, notes="why this run", tags=("baseline", "a/b #1"))
    for step in (9, 19):
        tracker.log_metrics({"val/loss": 1 / step, "epoch": step // 10}, step)
    log_figures(tracker, {"pixel": Path("pixel.png")})
    close_tracker(tracker, SUMMARY)

    (run,) = runs()
    assert run.info.run_name == "day/time" and run.info.status == "FINISHED"
    assert client().get_experiment(run.info.experiment_id).name == "test"
    assert run.data.params == {
        "model.hidden_sizes": "[100, 50]",
        "model.dropout": "null",
        "data.shuffle": "true",
        "callbacks": "{}",
    }
    history = client().get_metric_history(run.info.run_id, "val/loss")
    assert [(point.step, point.value) for point in history] == [(9, 1 / 9), (19, 1 / 19)]
    tags = run.data.tags
    assert tags["mlflow.note.content"] == "why this run"
    assert tags["baseline"] == tags["a_b _1"] == "true"
    assert tags["folder"] == "runs/day/time"
    assert tags["checkpoint.best"] == str(Path(tags["folder"], PATHS["best"]).absolute())
    assert not {"sweep", "error"} & set(tags)
    assert artifacts(run) == {"figures/pixel.png": Path("pixel.png").read_bytes()}
    (said,) = (message for message in messages if "MLflow" in message)
    assert "runs/mlflow.db. Look at it: `mlflow ui --backend-store-uri sqlite:///runs/mlflow.db`\n" in said
    assert capfd.readouterr().out == "" and not Path("mlruns").exists()
    assert "MLFLOW_TRACKING_URI" not in os.environ


@pytest.mark.parametrize(
    ("ended", "status"), [("completed", "FINISHED"), ("failed", "FAILED"), ("interrupted", "KILLED")]
)
def test_a_run_ends_as_it_ended(ended, status, monkeypatch):
    monkeypatch.setenv("MY_API_KEY", "correct-horse-battery")
    tracker = start()
    tracker.finalize("success")  # as Lightning does after fit
    assert runs()[0].info.status == "RUNNING"
    close_tracker(tracker, SUMMARY | {"status": ended, "error": "key correct-horse-battery"})
    assert runs()[0].info.status == status
    assert runs()[0].data.tags["error"] == "key <MY_API_KEY>"


def test_a_resumed_run_goes_on_with_its_mlflow_run():
    tracker = start(config={"trainer": {"max_epochs": 5}, "seed": 3, "sweep": "12-00", "resume": None})
    tracker.log_metrics({"train/loss": 0.5}, 9)
    close_tracker(tracker, SUMMARY | {"status": "failed", "error": "the disk is full"})
    config = {"trainer": {"max_epochs": 9}, "seed": 3, "new": 1, "sweep": "13-00", "resume": "runs/day/time"}
    tracker = start(config=config, resumed=True, notes="longer")
    assert runs()[0].info.status == "RUNNING"
    tracker.log_metrics({"train/loss": 0.25}, 19)
    close_tracker(tracker, SUMMARY)
    (run,) = runs()
    assert run.info.status == "FINISHED" and run.data.tags["mlflow.note.content"] == "longer"
    assert run.data.params == {"trainer.max_epochs": "5", "seed": "3", "new": "1"}
    assert run.data.tags["trainer.max_epochs"] == "9" and not {"error", "sweep", "resume"} & set(run.data.tags)
    history = client().get_metric_history(run.info.run_id, "train/loss")
    assert [point.value for point in history] == [0.5, 0.25]

    close_tracker(start(), SUMMARY)
    assert len(runs()) == 2, "not resumed, the same folder is another run"
    client().delete_run(runs()[1].info.run_id)
    close_tracker(start(resumed=True), SUMMARY)
    assert len(runs()) == 2, "a run that was deleted is not gone on with"


def test_jobs_of_a_sweep_have_its_name_in_common(messages):
    for job in ("a", "b"):
        tracker = start(f"runs/sweeps/table/{job}", name=job, group="table")
        close_tracker(tracker, SUMMARY)
    assert [(run.info.run_name, run.data.tags["sweep"]) for run in runs()] == [("a", "table"), ("b", "table")]
    assert len({run.info.experiment_id for run in runs()}) == 1
    assert len([message for message in messages if "mlflow ui" in message]) == 1, "it is said once, not for every job"


def test_long_values_and_odd_names_are_taken():
    config = {"long": "x" * 10_000, "weights": {"a/b (%)": 1}, "k" * 300: 1, "empty": ""}
    config |= {f"setting_{number}": number for number in range(250)}
    tracker = start(config=config, notes="n" * 10_000, tags=("t" * 64, "äöü", "..", "/"))
    tracker.log_metrics({"val/loss": float("nan"), "val/top-5.accuracy": 1.0}, 9)
    tracker.log_metrics({"train/loss": float("inf")}, 9)
    close_tracker(tracker, SUMMARY)
    (run,) = runs()
    assert not tracker.failed and run.info.status == "FINISHED"
    assert run.data.params["long"] == "x" * 6000 and run.data.params["weights.a_b ___"] == "1"
    assert run.data.params["k" * 250] == "1" and run.data.params["empty"] == ""
    assert len(run.data.params) == 254
    assert np.isnan(run.data.metrics["val/loss"]) and run.data.metrics["val/top-5.accuracy"] == 1.0
    assert run.data.metrics["train/loss"] > 1e300
    assert len(run.data.tags["mlflow.note.content"]) == 8000 and run.data.tags["äöü"] == "true"


def test_a_task_that_logs_its_own_hyperparameters_changes_no_parameter():
    tracker = start(config={"seed": 3})
    tracker.log_hyperparams({"seed": 4, "beta": 0.5})
    close_tracker(tracker, SUMMARY)
    assert runs()[0].data.params == {"seed": "3", "beta": "0.5"} and runs()[0].data.tags["seed"] == "4"


def test_the_best_checkpoint_is_an_artifact_where_it_is_asked_for(messages):
    for log_model in (None, "best"):
        tracker = start(log_model=log_model)
        Path("runs/day/time/checkpoints/best.ckpt").write_bytes(b"weights")
        close_tracker(tracker, SUMMARY)
    assert [artifacts(run) for run in runs()] == [{}, {"checkpoints/best.ckpt": b"weights"}]
    close_tracker(start(log_model="best"), SUMMARY | {"status": "interrupted"})
    close_tracker(start(log_model="best"), SUMMARY | {"checkpoint": PATHS | {"best": None}})
    assert [artifacts(run) for run in runs()[2:]] == [{}, {}]
    assert "without validation there is no best checkpoint" in messages[-1]


def test_a_store_that_breaks_is_said_once_and_stops_nothing(messages):
    tracker = start()
    mlflow_run.STORE.write_text("no database" * 1000)
    for step in range(3):
        tracker.log_metrics({"train/loss": 0.5}, step)
        tracker.finalize("success")
    close_tracker(tracker, SUMMARY)
    assert [message for message in messages if "failed" in message] == [messages[-1]]
    assert "The tracker failed and is left out from here on" in messages[-1]


def test_a_store_that_cannot_be_read_is_done_without(messages, monkeypatch):
    mlflow_run.STORE.write_text("no database")
    pauses = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    assert start() is None
    assert pauses == [], "MLflow itself would try for a minute and a half"
    assert len(messages) == 1
    assert "MLflow did not start; the run continues without it: file is not a database\n" in messages[0]


def test_a_server_that_does_not_answer_is_asked_once_in_a_process(messages, monkeypatch):
    mlflow_run.STORE.unlink()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")  # nothing listens there
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    for job in ("a", "b"):
        assert start(f"runs/sweeps/table/{job}", group="table", init_timeout=1.0) is None
    assert len(messages) == 1 and "MLflow did not start; the run continues without it" in messages[0]
    assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "1" and not mlflow_run.STORE.exists()


def test_a_database_that_came_from_elsewhere_has_no_file_copied_out_of_the_project(tmp_path_factory, messages):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    client().create_experiment("test", elsewhere.as_uri())
    imsave("pixel.png", np.zeros((1, 1, 3)))
    tracker = start()
    log_figures(tracker, {"pixel": Path("pixel.png")})
    close_tracker(tracker, SUMMARY)
    assert list(elsewhere.iterdir()) == [] and runs()[0].info.status == "FINISHED"
    assert "pixel.png is not copied" in messages[-1] and not tracker.failed


def test_runs_may_be_a_link_to_another_disk(tmp_path, tmp_path_factory):
    disk = tmp_path_factory.mktemp("disk")
    (tmp_path / "runs").rename(disk / "runs")
    (tmp_path / "runs").symlink_to(disk / "runs")
    tracker = start(log_model="best")
    Path("runs/day/time/checkpoints/best.ckpt").write_bytes(b"weights")
    close_tracker(tracker, SUMMARY)
    assert artifacts(runs()[0]) == {"checkpoints/best.ckpt": b"weights"}
    assert len(list(disk.rglob("mlruns/*/artifacts/checkpoints/best.ckpt"))) == 1


@pytest.mark.parametrize("folder", ["with space", "100% #1", "ünïcode"])
def test_a_project_may_lie_in_a_folder_of_any_name(folder, empty_store, tmp_path, monkeypatch):
    (tmp_path / folder / "runs").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / folder)
    shutil.copy(empty_store, mlflow_run.STORE)
    tracker = start(log_model="best")
    Path("runs/day/time/checkpoints/best.ckpt").write_bytes(b"weights")
    close_tracker(tracker, SUMMARY)
    assert artifacts(runs()[0]) == {"checkpoints/best.ckpt": b"weights"}


def test_train_records_what_is_in_the_summary_and_resume_goes_on(train, tmp_path):
    words = ("model=linear", "data=blobs", "data.num_samples=50", "tracking=mlflow", "tracking.log_model=best")
    train(*words, "trainer.max_epochs=2", "figures=true", "hydra.run.dir=run")
    (run,) = runs()
    summary = (tmp_path / "run" / "summary.json").read_text(encoding="utf-8")
    for name in ("test/loss", "test/accuracy"):
        assert f'"{name}": {run.data.metrics[name]}' in summary
    assert run.data.params["model._target_"].endswith("Linear") and run.data.params["trainer.max_epochs"] == "2"
    assert artifacts(run)["checkpoints/best.ckpt"] == (tmp_path / "run/checkpoints/best.ckpt").read_bytes()
    assert "figures/learning_curves.png" in artifacts(run)
    train("resume=run", "trainer.max_epochs=4", "tracking=mlflow")
    assert [again.info.run_id for again in runs()] == [run.info.run_id]
    assert runs()[0].data.metrics["epoch"] == 4 and runs()[0].data.tags["trainer.max_epochs"] == "4"
