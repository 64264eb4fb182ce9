"""A validation or a test part of one row: every metric is a number or none, and nothing ends in a traceback."""

import math

import numpy as np
import polars
import pytest
from hyperplane.metrics import BINARY, METRICS

ROWS = 24


@pytest.fixture
def rows():
    """Rows of which one is for the test, and one for validation."""
    random = np.random.default_rng(0)
    x, z = random.normal(size=(2, ROWS))
    parts = ["train"] * (ROWS - 2) + ["val", "test"]
    columns = {"x": x, "z": z, "price": 3 * x + z, "side": np.where(x > 0, "left", "right"), "part": parts}
    columns |= {"kind": random.choice(["a", "b", "c"], ROWS), "wet": (x > 0).astype(int), "cold": (z > 0).astype(int)}
    polars.DataFrame(columns).write_csv("rows.csv")
    return {"price", "side", "kind", "wet", "cold"}


@pytest.mark.parametrize(
    "targets, task, words",
    [
        (["price"], "regression", ("model=linear",)),
        (["price"], "regression", ("model=sklearn",)),
        (["price"], "regression", ("model=linear", "data=large_table")),
        (["side"], "classification", ("model=linear",)),
        (["kind"], "classification", ("model=linear",)),
        (["wet", "cold"], "multilabel", ("model=linear",)),
    ],
)
def test_one_row_is_measured_as_far_as_one_row_can_be(train, command, tmp_path, rows, targets, task, words):
    metrics = [*METRICS[task], *(BINARY if targets == ["side"] else ())]
    settings = (
        f"data.target={targets[0] if len(targets) == 1 else '[' + ','.join(targets) + ']'}",
        f"data.ignore=[{','.join(sorted(rows - set(targets)))}]",
        f"task.metrics=[{','.join(dict.fromkeys(metrics))}]",
        "figures=true",
    )
    data = () if words[-1].startswith("data=") else ("data=table",)
    done = train(*data, *words, "data.path=rows.csv", "data.split_column=part", *settings)
    assert "Traceback" not in done.stderr and done.stderr.count("One row is for") == 2, done.stderr
    measured = done.summary["metrics"]
    for name in ("loss", *({"regression": ("rmse", "mae"), "classification": ("accuracy",)}.get(task, ()))):
        assert math.isfinite(measured[f"test/{name}"]) and math.isfinite(measured[f"val/{name}"])
    assert all(value is None or math.isfinite(value) for value in measured.values())
    if task == "regression":
        assert all(measured[f"{part}/{name}"] is None for part in ("val", "test") for name in ("r2", "spearman"))
    evaluated = command("evaluate", f"run={done.folder}")
    assert evaluated.status == 0 and "Traceback" not in evaluated.stderr, evaluated.stderr


def test_best_weights_cannot_be_chosen_by_what_is_no_number(train, rows):
    settings = ("data=table", "data.path=rows.csv", "data.split_column=part", "data.target=price")
    ignored = f"data.ignore=[{','.join(sorted(rows - {'price'}))}]"
    done = train(*settings, ignored, "model=linear", "checkpoint.monitor=val/r2", "trainer.max_epochs=2")
    assert "with the last weights" in done.stderr
