"""Metrics and their directions. Imports no torch."""

from .settings import Settings

HIGHER_IS_BETTER = {"accuracy": True, "r2": True, "loss": False, "rmse": False, "mae": False, "quantile_loss": False}


def higher_is_better(name: str, settings: Settings) -> bool | None:
    """Return whether more of a metric such as `val/accuracy` is better; None where nobody states it."""
    return HIGHER_IS_BETTER.get(name.rpartition("/")[2])


def names(settings: Settings) -> list[str]:
    """Return the metrics whose direction is known, without their stage."""
    return list(HIGHER_IS_BETTER)
