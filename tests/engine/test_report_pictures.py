"""What `report` draws and where it shows it: learning curves, heat-map, parallel coordinates, LaTeX, the HTML page."""

import json
import re
import shutil
import subprocess
from html import unescape
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pytest
from hyperplane.commands.report import main
from hyperplane.reporting import chart, drawing, heat_map, parallel_coordinates, parameters
from hyperplane.reporting import curves as learning
from hyperplane.reporting.curve_files import parse_curves, read_curves
from hyperplane.reporting.latex import latex_text
from hyperplane.reporting.page_script import SCRIPT
from hyperplane.reporting.pointer import Line, panel
from hyperplane.reporting.results import Results
from hyperplane.reporting.sorting import places
from hyperplane.reporting.summaries import find_runs, load_summary
from hyperplane.run_folder.integrity import seal
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

import synthetic_runs

write_run, write_summary = synthetic_runs.write_run, synthetic_runs.write_summary


def results_of(folder, *metrics: str) -> Results:
    return Results(find_runs(folder), list(metrics or ["test/accuracy"]))


@pytest.fixture
def drawn(monkeypatch):
    """The figures that were made into a PNG, instead of the PNG."""
    figures: list[Figure] = []

    def keep(figure: Figure) -> bytes:
        figure.draw_without_rendering()
        figures.append(figure)
        return b"png"

    for module in (drawing, learning, heat_map, parallel_coordinates):
        monkeypatch.setattr(module, "png", keep)
    return figures


def test_every_job_is_a_faint_line_and_every_setting_a_bold_mean(tmp_path, drawn):
    write_run(tmp_path / "0", 0, 0.5, curve=[0.1, 0.3, 0.5])
    write_run(tmp_path / "1", 1, 0.5, curve=[0.3, 0.5])  # stopped early
    write_run(tmp_path / "2", 2, None, status=None, curve=[0.9])  # still runs
    write_run(tmp_path / "3", 0, 0.5, curve=[0.2, 0.2], model="cnn")
    picture, (panel,), remarks = learning.draw_curves(results_of(tmp_path))
    assert picture == b"png" and remarks == []
    (axes,) = drawn[0].axes
    faint = [segment for lines in axes.collections for segment in lines.get_segments()]
    assert sorted(len(segment) for segment in faint) == [1, 2, 2, 3]
    bold = {line.get_label(): line for line in axes.lines}
    assert {"mlp", "cnn"} <= set(bold)
    means = [list(line.get_ydata()) for line in axes.lines if len(line.get_ydata()) > 1]
    assert [0.2, 0.2] in means
    assert [pytest.approx([0.2, 0.4])] == [mean for mean in means if mean != [0.2, 0.2]], "as far as both have come"
    assert axes.get_xlabel() == "epochs trained" and axes.get_ylabel() == "val accuracy (fraction)"
    assert [(name, points) for name, _, points in panel["lines"]] == [
        ("cnn", [[1, 0.2], [2, 0.2]]),
        ("mlp", [[1, 0.2], [2, 0.4]]),
    ]
    # What the page makes of it is where the point is: from the left and the top, as parts of the picture.
    (left, top, right, bottom), (x0, x1), (y0, y1) = panel["box"], panel["x"], panel["y"]
    place = (left + (2 - x0) / (x1 - x0) * (right - left), bottom - (0.4 - y0) / (y1 - y0) * (bottom - top))
    x, y = axes.transData.transform((2, 0.4)) / drawn[0].bbox.size
    assert place == pytest.approx((x, 1 - y), abs=1e-3) and not panel["log"]


def test_a_metrics_file_that_is_being_written_is_read_as_far_as_it_is_whole():
    content = b"epoch,step,val/loss,train/mae\n0,9,1.5,\n1,19,,2\n2,29,x,\n3,3\n4,49,0.5,1\n5,59,0.2"
    curves = parse_curves(content, ["loss", "mae", "accuracy"])
    assert {name: curve.tolist() for name, curve in curves.items()} == {
        "val/loss": [[1, 10, 1.5], [5, 50, 0.5]],
        "train/mae": [[2, 20, 2], [5, 50, 1]],
    }
    assert parse_curves(b"\xff\x00\n\n,,,", ["loss"]) == parse_curves(b"", ["loss"]) == {}


def test_the_lines_of_a_picture_are_no_copies():
    curve = parse_curves(b"epoch,step,val/loss\n0,9,1.5\n1,19,2.5\n", ["loss"])["val/loss"]
    assert np.shares_memory(learning.thinned(curve[:, 1:]), curve)
    assert np.isnan(learning.thinned(np.array([[1, 2], [2, np.inf]]))).tolist() == [[False, False], [False, True]]


def test_a_curve_that_was_changed_after_its_run_is_named_and_not_drawn(tmp_path, capsys):
    for seed in (0, 1):
        folder = write_run(tmp_path / str(seed), seed, 0.5, curve=[0.1, 0.2])
        (folder / "summary.json").write_text(seal(load_summary(folder / "summary.json"), folder))
    (folder / "metrics.csv").write_text("epoch,step,val/accuracy\n0,9,0.99\n")
    assert main([str(tmp_path)]) == 0
    assert f"{folder / 'metrics.csv'} was changed after the run wrote it" in capsys.readouterr().out
    curves, changed = read_curves(find_runs(tmp_path).runs, ["accuracy"])
    assert changed == [folder / "metrics.csv"] and list(curves["val/accuracy"]) == [tmp_path / "0"]


def test_validations_within_an_epoch_are_drawn_over_steps(tmp_path, drawn):
    folder = write_run(tmp_path / "0", 0, 0.5)
    (folder / "metrics.csv").write_text("epoch,step,val/accuracy\n0,9,0.1\n0,19,0.2\n")
    learning.draw_curves(results_of(tmp_path))
    (axes,) = drawn[0].axes
    assert axes.get_xlabel() == "training steps"
    assert axes.collections[0].get_segments()[0][:, 0].tolist() == [10, 20]


def test_of_more_settings_than_colours_the_best_on_validation_data_are_coloured(tmp_path, drawn):
    for i in range(9):
        value = i / 10
        write_run(tmp_path / str(i), 0, 1 - value, val=value, curve=[0.0, value], settings={"model.width": str(i)})
    learning.draw_curves(results_of(tmp_path))
    texts = [text.get_text() for text in drawn[0].legends[0].get_texts()]
    assert texts[:2] == ["model.width=8", "model.width=7"]
    assert texts[-1] == "the other 3 settings, less good"


def test_of_more_settings_than_colours_none_is_called_less_good_where_nothing_says_what_is_good(tmp_path, drawn):
    for i in range(9):
        settings = {"model.width": str(i)}
        write_run(tmp_path / str(i), 0, 0.5, val=i / 10, curve=[i / 10] * 2, settings=settings, higher_is_better={})
    learning.draw_curves(results_of(tmp_path))
    texts = [text.get_text() for text in drawn[0].legends[0].get_texts()]
    assert texts[:2] == ["model.width=0", "model.width=1"] and texts[-1] == "the other 3 settings"


def test_runs_without_curves_or_with_one_setting_draw_no_such_picture(tmp_path):
    write_run(tmp_path / "0", 0, 0.5)
    write_run(tmp_path / "1", 1, 0.5)
    results = results_of(tmp_path)
    assert learning.draw_curves(results) == (None, [], [])
    assert parameters.draw_parameters(results) is None


def test_labels_are_shown_as_they_are_and_not_read_as_formulas(tmp_path):
    for i in range(3):
        settings = {"x": rf"$\nonsense{i}$", "_y": "$", "z": str(i % 2)}
        write_run(tmp_path / str(i), 0, 0.5, val=0.5, curve=[0.1, 0.5], settings=settings)
    assert main([str(tmp_path)]) == 0
    assert (tmp_path / "report" / "curves.png").stat().st_size > 10_000


def grid(folder):
    for model in ("mlp", "cnn"):
        for i, rate in enumerate(("0.01", "0.1", "1")):
            val = 0.5 + i / 10
            write_run(folder / f"{model}{rate}", 0, 1 - val, val=val, model=model, settings={"lr": rate})


def test_two_settings_are_a_heat_map_of_validation_data_with_the_best_framed(tmp_path, drawn):
    grid(tmp_path)
    parameters.draw_parameters(results_of(tmp_path))
    axes, bar = drawn[0].axes
    assert [text.get_text() for text in axes.get_xticklabels()] == ["0.01", "0.1", "1"]
    assert [text.get_text() for text in axes.texts] == ["0.500", "0.600", "0.700"] * 2
    assert (axes.get_xlabel(), axes.get_ylabel(), bar.get_ylabel()) == ("lr", "model", "val accuracy (fraction)")
    (frame,) = axes.patches
    assert frame.get_xy() == (2, 0), "the highest validation accuracy, where the test accuracy is lowest"


def test_three_settings_are_parallel_coordinates_with_a_line_each(tmp_path, drawn):
    grid(tmp_path)
    for run in list(tmp_path.iterdir()):
        write_run(tmp_path / f"{run.name}b", 0, 0.1, val=0.1, settings={"lr": "0.1", "x": run.name})
    parameters.draw_parameters(results_of(tmp_path))
    axes, right = drawn[0].axes
    lines, best = (item.get_segments() for item in axes.collections if isinstance(item, LineCollection))
    assert len(lines) == 12 and len(best) == 1 and len(lines[0]) == 4
    assert best[0][-1].tolist() == [3, 1], "the best ends on top"
    assert [text.get_text() for text in axes.get_xticklabels()] == ["model", "lr", "x"]
    assert right.get_ylabel() == "val accuracy (fraction)"


def test_numbers_lie_on_their_axis_by_size_or_order_of_magnitude():
    assert parallel_coordinates.heights_of([1.0, 2.0, 5.0]) == [0, 0.25, 1]
    assert parallel_coordinates.heights_of([0.001, 0.01, 0.1]) == pytest.approx([0, 0.5, 1])


def test_losses_that_exploded_do_not_squeeze_the_others():
    means = [-1.0 - i / 10 for i in range(20)] + [1e9]
    low, high = drawing.limits(False, means)
    assert low == pytest.approx(-2.9) and high < 0
    assert drawing.limits(False, means[:-1]) == (pytest.approx(-2.9), -1.0)
    assert drawing.limits(None, means) == (pytest.approx(-2.9), 1e9), "nothing says which end is bad"
    assert drawing.limits(True, [0.3, 0.33, 0.1, -8e13]) == (0.1, 0.33), "also where there are few"
    assert drawing.limits(True, [0.3, 0.3, 0.3, -0.5]) == (-0.5, 0.3)


def test_a_run_that_diverged_is_named_at_the_edge_and_leaves_the_axis_to_the_others(tmp_path, drawn, monkeypatch):
    monkeypatch.setattr(chart, "png", drawing.png)
    for i, r2 in enumerate((0.3, 0.35, 0.31, -8.4e13)):
        summary = {"metrics": {"test/r2": r2}, "higher_is_better": {"r2": True}}
        folder = write_run(tmp_path / str(i), 0, None, settings={"lr": str(i)}, **summary)
        (folder / "metrics.csv").write_text(f"epoch,step,val/r2\n0,9,-0.5\n1,19,{r2}\n")
    assert main([str(tmp_path), "--metric", "test/r2"]) == 0
    curves, dots = (figure.axes[0] for figure in drawn)
    assert [text.get_text() for text in dots.texts] == ["← -8.4e+13"] and dots.get_xlim()[0] > 0
    assert curves.get_ylim()[0] == -0.5 and 0.35 < curves.get_ylim()[1] < 0.5
    assert "| -8.4e+13 |" in (tmp_path / "report" / "table.md").read_text(encoding="utf-8")


def test_a_long_label_keeps_a_part_of_each_setting_and_both_ends_of_long_names():
    settings = {
        "data.path": "/data/in/a/folder/of/a/long/name/file_2.csv",
        "model.hidden_sizes": "[64,16]",
        "lr": "0.1",
    }
    text = drawing.label(SimpleNamespace(settings=list(settings)), SimpleNamespace(settings=settings))
    assert text == "path=/data/in/a/fold…ong/name/file_2.csv, hidden_sizes=[64,16], lr=0.1"


def test_the_latex_table_is_escaped_and_its_best_row_bold(tmp_path):
    for i, text in enumerate(["50%_{a}", "[1,2]\\^~&#$"]):
        write_run(tmp_path / str(i), 0, 0.5, val=0.5 + i / 10, settings={"model.x_y": text})
    lines = latex_text(results_of(tmp_path)).splitlines()
    body = lines[lines.index(r"    \midrule") + 1 : lines.index(r"    \bottomrule")]
    escaped = r"{[}1,2{]}\textbackslash{}\textasciicircum{}\textasciitilde{}\&\#\$"
    assert sorted(body) == [
        r"    50\%\_\{a\} & 1 & 0.500 \\",
        r"    \textbf{" + escaped + r"} & \textbf{1} & \textbf{0.500} \\",
    ]
    assert r"    model.x\_y & runs & test/accuracy \\" in lines


@pytest.mark.parametrize("direction", [True, False, None])
def test_dark_is_good_or_high_where_nothing_says_what_is_good(tmp_path, drawn, direction):
    for i, value in enumerate((0.1, 0.5, 0.95)):
        metrics = {"test/f1": value, "val/f1": value}
        stated = {} if direction is None else {"f1": direction}
        settings = {"a": str(i), "b": str(i % 2), "c": str(i // 2)}
        write_run(tmp_path / str(i), 0, None, metrics=metrics, higher_is_better=stated, settings=settings)
    results = results_of(tmp_path, "test/f1")
    parameters.draw_parameters(results)
    axes, _ = drawn[0].axes
    lines = next(item for item in axes.collections if isinstance(item, LineCollection))
    brightness = [sum(color[:3]) for color in lines.get_colors()]
    heights = [line[-1][1] for line in lines.get_segments()]
    assert sorted(brightness, reverse=True) == brightness, "the best, or the highest, is the darkest and drawn last"
    assert (sorted(heights) == heights) == (direction is not False)
    title = drawn[0].get_suptitle()
    assert ("dark is high" in title, "orange the best" in title) == (direction is None, direction is not None)


class Loads(HTMLParser):
    """What a page would load, and how its elements nest."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag, attributes):
        self.addresses += [value for name, value in attributes if name in ("src", "href", "action", "srcset")]
        if tag not in ("meta", "img", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_holds_everything_and_loads_nothing(tmp_path):
    grid(tmp_path)
    write_run(tmp_path / "lost", 5, None, status="failed", error="out of <memory>", model="mlp", settings={"lr": "inf"})
    assert main([str(tmp_path)]) == 0
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    found = Loads()
    found.feed(page)
    assert found.open == []
    assert len(found.addresses) == 2 and all(text.startswith("data:image/png;base64,") for text in found.addresses)
    assert not re.search(r"url\(|@import|https?:", page)
    assert "default-src 'none'" in page and "prefers-color-scheme: dark" in page
    assert page.count("<tr") == 1 + 7 and page.count('<tr class="best">') == 1
    assert '<td class="text" data-place=3>inf</td>' in page, "a setting, not a figure of a run that diverged"
    assert "out of &lt;memory&gt;" in page


def test_other_metrics_are_chosen_on_the_page_with_their_columns_and_curves(tmp_path):
    metrics = {"test/accuracy": 0.5, "test/loss": 1.5, "test/naive_loss": 2.3}
    for seed in (0, 1):
        folder = write_run(tmp_path / str(seed), seed, 0.5, metrics=metrics)
        (folder / "metrics.csv").write_text("epoch,step,val/accuracy,val/loss\n0,9,0.4,1.7\n1,19,0.5,1.6\n")
    assert main([str(tmp_path)]) == 0
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    boxes = re.findall(r'<input type="checkbox" value="([^"]*)"( checked)?>', page)
    assert boxes[:2] == [("test/accuracy", " checked"), ("test/loss", "")] and "naive" not in str(boxes)
    assert '<td data-metric="test/loss" hidden data-place=0>1.5 ± 0</td>' in page
    assert re.findall('<section data-curves="([^"]*)" hidden>', page) == ["loss"]
    values = [json.loads(unescape(text)) for text in re.findall('<figure data-panels="([^"]*)"', page)]
    assert [panels[0]["lines"][0][2] for panels in values] == [[[1, 0.4], [2, 0.5]], [[1, 1.7], [2, 1.6]]]


def test_lines_of_different_lengths_have_points_at_the_same_places():
    lines = [Line(str(n), "red", np.column_stack([np.arange(1, n + 1), np.ones(n)])) for n in (500, 431, 7)]
    found = panel(Figure().subplots(), lines)["lines"]
    xs = [{x for x, _ in points} for _, _, points in found]
    assert len(xs[0]) <= 201 and max(xs[0]) == 500 and max(xs[1]) == 431
    assert xs[1] - {431} <= xs[0] and xs[2] == {1, 4, 7}


def test_a_click_sorts_by_value_and_leaves_what_has_none_at_the_end():
    figures = ["0.9 ± 0.1", "", "nan ± nan", "12 (1 of 2 runs)", "-1e+14 ± 2", "[0.95, 1.2]", "Kobak 2024", "inf"]
    assert places(figures, of_settings=False) == [1, None, None, 3, 0, 2, 4, None]
    settings = ["1_000", "2layers", "[8,8]", "[100]", "1e-3", "[8]", "v10", "v9", "", "inf"]
    assert places(settings, of_settings=True) == [1, 2, 4, 5, 0, 3, 8, 7, None, 6]


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_a_browser_can_read_the_script_of_the_page():
    done = subprocess.run(["node", "--check", "-"], input=SCRIPT, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
