"""A scan over time that autograd, torch.func.grad and torch.func.vmap know the derivatives of.

Scans of the members of a stack lie side by side, as those of two directions do: `vmap` adds its dimension to G.
"""

from typing import Any

from torch import Tensor
from torch.autograd import Function
from torch.func import vjp

from .cells import Cell, Tensors


def folded(args: tuple[Any, ...], dims: tuple[Any, ...], size: int) -> list[Any]:
    """Put the dimension of vmap, `size` long, before that of the scans: it is the third from the last but one.

    Args:
        args: tensors (L, G, ., B) or (G, ., .), each with one dimension more or none; others stay as they are.
        dims: where that dimension is, or None.
        size: of it.
    """
    found = []
    for arg, dim in zip(args, dims, strict=True):
        if isinstance(arg, Tensor):
            if dim is None:
                place = arg.dim() - 3
                arg = arg.unsqueeze(place).expand(*arg.shape[:place], size, *arg.shape[place:])
            else:
                place = arg.dim() - 4
                arg = arg.movedim(dim, place)
            arg = arg.flatten(place, place + 1)
        found.append(arg)
    return found


def unfolded(outputs: Tensors, size: int) -> tuple[Tensors, tuple[int, ...]]:
    """Return outputs with the dimension of vmap again, and where it is."""
    places = tuple(output.dim() - 3 for output in outputs)
    return tuple(o.unflatten(place, (size, -1)) for o, place in zip(outputs, places, strict=True)), places


class Scan(Function):
    """The scan of a cell: see `Cell.forward`."""

    @staticmethod
    def forward(cell: Cell, *inputs: Tensor) -> Tensors:
        return cell.forward(*inputs)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensors) -> None:
        """Keep what the way back needs."""
        ctx.cell, *tensors = inputs
        ctx.number = len(tensors)
        ctx.mark_non_differentiable(*output[ctx.cell.states :])
        ctx.save_for_backward(*tensors, *output)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Any, ...]:
        gradients = gradients[: ctx.cell.states]
        return None, *ScanBack.apply(ctx.cell, ctx.number, *gradients, *ctx.saved_tensors)

    @staticmethod
    def vmap(info: Any, dims: tuple[Any, ...], *args: Any) -> tuple[Any, Any]:
        """Scan all members side by side."""
        return unfolded(Scan.apply(*folded(args, dims, info.batch_size)), info.batch_size)


class ScanBack(Function):
    """The scan back in time: see `Cell.backward`. Its tensors are gradients, inputs and outputs of the scan."""

    @staticmethod
    def forward(cell: Cell, number: int, *tensors: Tensor) -> Tensors:
        gradients, inputs, kept = ScanBack.parts(cell, number, tensors)
        return cell.backward(gradients, inputs[1], kept)

    @staticmethod
    def parts(cell: Cell, number: int, tensors: Tensors) -> tuple[Tensors, Tensors, Tensors]:
        first, last = cell.states, cell.states + number
        return tensors[:first], tensors[first:last], tensors[last:]

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensors) -> None:
        """Keep what a second derivative needs."""
        ctx.cell, ctx.number, *tensors = inputs
        ctx.save_for_backward(*tensors)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Any, ...]:
        """Return the gradients of gradients and inputs, by the equations: rare, and slow."""
        cell = ctx.cell
        firsts, inputs, kept = ScanBack.parts(cell, ctx.number, ctx.saved_tensors)

        def back(firsts: Tensors, *inputs: Tensor) -> Tensors:
            return vjp(cell.reference, *inputs)[1](firsts)

        of_firsts, *of_inputs = vjp(back, firsts, *inputs)[1](gradients)
        return None, None, *of_firsts, *of_inputs, *[None] * len(kept)

    @staticmethod
    def vmap(info: Any, dims: tuple[Any, ...], *args: Any) -> tuple[Any, Any]:
        """Scan back all members side by side."""
        return unfolded(ScanBack.apply(*folded(args, dims, info.batch_size)), info.batch_size)
