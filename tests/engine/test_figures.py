"""Figures show the numbers they are given."""

import numpy as np
import polars
import pytest
from hyperplane import figures
from hyperplane.figures import fonts
from matplotlib.image import imread
from sklearn.metrics import r2_score

from my_research.tasks.classification import Classification


def lines(axes):
    return {line.get_label(): line for line in axes.get_lines()}


def test_learning_curves_show_each_stage_over_epochs():
    rows = [{"epoch": e, "step": 10 * e + 9, "train/loss": 1 / (e + 1), "val/loss": 2 / (e + 1)} for e in range(5)]
    rows.append({"epoch": 5, "step": 50, "test/loss": 0.7})
    (axes,) = figures.learning_curves(rows).axes
    assert lines(axes)["train"].get_xydata().tolist() == [[e + 1, 1 / (e + 1)] for e in range(5)]
    assert lines(axes)["val"].get_ydata().tolist() == [2 / (e + 1) for e in range(5)]
    assert lines(axes)["test (0.700)"].get_ydata() == [0.7]
    assert axes.get_xlabel() == "epochs trained" and axes.get_ylabel() == "loss"


@pytest.mark.parametrize("metric", ["accuracy", "rmse"])
def test_learning_curves_have_a_panel_for_the_second_metric(metric):
    rows = [{"epoch": e, "step": e, "val/loss": 1.0, f"val/{metric}": 0.5} for e in range(3)]
    loss, second = figures.learning_curves(rows).axes
    assert loss.get_ylabel() == "loss"
    assert second.get_ylabel() == figures.METRIC_LABELS[metric]
    assert lines(second)["val"].get_ydata().tolist() == [0.5] * 3


def test_learning_curves_show_what_was_asked_for_beside_the_usual_metric():
    names = ("loss", "accuracy", "iou", "mae")  # of the usual ones, the first says enough
    panels = figures.learning_curves([{"epoch": 0} | {f"val/{name}": 1.0 for name in names}]).axes
    assert [axes.get_ylabel() for axes in panels] == ["loss", "accuracy (fraction)", "iou"]


def test_a_long_title_of_a_confusion_matrix_does_not_run_into_the_colours():
    figure = figures.confusion_matrix(np.full((3, 3), 123456), "abc")
    figure.draw_without_rendering()
    title = figure._suptitle.get_window_extent()
    assert all(not title.overlaps(axes.get_tightbbox()) for axes in figure.axes)
    assert title.x0 > 0 and title.x1 < figure.bbox.width


def test_loaders_of_a_validation_share_the_panel_of_their_metric():
    rows = [{"epoch": 0, "train/loss": 1.0, "val/clean/loss": 2.0, "val/noisy/loss": 3.0, "val/noisy/acc": 0.5}]
    loss, accuracy = figures.learning_curves(rows).axes
    assert [line.get_label() for line in loss.lines] == ["train", "val clean", "val noisy"]
    assert [list(line.get_ydata()) for line in loss.lines] == [[1.0], [2.0], [3.0]]
    assert len({line.get_linestyle() for line in loss.lines}) == 3
    assert [line.get_label() for line in accuracy.lines] == ["val noisy"]


def test_learning_curves_of_other_losses_have_a_panel_each_and_what_only_the_test_measures_has_none():
    rows = [{"epoch": e, "step": e, "train/generator_loss": 1.0, "train/discriminator_loss": 2.0} for e in range(3)]
    rows.append({"epoch": 3, "step": 3, "test/distance": 0.1})
    panels = figures.learning_curves(rows).axes
    assert [axes.get_ylabel() for axes in panels] == ["discriminator_loss", "generator_loss"]


def test_losses_over_decades_get_a_log_axis():
    rows = [{"epoch": e, "step": e, "train/loss": 10.0**-e} for e in range(4)]
    assert figures.learning_curves(rows).axes[0].get_yscale() == "log"


@pytest.mark.parametrize("rows", [[], [{"epoch": 0, "step": 9, "train/loss": float("nan")}]])
def test_learning_curves_of_a_run_without_finite_metrics_can_be_drawn(rows, tmp_path):
    figures.save({"curves": figures.learning_curves(rows)}, tmp_path)


def test_a_confusion_matrix_shows_counts_and_fractions_of_the_true_class():
    figure = figures.confusion_matrix(np.array([[6, 2], [0, 0]]), ["cat", "dog"])
    axes = figure.axes[0]
    assert [text.get_text() for text in axes.texts] == ["6", "2", "0", "0"]
    assert axes.get_images()[0].get_array().tolist() == [[0.75, 0.25], [0, 0]]
    assert axes.figure.get_suptitle() == "Confusion matrix: 6 of 8 right (75.0%)"
    assert axes.get_xlabel() == "predicted class" and axes.get_ylabel() == "true class"


def test_a_large_confusion_matrix_has_no_numbers():
    figure = figures.confusion_matrix(np.eye(50, dtype=int), [f"c{i}" for i in range(50)])
    assert not figure.axes[0].texts
    assert len(figure.axes[0].get_xticks()) == 25


def softmax(logits):
    exp = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exp / exp.sum(axis=1, keepdims=True)


def labelled(points, labels, feature_names=("x", "y"), class_names="ab"):
    return figures.LabelledPoints(points, labels, points[:0], labels[:0], feature_names, list(class_names))


def test_the_boundary_of_two_classes_lies_where_p_is_one_half():
    def predict(points):  # class 1 to the right of x = 0.25
        return softmax(np.stack([np.zeros(len(points)), 4 * (points[:, 0] - 0.25)], axis=1))

    points = np.random.default_rng(0).uniform(-1, 1, (100, 2))
    labels = (points[:, 0] > 0.25).astype(int)
    figure = figures.decision_regions(predict, labelled(points, labels, ["a (cm)", "b (cm)"], "lr"))
    axes = figure.axes[0]
    (contour,) = [c for c in axes.collections if hasattr(c, "levels")]
    assert np.allclose(contour.get_paths()[0].vertices[:, 0], 0.25, atol=1e-2)
    assert axes.get_xlabel() == "a (cm)" and axes.get_ylabel() == "b (cm)"
    assert "p = 0.5" in axes.get_title()
    colors = axes.get_images()[0].get_array()
    left, right = colors[0, 0], colors[0, -1]
    assert left[2] > left[0] and right[0] > right[2], "blue to the left, orange to the right"


def test_every_point_is_drawn_and_test_points_apart():
    rng = np.random.default_rng(0)
    points, labels = rng.normal(size=(30, 2)), np.arange(30) % 3
    data = figures.LabelledPoints(points, labels, points[:6] + 0.1, labels[:6], ["x", "y"], ["a", "b", "c"])
    figure = figures.decision_regions(lambda at: softmax(at @ np.array([[1.0, 0, -1], [0, 1, -1]])), data)
    drawn = {c.get_label(): len(c.get_offsets()) for c in figure.axes[0].collections}
    assert {drawn[f"{name}, train"] for name in "abc"} == {10}
    assert {drawn[f"{name}, test"] for name in "abc"} == {2}


def test_a_diverged_model_can_be_drawn(tmp_path):
    data = labelled(np.array([[0.0, 0.0], [1.0, 1.0]]), np.array([0, 1]))
    unknown = figures.decision_regions(lambda at: np.full((len(at), 2), np.nan), data)
    features, target = np.array([[0.0], [1.0]]), np.array([0.0, 1.0])

    def predict(at):
        return np.full(len(at), np.nan)

    line = figures.fitted_line(predict, (features, target), (features, target), "x", "y")
    left_over = figures.residuals(predict(features), target, "y")
    plane = (data.points, target)
    surface = figures.fitted_surface(predict, plane, plane, ["a", "b"], "y")
    figures.save({"regions": unknown, "line": line, "residuals": left_over, "surface": surface}, tmp_path)


def test_a_margin_is_drawn_where_f_is_one_and_the_support_vectors_are_circled():
    points = np.array([[-2.0, 0.0], [-1.0, 1.0], [1.0, -1.0], [2.0, 0.0], [0.9, 1.0]])
    data = labelled(points, np.array([0, 0, 1, 1, 1]))

    def decision(at):
        return at[:, 0]

    figure = figures.decision_regions(
        lambda at: softmax(np.stack([-decision(at), decision(at)], axis=1)), data, decision, np.array([1, 2, 4])
    )
    axes = figure.axes[0]
    boundary, margin = (c for c in axes.collections if hasattr(c, "levels"))
    assert np.allclose(boundary.get_paths()[0].vertices[:, 0], 0, atol=1e-2)
    assert list(margin.levels) == [-1, 1]
    for level, path in zip(margin.levels, margin.get_paths(), strict=True):
        assert np.allclose(path.vertices[:, 0], level, atol=1e-2)
    (circles,) = [c for c in axes.collections if str(c.get_label()).startswith("support vectors")]
    assert circles.get_offsets().tolist() == points[[1, 2, 4]].tolist()
    assert circles.get_label() == "support vectors (3 of 5)"
    assert "f = 0" in axes.get_title()


@pytest.mark.parametrize("model", ["svm", "kernel_svm"])
def test_the_support_vectors_of_a_run_are_the_training_points_that_hold_the_margin(train, monkeypatch, model):
    drawn = []
    monkeypatch.setattr(figures, "decision_regions", lambda *given: drawn.append(given) or figures.new_figure(1, 1))
    train(f"model={model}", "data=moons", "figures=true", "optimizer.lr=0.1", "trainer.max_epochs=5")
    _, data, decision, support = drawn[0]
    side = 2 * data.labels - 1
    held = np.isin(np.arange(len(side)), support)
    margins = side * decision(data.points)
    assert 0 < held.sum() < len(side)
    assert margins[held].max() < 1.01 and margins[~held].min() > 0.99


def test_models_side_by_side_share_their_axes_and_say_their_accuracy():
    data = labelled(np.random.default_rng(0).normal(size=(20, 2)), np.arange(20) % 2)

    def predict(at):
        return softmax(np.stack([at[:, 0], at[:, 1]], axis=1))

    panels = [figures.Subplot(title, predict, data) for title in ("linear: 0.850", "mlp: 0.970")]
    left, right = figures.compare_regions([panels], "Decision regions").axes
    assert (left.get_title(), right.get_title()) == ("linear: 0.850", "mlp: 0.970")
    assert left.get_xlim() == right.get_xlim() and left.get_ylim() == right.get_ylim()


def test_a_fitted_line_has_the_models_slope_in_a_band_of_the_training_error():
    x = np.linspace(0, 10, 41, dtype=np.float32)[:, None]
    wobble = np.where(np.arange(41) % 2 == 0, 2.0, -2.0)
    train, test = (x, 5 + 3 * x[:, 0] + wobble), (x + 1, 5 + 3 * x[:, 0])
    axes = figures.fitted_line(lambda at: 5 + 3 * at[:, 0], train, test, "time (s)", "distance (m)").axes[0]
    at, y = lines(axes)["model"].get_data()
    assert np.allclose(np.polyfit(at, y, 1), [3, 5], atol=1e-4)
    assert at.max() == 11, "the line reaches all points, also those of the test"
    (band,) = [c for c in axes.collections if c.get_label() == "± train RMSE"]
    assert np.ptp(band.get_paths()[0].vertices[:, 1]) == pytest.approx(33 + 2 * 2, abs=1e-4)
    assert axes.get_xlabel() == "time (s)" and axes.get_ylabel() == "distance (m)"


def test_a_fitted_surface_has_the_models_heights_and_a_stem_from_it_to_each_test_point():
    rng = np.random.default_rng(0)
    points = rng.uniform(-1, 1, (30, 2)).astype(np.float32)

    def plane(at):
        return 1 + 2 * at[:, 0] - 3 * at[:, 1]

    train, test = (points[:20], plane(points[:20])), (points[20:], plane(points[20:]) + 0.5)
    space, heights, *_ = figures.fitted_surface(plane, train, test, ["a", "b"], "c").axes
    stems = [line.get_data_3d() for line in space.get_lines()]
    assert len(stems) == 10
    for (_, _, z), point in zip(stems, points[20:], strict=True):
        assert z == pytest.approx([plane(point[None])[0], plane(point[None])[0] + 0.5])
    assert heights.get_xlabel() == "a" and heights.get_ylabel() == "b" and space.get_zlabel() == "c"


def test_residuals_are_drawn_and_summed_up():
    true = np.array([1.0, 2.0, 3.0, 4.0])
    figure = figures.residuals(np.array([4.0, 1.0, 4.0, 5.0]), true, "y (m)")
    scatter, histogram = figure.axes
    assert scatter.collections[0].get_offsets().tolist() == [[1, 4], [2, 1], [3, 4], [4, 5]]
    assert sum(bar.get_height() for bar in histogram.patches) == 4
    assert figure.get_suptitle() == "Residuals on 4 test samples: mean 1.00, RMSE 1.73"
    assert histogram.get_xlabel() == "predicted − true, y (m)"


@pytest.mark.parametrize("true", [np.full(9, 2.0**63), np.full(9, 3e38, np.float32), np.zeros(9)])
def test_equal_values_of_any_size_are_drawn(true, tmp_path):
    points, predicted = np.random.default_rng(0).normal(size=(9, 2)), np.zeros_like(true)
    drawn = figures.residuals(predicted, true, "y")
    (bar,) = (bar for bar in drawn.axes[1].patches if bar.get_height() == len(true))
    assert bar.get_x() <= -float(true[0]) < bar.get_x() + bar.get_width()
    surface = figures.fitted_surface(lambda x: np.zeros(len(x)), (points, true), (points, true), ["a", "b"], "y")
    assert len(figures.save({"residuals": drawn, "surface": surface}, tmp_path)) == 2


def test_a_figure_that_fails_is_said_and_takes_neither_the_others_nor_the_run_along(train, monkeypatch):
    made = {"no_figure": object(), "matrix": figures.confusion_matrix(np.eye(2, dtype=int), "ab")}
    monkeypatch.setattr(Classification, "figures", lambda self, data: made)
    monkeypatch.setattr(figures, "learning_curves", lambda rows: 1 / 0)
    done = train("data=wine", "figures=true")
    assert done.summary["status"] == "completed"
    assert [path.name for path in (done.folder / "figures").iterdir()] == ["matrix.png"]
    assert "learning curves could not be drawn: ZeroDivisionError" in done.stderr
    assert "the figure no_figure could not be drawn: AttributeError" in done.stderr


def test_every_target_has_its_r2_and_names_are_cut():
    rng = np.random.default_rng(0)
    true = rng.normal(size=(200, 5))
    predicted = true + rng.normal(size=true.shape) * [0.1, 0.5, 1, 30, 0]
    true[:, 4] = 3
    names = ["a name that is far too long for an axis", "b", "c", "diverged", "constant"]
    axes = figures.r2_by_target(predicted, true, names).axes[0]
    r2 = [r2_score(true[:, k], predicted[:, k]) for k in range(3)]
    assert [bar.get_height() for bar in axes.patches] == pytest.approx([*r2, -1])
    assert [label.get_text() for label in axes.get_xticklabels()] == ["a name that is far …", *names[1:]]
    lowest = r2_score(true[:, 3], predicted[:, 3])
    expected = f"R² of 4 of 5 targets on 200 test samples: median {np.median([*r2, lowest]):.3g}, lowest {lowest:.3g}"
    assert axes.get_title() == f"{expected} (diverged)"


def test_of_many_targets_four_are_drawn_one_by_one_and_all_in_one_picture(train):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 3))
    columns = {f"x{i}": x[:, i] for i in range(3)} | {f"y{i}": x @ rng.normal(size=3) for i in range(10)}
    polars.DataFrame(columns).write_csv("many.csv")
    targets = ",".join(f"y{i}" for i in range(10))
    run = train("data=table", "data.path=many.csv", f"data.target=[{targets}]", "figures=true", "model=linear")
    drawn = {path.stem for path in (run.folder / "figures").glob("*.png")}
    assert drawn == {"learning_curves", "r2_by_target", *(f"residuals_{k}" for k in range(1, 5))}
    assert "The first 4 of 10 targets are drawn one by one" in run.stderr


def test_of_very_many_points_only_some_are_drawn():
    many = np.linspace(0, 1, 100_000)
    scatter = figures.residuals(many, many, "y").axes[0]
    assert 2000 < len(scatter.collections[0].get_offsets()) <= 5000


def test_save_writes_png_files_and_nothing_else(tmp_path):
    figure = figures.confusion_matrix(np.eye(3, dtype=int), ["a", "b", "c"])
    paths = figures.save({"confusion_matrix": figure}, tmp_path)
    assert paths == {"confusion_matrix": tmp_path / "figures" / "confusion_matrix.png"}
    assert list((tmp_path / "figures").iterdir()) == list(paths.values())
    width, height = figure.get_size_inches() * 120
    assert imread(paths["confusion_matrix"]).shape[:2] == (int(height), int(width))


@pytest.mark.parametrize(
    ("times", "ticks"),
    [
        (None, ["−20", "−10", "0"]),
        (np.arange("1958-02", "1961-01", dtype="datetime64[M]").astype("datetime64[us]"), ["1959", "1960"]),
        (np.arange(1700.0, 1735.0), ["1700", "1730"]),
        (np.arange(35) / 12 + 1958, ["1958", "1960"]),
    ],
    ids=["steps", "dates", "years", "decimal years"],
)
def test_the_axis_of_a_forecast_shows_times(times, ticks):
    window = figures.Forecast("one", np.arange(28.0), np.arange(7.0), np.zeros((7, 3)), times=times)
    figure = figures.forecasts([window], (0.1, 0.5, 0.9), "y (pieces)", "month")
    (axes,) = figure.axes
    figure.draw_without_rendering()
    shown = [label.get_text() for label in axes.get_xticklabels()]
    assert set(ticks) <= set(shown), shown
    assert axes.get_xlabel() == ("step (0: the last that the forecast sees)" if times is None else "month")


@pytest.mark.parametrize("installed", [[], ["Noto Sans CJK JP"]])
def test_boxes_in_the_place_of_signs_are_explained_once(tmp_path, messages, monkeypatch, installed):
    monkeypatch.setattr(fonts, "INSTALLED", installed)
    fonts.warn_of_boxes.cache_clear()
    for name in ("温度", "城市"):
        figure = figures.new_figure(3, 2)
        figure.suptitle(name)
        figures.save({name: figure}, tmp_path)
    assert [message.count("Noto Sans CJK") for message in messages] == [1] * (not installed)
