"""The target is scaled by window or by all rows as validation windows say, and every command does the same."""

from pathlib import Path

import numpy as np
import polars
import pytest
import torch
from hyperplane.data.panels.naive import naive_loss
from hyperplane.data.panels.panel import Panel
from hyperplane.data.panels.scale_choice import LAMBDAS, curvature
from hyperplane.metrics.quantile_loss import quantile_loss

STEPS = 240
ROLES = ("data=panel", "data.path=y.csv", "data.time=t", "data.target=y", "data.known_reals=[price]")
SHORT = ("data.encoder_length=8", "data.decoder_length=2")
KINDS = {"trend": "window", "driven": "all", "both": "window"}


def series(kind):
    """A price that jumps, and a target that grows, follows the price, or both: (STEPS,) each."""
    random, t = np.random.default_rng(0), np.arange(STEPS)
    price = np.repeat(random.integers(1, 6, STEPS // 3), 3).astype(float)
    growth = {"trend": 1.0, "both": 1.0, "driven": 0.0}[kind] * np.exp(t / 60) * (1 + 0.3 * np.sin(t * np.pi / 3))
    effect = {"trend": 0.0, "both": 0.5, "driven": 2.0}[kind]
    return price, 20 + 3 * growth - effect * price + 0.1 * random.normal(size=STEPS)


def write(kind, path="y.csv"):
    lines = [f"{i},{p!r},{y!r}" for i, (p, y) in enumerate(zip(*(v.tolist() for v in series(kind)), strict=True))]
    Path(path).write_text("\n".join(["t,price,y", *lines]) + "\n", encoding="utf-8")


def panel(**options):
    data = Panel(path="y.csv", time="t", target="y", seed=0, **({"known_reals": ["price"]} | options))
    data.setup()
    return data


@pytest.mark.parametrize("kind", KINDS)
def test_the_scale_follows_from_the_validation_windows(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(kind)
    found = panel(encoder_length=8, decoder_length=2)
    assert found.spec.by_window == (KINDS[kind] == "window")
    stated = panel(encoder_length=8, decoder_length=2, scale=KINDS[kind])
    assert stated.spec == found.spec, "what is found is what could have been stated"


def test_rows_of_the_test_have_no_say(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write("driven")
    found = panel(encoder_length=8, decoder_length=2).spec
    lines = Path("y.csv").read_text(encoding="utf-8").splitlines()
    kept = 1 + round(0.8 * STEPS)
    grown = [",".join([*line.split(",")[:2], str(1000 + i**2)]) for i, line in enumerate(lines[kept:])]
    Path("y.csv").write_text("\n".join(lines[:kept] + grown) + "\n", encoding="utf-8")
    assert panel(encoder_length=8, decoder_length=2).spec == found and not found.by_window


def test_series_that_stay_where_they_are_do_not_drift_however_many_they_are(tmp_path, monkeypatch):
    monkeypatch.setattr("hyperplane.data.panels.datamodule.MOST_WINDOWS", 60)  # one of each series
    monkeypatch.setattr("hyperplane.data.panels.datamodule.MANY_WINDOWS", 0)
    noise = np.random.default_rng(0).normal(size=(60, 60))
    axes = {"g": np.repeat(np.arange(60), 60), "t": np.tile(np.arange(60), 60)}
    for growth, by_window in ((0.0, False), (0.3, True)):
        polars.DataFrame(axes | {"y": (noise + growth * np.arange(60)).ravel()}).write_parquet(tmp_path / "y.parquet")
        options = dict(groups=("g",), encoder_length=6, decoder_length=2, seed=0)
        data = Panel(path=str(tmp_path / "y.parquet"), time="t", target="y", **options)
        data.setup()
        assert data.spec.by_window == by_window


def test_what_is_known_and_many_windows_are_learned_from_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write("driven")
    alone, driven = (panel(encoder_length=8, decoder_length=2, scale="all", known_reals=k) for k in ([], ["price"]))
    assert alone.spec.lag > 0 and driven.spec.lag == 0
    monkeypatch.setattr("hyperplane.data.panels.datamodule.MANY_WINDOWS", alone.spec.train_size)
    assert panel(encoder_length=8, decoder_length=2, scale="all", known_reals=[]).spec.lag == 0


def test_a_penalty_weighs_beside_the_quantile_loss_as_much_as_beside_squares(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write("trend")
    spec = panel(encoder_length=8, decoder_length=2).spec
    errors = 0.2 * torch.distributions.Normal(0.0, 1.0).icdf(torch.linspace(0, 1, 20_003)[1:-1].double())[:, None]
    best, step = torch.quantile(errors, torch.tensor(spec.quantiles).double()), 0.05
    below, at, above = (
        float(quantile_loss((best + shift).expand(len(errors), 1, -1), errors, spec.quantiles).mean())
        for shift in (-step, 0.0, step)
    )
    assert curvature(errors, spec) == pytest.approx((below - 2 * at + above) / step**2, rel=0.05)


def test_where_too_few_windows_tell_the_penalty_it_is_the_largest(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write("trend")
    Path("y.csv").write_text("\n".join(Path("y.csv").read_text(encoding="utf-8").splitlines()[:23]), encoding="utf-8")
    assert panel(encoder_length=9, decoder_length=4, val_fraction=0.0, known_reals=[]).spec.ridge == LAMBDAS[0]


def test_forecasts_count_from_the_last_value_where_that_is_better(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    steps = np.random.default_rng(3).normal(size=STEPS)
    jumps = np.where(np.arange(STEPS) % 60 == 59, 30.0, 0.0)
    for name, values in (("walk", np.cumsum(steps + jumps)), ("noise", steps)):
        lines = [f"{i},1.0,{y!r}" for i, y in enumerate(values.tolist())]
        Path("y.csv").write_text("\n".join(["t,price,y", *lines]) + "\n", encoding="utf-8")
        found = panel(known_reals=[])
        windows = found.raw_windows(found.starts["val"])
        last, chosen = (
            naive_loss(windows.past_reals[..., -1], windows.targets, found.quantiles, lag, seasons)
            for lag, seasons in ((1, 1), (found.spec.lag, found.spec.seasons))
        )
        assert (found.spec.lag, found.spec.seasons) == (1, 1) if name == "walk" else chosen < 0.8 * last


@pytest.mark.parametrize("kind", KINDS)
def test_a_network_forecasts_better_by_the_scale_that_is_found(kind, train):
    write(kind)
    words = ("model=tft", *ROLES, *SHORT, "optimizer.lr=0.01", "trainer.max_epochs=30")
    losses = {
        scale: train(*words, f"data.scale={scale}").summary["metrics"]["test/quantile_loss"]
        for scale in ("window", "all")
    }
    assert losses[KINDS[kind]] < 0.8 * max(losses.values()), losses


def test_the_log_says_why_and_predict_scales_alike(train, command):
    write("driven")
    done = train("model=linear", *ROLES, *SHORT, "optimizer.lr=0.01", "trainer.max_epochs=60")
    assert "data.scale=all: a linear forecast of held-out windows has the quantile loss" in done.stderr
    lines = Path("y.csv").read_text(encoding="utf-8").splitlines()
    past, (t, price, _) = lines[-9:-1], lines[-1].split(",")
    ends = [f"{t},{price},", f"{int(t) + 1},1.0,"], [f"{t},5.0,", f"{int(t) + 1},5.0,"]
    found = []
    for end in ends:
        Path("new.csv").write_text("\n".join([lines[0], *past, *end]) + "\n", encoding="utf-8")
        assert command("predict", f"run={done.folder}", "input=new.csv").status == 0
        found.append(polars.read_csv("predictions.csv")["q0.5"][-1])
    assert found[0] == pytest.approx(18, abs=1) and found[1] == pytest.approx(10, abs=1)
