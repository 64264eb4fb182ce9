"""A step as the list of its operations on tensors, called without the Python that led to them.

Most of a small network's step is not operations: modules, `vmap`, rules, the graph for gradients. All that comes to the
same list of operations in each step, so a stack notes the list and then calls one after the other, as a CUDA graph
does it on a GPU. A list is called only if two steps have written the same one: a step that counts in Python does not.
From time to time a step is computed in both ways, as Python may compute something else by now.
"""

import operator
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.fx import Graph, GraphModule
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakTensorKeyDictionary

from .batching import is_close

MOST = 1000  # operations, noted in some 30 ms; a stack lasts only until a member leaves it


class Recorder(TorchDispatchMode):
    """Notes the operations that are computed inside.

    Args:
        given: tensors that are others, or hold other values, whenever the operations are called.
    """

    def __init__(self, given: Sequence[Tensor]) -> None:
        super().__init__()
        self.graph = Graph()
        named = {tensor: self.graph.placeholder(f"given{i}") for i, tensor in enumerate(given)}
        self.nodes = WeakTensorKeyDictionary(named)
        self.constants: dict[str, Tensor] = {}  # what else is computed with
        self.versions: list[int] = []  # of these
        self.is_whole = True  # all that was computed is in the list

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Compute an operation and note it."""
        kwargs = kwargs or {}
        self.is_whole &= len(self.graph.nodes) < MOST
        node = self.graph.call_function(func, self.noted(args), self.noted(kwargs)) if self.is_whole else None
        result = func(*args, **kwargs)
        for place, part in enumerate(result if isinstance(result, list | tuple) else [result]):
            if isinstance(part, Tensor) and self.is_whole and part not in self.nodes:  # else it was changed in place
                is_part = part is not result
                self.nodes[part] = self.graph.call_function(operator.getitem, (node, place)) if is_part else node
            self.is_whole &= part is None or isinstance(part, Tensor)  # Python may branch by a number
        return result

    def noted(self, value: Any) -> Any:
        """Return arguments of an operation, with what is known of tensors in their places."""
        if isinstance(value, list | tuple):
            return type(value)(map(self.noted, value))
        if isinstance(value, dict):
            return {key: self.noted(one) for key, one in value.items()}
        if not isinstance(value, Tensor):
            return value
        if value not in self.nodes:
            name = f"constant{len(self.constants)}"
            self.nodes[value], self.constants[name] = self.graph.get_attr(name), value
            self.versions.append(value._version)
        return self.nodes[value]

    def finish(self, results: Sequence[Tensor]) -> GraphModule | None:
        """Return what computes the results; None: it was more than operations on tensors, or changed a constant."""
        if not self.is_whole:
            return None
        self.graph.output(self.noted(results))
        if [constant._version for constant in self.constants.values()] != self.versions:
            return None
        return GraphModule(self.constants, self.graph)


class Repeated:
    """A step that is computed by Python until two of its steps have written the same list of operations."""

    def __init__(self) -> None:
        self.last: GraphModule | None = None
        self.operations: Callable[..., list[Tensor]] | None = None
        self.is_noted = True  # as long as it may turn out to be the same list

    def __call__(self, compute: Callable[[], list[Tensor]], given: Sequence[Tensor], anew: bool) -> list[Tensor]:
        """Return what `compute` returns.

        Args:
            compute: the step in Python.
            given: the tensors that it computes with and that change between steps.
            anew: it is to be computed by Python, and compared with the operations.
        """
        if self.operations is not None and not anew:
            with torch.no_grad():
                return self.operations(*given)
        if self.operations is not None:
            return self.compared(compute, given)
        if not self.is_noted:
            return compute()
        with Recorder(given) as recorder:
            results = compute()
        last, self.last = self.last, recorder.finish(results)
        if self.last is None or (last is not None and not are_same(last, self.last)):
            self.is_noted, self.last = False, None
        elif last is not None:
            self.operations = self.last.forward
        return results

    def compared(self, compute: Callable[[], list[Tensor]], given: Sequence[Tensor]) -> list[Tensor]:
        """Return what `compute` returns; if the operations come to something else by now, they are called no more."""
        assert self.operations is not None
        copies, before = [tensor.detach().clone() for tensor in given], torch.get_rng_state()
        results = compute()
        after = torch.get_rng_state()
        torch.set_rng_state(before)
        with torch.no_grad():
            again = self.operations(*copies)
        torch.set_rng_state(after)
        if len(results) != len(again) or not all(map(is_close, results, again)):
            self.operations, self.is_noted = None, False
        return results


def are_same(one: GraphModule, other: GraphModule) -> bool:
    """Say whether two lists of operations, and the constants that they compute with, are the same."""
    constants = [dict(each.named_buffers()) for each in (one, other)]
    return one.code == other.code and all(torch.equal(constants[0][name], constants[1][name]) for name in constants[0])
