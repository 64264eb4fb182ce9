"""Attention of all members in one call of torch's fused kernel: it has no parameters, so members are but more samples.

torch has no rule by which `vmap` batches that kernel on a CPU, and would call it for one member after the other.

Dimensions: M members, B batch.
"""

from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.overrides import TorchFunctionMode

from .batching import Level


class FoldedAttention(TorchFunctionMode):
    """Hands queries, keys, values and masks of all members (M, B, ...) to the kernel as (M · B, ...).

    Args:
        level: at which members are batched.
    """

    def __init__(self, level: Level) -> None:
        super().__init__()
        self.level = level
        self.was_asked = False  # the network attends

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Compute as torch does, but for attention."""
        if func is not functional.scaled_dot_product_attention:
            return func(*args, **(kwargs or {}))
        self.was_asked = True
        return self.attend(*args, **(kwargs or {}))

    def attend(self, query: Tensor, key: Tensor, value: Tensor, *more: Any, **options: Any) -> Tensor:
        """Return what `scaled_dot_product_attention` returns."""
        named = dict(zip(("attn_mask", "dropout_p", "is_causal"), more, strict=False)) | options
        mask = named.pop("attn_mask", None)
        given = [query, key, value] if mask is None else [query, key, value, mask]
        if named.get("dropout_p") or not all(map(self.level.holds, given)) or len({t.shape[0] for t in given}) > 1:
            with sdpa_kernel(SDPBackend.MATH):
                return functional.scaled_dot_product_attention(query, key, value, mask, **named)
        of_all = [self.level.of_all(tensor) for tensor in given]
        size = of_all[0].shape[:2]
        q, k, v, *masks = (tensor.flatten(0, 1) for tensor in of_all)
        folded = functional.scaled_dot_product_attention(q, k, v, masks[0] if masks else None, **named)
        return self.level.of_one(folded.unflatten(0, size))
