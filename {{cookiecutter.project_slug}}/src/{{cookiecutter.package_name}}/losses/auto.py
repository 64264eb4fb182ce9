"""loss=auto: the loss follows from the network, or else from the data."""

from importlib import import_module
from importlib.util import find_spec

from hyperplane import DataSpec, UserError
from torch import nn

# The loss of each task, and its file, which is imported only if needed.
LOSSES = {
    "classification": ("classification", "CrossEntropy"),
    "multilabel": ("multilabel", "BinaryCrossEntropy"),
    "regression": ("regression", "SquaredError"),
    "forecasting": ("forecasting", "Quantile"),
    "next_token": ("classification", "CrossEntropy"),
}


def auto(spec: DataSpec, network: nn.Module) -> nn.Module:
    """Return the loss that the network names as its `default_loss`, or the usual one of `spec.task`.

    Raises:
        UserError: no loss follows from them.
    """
    if (loss := getattr(network, "default_loss", None)) is not None:
        return loss(spec)
    file, name = LOSSES.get(spec.task, ("", ""))
    if not file or find_spec(f".{file}", __package__) is None:
        raise UserError(f"loss=auto has no loss for data for {spec.task or 'no task'}: choose one with loss=...")
    return getattr(import_module(f".{file}", __package__), name)(spec)
