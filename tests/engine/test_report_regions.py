"""`report` on models that classify points in the plane draws their decision regions side by side."""

import json
import shutil

import pytest
from hyperplane import figures
from hyperplane.commands.report import main
from hyperplane.reporting import regions
from hyperplane.reporting.results import Results, Row
from hyperplane.reporting.summaries import ReportedRun, find_runs
from matplotlib.figure import Figure
from matplotlib.image import imread


@pytest.fixture
def sweep(train):
    """Two models on the moons, two seeds each."""
    train("-m", "model=linear,mlp", "data=moons", "seed=1,0", "sweep=plane")
    return "runs/sweeps/plane"


def test_a_sweep_in_the_plane_is_drawn_with_a_panel_per_model(sweep, tmp_path, capsys, monkeypatch):
    drawn = {}
    original = regions.panel
    monkeypatch.setattr(regions, "panel", lambda run, text: drawn.setdefault(text, original(run, text)))
    assert main([sweep]) == 0
    accuracy = {(run.settings["model"], run.seed): run.metrics["test/accuracy"] for run in find_runs(tmp_path).runs}
    assert list(drawn) == [f"{model}: {accuracy[model, 0]:.3f}" for model in ("linear", "mlp")]
    points = drawn[next(iter(drawn))].data
    assert points.points.shape == (720, 2) and points.test_points.shape == (200, 2)
    height, width, _ = imread(tmp_path / sweep / "report" / "regions.png").shape
    assert width > 1.5 * height, "two panels stand side by side"
    assert "regions.png" in capsys.readouterr().out


def test_a_run_without_weights_is_left_out_of_the_picture_and_named(sweep, tmp_path, capsys):
    for folder in (tmp_path / sweep).glob("*linear*seed_0*"):
        shutil.rmtree(folder / "checkpoints")
    assert main([sweep]) == 0
    out = capsys.readouterr().out
    assert "cannot be drawn" in out and "model_linear" in out and "regions.png" in out


def test_the_data_say_nothing_again_and_a_fold_is_named(train, capsys, monkeypatch):
    train("-m", "model=linear,mlp", "data=moons", "data.folds=2", "data.fold=1", "sweep=folds")
    headings = []
    monkeypatch.setattr(figures, "compare_regions", lambda rows, heading: headings.append(heading) or Figure())
    capsys.readouterr()
    assert main(["runs/sweeps/folds"]) == 0
    assert capsys.readouterr().err == ""
    assert headings == ["Decision regions, with the test accuracy of each (one run, the first seed and fold)"]


@pytest.mark.parametrize(
    ("shape", "metric", "models"),
    [([40, 1], "accuracy", 2), ([2], "rmse", 2), ([2], "accuracy", 1), (None, "accuracy", 2), ("2", "accuracy", 2)],
)
def test_no_regions_are_drawn_of_other_sweeps(tmp_path, shape, metric, models):
    for i in range(models):
        folder = tmp_path / str(i)
        folder.mkdir()
        choices = {"model": f"m{i}", "data": "d"}
        summary = {"status": "completed", "metrics": {f"test/{metric}": 0.5}, "choices": choices, "input_shape": shape}
        (folder / "summary.json").write_text(json.dumps(summary))
    assert not regions.in_the_plane(Results(find_runs(tmp_path), [f"test/{metric}"]))


def test_reports_of_other_sweeps_never_import_torch(tmp_path, python):
    (tmp_path / "run").mkdir()
    summary = {"status": "completed", "metrics": {"test/accuracy": 0.5}, "input_shape": [40, 1]}
    (tmp_path / "run" / "summary.json").write_text(json.dumps(summary))
    printed = python("""
import sys
from hyperplane.commands.report import main
main(["."])
print("torch" in sys.modules)
""")
    assert printed.splitlines()[-1] == "False"


def test_the_first_seed_of_each_setting_is_drawn(tmp_path):
    runs = [
        ReportedRun(tmp_path, status, {}, seed, {})
        for seed, status in [(0, "failed"), (3, "completed"), (2, "completed")]
    ]
    assert [run.seed for run in regions.first_seeds([Row({}, tuple(runs)), Row({}, (runs[0],))])] == [2]


@pytest.mark.parametrize(("panels", "columns"), [(1, 1), (4, 4), (5, 5), (6, 3), (7, 4), (11, 4)])
def test_rows_of_panels_are_about_equally_long(panels, columns):
    assert regions.evenly(panels) == columns
