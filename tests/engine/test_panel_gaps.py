"""Gaps in the past of a window are filled on request, and marked; what is forecast has always been measured."""

import numpy as np
import polars
import pytest
import torch
from hyperplane.checkpoints.trained import load_trained
from hyperplane.data.panels.gaps import rows_to_fill
from hyperplane.data.panels.panel import Panel

WINDOW = {"encoder_length": 4, "decoder_length": 2}
COLUMNS = {"time": "t", "target": "y", "groups": ("shop",), "known_reals": ("price",)}
EMPTY, ABSENT, LONG = 10, 20, range(30, 34)  # a row without target, none, and too many of them


@pytest.fixture
def table():
    rows = [
        {"shop": shop, "t": t, "price": float(t % 3), "y": None if t == EMPTY or t in LONG else float(t)}
        for shop in "ab"
        for t in range(80)
        if t != ABSENT
    ]
    return polars.DataFrame(rows)


@pytest.fixture
def load(table, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table.write_csv("y.csv")

    def make(**options):
        data = Panel(path="y.csv", **COLUMNS, **WINDOW, seed=0, **options)
        data.setup()
        return data

    return make


def test_a_gap_takes_the_last_value_and_keeps_what_the_file_says(load):
    data = load(fill=True)
    assert data.spec.observed_reals == ("y is filled",)
    price, mark, y = data.rows.reals[data.rows.series == 0].T
    expected = [float(t) for t in range(30)]
    expected[EMPTY], expected[ABSENT] = EMPTY - 1.0, ABSENT - 1.0
    assert y.tolist() == expected
    assert mark.nonzero().flatten().tolist() == [EMPTY, ABSENT]
    assert price[EMPTY] == EMPTY % 3 and price[ABSENT] == (ABSENT - 1) % 3
    assert len(data.series_names) == 4, "a gap as long as the past stays one"


def test_no_target_is_filled_and_more_windows_are_there(load):
    data, without = load(fill=True), load()
    assert without.spec.observed_reals == ()
    for part, starts in data.starts.items():
        targets = data.raw_windows(starts).targets
        ahead = data.rows.time[starts + WINDOW["encoder_length"]]
        assert torch.equal(targets[:, 0], ahead.double()), "as they were measured"
        assert torch.equal(targets[:, 1], ahead + 1.0)
        assert len(starts) >= len(without.starts[part])
    # Of each series 4 windows with a past that holds the gap come back, for each of the two gaps.
    assert len(data.starts["train"]) == len(without.starts["train"]) + 2 * 2 * 4


def test_series_begin_and_end_with_a_target():
    series, time = np.array([0, 0, 0, 1, 1, 1]), np.array([0, 1, 2, 0, 3, 4])
    has_target = np.array([False, True, True, True, True, False])
    row, step, is_new, is_missing = rows_to_fill(series, time, has_target, 3)
    assert row.tolist() == [1, 2, 3, 3, 3, 4] and step.tolist() == [1, 2, 0, 1, 2, 3]
    assert is_new.tolist() == is_missing.tolist() == [False, False, False, True, True, False]


def test_predict_fills_alike(table, load, train, command):
    load()
    roles = ("data.path=y.csv", "data.time=t", "data.target=y", "data.groups=[shop]", "data.known_reals=[price]")
    run = train("model=linear", "data=panel", *roles, "data.fill=true", *(f"data.{k}={v}" for k, v in WINDOW.items()))
    part = table.filter((polars.col("shop") == "a") & (polars.col("t") >= EMPTY - 3) & (polars.col("t") < EMPTY + 5))
    is_past = polars.col("t") <= EMPTY + 1
    part.with_columns(y=polars.when(is_past).then("y")).write_csv("new.csv")
    assert command("predict", f"run={run.folder}", "input=new.csv").status == 0
    found = polars.read_csv("predictions.csv").filter(polars.col("q0.5").is_not_null())
    assert found["t"].to_list() == [EMPTY + 2, EMPTY + 3]
    data = load(fill=True)
    window = data.raw_windows(torch.tensor([EMPTY - 2]))
    expected = load_trained(run.folder).task(*window[:-1]).detach().numpy()[0]
    np.testing.assert_allclose(found.select("q0.1", "q0.5", "q0.9").to_numpy(), expected, rtol=1e-5)
