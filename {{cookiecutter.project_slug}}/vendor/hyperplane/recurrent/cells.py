"""The steps of recurrent networks, forwards in time and backwards, with few operations in each.

What does not depend on the step before is computed for all steps at once: the products of inputs and weights before the
scan, the derivatives of the gates before the scan back, the gradients of weights after it. `reference` is the same
scan as its equations say it, for second derivatives.

Dimensions: L steps; G scans side by side: directions, and members of a stack; B batch; H hidden units; K rows of gates,
a multiple of H. Samples come last, so that the gates of a step lie side by side in memory.
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor

Tensors = tuple[Tensor, ...]


class Cell(ABC):
    """One kind of recurrence."""

    states: int  # how many tensors go on from step to step

    @abstractmethod
    def forward(self, x: Tensor, w: Tensor, *others: Tensor) -> Tensors:
        """Scan.

        Args:
            x: products of inputs and weights, and the biases (L, G, K, B).
            w: weights of the states before (G, K, H).
            others: further weights, then the states before the first step (G, H, B).

        Returns:
            The states before and after each step (L + 1, G, H, B), then what `backward` needs.
        """

    @abstractmethod
    def backward(self, gradients: Tensors, w: Tensor, kept: Tensors) -> Tensors:
        """Return the gradients of x, w and the others.

        Args:
            gradients: of the states.
            w: as in `forward`.
            kept: what `forward` returned.
        """

    @abstractmethod
    def reference(self, x: Tensor, w: Tensor, *others: Tensor) -> Tensors:
        """Return the states as `forward` does, in operations that can be differentiated any number of times."""


def of_weights(d: Tensor, h: Tensor) -> Tensor:
    """Return the gradient of w (G, K, H), by those of the gates (L, G, K, B) and the states before (L, G, H, B).

    It is summed over steps and samples: at once where a product for each step would be larger than what it is made of.
    """
    rows, size, batch = d.size(2), h.size(2), h.size(3)
    if rows * size > batch * (rows + size):
        return d.permute(1, 2, 0, 3).flatten(2) @ h.permute(1, 2, 0, 3).flatten(2).mT
    return (d @ h.mT).sum(0)


class GRUCell(Cell):
    """r, z = σ(x + Uh),  n = tanh(xₙ + r(Uₙh + b)),  h' = n + z(h − n). The other weights are b (G, H, 1)."""

    states = 1

    def forward(self, x: Tensor, w: Tensor, *others: Tensor) -> Tensors:
        bias, h = others
        size = h.size(1)
        gates = x.new_empty(x.shape)  # r, z, Uₙh + b
        gates[:, :, : 2 * size] = x[:, :, : 2 * size]
        gates[:, :, 2 * size :] = bias
        new = x[:, :, 2 * size :].clone(memory_format=torch.contiguous_format)
        states = x.new_empty(len(x) + 1, *h.shape)
        states[0] = h
        both, parts = gates[:, :, : 2 * size], gates.split(size, dim=2)
        steps = zip(*(one.unbind() for one in (gates, both, *parts, new, states[1:])), strict=True)
        for products, r_and_z, r, z, product, n, after in steps:
            products.baddbmm_(w, h)
            r_and_z.sigmoid_()
            n.addcmul_(r, product).tanh_()
            h = torch.lerp(n, h, z, out=after)
        return states, gates, new

    def backward(self, gradients: Tensors, w: Tensor, kept: Tensors) -> Tensors:
        states, gates, new = kept
        size = w.size(2)
        r, z, product = gates.split(size, dim=2)
        of_new = (1 - z) * (1 - new * new)  # ∂h'/∂(what tanh is taken of)
        d = gates.new_empty(*gates.shape[:2], 3, *new.shape[2:])  # ∂h'/∂(r, z before σ; Uₙh + b), times dh below
        torch.mul(of_new * product, r * (1 - r), out=d[:, :, 0])
        torch.mul(states[:-1] - new, z * (1 - z), out=d[:, :, 1])
        torch.mul(of_new, r, out=d[:, :, 2])
        dh = gradients[0].clone(memory_format=torch.contiguous_format)
        products, back = d.view(gates.shape), w.mT
        now = dh[-1]
        steps = zip(*(reversed(one.unbind()) for one in (d, products, z, dh[:-1])), strict=True)
        for each, together, stays, before in steps:
            each.mul_(now.unsqueeze(1))
            now = before.addcmul_(stays, now).baddbmm_(back, together)
        of_w, of_bias = of_weights(products, states[:-1]), d[:, :, 2].sum((0, 3)).unsqueeze(2)
        torch.mul(dh[1:], of_new, out=d[:, :, 2])
        return products, of_w, of_bias, now

    def reference(self, x: Tensor, w: Tensor, *others: Tensor) -> Tensors:
        bias, h = others
        states = [h]
        for r, z, n in (one.chunk(3, dim=1) for one in x):
            of_r, of_z, of_n = (w @ h).chunk(3, dim=1)
            r, z = torch.sigmoid(r + of_r), torch.sigmoid(z + of_z)
            h = torch.lerp(torch.tanh(n + r * (of_n + bias)), h, z)
            states.append(h)
        return (torch.stack(states),)


class LSTMCell(Cell):
    """o, i, f = σ(x + Uh),  g = tanh(x + Uh),  c' = fc + ig,  h' = o tanh(c'), with the gates in this order."""

    states = 2

    def forward(self, x: Tensor, w: Tensor, *others: Tensor) -> Tensors:
        h, c = others
        size = h.size(1)
        gates = x.clone(memory_format=torch.contiguous_format)
        states, cells = x.new_empty(2, len(x) + 1, *h.shape)
        states[0], cells[0] = h, c
        squashed = torch.empty_like(cells[0])
        parts = gates[:, :, : 3 * size], *gates.split(size, dim=2)
        steps = zip(*(one.unbind() for one in (gates, *parts, states[1:], cells[1:])), strict=True)
        for products, o_i_f, o, i, f, g, h_after, c_after in steps:
            products.baddbmm_(w, h)
            o_i_f.sigmoid_()
            g.tanh_()
            c = torch.mul(f, c, out=c_after).addcmul_(i, g)
            h = torch.mul(o, torch.tanh(c, out=squashed), out=h_after)
        return states, cells, gates

    def backward(self, gradients: Tensors, w: Tensor, kept: Tensors) -> Tensors:
        states, cells, gates = kept
        o, i, f, g = gates.split(w.size(2), dim=2)
        squashed = cells[1:].tanh()
        of_c = o * (1 - squashed * squashed)  # ∂h'/∂c'
        d = gates.new_empty(*gates.shape[:2], 4, *cells.shape[2:])  # ∂h'/∂o, ∂c'/∂(i, f, g), times dh or dc below
        torch.mul(squashed, o * (1 - o), out=d[:, :, 0])
        torch.mul(g, i * (1 - i), out=d[:, :, 1])
        torch.mul(cells[:-1], f * (1 - f), out=d[:, :, 2])
        torch.mul(i, 1 - g * g, out=d[:, :, 3])
        dh, dc = (gradient.clone(memory_format=torch.contiguous_format) for gradient in gradients)
        products, back = d.view(gates.shape), w.mT
        h_now, c_now = dh[-1], dc[-1]
        sequences = d[:, :, 0], d[:, :, 1:], products, of_c, f, dh[:-1], dc[:-1]
        for do, others, together, squash, stays, h_before, c_before in zip(
            *(reversed(one.unbind()) for one in sequences), strict=True
        ):
            c_now.addcmul_(h_now, squash)
            do.mul_(h_now)
            others.mul_(c_now.unsqueeze(1))
            c_now = c_before.addcmul_(stays, c_now)
            h_now = h_before.baddbmm_(back, together)
        return products, of_weights(products, states[:-1]), h_now, c_now

    def reference(self, x: Tensor, w: Tensor, *others: Tensor) -> Tensors:
        h, c = others
        states, cells = [h], [c]
        for one in x:
            o, i, f, g = (one + w @ h).chunk(4, dim=1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            states.append(h)
            cells.append(c)
        return torch.stack(states), torch.stack(cells)


class RNNCell(Cell):
    """h' = a(x + Uh), with a = tanh or relu."""

    states = 1

    def __init__(self, nonlinearity: str) -> None:
        self.is_tanh = nonlinearity == "tanh"

    def forward(self, x: Tensor, w: Tensor, *others: Tensor) -> Tensors:
        states = x.new_empty(len(x) + 1, *x.shape[1:])
        states[0], states[1:] = others[0], x
        h = states[0]
        for after in states[1:].unbind():
            h = after.baddbmm_(w, h)
            h.tanh_() if self.is_tanh else h.relu_()
        return (states,)

    def backward(self, gradients: Tensors, w: Tensor, kept: Tensors) -> Tensors:
        (states,) = kept
        d = 1 - states[1:] ** 2 if self.is_tanh else (states[1:] > 0).to(states.dtype)
        dh = gradients[0].clone(memory_format=torch.contiguous_format)
        back, now = w.mT, dh[-1]
        for each, before in zip(reversed(d.unbind()), reversed(dh[:-1].unbind()), strict=True):
            now = before.baddbmm_(back, each.mul_(now))
        return d, of_weights(d, states[:-1]), now

    def reference(self, x: Tensor, w: Tensor, *others: Tensor) -> Tensors:
        states = [others[0]]
        for one in x:
            h = one + w @ states[-1]
            states.append(torch.tanh(h) if self.is_tanh else torch.relu(h))
        return (torch.stack(states),)
