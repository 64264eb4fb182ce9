"""Operations of all members that are faster in another form than the one that `vmap` gives them.

`vmap` makes of each operation of one member one over all. Some of these are slow: a loop over members (attention), a
convolution of as many groups as members, or gradients that lie in memory otherwise than their parameters, and have to
be copied for the optimizer. Where a rule below knows an operation, it computes the same in a form that is not.

Dimensions: M members, B batch.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch._functorch.pyfunctorch import temporarily_pop_interpreter_stack
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.overrides import TorchFunctionMode

from .attention import FEW, SHORT, Attention
from .batching import Level
from .products import Product, convolved

Rule = Callable[..., Any]  # the arguments of an operation -> its result, or None: vmap shall compute it


class Folded(TorchFunctionMode):
    """Computes inside with the rules of this file.

    Args:
        level: at which members are batched.
    """

    def __init__(self, level: Level) -> None:
        super().__init__()
        self.level = level
        self.was_asked = False  # the network has operations that there is a rule for
        self.measures = False  # metrics are computed, which may branch where all members go the same way
        self.rules: dict[Any, Rule] = {
            functional.scaled_dot_product_attention: self.attend,
            functional.cross_entropy: self.cross_entropy,
            functional.linear: self.linear,
            functional.conv1d: self.convolve,
            torch.argmax: self.largest,
            Tensor.argmax: self.largest,
            Tensor.__bool__: self.branch,
        }

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Compute by a rule, if there is one, else as torch does."""
        rule = self.rules.get(func)
        if rule is not None:
            self.was_asked = True
            result = rule(*args, **(kwargs or {}))
            if result is not None:
                return result
        return func(*args, **(kwargs or {}))

    def hold(self, *tensors: Tensor | None) -> bool:
        """Say whether all tensors differ between members."""
        return all(tensor is not None and self.level.holds(tensor) for tensor in tensors)

    @contextmanager
    def of_all(self, *tensors: Tensor) -> Iterator[list[Tensor]]:
        """Compute inside with tensors of all members (M, ...), without vmap."""
        stacked = [self.level.of_all(tensor) for tensor in tensors]
        with temporarily_pop_interpreter_stack():
            yield stacked

    def linear(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor | None:
        """Return what `functional.linear` returns."""
        if x.ndim < 2 or not self.hold(x, weight, bias) or is_mixed(x):
            return None
        with self.of_all(x, weight, bias) as (x, w, b):  # type: ignore[arg-type]
            z = Product.apply(x.flatten(1, -2), w, b).unflatten(1, x.shape[1:-1])
        return self.level.of_one(z)

    def convolve(
        self, x: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0,
        dilation: Any = 1, groups: int = 1,
    ) -> Tensor | None:  # fmt: skip
        """Return what `functional.conv1d` returns."""
        (step,), (dilated,) = map(one_number, (stride, dilation))
        is_plain = dilated == groups == 1 and not isinstance(padding, str) and x.ndim == 3
        if not is_plain or not self.hold(x, weight, bias) or is_mixed(x) or not gains(weight, step):
            return None
        with self.of_all(x, weight, bias) as (x, w, b):  # type: ignore[arg-type]
            z = convolved(x, w, b, step, *one_number(padding))
        return self.level.of_one(z)

    def cross_entropy(
        self, outputs: Tensor, targets: Tensor, weight: Tensor | None = None, size_average: Any = None,
        ignore_index: int = -100, reduce: Any = None, reduction: str = "mean", label_smoothing: float = 0.0,
    ) -> Tensor | None:  # fmt: skip
        """Return what `functional.cross_entropy` returns."""
        is_plain = (
            weight is size_average is reduce is None and reduction == "mean" and isinstance(label_smoothing, float)
        )
        if not is_plain or outputs.ndim < 2 or not self.hold(outputs, targets):
            return None
        options: dict[str, Any] = {"ignore_index": ignore_index, "label_smoothing": label_smoothing}
        with self.of_all(outputs, targets) as (o, y):
            are_few = o.ndim == 3 and o.shape[2] < FEW
            form = (o.mT, y.mT if y.ndim == 3 else y) if are_few else (o.flatten(0, 1), y.flatten(0, 1))
            losses = functional.cross_entropy(*form, reduction="none", **options)
            each = losses.reshape(len(o), -1)
            known = each.shape[1] if y.is_floating_point() else (y != ignore_index).flatten(1).sum(1)
            loss = each.sum(1) / known
        return self.level.of_one(loss)

    def largest(self, x: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor | None:
        """Return what `argmax` returns: the first of the largest values; torch looks at one sample after the other."""
        if dim not in (1, -1) or keepdim or x.ndim != 2 or x.shape[1] >= FEW or not self.hold(x):
            return None
        with self.of_all(x) as (z,):
            size, by_class = z.shape[2], z.mT.contiguous()
            is_largest = (by_class >= by_class.amax(1, keepdim=True)).view(torch.uint8)
            places = torch.arange(size, 0, -1, dtype=torch.uint8, device=z.device).unsqueeze(1)
            found = size - (is_largest * places).amax(1).long()
            if (found == size).any():  # none is as large as one that is not a number, which torch takes for the largest
                found = z.argmax(2)
        return self.level.of_one(found)

    def branch(self, x: Tensor) -> bool | None:
        """Return what `if x` looks at, where that is the same for all members; a step must not branch by its values."""
        if not self.measures or not self.hold(x):
            return None
        values = set(self.level.of_all(x).tolist())
        return bool(values.pop()) if len(values) == 1 else None

    def attend(self, query: Tensor, key: Tensor, value: Tensor, *more: Any, **options: Any) -> Tensor:
        """Return what `scaled_dot_product_attention` returns, in one call of its kernel: members are but more samples.

        torch has no rule by which `vmap` batches that kernel on a CPU, and would call it once for each member.
        """
        named = dict(zip(("attn_mask", "dropout_p", "is_causal"), more, strict=False)) | options
        mask = named.pop("attn_mask", None)
        given = [query, key, value] if mask is None else [query, key, value, mask]
        if named.get("dropout_p") or not self.hold(*given) or len({t.shape[0] for t in given}) > 1:
            with sdpa_kernel(SDPBackend.MATH):
                return functional.scaled_dot_product_attention(query, key, value, mask, **named)
        of_all = [self.level.of_all(tensor) for tensor in given]
        size = of_all[0].shape[:2]
        is_plain = named.get("scale") is None and not any(named.values())
        if mask is None and is_plain and is_short(query, key, value):
            with temporarily_pop_interpreter_stack():
                z = Attention.apply(*(tensor.flatten(0, -3) for tensor in of_all))
            return self.level.of_one(z.unflatten(0, (*size, *query.shape[1:-2])))
        q, k, v, *masks = (tensor.flatten(0, 1) for tensor in of_all)
        folded = functional.scaled_dot_product_attention(q, k, v, masks[0] if masks else None, **named)
        return self.level.of_one(folded.unflatten(0, size))


def is_short(*tensors: Tensor) -> bool:
    """Say whether attention of a query, keys and values is faster as products of matrices."""
    are_alike = len({tensor.shape[:-2] for tensor in tensors}) == 1
    return (
        are_alike and not tensors[0].is_cuda and max(t.shape[-2] for t in tensors) <= SHORT and not is_mixed(tensors[0])
    )


def gains(kernel: Tensor, stride: int) -> bool:
    """Say whether a convolution is faster as a product, by the shape of its kernel (H, C, k) in a member.

    Measured on one thread of a CPU with 2 to 32 members, k = 3 to 9 and up to 128 channels. With a stride of 1 there
    are k times as many values in the windows as in the signal, which costs more than the product saves; where channels
    are multiples of 16, torch's own kernel is faster.
    """
    return not kernel.is_cuda and stride > 1 and any(size % 16 for size in kernel.shape[:2])


def is_mixed(x: Tensor) -> bool:
    """Say whether a product is computed in another precision than it is written in."""
    return torch.is_autocast_enabled(x.device.type)


def one_number(value: Any) -> tuple[int, ...]:
    """Return a number, or a tuple of one, as a tuple."""
    return (value,) if isinstance(value, int) else tuple(value)
