"""Run folders as `train` leaves them, written in no time."""

import json
from pathlib import Path


def write_run(folder: Path, seed: int, accuracy: float | None, **changes: object) -> Path:
    """Write a run folder and return it.

    Args:
        folder: is made.
        seed: of the run.
        accuracy: on test data; None for a run that did not get so far.
        changes: `model` and `data` are choices, `settings` overrides, `val` is the accuracy on validation data, `curve`
            that of each epoch, `config` the recorded configuration. All else is an entry of the summary; with
            `status=None` there is no summary.
    """
    choices = {"model": changes.pop("model", "mlp"), "data": changes.pop("data", "mnist1d")}
    settings = {"model": choices["model"], "seed": seed, **changes.pop("settings", {})}
    overrides = [f"{key}={value}" for key, value in settings.items()]
    metrics = {} if accuracy is None else {"test/accuracy": accuracy, "test/loss": 1.0}
    if "val" in changes:
        metrics["val/accuracy"] = changes.pop("val")
    hydra = folder / ".hydra"
    hydra.mkdir(parents=True)
    (hydra / "overrides.yaml").write_text("".join(f"- {json.dumps(text)}\n" for text in overrides))
    config = {"model": {"name": choices["model"]}, "optimizer": {"lr": 0.001}}
    (hydra / "config.yaml").write_text(changes.pop("config", json.dumps(config)))
    chosen = [f"      {group}: {choice}" for group, choice in choices.items()]
    lines = ["hydra:", "  runtime:", "    choices:", *chosen, "      hydra/env: default", "  verbose: false"]
    (hydra / "hydra.yaml").write_text("\n".join(lines))
    rows = [f"{epoch},{10 * epoch + 9},{value}\n" for epoch, value in enumerate(changes.pop("curve", []))]
    if rows:
        (folder / "metrics.csv").write_text("epoch,step,val/accuracy\n" + "".join(rows))
    summary = {
        "status": "completed",
        "metrics": metrics,
        "higher_is_better": {"accuracy": True, "loss": False},
        "overrides": overrides,
        "choices": choices,
        "seed": seed,
        "error": None,
        **changes,
    }
    if summary["status"]:
        write_summary(folder, summary)
    return folder


def write_summary(folder: Path, summary: dict[str, object]) -> None:
    """Write `summary.json` as it is given."""
    (folder / "summary.json").write_text(json.dumps(summary))
