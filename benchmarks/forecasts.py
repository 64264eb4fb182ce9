"""Forecasters of a baked project at their defaults, beside naive forecasts and an autoregression by least squares.

    python benchmarks/forecasts.py
    python benchmarks/forecasts.py --files airline.csv:date:passengers --simulated none --models linear nlinear tft
    python benchmarks/forecasts.py --simulated development --statsmodels

All are tested on the same windows by their quantile loss, in units of the target; mean over the seeds. The naive
forecasts are the last value and that of a season before, with the quantiles of their errors in training; the better of
the two on the test is named by its lag. The autoregression takes each step from the E before it,
fitted by least squares to the training windows, and is applied step by step, with the quantiles of its errors in
training. The scale is that of the linear model. Simulated series come from `series.py`; `--statsmodels` adds public
ones where statsmodels is installed, which is no dependency of the project.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from math import exp, inf, log
from pathlib import Path
from statistics import mean
from typing import Any

import torch
from baked import bake, described, layers
from baselines import Table, load
from loguru import logger
from series import Series, of_statsmodels, simulated
from signals import trained
from torch import Tensor

SEEDS = {"none": [], "development": [0, 2], "reported": [1, 3]}  # of the generators
AS_GOOD = {"naive": 1.05, "autoregression": 1.1}  # ratios that are aimed at: any model, and the linear one


def main() -> None:
    """Train, and print a table as Markdown with every place where a goal is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--files", nargs="+", default=[], help="as path:time:target")
    parser.add_argument(
        "--simulated", choices=list(SEEDS), default="reported", help="which half of the simulated series"
    )
    parser.add_argument("--statsmodels", action="store_true", help="add the series that statsmodels ships")
    parser.add_argument("--models", nargs="+", default=["linear"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="of the trainings")
    parser.add_argument("--only", nargs="+", help="series by their names")
    parser.add_argument("--override", nargs="+", default=[], help="further settings, such as data.scale=window")
    arguments = parser.parse_args()
    logger.remove()
    ratios = [f"{model} ÷ {other}" for model in arguments.models for other in ("AR", "naive")]
    print("| data | windows | scale | naive | AR | " + " | ".join([*arguments.models, *ratios]) + " |")
    print("|---|---:|---|---:|---:|" + "---:|" * 3 * len(arguments.models))
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        project = bake(Path(folder))
        sys.path[:0] = layers(project)
        for series in chosen(Path(folder), arguments):
            found[series.name] = compare(project, series, arguments)
    print_summary(found, arguments.models)
    print("\n" + ", ".join(f"{key} {value}" for key, value in described().items()))


def chosen(folder: Path, arguments: argparse.Namespace) -> Iterator[Series]:
    """Return the series that are asked for."""
    all_of = [Series.read(text) for text in arguments.files]
    if arguments.statsmodels:
        all_of += of_statsmodels(folder)
    all_of += simulated(folder, SEEDS[arguments.simulated])
    return (series for series in all_of if arguments.only is None or series.name in arguments.only)


def compare(project: Path, series: Series, arguments: argparse.Namespace) -> dict[str, float]:
    """Print the row of a series, and return the quantile losses of naive forecast, autoregression and models."""
    table = Table(series.name, (*series.words, *arguments.override))
    runs = trained(project, table, arguments.models, arguments.seeds)
    data = load(project, table, 0)
    naive = data.naive_losses("test")
    lag = min(naive, key=naive.__getitem__)
    losses = {"naive": naive[lag], "AR": autoregression(data)}
    for model in arguments.models:
        of_model = [run["metrics"]["test/quantile_loss"] for run in runs if run["choices"]["model"] == model]
        losses[model] = mean(of_model) if len(of_model) == len(arguments.seeds) else inf
    windows, scale = len(data.starts["train"]), "window" if data.spec.by_window else "all"
    ratios = [f"{losses[model] / losses[other]:.2f}" for model in arguments.models for other in ("AR", "naive")]
    figures = [f"{losses['naive']:.4g} ({lag})", *(f"{loss:.4g}" for name, loss in losses.items() if name != "naive")]
    print(" | ".join([f"| {series.name}", str(windows), scale, *figures, *ratios]) + " |", flush=True)
    return losses


def autoregression(data: Any) -> float:
    """Return the test loss of yₜ = b + Σᵢ wᵢ yₜ₋ᵢ, i = 1 … E.

    It is fitted by least squares to all steps of the training windows.
    """
    from hyperplane.data.panels.naive import error_quantiles
    from hyperplane.metrics.quantile_loss import quantile_loss

    train, test = (data.raw_windows(data.starts[part]) for part in ("train", "test"))
    past, future = train.past_reals[..., -1].double(), train.targets.double()
    encoder, horizon = past.shape[1], future.shape[1]
    middle, spread = past.mean(), past.std()
    steps = ((torch.cat([past, future], dim=1) - middle) / spread).unfold(1, encoder + 1, 1).flatten(0, 1)
    weights = torch.linalg.lstsq(with_one(steps[:, :-1]), steps[:, -1:], driver="gelsd").solution

    def forecast(values: Tensor) -> Tensor:
        values = (values - middle) / spread
        for _ in range(horizon):
            values = torch.cat([values, with_one(values[:, -encoder:]) @ weights], dim=1)
        return values[:, encoder:] * spread + middle

    bands = error_quantiles(future - forecast(past), data.quantiles)
    predicted = forecast(test.past_reals[..., -1].double())[..., None] + bands
    return float(quantile_loss(predicted, test.targets.double(), data.quantiles).mean())


def with_one(values: Tensor) -> Tensor:
    """Return rows (N, E + 1) of values (N, E) and a 1, for the intercept."""
    return torch.cat([values, torch.ones_like(values[:, :1])], dim=1)


def print_summary(found: dict[str, dict[str, float]], models: Sequence[str]) -> None:
    """Print the geometric means of the ratios, and where they are larger than is aimed at."""
    for model in models:
        for other, name in (("AR", "autoregression"), ("naive", "naive")):
            ratios = {series: losses[model] / losses[other] for series, losses in found.items()}
            worse = [f"{series} {ratio:.2f}" for series, ratio in ratios.items() if ratio > AS_GOOD[name]]
            middle = exp(mean(map(log, ratios.values())))
            print(
                f"\n{model} ÷ {name}: geometric mean {middle:.3f}; above {AS_GOOD[name]}:",
                ", ".join(worse) or "nowhere",
            )


if __name__ == "__main__":
    main()
