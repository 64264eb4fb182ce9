"""Forecasts are counted from a naive one, in the spread of each window: what grows is followed, the floor is shown."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from hyperplane.data.panels.naive import best_lag, best_naive, error_quantiles, naive
from hyperplane.data.panels.panel import Panel
from hyperplane.data.panels.scaling import PanelScaling
from hyperplane.data.spec import PanelSpec
from hyperplane.exporting import write_programs
from hyperplane.training.caveats import below_floor
from loguru import logger

from my_research.losses.forecasting import Quantile
from my_research.models.linear import Linear
from my_research.models.mlp import MLP
from my_research.models.tft import TFT
from my_research.tasks.forecasting import Forecasting

QUANTILES = (0.1, 0.5, 0.9)
PERIOD, LENGTH = 6, 160
ROLES = ("data.path=y.csv", "data.time=t", "data.target=y", "data.encoder_length=12", "data.decoder_length=4")


def growing(scale=1.0, level=0.0):
    """A series whose level and season grow, as those of sales and passengers do (LENGTH,)."""
    t, random = np.arange(LENGTH), np.random.default_rng(0)
    season = 1 + 0.3 * np.sin(2 * np.pi * t / PERIOD) + 0.02 * random.normal(size=LENGTH)
    return level + scale * np.exp(t / 60) * season


def write(values):
    lines = [f"{i},{value!r}" for i, value in enumerate(values.tolist())]
    Path("y.csv").write_text("\n".join(["t,y", *lines]) + "\n", encoding="utf-8")


def spec(lag, by_window=True, **variables):
    sizes = {"encoder_length": 12, "decoder_length": 4, "quantiles": QUANTILES}
    return PanelSpec(target="y", lag=lag, by_window=by_window, **sizes, **variables)


def forecaster(panel):
    torch.manual_seed(0)
    scaling = PanelScaling(panel)
    scaling.errors = torch.tensor([[-1.0, 0.1, 1.0]] * 4)
    return Forecasting(TFT(panel, hidden_size=4, num_heads=1), Quantile(panel), panel, scaling, torch.optim.SGD).eval()


def windows(past):
    none = torch.zeros(len(past), 0, dtype=torch.long)
    past_categories, future_categories = (none[:, None].expand(-1, steps, -1) for steps in (12, 4))
    return none, past[..., None], past_categories, past.new_zeros(len(past), 4, 0), future_categories


def test_a_naive_forecast_repeats_the_last_season():
    past = torch.arange(12.0)[None]
    assert naive(past, 1, 4).tolist() == [[11, 11, 11, 11]]
    assert naive(past, 3, 4).tolist() == [[9, 10, 11, 9]]
    assert naive(past, 12, 4).tolist() == [[0, 1, 2, 3]]
    assert naive(past, 3, 4, seasons=2).tolist() == [[7.5, 8.5, 9.5, 7.5]]
    assert naive(past, 1, 2, seasons=12).tolist() == [[5.5, 5.5]], "the mean of the window"


def test_the_quantiles_of_errors_are_those_of_each_step():
    errors = torch.tensor([[float(i), 10.0 * i] for i in range(11)])
    assert error_quantiles(errors, QUANTILES).tolist() == [[1, 5, 9], [10, 50, 90]]


def test_the_lag_is_the_season_or_the_step_before():
    random = np.random.default_rng(0)
    season = torch.from_numpy(np.sin(2 * np.pi * np.arange(300) / 5) + 0.1 * random.normal(size=300))
    walk = torch.from_numpy(random.normal(size=300).cumsum())
    for series, lag in ((season, {5, 10}), (walk, {1})):
        cut = series.unfold(0, 16, 1)
        assert best_lag(cut[:, :12], cut[:, 12:], QUANTILES) in lag


def test_seasons_are_averaged_where_there_is_noise_and_no_growth():
    random = np.random.default_rng(0)
    noisy = torch.from_numpy(np.sin(2 * np.pi * np.arange(400) / 4) + random.normal(size=400)).unfold(0, 16, 1)
    grown = torch.from_numpy(growing()).unfold(0, 16, 1)
    assert best_naive(noisy[:, :12], noisy[:, 12:], QUANTILES) == (4, 3)
    assert best_naive(grown[:, :12], grown[:, 12:], QUANTILES) == (PERIOD, 1)


def test_a_forecast_grows_with_its_window():
    task = forecaster(spec(lag=3))
    past = torch.randn(5, 12, generator=torch.Generator().manual_seed(0))
    once, larger = task(*windows(past)), task(*windows(1000 * past + 50_000))
    torch.testing.assert_close(larger, 1000 * once + 50_000, rtol=1e-4, atol=0.1)
    task.network.output.weight.data.zero_()
    zero = task(*windows(past))
    expected = naive(past, 3, 4)[..., None] + past.std(dim=1, correction=0)[:, None, None] * task.scaling.errors
    torch.testing.assert_close(zero.double(), expected.double(), rtol=1e-4, atol=1e-4)


def test_by_all_rows_a_forecast_is_counted_from_the_naive_one_in_their_units():
    task = forecaster(spec(lag=3, by_window=False))
    past = torch.randn(5, 12, generator=torch.Generator().manual_seed(0))
    inputs, level = task.scaling.by_window(*windows(past))
    assert torch.equal(inputs[1][..., 0], past), "the network sees levels"
    assert torch.equal(level.spread, torch.ones(5, 1, 1))
    task.network.output.weight.data.zero_()
    expected = naive(past, 3, 4)[..., None] + task.scaling.errors
    torch.testing.assert_close(task(*windows(past)).double(), expected.double(), rtol=1e-4, atol=1e-4)


def test_a_window_that_does_not_vary_is_forecast():
    assert forecaster(spec(lag=3))(*windows(torch.full((2, 12), 7.0))).isfinite().all()


def test_a_target_that_never_moves_in_training_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = []
    number = logger.add(said.append, format="{message}", level="WARNING")
    for last in (120, 10):  # still over all training rows, and over some
        write(np.where(np.arange(LENGTH) < last, 7.0, growing()))
        Panel(path="y.csv", time="t", target="y", encoder_length=12, decoder_length=4, seed=0).setup()
    logger.remove(number)
    assert [str(line).strip() for line in said] == ["y is 7 in all training rows: they do not show how it changes."]
    exact = {"test/quantile_loss": 1e-7, "test/naive_quantile_loss": 0.0}
    assert "no model can do better there" in below_floor(None, None, exact)


def test_what_is_counted_from_the_window_is_exported(tmp_path):
    assert write_programs(forecaster(spec(lag=5)), spec(lag=5), tmp_path / "export", ["pt2"])


def test_a_series_that_grows_is_forecast_no_worse_than_by_its_last_season(train):
    write(growing())
    words = ("model=tft", "data=panel", *ROLES, "trainer.max_epochs=10")
    done = train(*words)
    metrics = done.summary["metrics"]
    assert metrics["test/quantile_loss"] <= 1.05 * metrics["test/naive_quantile_loss"]
    assert f"the value {PERIOD} steps before" in done.stderr and "A naive forecast is better" not in done.stderr
    assert done.summary["higher_is_better"]["naive_quantile_loss"] is False
    spoiled = train(*words, "data.scale=all", "optimizer.lr=3")
    metrics = spoiled.summary["metrics"]
    assert metrics["test/quantile_loss"] > 1.05 * metrics["test/naive_quantile_loss"]
    assert "A naive forecast is better than this model" in spoiled.stderr
    assert "What may help: data.scale=window, " in spoiled.stderr


@pytest.mark.parametrize("model", [Linear, partial(MLP, hidden_sizes=(8,))], ids=["linear", "mlp"])
def test_a_row_of_a_window_holds_each_value_and_category_once(model):
    names = dict(static_categoricals=("shop",), known_reals=("price",), known_categoricals=("day",))
    panel = spec(0, **names, observed_reals=("rain",), cardinalities={"shop": 3, "day": 7})
    torch.manual_seed(0)
    network = model(panel)
    first = network.output if model is Linear else network.hidden[0]
    assert first.in_features == 3 + 12 * (3 + 7) + 4 * (1 + 7)
    inputs = [
        torch.tensor([[0], [2]]),
        torch.randn(2, 12, 3),
        torch.randint(7, (2, 12, 1)),
        torch.randn(2, 4, 1),
        torch.randint(7, (2, 4, 1)),
    ]
    outputs = network(*inputs)
    assert outputs.shape == (2, 4, 3)
    for number, values in enumerate(inputs):
        changed = [*inputs]
        changed[number] = values + 1.0 if values.is_floating_point() else (values + 1) % 3
        assert not torch.equal(network(*changed), outputs)


@pytest.mark.parametrize("model", ["linear", "mlp"])
def test_simple_models_forecast_no_worse_than_the_last_season(train, model):
    write(growing())
    metrics = train(f"model={model}", "data=panel", *ROLES, "trainer.max_epochs=10").summary["metrics"]
    assert metrics["test/quantile_loss"] <= 1.05 * metrics["test/naive_quantile_loss"]


def test_the_floor_is_that_of_the_same_windows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    values = growing()
    write(values)
    data = Panel(path="y.csv", time="t", target="y", encoder_length=12, decoder_length=4, seed=0)
    data.setup()

    def errors(starts, lag):
        ahead = 12 + np.arange(4)
        return np.array([values[i + ahead] - values[i + 12 - lag + np.arange(4) % lag] for i in starts.tolist()])

    for lag, loss in data.naive_losses("test").items():
        bands = np.quantile(errors(data.starts["train"], lag), QUANTILES, axis=0).T
        late = errors(data.starts["test"], lag)[..., None] - bands
        assert loss == pytest.approx(np.mean(np.maximum(np.array(QUANTILES) * late, (np.array(QUANTILES) - 1) * late)))
    assert set(data.naive_losses("test")) == {1, PERIOD}


def test_no_digits_are_lost_where_the_target_is_large_beside_its_spread(train):
    words = ("model=tft", "data=panel", *ROLES, "trainer.max_epochs=2")
    found = []
    for level in (0.0, 2.0**24):  # float32 tells apart whole numbers up to here
        write(growing(level=level))
        found.append(train(*words).summary["metrics"])
    for name in ("test/quantile_loss", "test/naive_quantile_loss"):
        assert found[1][name] == pytest.approx(found[0][name], rel=1e-3)
