"""One name for each metric everywhere: `<stage>/<metric>`, whatever a LightningModule calls it."""

import re
from collections.abc import Mapping
from typing import Any

STAGES = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
LOADER = re.compile(r"/dataloader_idx_(\d+)$")  # what Lightning adds where a stage has several loaders


class MetricNames:
    """Maps names as they are logged to names as they are kept: `val_loss` is val/loss.

    `loaders` holds the names of a stage's loaders, where it has several: val/<loader>/loss.
    """

    def __init__(self) -> None:
        self.loaders: dict[str, list[str]] = {}
        self.known: dict[str, str] = {}

    def __call__(self, name: str) -> str:
        """Return the name that a metric is kept under."""
        if name not in self.known:
            self.known[name] = self.kept(name)
        return self.known[name]  # a dictionary looked up: metrics are logged between steps

    def kept(self, name: str) -> str:
        """Return the name that a metric is kept under, looked up for the first time."""
        number = LOADER.search(name)
        stage, separator, metric = re.fullmatch(r"([a-zA-Z]*)([/_]?)(.*)", LOADER.sub("", name)).groups()  # type: ignore[union-attr]
        if not separator or not metric or stage not in STAGES:
            return name
        stage = STAGES[stage]
        if number is None:
            return f"{stage}/{metric}"
        names = self.loaders.get(stage, [])
        index = int(number[1])
        return f"{stage}/{names[index] if index < len(names) else index}/{metric}"

    def rename(self, metrics: Mapping[str, Any]) -> dict[str, Any]:
        return {self(name): value for name, value in metrics.items()}


def find(name: str, metrics: Mapping[str, Any], names: MetricNames) -> Any:
    """Return the metric that is kept under `name` or was logged as `name`; None if there is none."""
    if name in metrics:
        return metrics[name]
    wanted = names(name)
    return next((value for logged, value in metrics.items() if names(logged) == wanted), None)


def naive_name(metric: str) -> str:
    """Return the name of the same metric of a model that knows only the training targets: test/naive_accuracy."""
    stage, slash, name = metric.rpartition("/")
    return f"{stage}{slash}naive_{name}"


def written(value: float) -> str:
    """Return a metric with four decimals, or with four digits where these would be noughts or noise."""
    return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1e6 else f"{value:.4g}"
