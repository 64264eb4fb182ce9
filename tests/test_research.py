"""What researchers do all day works by adding files: see research_jobs.py and the folders under research/."""

import json
from pathlib import Path

import pytest
from conftest import Bake, python
from research_jobs import JOBS


@pytest.fixture(scope="module")
def project(bake: Bake) -> Path:
    """A project of its own, since the jobs add files to it."""
    return bake(project_name="Research Jobs")


@pytest.mark.parametrize("name", sorted(path.parent.name for path in JOBS.glob("*/job.yaml")))
def test_a_research_job_is_added_trained_killed_resumed_swept_and_reported(
    name: str, project: Path, clean_environment: dict[str, str]
) -> None:
    script = str(Path(__file__).with_name("research_jobs.py"))
    done = python(project, script, name, str(project), env=clean_environment)
    outcome = json.loads(done.stdout)
    assert outcome["problems"] == []
