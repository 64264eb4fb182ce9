"""Starts an MLflow run: on the server that MLFLOW_TRACKING_URI names, else in a database below this project."""

from __future__ import annotations

import logging
import os
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock
from loguru import logger

from ..errors import UserError, as_typed, first_line
from ..paths import shown
from ..project import current
from ..secrets import mask
from .announcing import is_first_to_say

if TYPE_CHECKING:
    from lightning.pytorch.loggers import MLFlowLogger
    from mlflow import MlflowClient
    from mlflow.entities import Run

    from ..settings import Tracking

STORE, ARTIFACTS = Path("runs/mlflow.db"), Path("runs/mlruns")
RUN_ID = "mlflow_run_id"  # file in the run folder: which MLflow run a resumed run goes on with
NOT_IN_NAMES = r"[^\w.: -]|^\.+"
NO_PARAMETERS = ("sweep", "resume")  # they change when a run goes on, and say nothing about it
LONGEST_NAME, LONGEST_PARAMETER, LONGEST_TAG = 250, 6000, 8000  # characters that MLflow takes

_given_up = False  # for this process: later jobs of a sweep do not wait for it again


def server() -> str | None:
    """Return the address of the server that MLflow's own variable names."""
    return os.environ.get("MLFLOW_TRACKING_URI") or None


def import_mlflow() -> None:
    """Import MLflow, which then sends nothing about itself and leaves the terminal alone.

    Raises:
        UserError: it is not installed.
    """
    for name in ("MLFLOW_DISABLE_TELEMETRY", "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"):
        os.environ.setdefault(name, "true")
    os.environ.setdefault("MLFLOW_CONFIGURE_LOGGING", "false")
    for name in ("mlflow", "alembic"):  # what fails is raised too, and said once
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        import mlflow

        if server() is None:
            import mlflow.store.tracking.sqlalchemy_store  # noqa: F401
    except ImportError as error:
        raise UserError(
            f"tracking=mlflow: MLflow cannot be imported: {first_line(error)}.\n"
            "Install it with `pip install mlflow-skinny sqlalchemy alembic` (this project's extra `mlflow`), or with "
            "`pip install mlflow`, which has `mlflow ui` as well; or choose tracking=wandb, tensorboard, csv or none."
        ) from error


def start_mlflow(
    settings: Tracking, folder: Path, *, name: str, group: str | None, resumed: bool
) -> MLFlowLogger | None:
    """Start an MLflow run, or go on with the one of `folder`; None if MLflow does not start.

    The arguments are those of `tracking.make_tracker`.
    """
    global _given_up
    import_mlflow()
    from lightning.pytorch.loggers import MLFlowLogger

    if _given_up:
        return None
    project = settings.project or current().package
    try:
        client, experiment = connect(settings, project)
        before = previous_run(client, folder) if resumed else None
        run = before or client.create_run(experiment, run_name=name)
        run_id: str = run.info.run_id
        (folder / RUN_ID).write_text(run_id, encoding="utf-8")
        if before is not None:
            client.update_run(run_id, status="RUNNING")
        tag_run(client, run, settings, folder, group)
        made = MLFlowLogger(project, tracking_uri=client.tracking_uri, run_id=run_id)
        with unchanged_environment():
            assert made.experiment  # looks for the run
    except Exception as error:  # a database that is damaged, a server that is silent: nothing to stop for
        _given_up = server() is not None
        logger.warning("MLflow did not start; the run continues without it: {}", first_line(error))
        return None
    if server() is None and is_first_to_say("mlflow", folder, group):
        logger.info("MLflow records in {0}. Look at it: `mlflow ui --backend-store-uri sqlite:///{0}`", STORE)
    return made


def connect(settings: Tracking, project: str) -> tuple[MlflowClient, str]:
    """Return a client of the server or the local database, and the id of the project's experiment.

    Raises:
        sqlite3.Error: the database cannot be read, or not be made. MLflow itself would try for a minute and a half.
        mlflow.exceptions.MlflowException: the server does not answer, or the database is of another version.
    """
    from mlflow import MlflowClient

    if address := server():
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", str(max(1, round(settings.init_timeout))))
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
        client = MlflowClient(address)
        return client, experiment_id(client, project, None)
    STORE.parent.mkdir(exist_ok=True)
    with FileLock(STORE.with_name(f".{STORE.name}.lock")):  # jobs side by side would all make the tables
        with closing(sqlite3.connect(STORE)) as database:
            database.execute("PRAGMA schema_version")
        client = MlflowClient(f"sqlite:///{STORE.absolute()}")
        return client, experiment_id(client, project, ARTIFACTS.absolute().as_uri())


def experiment_id(client: MlflowClient, name: str, artifacts: str | None) -> str:
    """Return the id of an experiment, which is made if there is none."""
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is None:
        with suppress(MlflowException):  # on a server, another job may be faster
            return client.create_experiment(name, artifacts)
        found = client.get_experiment_by_name(name)
    assert found is not None, f"the experiment {name} cannot be made"
    return found.experiment_id


@contextmanager
def unchanged_environment() -> Iterator[None]:
    """Undo what MLflow writes into the environment: the address that it uses, for processes that it does not start."""
    before = server()
    try:
        yield
    finally:
        os.environ.pop("MLFLOW_TRACKING_URI", None)
        if before is not None:
            os.environ["MLFLOW_TRACKING_URI"] = before


def previous_run(client: MlflowClient, folder: Path) -> Run | None:
    """Return the MLflow run that a run folder belongs to, if it is still there."""
    from mlflow.exceptions import MlflowException

    with suppress(OSError, MlflowException):
        run = client.get_run((folder / RUN_ID).read_text(encoding="utf-8").strip())
        return run if run.info.lifecycle_stage == "active" else None
    return None


def tag_run(client: MlflowClient, run: Run, settings: Tracking, folder: Path, group: str | None) -> None:
    """Tag the run: with the user's own words, what it belongs to, and where it lies."""
    from mlflow.entities import RunTag

    words = {as_name(tag): "true" for tag in settings.tags}
    facts = {"mlflow.note.content": settings.notes, "sweep": group, "folder": str(shown(folder))}
    tags = [RunTag(name, value[:LONGEST_TAG]) for name, value in {**words, **facts}.items() if value]
    client.log_batch(run.info.run_id, tags=tags)
    if "error" in run.data.tags:  # how it ended when it ran last
        client.delete_tag(run.info.run_id, "error")


def log_parameters(client: MlflowClient, run_id: str, values: Mapping[str, Any]) -> None:
    """Log settings as parameters, each under the name that it has on the command line.

    MLflow never changes a parameter: what a resumed run has set anew becomes a tag.
    """
    from mlflow.entities import Param, RunTag

    known = client.get_run(run_id).data.params
    given = {as_name(name): mask(text)[:LONGEST_PARAMETER] for name, text in flat(values) if name not in NO_PARAMETERS}
    new = [Param(name, text) for name, text in given.items() if name not in known]
    changed = [RunTag(name, text) for name, text in given.items() if known.get(name, text) != text]
    client.log_batch(run_id, params=new, tags=changed)


def flat(values: Mapping[str, Any], section: str = "") -> Iterator[tuple[str, str]]:
    """Yield the full name of each setting and its value as it is typed."""
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from flat(value, f"{section}{name}.")
        else:
            yield f"{section}{name}", as_typed(value)


def as_name(text: str) -> str:
    """Return a name that MLflow takes."""
    return re.sub(NOT_IN_NAMES, "_", text)[:LONGEST_NAME]


def keep_file(client: MlflowClient, run_id: str, path: Path, place: str) -> None:
    """Copy a file to the artifacts of a run, unless those lie on this machine outside of the project.

    The database says where, so it may be a folder where the project lay when it was made. Links are followed.
    """
    from mlflow.utils.file_utils import local_file_uri_to_path
    from mlflow.utils.uri import is_local_uri

    target: str = client.get_run(run_id).info.artifact_uri
    if is_local_uri(target) and not Path(os.path.normpath(local_file_uri_to_path(target))).is_relative_to(Path.cwd()):
        logger.warning("{} is not copied: MLflow keeps files of this experiment outside of this project", path.name)
        return
    client.log_artifact(run_id, str(path), place)
