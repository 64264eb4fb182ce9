"""What a component needs or can do, beyond what it is called with: rules between sections of a configuration ask it.

A class of the project states it as an attribute, `solved_at_once = True`, and a function by the class that it is said
to return; for those of torch it stands here.

    solved_at_once        a model has `solve` instead of being trained in steps
    convex                a model's loss has a single minimum, whatever the data: it is trained until it is there
    reevaluates_loss      an optimizer computes the loss of the same batch several times in a step
    needs_whole_matrices  an optimizer cannot work on parts of a matrix
    reads_inputs          a data set has `read_inputs(path, spec)`, for `predict`: see data/new_samples.py
    file_settings         settings of a data set that name files, `("path",)`: those that are missing are named at once
    column_settings       those that name columns of data.path; see data/tables/header.py
    watches_metric        a schedule is told the value of a metric after each validation
    forecasts             a model reads windows of a panel, and not only single samples
    metrics_by_name       the names in a task's `metrics` are those of `metrics.METRICS`
"""

import ast
from functools import cache

from ..project import is_own
from .classes import attribute, literal
from .source import definition, full_name

OF_TORCH = {
    "torch.optim.LBFGS": "reevaluates_loss",
    "torch.optim.Muon": "needs_whole_matrices",
    "torch.optim.lr_scheduler.ReduceLROnPlateau": "watches_metric",
}


@cache
def states(target: str, capability: str) -> bool:
    """Say whether a class, or one that it inherits from, states a capability; a function does if what it returns does.

    Of libraries only names are looked at.
    """
    if OF_TORCH.get(target) == capability:
        return True
    found = definition(target) if is_own(target) else None
    if found is not None and isinstance(found.node, ast.FunctionDef) and found.node.returns is not None:
        return states(full_name(found.node.returns, found.module), capability)
    if found is None or not isinstance(found.node, ast.ClassDef):
        return False
    if (statement := attribute(found, capability)) is not None:
        return bool(literal(getattr(statement, "value", None)))
    return any(states(full_name(base, found.module), capability) for base in found.node.bases)
