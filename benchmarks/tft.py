"""The Temporal Fusion Transformer of a baked project beside that of pytorch-forecasting, on the panel `demand`.

    python -m venv /some/folder
    /some/folder/bin/pip install cookiecutter lightning loguru pydantic pytorch-forecasting
    /some/folder/bin/python benchmarks/tft.py

Both networks see the same windows in the same order, the same variables, standardised the same way; both are trained
by the same loop: Adam, the learning rate falling along half a cosine, gradients clipped, the same number of steps.
They have about the same number of parameters. The last weights are tested, by one function, in the units of the data.
The seed sets the weights, the order of the windows and dropout; the panel is always the same.
"""

import argparse
import sys
import tempfile
import time
import warnings
from pathlib import Path
from statistics import mean
from typing import Any

import torch
from baked import bake, layers
from torch import Tensor, nn

OURS, THEIRS = "this project", "pytorch-forecasting"
# Sizes that give both about the same number of parameters.
SIZES = {OURS: {"hidden_size": 16}, THEIRS: {"hidden_size": 20, "hidden_continuous_size": 16}}
NUM_HEADS, DROPOUT, MAX_GRADIENT = 4, 0.1, 1.0


def main() -> None:
    """Train both with each seed, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=600, help="of each training")
    parser.add_argument("--batch-size", type=int, default=64, help="windows in a batch")
    parser.add_argument("--lr", type=float, default=5e-3, help="first learning rate")
    parser.add_argument("--threads", type=int, default=1, help="of torch")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    warnings.filterwarnings("ignore")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        sys.path[:0] = layers(bake(Path(folder)))
        compare(options)


def compare(options: argparse.Namespace) -> None:
    """Train, test and print."""
    print(f"{options.steps} steps of {options.batch_size} windows, Adam, lr {options.lr} along half a cosine to 0\n")
    print(f"| seed | {OURS} | {THEIRS} | true quantiles |\n|---|---|---|---|")
    losses: dict[str, list[float]] = {OURS: [], THEIRS: []}
    about: dict[str, str] = {}
    for seed in options.seeds:
        data = panel(options.batch_size, seed)
        for name, make in ((OURS, ours), (THEIRS, theirs)):
            torch.manual_seed(seed)
            network = make(data)
            begin = time.perf_counter()
            train(network, data, options)
            seconds = time.perf_counter() - begin
            losses[name].append(test(network, data))
            parameters = sum(parameter.numel() for parameter in network.parameters())
            about[name] = f"{name}: {parameters} parameters, {1000 * seconds / options.steps:.0f} ms a step"
        row = [f"{losses[name][-1]:.4f}" for name in losses]
        print(f"| {seed} | {' | '.join(row)} | {realised(data):.4f} |", flush=True)
    means = {name: mean(values) for name, values in losses.items()}
    print(f"| mean | {means[OURS]:.4f} | {means[THEIRS]:.4f} | {realised(data):.4f} |\n")
    print("Test quantile loss, pieces a day, the mean over 0.1, 0.5 and 0.9; lower is better.")
    print(f"The true quantiles are expected to reach {data.best_possible('test'):.4f}.")
    print("\n".join(about.values()))
    print("no worse" if means[OURS] <= means[THEIRS] else "WORSE", f"than {THEIRS}: {means[OURS] / means[THEIRS]:.3f}")


def panel(batch_size: int, seed: int) -> Any:
    """Return the panel, as the project's data=demand has it."""
    from measured.data.demand import Demand

    lengths = {"encoder_length": 28, "decoder_length": 7}
    data = Demand(batch_size=batch_size, val_fraction=0.2, scale="all", seed=seed, **lengths)
    data.setup()
    return data


def ours(data: Any) -> nn.Module:
    """Return the project's network."""
    from measured.models.tft import TFT

    return TFT(data.spec, num_heads=NUM_HEADS, dropout=DROPOUT, **SIZES[OURS])


class Theirs(nn.Module):
    """Calls pytorch-forecasting's network with the tensors of our windows."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(
        self,
        static: Tensor,
        past_reals: Tensor,
        past_categoricals: Tensor,
        future_reals: Tensor,
        future_categoricals: Tensor,
    ) -> Tensor:
        """Map windows to quantiles (B, H, Q)."""
        (batch, past, reals), future = past_reals.shape, future_reals.shape[1]

        def with_static(categoricals: Tensor) -> Tensor:
            return torch.cat([static[:, None].expand(-1, categoricals.shape[1], -1), categoricals], dim=-1)

        unknown = future_reals.new_zeros(batch, future, reals - future_reals.shape[-1])
        outputs = self.network(
            {
                "encoder_cat": with_static(past_categoricals),
                "encoder_cont": past_reals,
                "encoder_lengths": torch.full((batch,), past),
                "decoder_cat": with_static(future_categoricals),
                "decoder_cont": torch.cat([future_reals, unknown], dim=-1),
                "decoder_lengths": torch.full((batch,), future),
                "target_scale": torch.tensor([[0.0, 1.0]]).expand(batch, -1),  # the target is standardised already
            }
        )
        return outputs["prediction"]


def theirs(data: Any) -> nn.Module:
    """Return pytorch-forecasting's network, made from a data set of its own as its documentation says."""
    import pandas as pd
    from pytorch_forecasting import TemporalFusionTransformer, TimeSeriesDataSet
    from pytorch_forecasting.data import TorchNormalizer
    from pytorch_forecasting.metrics import QuantileLoss

    rows, spec = data.scaled, data.spec
    columns: dict[str, Any] = {"time": rows.time.numpy(), "series": rows.series.numpy().astype(str)}
    for names, values in ((spec.static_categoricals, rows.static), (spec.categoricals, rows.categoricals)):
        columns |= {name: values[:, i].numpy().astype(str) for i, name in enumerate(names)}
    reals = (*spec.known_reals, *spec.observed_reals, "target")
    columns |= {name: rows.reals[:, i].numpy() for i, name in enumerate(reals)}
    windows = TimeSeriesDataSet(
        pd.DataFrame(columns),
        time_idx="time",
        target="target",
        group_ids=["series"],
        max_encoder_length=spec.encoder_length,
        max_prediction_length=spec.decoder_length,
        static_categoricals=list(spec.static_categoricals),
        time_varying_known_categoricals=list(spec.known_categoricals),
        time_varying_known_reals=list(spec.known_reals),
        time_varying_unknown_reals=[*spec.observed_reals, "target"],
        target_normalizer=TorchNormalizer("identity", center=False),
        add_encoder_length=False,  # always the same
    )
    network = TemporalFusionTransformer.from_dataset(
        windows,
        attention_head_size=NUM_HEADS,
        dropout=DROPOUT,
        loss=QuantileLoss(list(spec.quantiles)),
        **SIZES[THEIRS],
    )
    assert network.hparams.x_reals == list(reals)
    assert network.hparams.x_categoricals == [*spec.static_categoricals, *spec.known_categoricals]
    return Theirs(network)


def train(network: nn.Module, data: Any, options: argparse.Namespace) -> None:
    """Take the steps."""
    from measured.losses.forecasting import Quantile

    loss = Quantile(data.spec)
    optimizer = torch.optim.Adam(network.parameters(), lr=options.lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, options.steps)
    batches, epoch, step = data.train_dataloader(), 0, 0
    network.train()
    while step < options.steps:
        batches.set_epoch(epoch)
        epoch += 1
        for *inputs, targets in batches:
            optimizer.zero_grad()
            loss(network(*inputs), targets).backward()
            nn.utils.clip_grad_norm_(network.parameters(), MAX_GRADIENT)
            optimizer.step()
            schedule.step()
            step += 1
            if step == options.steps:
                break


@torch.inference_mode()
def test(network: nn.Module, data: Any) -> float:
    """Return the mean quantile loss of the test windows, in the units of the data."""
    from measured.losses.forecasting import quantile_loss

    network.eval()
    to_units, quantiles = data.scaling.to_units, data.spec.quantiles
    losses = [
        quantile_loss(to_units(network(*inputs)), to_units(targets), quantiles).flatten()
        for *inputs, targets in data.test_dataloader()
    ]
    return torch.cat(losses).mean().item()


def realised(data: Any) -> float:
    """Return what the true quantiles reach on the test windows, by the same function."""
    from measured.losses.forecasting import quantile_loss

    starts = data.starts["test"]
    targets = data.raw_windows(starts).targets.double()
    return quantile_loss(data.true_quantiles(starts), targets, data.spec.quantiles).mean().item()


if __name__ == "__main__":
    main()
