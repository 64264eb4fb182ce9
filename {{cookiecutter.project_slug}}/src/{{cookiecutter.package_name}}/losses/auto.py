"""loss=auto: the loss follows from the network, or else from the data."""

from hyperplane.data.spec import DataSpec
from hyperplane.errors import UserError
from torch import nn

from .classification import BinaryCrossEntropy, CrossEntropy
from .forecasting import Quantile
from .regression import SquaredError

LOSSES: dict[str, type[nn.Module]] = {
    "classification": CrossEntropy,
    "multilabel": BinaryCrossEntropy,
    "regression": SquaredError,
    "forecasting": Quantile,
}


def auto(spec: DataSpec, network: nn.Module) -> nn.Module:
    """Return the loss that the network names as its `default_loss`, or the usual one of `spec.task`.

    Raises:
        UserError: nothing follows from them.
    """
    loss = getattr(network, "default_loss", None) or LOSSES.get(spec.task)
    if loss is None:
        raise UserError(f"loss=auto knows no loss for data for {spec.task or 'no task'}: choose one with loss=...")
    return loss(spec)
