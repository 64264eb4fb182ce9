"""Windows of a panel never see the future, and a run that forecasts says what it reached and why."""

import numpy as np
import pytest
import torch
from hyperplane.checkpoints.trained import load_trained
from hyperplane.data.panels.scaling import PanelScaling, restored
from hyperplane.data.panels.windows import Windows
from hyperplane.data.spec import DataSpec, PanelSpec
from hyperplane.errors import UserError
from hyperplane.exporting import write_programs
from hyperplane.metrics.quantile_loss import quantile_loss
from torch import nn

from my_research.data.demand import Demand
from my_research.losses.forecasting import Quantile
from my_research.models.tft import TFT
from my_research.tasks.forecasting import Forecasting

SETTINGS = dict(batch_size=50, val_fraction=0.2, encoder_length=14, decoder_length=4, seed=0)


def demand(**settings):
    data = Demand(**({"num_series": 6, "num_steps": 150} | SETTINGS | settings))
    data.setup()
    return data


@pytest.fixture(scope="module")
def data():
    return demand()


def test_the_targets_of_a_later_part_are_later(data):
    panel, times = data.spec, {}
    for part, starts in data.starts.items():
        steps = starts[:, None] + panel.encoder_length + torch.arange(panel.decoder_length)
        assert (data.rows.series[starts] == data.rows.series[steps[:, -1]]).all(), "a window lies in one series"
        times[part] = data.rows.time[steps]
    assert times["train"].max() < times["val"].min() and times["val"].max() < times["test"].min()
    assert times["test"].max() == 149


def test_a_window_holds_its_rows_and_hides_the_future(data):
    start, rows = int(data.starts["train"][5]), data.rows
    window = Windows(*(tensor[0] for tensor in data.raw_windows(torch.tensor([start]))))
    assert torch.equal(window.past_reals, rows.reals[start : start + 14])
    assert torch.equal(window.targets, rows.reals[start + 14 : start + 18, -1])
    assert torch.equal(window.future_reals, rows.reals[start + 14 : start + 18, :1]), "the discount alone"
    assert torch.equal(window.future_categoricals, rows.categoricals[start + 14 : start + 18])


def test_standardisation_is_that_of_the_rows_before_validation(data):
    trained = data.rows.reals[data.rows.time < data.first_val]
    scaled = data.scaled.reals[data.rows.time < data.first_val]
    assert scaled.mean(dim=0).abs().max() < 1e-4 and (scaled.std(dim=0) - 1).abs().max() < 1e-2
    assert torch.allclose(data.scaling.to_units(scaled[:, -1]), trained[:, -1].double(), atol=1e-3)


def test_batches_are_in_an_order_of_seed_and_epoch():
    def order(seed, epoch):
        batches = demand(seed=seed).train_dataloader()
        batches.set_epoch(epoch)
        return torch.cat([targets for *_, targets in batches])

    assert torch.equal(order(1, 3), order(1, 3))
    assert not torch.equal(order(1, 3), order(1, 4)) and not torch.equal(order(1, 3), order(2, 3))


def test_no_room_for_a_window_is_said():
    with pytest.raises(UserError, match=r"no window of 14 \+ 40 steps fits into the (val|test) part"):
        demand(decoder_length=40)


def test_quantile_loss_by_hand():
    spec = PanelSpec(encoder_length=2, decoder_length=1, quantiles=(0.1, 0.9), target="y")
    outputs, targets = torch.tensor([[[1.0, 5.0]], [[2.0, 4.0]]]), torch.tensor([[3.0], [1.0]])
    # 3 lies 2 above 1 and 2 below 5; 1 lies 1 below 2 and 3 below 4
    expected = [0.1 * 2, 0.1 * 2, 0.9 * 1, 0.1 * 3]
    assert quantile_loss(outputs, targets, (0.1, 0.9)).flatten().tolist() == pytest.approx(expected)
    assert Quantile(spec)(outputs, targets).item() == pytest.approx(np.mean(expected))


def test_quantiles_that_a_network_crosses_are_in_order(data):
    task = Forecasting(nn.Identity(), nn.Identity(), data.spec, data.scaling, torch.optim.SGD)
    crossed = torch.tensor([[[0.5, -1.0, 0.0]]])
    ordered = data.scaling.to_units(torch.tensor([[[-1.0, 0.0, 0.5]]]))
    assert torch.equal(task.to_predictions(crossed), ordered)


def test_a_spec_with_a_panel_comes_back_from_a_dict(data):
    assert DataSpec.from_dict(data.spec.to_dict()) == data.spec


@pytest.mark.parametrize(
    "static, known",
    [((), ()), (("shop",), ()), ((), ("holiday",))],
    ids=["nothing but a target", "a group", "a category of its steps"],
)
def test_a_panel_without_a_group_or_categories_of_its_steps_is_exported(static, known, tmp_path):
    quantiles = (0.1, 0.5, 0.9)
    spec = PanelSpec(
        encoder_length=4,
        decoder_length=2,
        quantiles=quantiles,
        target="y",
        static_categoricals=static,
        known_categoricals=known,
        cardinalities=dict.fromkeys((*static, *known), 3),
    )
    task = Forecasting(TFT(spec, hidden_size=4, num_heads=1), Quantile(spec), spec, PanelScaling(spec), torch.optim.SGD)
    written = write_programs(task.eval(), spec, tmp_path / "export", ["pt2"])  # compares it with the original
    assert written["pt2"].stat().st_size > 0


SMALL = ("data=demand", "data.num_series=6", "data.num_steps=150", "data.encoder_length=14", "data.decoder_length=4")


def test_a_run_states_its_quantile_loss_and_draws_why(train):
    done = train("model=tft", *SMALL, "figures=true", "model.hidden_size=8")
    metrics = done.summary["metrics"]
    assert {"train/quantile_loss", "val/quantile_loss", "test/quantile_loss"} <= set(metrics)
    assert "the best possible" in done.stderr
    drawn = {path.stem for path in (done.folder / "figures").iterdir()}
    assert {"forecasts", "variable_importances", "attention"} <= drawn
    checkpoint = torch.load(done.folder / "checkpoints" / "best.ckpt", weights_only=True)
    assert DataSpec.from_dict(checkpoint["spec"]).encoder_length == 14


def test_quantiles_do_not_cross_and_the_test_measures_what_is_predicted(train):
    many = "data.quantiles=[0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8,0.9]"
    done = train("model=mlp", *SMALL, many, "trainer.max_steps=3", "checkpoint.test=last")
    trained, data = load_trained(done.folder), demand(quantiles=[i / 10 for i in range(1, 10)])
    windows = data.raw_windows(data.starts["test"])
    with torch.no_grad():
        predicted, targets = trained.task(*windows[:-1]), windows.targets.double()
        inputs, level = trained.task.scaling.by_window(*trained.task.scaling(*windows[:-1]))
        raw = restored(trained.task.network(*inputs), level)
    assert (raw.diff(dim=-1) < 0).any() and (predicted.diff(dim=-1) >= 0).all()
    reached = done.summary["metrics"]
    assert reached["test/quantile_loss"] == pytest.approx(
        float(quantile_loss(predicted, targets, data.quantiles).mean()), rel=1e-5
    )
    inside = (predicted[..., 0] <= targets) & (targets <= predicted[..., -1])
    assert reached["test/coverage"] == pytest.approx(float(inside.float().mean()))


@pytest.mark.parametrize(
    "overrides", [("model=cnn",), ("model=tft", "loss=squared_error"), ("model=tft", "model.hidden_size=6")], ids=str
)
def test_what_makes_no_sense_is_refused_in_a_sentence(train, overrides):
    done = train(*SMALL, *overrides, status=2)
    assert len(done.stderr.strip().splitlines()) <= 3 and "Traceback" not in done.stderr


def test_a_model_of_single_samples_names_those_that_forecast(train):
    said = train("data=demand", "model=cnn", status=2).stderr
    assert (
        "CNN takes single samples, not time series. Of model= these forecast: dlinear, linear, mlp, n_beats, " in said
    )
    assert "cnn" not in said.partition("these forecast")[2] and "tft" in said
