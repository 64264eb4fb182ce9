"""What researchers do all day works by adding files: see research_jobs.py and the folders under research/."""

import json

import pytest
from in_background import Pending
from research_jobs import JOBS


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(path.parent.name for path in JOBS.glob("*/job.yaml")))
def test_a_research_job_is_added_trained_killed_resumed_swept_and_reported(name: str, research: list[Pending]) -> None:
    outcomes = {outcome["job"]: outcome for part in research for outcome in json.loads(part.result().stdout)}
    assert outcomes[name]["problems"] == []
