"""Gradients of all members, each clipped by itself, as torch.nn.utils clips those of one.

Dimensions: M members.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

SMALL = 1e-6  # added to a norm, as torch does


def by_member(values: float | Tensor, like: Tensor) -> Tensor:
    """Return a number, or one for each member (M,), so that it spreads over a tensor (M, *shape)."""
    values = torch.as_tensor(values, dtype=like.dtype, device=like.device)
    return values.view(-1, *[1] * (like.dim() - 1))


@torch.no_grad()
def clip_norm(gradients: Mapping[str, Tensor], limit: float | Tensor) -> dict[str, Tensor]:
    """Return the gradients, those of a member scaled down if their norm is above the limit.

    Args:
        gradients: of all parameters, (M, *shape).
        limit: of the Euclidean norm of a member's gradients; one for all, or (M,); infinite: as they are.
    """
    norms = torch.stack([gradient.reshape(len(gradient), -1).norm(dim=1) for gradient in gradients.values()])
    factors = (limit / (norms.norm(dim=0) + SMALL)).clamp(max=1)
    return {name: gradient * by_member(factors, gradient) for name, gradient in gradients.items()}


@torch.no_grad()
def clip_value(gradients: Mapping[str, Tensor], limit: float | Tensor) -> dict[str, Tensor]:
    """Return the gradients with each entry within [-limit, limit].

    Args:
        gradients: of all parameters, (M, *shape).
        limit: one for all, or (M,); infinite: as they are.
    """
    bounds = {name: by_member(limit, gradient) for name, gradient in gradients.items()}
    return {name: gradient.clamp(-bounds[name], bounds[name]) for name, gradient in gradients.items()}
