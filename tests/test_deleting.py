"""Whoever deletes a model, a data set, a loss, a task, an optimizer or a schedule breaks nothing else."""

import os
import shutil
from pathlib import Path

import pytest
from conftest import CHOICES, Bake, package_of
from in_background import Pending
from warm import Warm


@pytest.mark.slow
@pytest.mark.parametrize("examples", CHOICES["examples"])
def test_what_is_deleted_is_missed_by_nothing(deletions: dict[str, Pending], examples: str) -> None:
    done = deletions[examples].result()
    assert done.returncode == 0, f"{done.stdout[-8000:]}{done.stderr[-3000:]}"
    deleted = set(done.stdout.split())
    both = {"models/mlp.py", "data/bundled.py", "data=wine", "loss=huber", "tasks/classification.py", "optimizer=adam"}
    assert both <= deleted
    assert len(deleted) > (40 if examples == "all" else 15)


def test_what_is_missed_is_named(bake: Bake, tmp_path: Path, warm: Warm, clean_environment: dict[str, str]) -> None:
    project = Path(shutil.copytree(bake(), tmp_path / "project", ignore=shutil.ignore_patterns(".git")))
    test = project / "tests/models/test_mlp.py"
    line = f"from {package_of(project)}.models.mlp import MLP\n"
    other = f"from {package_of(project)}.models.rnn import RNN  # noqa: F401\n"
    test.write_text(test.read_text(encoding="utf-8").replace(line, line + other), encoding="utf-8")
    paths = os.pathsep.join([str(Path(__file__).parent), str(project / "vendor")])
    words = ("deletions", str(project), "models/rnn.py", "scheduler=step")
    done = warm.run(tmp_path, *words, environment=clean_environment | {"PYTHONPATH": paths})
    assert done.returncode == 1 and "Without models/rnn.py:" in done.stdout and "Without scheduler" not in done.stdout
