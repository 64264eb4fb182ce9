"""Estimators of scikit-learn: found by name, and kept in checkpoints. scikit-learn takes a second to import.

A checkpoint holds an estimator as the bytes of a skops file. Unlike a pickle it can name types, but runs no code of its
own when it is read; here it may name those of scikit-learn, besides the ones of numpy and scipy that skops trusts.
"""

from collections.abc import Mapping
from importlib import import_module
from inspect import signature
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import UserError, nearest, with_nearest

SUFFIXES = {"classification": "Classifier", "regression": "Regressor"}


def make_estimator(name: str, task: str, parameters: Mapping[str, Any], seed: int) -> Any:
    """Return an estimator that is not fitted yet.

    `name` is that of its class, or in snake case without Classifier or Regressor. `seed` is its random_state, unless
    `parameters` has one.

    Raises:
        UserError: there is no such estimator for the task, or it does not take these parameters.
    """
    from sklearn.utils import all_estimators

    if task not in SUFFIXES:
        raise UserError(f"model=sklearn has no estimators for {task}")
    suffix = SUFFIXES[task]
    known = dict(all_estimators(suffix.lower()))
    camel = "".join(part[:1].upper() + part[1:] for part in name.split("_")) + suffix
    kind = known.get(name, known.get(camel))
    if kind is None:
        if name in dict(all_estimators()):
            raise UserError(f"model.estimator={name} is no {suffix.lower()}, but these data are for {task}.")
        says = f"model.estimator={name} is not a {suffix.lower()} of scikit-learn."
        says = with_nearest(says, name if nearest(name, known) else camel, known)
        raise UserError(f"{says}\nThere are: {', '.join(known)}")
    names = sorted(signature(kind).parameters)
    for given in parameters:
        if given not in names:
            says = with_nearest(f"model.parameters.{given} is not a parameter of {kind.__name__}.", given, names)
            raise UserError(f"{says}\n{kind.__name__} has: {', '.join(names)}")
    try:
        estimator = kind(**parameters)
    except TypeError:
        raise UserError(f"model.estimator={name} is made of other estimators: choose one that stands alone") from None
    if estimator.get_params(deep=False).get("random_state", seed) is None:
        estimator.set_params(random_state=seed)
    return estimator


def write_estimator(estimator: Any) -> Tensor:
    """Return an estimator as bytes (length,) uint8."""
    from skops.io import dumps

    return torch.from_numpy(np.frombuffer(dumps(estimator), dtype=np.uint8).copy())


def read_estimator(state: Tensor) -> Any:
    """Return the estimator that `write_estimator` made bytes of.

    Raises:
        UserError: the bytes name a type that is not trusted.
    """
    from skops.io import get_untrusted_types, loads

    data = state.cpu().numpy().tobytes()
    names = get_untrusted_types(data=data)
    for name in names:
        if not is_of_sklearn(name):
            raise UserError(f"the checkpoint names {name}, which is not a class of scikit-learn: it is not loaded")
    return loads(data, trusted=names)


def is_of_sklearn(name: str) -> bool:
    """Say whether `name` is that of a class which scikit-learn defines, not one that its modules merely import."""
    module, _, attribute = name.rpartition(".")
    if not module.startswith("sklearn."):
        return False
    found = getattr(import_module(module), attribute, None)
    return isinstance(found, type) and found.__module__.startswith("sklearn.")
