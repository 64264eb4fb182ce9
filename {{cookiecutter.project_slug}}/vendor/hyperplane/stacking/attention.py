"""Attention among few tokens, as products of matrices.

    S = Q Kᵀ / √D,  P = softmax(S),  Z = P V
    ∂V = Pᵀ ∂Z,  ∂P = ∂Z Vᵀ,  ∂S = P (∂P − Σₛ P ∂P),  ∂Q = ∂S K / √D,  ∂K = ∂Sᵀ Q / √D

torch's kernel goes through the keys block by block, so that P, of which there are T² values, need not be kept. That is
made for long sequences: among ten tokens it takes twice as long as these products on a CPU.

Source: Vaswani et al. 2017, "Attention Is All You Need", https://arxiv.org/abs/1706.03762, section 3.2.1.

Dimensions: N samples and heads, T queries, S keys, D values of each.
"""

from typing import Any

from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

SHORT = 24  # tokens; from 32 on torch's kernel is as fast, with many values in a head faster
FEW = 16  # values; along so short an axis torch computes a softmax one value at a time, five times as slowly


class Attention(Function):
    """Z of Q (N, T, D), K (N, S, D) and V (N, S, D): (N, T, D)."""

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Return the means of the values."""
        ctx.scale = query.shape[-1] ** -0.5
        weights = softmax(query.bmm(key.mT).mul_(ctx.scale))
        ctx.save_for_backward(query, key, value, weights)
        return weights.bmm(value)

    @staticmethod
    # As torch's kernel is on a CPU. Where a step differentiates twice, the second derivative may be left out here
    # without an error; but `kinds.compare` refuses it: alone it fails in torch's kernel, or has other gradients.
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Any:
        """Return the gradients of Q, K and V."""
        query, key, value, weights = ctx.saved_tensors
        of_scores = gradient.bmm(value.mT).mul_(weights)
        of_scores.addcmul_(weights, of_scores.sum(-1, keepdim=True), value=-1).mul_(ctx.scale)
        return of_scores.bmm(key), of_scores.mT.bmm(query), weights.mT.bmm(gradient)


def softmax(scores: Tensor) -> Tensor:
    """Return the softmax along the last axis; may change `scores`."""
    if scores.shape[-1] >= FEW:
        return scores.softmax(-1)
    shares = scores.sub_(scores.amax(-1, keepdim=True)).exp_()
    return shares.div_(shares.sum(-1, keepdim=True))
