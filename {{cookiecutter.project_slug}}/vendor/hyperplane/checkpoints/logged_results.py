"""What `self.log` has collected in an epoch that is not over, so that a run can go on in its middle.

Lightning keeps it in memory alone: a mean over an epoch that was stopped would be one over its second part.
"""

from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.trainer.connectors.logger_connector.result import (
    _Metadata,
    _ResultMetric,
    _Sync,
)
from torchmetrics import Metric

from ..tasks.epoch_metrics import load_states, states_of

OWN = ("train_metrics.", "val_metrics.", "test_metrics.")  # of a `Task`, which saves them itself
REDUCTIONS: dict[str, Any] = {"mean": torch.mean, "sum": torch.sum, "min": torch.min, "max": torch.max}
PLAIN_FIELDS = ("fx", "name", "prog_bar", "logger", "on_step", "on_epoch", "enable_graph", "add_dataloader_idx")


def module_metrics(module: LightningModule) -> dict[str, Metric]:
    """Return the metrics that a module holds; a checkpoint keeps their states only if they are persistent."""
    metrics = {name: part for name, part in module.named_modules() if isinstance(part, Metric)}
    return {name: metric for name, metric in metrics.items() if not name.startswith(OWN)}


def save_results(trainer: Trainer, module: LightningModule) -> dict[str, Any]:
    """Return what the training epoch has logged so far, as tensors and plain values."""
    results = trainer.fit_loop.epoch_loop._results
    logged = []
    for key, result in results.items():
        meta = result.meta
        logged.append(
            {
                "key": key,
                "meta": {name: getattr(meta, name) for name in PLAIN_FIELDS},
                "reduce_fx": meta.reduce_fx.__name__,
                "metric": meta.metric_attribute,
                "sync": (meta.sync.should, meta.sync.rank_zero_only),
                "has_reset": result.has_reset,
                "count": result._update_count,
                "state": dict(result.metric_state) if result.is_tensor else None,
            }
        )
    connector = trainer._logger_connector
    return {
        "logged": logged,
        "metrics": states_of(module_metrics(module)),
        "place": (connector._first_loop_iter, connector._current_fx),
    }


def load_results(trainer: Trainer, module: LightningModule, state: dict[str, Any]) -> None:
    """Let a training epoch go on with what `save_results` returned."""
    connector = trainer._logger_connector
    connector._first_loop_iter, connector._current_fx = state["place"]  # the first batch of an epoch forgets the last
    metrics = module_metrics(module)
    load_states(metrics, state["metrics"], module.device)
    results = trainer.fit_loop.epoch_loop._results
    for entry in state["logged"]:
        meta = _Metadata(**entry["meta"], reduce_fx=REDUCTIONS[entry["reduce_fx"]], metric_attribute=entry["metric"])
        should, rank_zero_only = entry["sync"]
        meta.sync = _Sync(_should=should, fn=trainer.strategy.reduce, rank_zero_only=rank_zero_only)
        result = _ResultMetric(meta, is_tensor=entry["state"] is not None)
        if entry["state"] is not None:
            for name, value in entry["state"].items():
                setattr(result, name, value.to(module.device, copy=True))
        else:
            result.value = metrics[entry["metric"]]
        result._update_count, result.has_reset = entry["count"], entry["has_reset"]
        results[entry["key"]] = result
