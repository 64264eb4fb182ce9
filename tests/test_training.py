"""What needs processes of its own: nothing slow is imported too early, jobs side by side, reloading."""

import json
from pathlib import Path

import pytest
from conftest import Run, package_of, python

SHORT = ("tracking=none", "trainer.max_epochs=2", "figures=false")
SLOW_IMPORTS = ("torch", "lightning", "wandb", "matplotlib", "sklearn")
# Not for one step of an MLP; Lightning itself imports matplotlib, but draws nothing.
DRAWING = "matplotlib.backends.backend_agg"
UNNEEDED_IMPORTS = ("sklearn", "polars", "pandas", "optuna", "scipy.signal", "wandb.sdk.launch", DRAWING)


def summaries(sweep: Path) -> dict[str, dict[str, object]]:
    """Return the summary of each job of a sweep, by its folder."""
    return {path.parent.name: json.loads(path.read_text()) for path in sweep.glob("*/summary.json")}


@pytest.mark.parametrize(
    "command",
    [
        ("train", "--help"),
        ("train", "--cfg", "job"),
        ("evaluate", "--help"),
        ("report", "--help"),
        ("runs", "--help"),
        ("codestyle", "--help"),
    ],
    ids=" ".join,
)
def test_help_imports_nothing_slow(project: Path, clean_environment: dict[str, str], command: tuple[str, ...]) -> None:
    name, *_ = command
    script = (
        f"import sys; from {package_of(project)}.__main__ import {name}\n"
        f"sys.argv = {[*command]!r}\n"
        f"try: {name}()\n"
        "except SystemExit as stop: assert not stop.code\n"
        f"found = set({SLOW_IMPORTS}) & set(sys.modules)\n"
        "sys.exit(f'imported: {found}' if found else 0)"
    )
    done = python(project, "-c", script, env=clean_environment)
    assert "model" in done.stdout or "run" in done.stdout


def test_a_run_of_one_step_imports_only_what_it_needs(project: Path, clean_environment: dict[str, str]) -> None:
    words = ("train", "model=mlp", "tracking=wandb", "tracking.mode=offline", "trainer.max_steps=1", "figures=false")
    script = (
        f"import sys; from {package_of(project)}.__main__ import train\n"
        f"sys.argv = {[*words]!r}\n"
        "train()\n"
        f"found = set({UNNEEDED_IMPORTS}) & set(sys.modules)\n"
        "sys.exit(f'imported: {found}' if found else 0)"
    )
    python(project, "-c", script, env=clean_environment)


@pytest.fixture(scope="module")
def sweep(project: Path, run: Run) -> Path:
    """A sweep of two jobs side by side."""
    parallel = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "sweep=side_by_side")
    run(project, "train", "-m", "model=linear,mlp", *parallel, *SHORT)
    return project / "runs" / "sweeps" / "side_by_side"


def test_jobs_run_side_by_side(sweep: Path) -> None:
    found = summaries(sweep)
    assert len(found) == 2
    for name, summary in found.items():
        assert summary["status"] == "completed", summary["error"]
        assert (sweep / name / "checkpoints" / "best.ckpt").is_file()
        assert "Training" in (sweep / name / "train.log").read_text(encoding="utf-8")


def test_a_job_beside_others_gives_what_it_gives_alone(project: Path, run: Run, sweep: Path) -> None:
    run(project, "train", "model=mlp", "hydra.run.dir=runs/alone", "hardware.threads=1", *SHORT)
    alone = json.loads((project / "runs" / "alone" / "summary.json").read_text())
    (beside,) = (s for s in summaries(sweep).values() if s["parameters"] == alone["parameters"])
    assert beside["metrics"] == pytest.approx(alone["metrics"], rel=1e-5)


def test_a_completed_sweep_is_not_run_again(project: Path, run: Run, sweep: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in sweep.glob("*/*")}
    done = run(project, "train", "-m", "model=linear,mlp", "sweep=side_by_side", *SHORT)
    assert "2 of 2 jobs are completed already" in done.stderr
    assert {path: path.stat().st_mtime_ns for path in sweep.glob("*/*")} == before


def test_report_shows_every_job_of_a_sweep(project: Path, run: Run, sweep: Path) -> None:
    done = run(project, "report", str(sweep))
    assert "linear" in done.stdout and "mlp" in done.stdout
    written = {path.name for path in (sweep / "report").iterdir()}
    assert {"table.csv", "table.md", "table.tex", "report.html", "chart.png", "curves.png"} <= written


def test_evaluate_reproduces_the_metrics_in_a_new_process(project: Path, run: Run, sweep: Path) -> None:
    name = next(name for name in summaries(sweep) if "mlp" in name)
    done = run(project, "evaluate", f"run={sweep.relative_to(project) / name}")
    assert done.stderr.count("as in summary.json") == 2, done.stderr


def test_a_mistake_is_answered_in_a_few_lines(project: Path, run: Run) -> None:
    done = run(project, "train", "model=mpl", check=False)
    assert done.returncode == 2
    assert "Did you mean mlp?" in done.stderr and len(done.stderr.splitlines()) <= 3
    assert done.stdout == ""


@pytest.mark.slow
def test_corrupted_run_folders_end_with_a_sentence_or_the_right_result(
    project: Path, clean_environment: dict[str, str]
) -> None:
    script = Path(__file__).with_name("corrupted_runs.py")
    done = python(project, str(script), "12", "7", env=clean_environment)
    assert "12 corrupted run folders" in done.stdout
