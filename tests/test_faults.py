"""What goes wrong around a training: disks, rights, networks, homes. Each has a clear end, and nothing is lost."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from conftest import layers, package_of
from fake_wandb import fake_wandb
from warm import PATIENCE, Warm

pytestmark = pytest.mark.slow

KEY = "0123456789abcdef" * 2 + "01234567"  # looks like a key of W&B, and is none
SHORT = ("model=linear", "data=blobs", "trainer.max_epochs=2", "figures=false", "hydra.run.dir=run", "tracking=none")
NETWORK = {"WANDB_API_KEY": KEY, "WANDB_MODE": "online"}


class Ended(NamedTuple):
    """How a command ended."""

    status: int
    said: str
    folder: Path

    @property
    def summary(self) -> dict[str, Any]:
        """Of the run."""
        content: dict[str, Any] = json.loads((self.folder / "summary.json").read_text(encoding="utf-8"))
        return content

    @property
    def rows(self) -> int:
        """How many rows of metrics it left: one for each epoch, and one for the test."""
        return len((self.folder / "metrics.csv").read_text().splitlines()) - 1


Train = Callable[..., Ended]


@pytest.fixture
def train(project: Path, clean_environment: dict[str, str], tmp_path: Path, warm: Warm) -> Train:
    """`train("seed=1", HOME=None)` trains in an empty folder, with other variables, None to have none.

    In a new interpreter, if a limit or a variable is given that it may meet while it starts.
    """

    def train(
        *words: str, start: tuple[str, ...] = SHORT, limit: int = resource.RLIM_INFINITY, **changes: str | None
    ) -> Ended:
        changed = clean_environment | {"PYTHONPATH": layers(project)} | changes
        environment = {name: value for name, value in changed.items() if value is not None}
        command = (package_of(project), "train", *start, *words)
        if limit == resource.RLIM_INFINITY and all(name.startswith("WANDB_") for name in changes):
            done = warm.run(tmp_path, *command, environment=environment)
        else:
            done = subprocess.run(
                [sys.executable, "-m", *command],
                cwd=tmp_path,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=PATIENCE,
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
            )
        assert "Traceback" not in done.stderr, done.stderr
        return Ended(done.returncode, done.stderr, tmp_path / "run")

    return train


@pytest.fixture
def mount() -> Iterator[Callable[[Path, str], None]]:
    """`mount(folder, "size=8k")` puts a small file system there, where that is allowed."""
    mounted: list[Path] = []

    def mount(folder: Path, options: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode != 0:
            pytest.skip("mounting a file system needs more rights")
        mounted.append(folder)

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


MODEL = ("model=mlp", "model.hidden_sizes=[200,200]", "checkpoint.every_n_epochs=1", "trainer.max_epochs=4")


def test_a_full_disk_leaves_the_last_good_checkpoint(
    train: Train, mount: Callable[[Path, str], None], tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    mount(folder, "size=1200k")  # room for two checkpoints of this model
    done = train(*MODEL)
    assert done.status == 1
    assert "The run failed" in done.said and "No space left on device" in done.said
    assert done.summary["status"] == "failed" and "No space left on device" in done.summary["error"]
    assert not list(folder.rglob("*.partial")), "nothing half-written"
    subprocess.run(["mount", "-o", "remount,size=9m", str(folder)], check=True)
    again = train("resume=run", "hardware=cpu", start=())
    assert again.status == 0 and "continuing from last.ckpt" in again.said
    assert again.summary["status"] == "completed"
    alone = train(*MODEL, "hydra.run.dir=other")._replace(folder=tmp_path / "other")
    assert again.summary["metrics"] == alone.summary["metrics"], "nothing was lost"


def test_a_file_that_cannot_grow_ends_with_a_sentence(train: Train) -> None:
    done = train(*MODEL, limit=100_000)  # what a quota does, and needs no rights to try
    assert done.status == 1
    assert "The run failed" in done.said and "File too large" in done.said
    assert done.summary["status"] == "failed" and done.rows == 4, "of four epochs"


def test_a_folder_without_room_for_a_summary_ends_with_a_sentence(
    train: Train, mount: Callable[[Path, str], None], tmp_path: Path
) -> None:
    mount(tmp_path / "run", "size=16k")
    done = train(*MODEL)
    assert done.status == 1
    assert "train.log cannot be written: No space left on device" in done.said
    assert "summary.json could not be written: No space left on device" in done.said


def test_a_read_only_folder_is_named(train: Train, mount: Callable[[Path, str], None], tmp_path: Path) -> None:
    mount(tmp_path / "runs", "size=100k,ro")
    done = train("hydra.run.dir=runs/a")
    assert done.status == 1
    assert "train failed: OSError: runs/a: Read-only file system" in done.said


def test_a_run_that_can_be_read_only_does_not_go_on(
    train: Train, mount: Callable[[Path, str], None], tmp_path: Path
) -> None:
    mount(tmp_path / "run", "size=9m")
    train()
    before = (tmp_path / "run" / "summary.json").read_bytes()
    subprocess.run(["mount", "-o", "remount,ro", str(tmp_path / "run")], check=True)
    done = train("resume=run", "trainer.max_epochs=3", start=())
    assert done.status == 2 and "run cannot be written: Read-only file system" in done.said
    assert (tmp_path / "run" / "summary.json").read_bytes() == before


def test_a_read_only_cache_is_done_without(train: Train, mount: Callable[[Path, str], None], tmp_path: Path) -> None:
    mount(tmp_path / "data", "size=100k,ro")
    done = train()
    assert done.status == 0 and done.summary["status"] == "completed"
    assert "cannot be written" in done.said and "the next run makes these arrays again" in done.said


def test_trackers_and_pictures_are_silent_where_home_is_read_only(
    train: Train, mount: Callable[[Path, str], None], tmp_path: Path
) -> None:
    mount(tmp_path / "home", "size=100k,ro")
    done = train("tracking=wandb", HOME=str(tmp_path / "home"), MPLCONFIGDIR=None)
    assert done.status == 0 and tracked(done.folder)
    assert all(line[2] == line[5] == ":" for line in done.said.splitlines() if line)  # ours begin with the time


def test_neither_git_nor_a_home_folder_is_needed(train: Train, tmp_path: Path) -> None:
    done = train(PATH=str(tmp_path), HOME=None)
    assert done.status == 0 and done.summary["git"] == {"commit": None, "dirty": None}
    nowhere = {"HOME": "/proc/nowhere", "XDG_CONFIG_HOME": None, "XDG_CACHE_HOME": None}
    assert train("hydra.run.dir=again", **nowhere).status == 0


def test_a_full_disk_under_the_tracker_does_not_stop_the_training(
    train: Train, mount: Callable[[Path, str], None], tmp_path: Path
) -> None:
    mount(tmp_path / "run" / "wandb", "size=8k")
    done = train("tracking=wandb", "tracking.mode=offline", HOME="/proc/nowhere")
    assert done.status == 0
    assert done.summary["status"] == "completed" and done.rows == 3


def tracked(folder: Path) -> bytes:
    """What W&B has on disk."""
    (path,) = (folder / "wandb").glob("*run-*/run-*.wandb")
    return path.read_bytes()


EVERYTHING = (b"train/loss", b"val/accuracy", b"test/accuracy", b"completed")


def test_a_server_that_is_silent_from_the_start(train: Train) -> None:
    with fake_wandb(breaks_after=0) as server:
        done = train("tracking=wandb", "tracking.init_timeout=2", WANDB_BASE_URL=server.url, **NETWORK)
    assert done.status == 0 and done.summary["status"] == "completed"
    assert done.said.count("cannot be reached") == 1 and "records offline" in done.said
    assert all(words in tracked(done.folder) for words in EVERYTHING), "everything is there for `wandb sync`"


def test_a_connection_that_breaks_in_the_middle_loses_nothing(train: Train) -> None:
    with fake_wandb(breaks_after=1) as server:
        done = train("tracking=wandb", "tracking.finish_timeout=3", WANDB_BASE_URL=server.url, **NETWORK)
    assert done.status == 0 and done.summary["status"] == "completed" and done.rows == 3
    assert "did not take everything within 3 s" in done.said and "wandb sync run/wandb/run-*" in done.said
    assert all(words in tracked(done.folder) for words in EVERYTHING)


def test_a_server_that_answers_is_told_everything_and_no_key_is_written(train: Train) -> None:
    with fake_wandb() as server:
        done = train("tracking=wandb", WANDB_BASE_URL=server.url, **NETWORK)
    assert done.status == 0 and server.updates > 0
    assert "offline" not in done.said and "did not take" not in done.said
    assert KEY not in done.said
    for path in done.folder.rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes(), path


def test_the_best_checkpoint_is_uploaded_once_somebody_is_logged_in(train: Train) -> None:
    with fake_wandb() as server:
        done = train("tracking=wandb", "tracking.log_model=best", WANDB_BASE_URL=server.url, **NETWORK)
    assert done.status == 0 and "did not take" not in done.said
    assert server.files["/artifact/best.ckpt"] == (done.folder / "checkpoints" / "best.ckpt").read_bytes()


def test_the_best_checkpoint_of_an_offline_run_is_uploaded_by_sync(
    train: Train, clean_environment: dict[str, str]
) -> None:
    done = train("tracking=wandb", "tracking.log_model=best", "tracking.mode=offline")
    (recorded,) = (done.folder / "wandb").glob("offline-run-*")
    with fake_wandb() as server:
        subprocess.run(
            [sys.executable, "-m", "wandb", "sync", str(recorded)],
            cwd=done.folder,
            env=clean_environment | NETWORK | {"WANDB_BASE_URL": server.url},
            check=True,
            capture_output=True,
            timeout=PATIENCE,
        )
    assert server.files["/artifact/best.ckpt"] == (done.folder / "checkpoints" / "best.ckpt").read_bytes()
