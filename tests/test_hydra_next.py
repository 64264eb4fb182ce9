"""The engine runs under the coming Hydra 1.4 and OmegaConf 2.4 as it does under those that constraints.txt pins."""

import json
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from conftest import TEMPLATE, package_of

QUICK = ("trainer.max_epochs=1", "tracking=none", "figures=false", "hardware=cpu")
NEXT = ["hydra-core>=1.4.0rc3,<1.5", "omegaconf>=2.4.1rc1,<2.5"]
# Composing, checking, completion, a sweep, a search with a pruner, resume: what hangs on Hydra, in a minute.
TESTS = {
    "composition": [],
    "unchecked": [],
    "security": [
        "a_command_to_paste_runs_no_code",
        "a_multirun_to_paste_runs_no_code",
        "a_file_to_share_runs_no_code",
    ],
    "errors": [
        "a_mistake_in_a_file_is_explained_and_leaves_nothing_behind",
        "a_mistake_in_one_job_stops_a_multirun_before_it_starts",
        "help_settings_and_completion_import_little",
        "tab_completion_knows_groups_files_and_settings",
    ],
    "sweeps": [
        "a_sweep_that_is_run_again_leaves_completed_jobs_alone",
        "a_job_that_fails_is_named_and_stops_no_other",
    ],
    "search": [
        "a_run_that_is_pruned_ends_early_and_can_go_on",
        "a_search_that_was_stopped_goes_on_with_the_trial_that_was_running",
        "the_same_search_again_takes_the_results_and_adds_what_is_missing",
    ],
    "resume": [
        "a_completed_run_is_not_trained_shorter",
        "a_job_of_a_sweep_goes_on_and_one_with_other_settings_starts_anew",
    ],
    "train": ["the_summary_says_what_ran_and_how_it_ended"],
}


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The interpreter of an environment that has the next Hydra, and everything else from this one."""
    folder = tmp_path_factory.mktemp("next") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = str(folder / "bin" / "python")
    place = "import sysconfig; print(sysconfig.get_path('purelib'))"
    found = subprocess.run([python, "-c", place], capture_output=True, text=True, check=True).stdout.strip()
    Path(found, "behind.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--retries", "1"]
    done = subprocess.run([*pip, "--timeout", "15", *NEXT], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        pytest.skip(f"the next Hydra cannot be installed here: {(done.stderr.strip().splitlines() or ['?'])[-1]}")
    return python


@pytest.mark.usefixtures("slurm")
def test_slurm_runs_the_jobs_of_the_next_one(python: str, project: Path, clean_environment: dict[str, str]) -> None:
    words = ("-m", "sweep=slurm_next", "hydra/launcher=slurm", "seed=0,1", "model=linear", "data=moons", *QUICK)
    command = [python, "-m", package_of(project), "train", *words]
    done = subprocess.run(command, cwd=project, env=clean_environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    summaries = [json.loads(path.read_text()) for path in project.glob("runs/sweeps/slurm_next/*/summary.json")]
    assert [summary["status"] for summary in summaries] == ["completed"] * 2


def test_what_hangs_on_hydra_passes_under_the_next_one(python: str, clean_environment: dict[str, str]) -> None:
    script = "import hydra, omegaconf; print(hydra.__version__[:4], omegaconf.__version__[:4])"
    assert subprocess.run([python, "-c", script], capture_output=True, text=True).stdout == "1.4. 2.4.\n"
    tests = [f"tests/engine/test_{file}.py::test_{name}" for file, names in TESTS.items() for name in names]
    tests += [f"tests/engine/test_{file}.py" for file, names in TESTS.items() if not names]
    done = subprocess.run(
        [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests],
        cwd=TEMPLATE,
        env=clean_environment,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert " passed" in done.stdout and "skipped" not in done.stdout
