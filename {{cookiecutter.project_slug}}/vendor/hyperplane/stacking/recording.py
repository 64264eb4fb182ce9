"""A step as the list of its operations on tensors, called without the Python that led to them.

Most of a small network's step is not operations: modules, `vmap`, rules, the graph for gradients. Each step executes
the same list of operations, so a stack notes the list and then calls one after the other, as a CUDA graph does on a
GPU. A list is called only if two steps have written the same one. The first step of each window is computed in both
ways, as Python may compute something else by now. With `hardware.compile=true` torch makes kernels of a list that is
called often, see `compiling.py`.
"""

import operator
from collections.abc import Callable, Sequence
from enum import Enum
from functools import partial
from typing import Any, NamedTuple

import torch
from loguru import logger
from torch import Tensor
from torch.fx import Graph, GraphModule
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakTensorKeyDictionary

from .batching import is_close
from .compiling import Compiler
from .generators import Generators

FEWEST = 8  # steps of a window; its first is computed in both ways
MOST = 1000  # operations, noted in some 30 ms; a stack lasts only until a member leaves it
# Results that Python may branch by: their shape, or a number, follows from values.
BY_VALUES = {torch.Tag.dynamic_output_shape, torch.Tag.data_dependent_output}
VIEWS = {torch.ops.aten.detach.default, torch.ops.aten.view.default}  # often of the tensor as it is
Results = tuple[list[str], list[Tensor]]  # names of parameters with gradients; losses, outputs, targets, gradients


class Operations(NamedTuple):
    """What a step computes."""

    names: list[str]
    listed: GraphModule
    dtype: torch.dtype  # of numbers that have none, when the operations were noted
    call: Callable[..., list[Tensor]]  # what computes them

    def __call__(self, given: Sequence[Tensor]) -> Results:
        """Call one operation after the other."""
        before = torch.get_default_dtype()
        torch.set_default_dtype(self.dtype)
        try:
            with torch.no_grad():
                return self.names, self.call(*given)
        finally:
            torch.set_default_dtype(before)

    def are_those_of(self, other: "Operations") -> bool:
        """Say whether these are the operations of another step, and compute with the same constants."""
        mine, theirs = (dict(each.listed.named_buffers()) for each in (self, other))
        is_same = (self.names, self.dtype, self.listed.code) == (other.names, other.dtype, other.listed.code)
        return is_same and all(torch.equal(mine[name], theirs[name]) for name in mine)


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
        self.dtype: torch.dtype | None = None  # the default one of the first operation, by the training's precision
        self.is_whole = True  # all that was computed is in the list

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Compute an operation and note it."""
        kwargs = kwargs or {}
        self.dtype = self.dtype or torch.get_default_dtype()
        self.is_whole &= len(self.graph.nodes) < MOST and BY_VALUES.isdisjoint(func.tags)
        node = self.graph.call_function(func, self.noted(args), self.noted(kwargs)) if self.is_whole else None
        result = func(*args, **kwargs)
        if node is not None and func in VIEWS and lies_as(result, args[0]):
            self.graph.erase_node(node)
            node = self.nodes[args[0]]
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
            self.is_whole &= not value.is_inference()  # torch does not say whether one of these was changed
            self.versions.append(0 if value.is_inference() else value._version)
        return self.nodes[value]

    def finish(self, results: Results) -> Operations | None:
        """Return what computes the results; None: it was more than operations on tensors, or changed a constant."""
        names, tensors = results
        if not self.is_whole or self.dtype is None:
            return None
        self.graph.output(self.noted(tensors))
        if [constant._version for constant in self.constants.values()] != self.versions:
            return None
        listed = GraphModule(self.constants, self.graph)
        return Operations(names, listed, self.dtype, listed.forward)


def lies_as(one: Tensor, other: Tensor) -> bool:
    """Say whether a view of a tensor is of its shape, and in its place in memory."""
    if one.layout is not torch.strided:
        return False
    return (one.shape, one.stride(), one.data_ptr()) == (other.shape, other.stride(), other.data_ptr())


class State(Enum):
    """How the next step is computed."""

    NOTED = "by Python, and its operations are noted"
    REPEATED = "by the operations that two steps have written"
    DIFFERENT = "by Python, as are all after it"


class Repeated:
    """A step that Python computes until two of its steps have written the same list of operations.

    Args:
        compiler: of the list, if it is to be compiled.
    """

    def __init__(self, compiler: Compiler | None = None) -> None:
        self.compiler = compiler
        self.state = State.NOTED
        self.known: Any = None  # the Operations of the last step that was noted

    def __call__(self, compute: Callable[[], Results], given: Sequence[Tensor], anew: bool) -> Results:
        """Return what `compute` returns.

        Args:
            compute: the step in Python.
            given: the tensors that it computes with and that change between steps.
            anew: it is to be computed by Python, and compared with the operations.
        """
        if self.state is State.REPEATED:
            if self.compiler is not None and self.compiler.is_due():
                self.known = self.known._replace(call=self.compiler.compiled(self.known.listed, given))
                anew = True
            return self.compared(compute, given) if anew else self.known(given)
        return compute() if self.state is State.DIFFERENT else self.noted(compute, given)

    def noted(self, compute: Callable[[], Results], given: Sequence[Tensor]) -> Results:
        """Return what `compute` returns, and note its operations."""
        with Recorder(given) as recorder:
            results = compute()
        last, self.known = self.known, recorder.finish(results)
        if last is not None or self.known is None:
            if self.known is None or last is None or not self.known.are_those_of(last):
                self.give_up("it is not one list of operations, the same each time, or a long one")
            else:
                self.state = State.REPEATED
        return results

    def compared(self, compute: Callable[[], Results], given: Sequence[Tensor]) -> Results:
        """Return what `compute` returns; if the operations come to something else by now, they are called no more."""
        copies, before = [tensor.detach().clone() for tensor in given], Generators(given[0].device)
        names, results = compute()
        after = Generators(given[0].device)
        before.put_back()
        others, again = self.known(copies)
        after.put_back()
        # Also what the step changes in place, such as the statistics of a batch norm.
        close = partial(is_close, rounded=None if self.compiler is None else self.compiler.rounded)
        if names != others or not all(map(close, [*results, *given], [*again, *copies])):
            self.give_up("it computes something else by now, or other numbers when it is compiled")
        return names, results

    def give_up(self, reason: str) -> None:
        """Let Python compute all steps from now on."""
        self.state = State.DIFFERENT
        if self.compiler is not None:
            logger.info("The step of the stack is not compiled: {}.", reason)
