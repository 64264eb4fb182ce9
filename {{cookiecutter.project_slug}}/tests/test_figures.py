"""Figures show the numbers they are given."""

import numpy as np
import pytest
from matplotlib.image import imread

from {{ cookiecutter.package_name }} import figures


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
    assert axes.get_title() == "Confusion matrix: 6 of 8 right (75.0%)"
    assert axes.get_xlabel() == "predicted class" and axes.get_ylabel() == "true class"


def test_a_large_confusion_matrix_has_no_numbers():
    figure = figures.confusion_matrix(np.eye(50, dtype=int), [f"c{i}" for i in range(50)])
    assert not figure.axes[0].texts
    assert len(figure.axes[0].get_xticks()) == 25


def softmax(logits):
    exp = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exp / exp.sum(axis=1, keepdims=True)


def test_the_boundary_of_two_classes_lies_where_p_is_one_half():
    def predict(points):  # class 1 to the right of x = 0.25
        return softmax(np.stack([np.zeros(len(points)), 4 * (points[:, 0] - 0.25)], axis=1))

    points = np.random.default_rng(0).uniform(-1, 1, (100, 2))
    labels = (points[:, 0] > 0.25).astype(int)
    figure = figures.decision_regions(predict, points, labels, ["a (cm)", "b (cm)"], ["l", "r"])
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
    figure = figures.decision_regions(
        lambda at: softmax(at @ np.array([[1.0, 0, -1], [0, 1, -1]])),
        points,
        labels,
        ["x", "y"],
        ["a", "b", "c"],
        test_points=points[:6] + 0.1,
        test_labels=labels[:6],
    )
    drawn = {c.get_label(): len(c.get_offsets()) for c in figure.axes[0].collections}
    assert {drawn[f"{name}, train"] for name in "abc"} == {10}
    assert {drawn[f"{name}, test"] for name in "abc"} == {2}


def test_a_diverged_model_can_be_drawn(tmp_path):
    figure = figures.decision_regions(
        lambda at: np.full((len(at), 2), np.nan),
        np.array([[0.0, 0.0], [1.0, 1.0]]),
        np.array([0, 1]),
        ["x", "y"],
        ["a", "b"],
    )
    figures.save({"regions": figure}, tmp_path)


def test_save_writes_png_files_and_nothing_else(tmp_path):
    figure = figures.confusion_matrix(np.eye(3, dtype=int), ["a", "b", "c"])
    paths = figures.save({"confusion_matrix": figure}, tmp_path)
    assert paths == {"confusion_matrix": tmp_path / "figures" / "confusion_matrix.png"}
    assert list((tmp_path / "figures").iterdir()) == list(paths.values())
    width, height = figure.get_size_inches() * 120
    assert imread(paths["confusion_matrix"]).shape[:2] == (int(height), int(width))
