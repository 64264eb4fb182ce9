"""What stands between a function of one member and one of all: trees of tensors, and torch's vmap without its way in.

`torch.func.vmap` looks through its arguments and results in Python, anew in each call: for a small network that takes a
third of the step.

Dimensions: M members.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch._C._functorch import (  # type: ignore[attr-defined]
    _add_batch_dim,
    _remove_batch_dim,
    _set_vmap_fallback_warning_enabled,
    _vmap_decrement_nesting,
    _vmap_increment_nesting,
    is_batchedtensor,
    maybe_get_level,
)
from torch.func import vmap


def map_tensors(function: Callable[..., Any], *trees: Any) -> Any:
    """Return a tree (a tensor, or a list or dictionary of trees) with `function` of the tensors of each place."""
    first = trees[0]
    if isinstance(first, Tensor):
        return function(*trees)
    if isinstance(first, dict):
        return {key: map_tensors(function, *(tree[key] for tree in trees)) for key in first}
    if isinstance(first, list | tuple):
        return type(first)(map_tensors(function, *parts) for parts in zip(*trees, strict=True))
    return first


def tensors_in(tree: Any) -> Iterator[Tensor]:
    """Yield the tensors of a tree in their order."""
    if isinstance(tree, Tensor):
        yield tree
    elif isinstance(tree, dict | list | tuple):
        for part in tree.values() if isinstance(tree, dict) else tree:
            yield from tensors_in(part)


def shapes(tree: Any) -> Any:
    """Return the tree with the shape and the type of each tensor in its place."""
    return str(map_tensors(lambda tensor: f"{tuple(tensor.shape)} {tensor.dtype}", tree))


def is_close(one: Tensor | None, other: Tensor | None, rounded: torch.dtype | None = None) -> bool:
    """Say whether two tensors agree to half of their digits, or of those of what they were `rounded` to on the way."""
    if one is None or other is None:
        return one is other
    if not one.is_floating_point():
        return torch.equal(one, other)
    close = torch.finfo(rounded or one.dtype).eps ** 0.5
    if not (one.isfinite().all() and other.isfinite().all()):
        return bool((one.isfinite() == other.isfinite()).all())
    return bool((one - other).norm() <= close * (one.norm() + close))


class Level:
    """Operations on tensors of all members, written as those of one.

    Args:
        size: M.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.number = 0
        vmap(torch.neg)(torch.zeros(1))  # the first time, it loads its rules
        _set_vmap_fallback_warning_enabled(False)  # an operation that it takes for one member after the other is slow

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Compute inside with what `of_one` returns; each member draws random numbers of its own."""
        self.number = _vmap_increment_nesting(self.size, "different")
        try:
            yield
        finally:
            _vmap_decrement_nesting()

    def of_one(self, tensor: Tensor) -> Tensor:
        """Return a tensor (M, ...) as that of a member (...)."""
        return _add_batch_dim(tensor, 0, self.number)

    def holds(self, tensor: Tensor) -> bool:
        """Say whether a tensor differs between members."""
        return is_batchedtensor(tensor) and maybe_get_level(tensor) == self.number

    def of_all(self, tensor: Tensor) -> Tensor:
        """Return what was computed for a member (...) for all of them (M, ...)."""
        return _remove_batch_dim(tensor, self.number, self.size, 0)
