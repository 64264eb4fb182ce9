"""nn.GRU, nn.LSTM and nn.RNN with the scan where it is faster: on the CPU in training, and in stacks on any device.

Parameters, their names, arguments and, within rounding, results are those of torch. On one thread of a CPU a small GRU
trains three times as fast as by torch's own kernel, which takes hundreds of small operations, each with a record for
autograd, where this takes one. torch's LSTM is faster alone, but not within a stack: `vmap` cannot batch it.

Dimensions: B batch, L steps, C values of a step, H hidden units, G directions.
"""

from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .cells import Cell, GRUCell, LSTMCell, RNNCell
from .scan import Scan


class Scanned(nn.RNNBase):
    """What GRU, LSTM and RNN share."""

    roll: ClassVar[int] = 0  # by how many gates those of the cell are ahead of torch's
    states: ClassVar[int] = 1
    is_faster: ClassVar[bool] = True  # for a single network on the CPU
    kind: ClassVar[type[Cell]]  # the recurrence

    def cell(self) -> Cell:
        return self.kind()

    @torch.compiler.disable  # which would unroll the steps for minutes; of torch's layers it compiles none either
    def forward(self, input: Any, hx: Any = None) -> Any:
        """Map inputs (B, L, C), or (L, B, C) without `batch_first`, to outputs at all steps and the last states.

        Args:
            input: or whatever else torch takes, which torch's own kernel computes.
            hx: states before the first step (layers · G, B, H); zeros if None. Of an LSTM h and c.
        """
        if not self.can_scan(input):
            return super().forward(input, hx)
        self.check_input(input, None)
        if hx is None:
            batch = input.size(0 if self.batch_first else 1)
            zeros = input.new_zeros(self.num_layers * self.directions, batch, self.hidden_size)
            states: tuple[Tensor, ...] = (zeros,) * self.states
        else:
            self.check_forward_args(input, hx, None)
            states = hx if self.states > 1 else (hx,)
        y = input.permute(1, 2, 0) if self.batch_first else input.transpose(1, 2)  # (L, C, B)
        lasts = []
        for layer in range(self.num_layers):
            if layer and self.dropout:
                y = F.dropout(y, self.dropout, self.training)
            here = slice(layer * self.directions, (layer + 1) * self.directions)
            y, last = self.layer(layer, y, [state[here].mT for state in states])
            lasts.append(last)
        ends = tuple(torch.cat(one).mT for one in zip(*lasts, strict=True))
        return y.permute(2, 0, 1) if self.batch_first else y.mT, ends if self.states > 1 else ends[0]

    @property
    def directions(self) -> int:
        """G."""
        return 2 if self.bidirectional else 1

    def can_scan(self, inputs: Any) -> bool:
        """Say whether the scan serves: not for programs that are traced, for packed sequences, or without gradients."""
        within_func = torch._C._functorch.maybe_current_level() is not None  # such as vmap
        return (
            isinstance(inputs, Tensor)
            and inputs.dim() == 3
            and not self.proj_size
            and (within_func or (self.is_faster and inputs.device.type == "cpu" and torch.is_grad_enabled()))
            and not torch.is_autocast_enabled(inputs.device.type)
            and not torch.compiler.is_exporting()
            and not torch.jit.is_tracing()  # type: ignore[attr-defined]
        )

    def weights(self, kind: str, layer: int) -> Tensor:
        """Return the weights or biases of a layer's directions (G, K, ...)."""
        names = [f"{kind}_l{layer}{suffix}" for suffix in ("", "_reverse")[: self.directions]]
        found = torch.stack([getattr(self, name) for name in names])
        return found.roll(self.roll * self.hidden_size, 1) if self.roll else found

    def layer(self, layer: int, y: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Map inputs (L, C, B) to outputs (L, G · H, B) and the last states (G, H, B)."""
        steps, _, batch = y.shape
        y = y.transpose(0, 1)  # the second direction reads it from its end
        y = torch.stack([y, y.flip(1)]) if self.bidirectional else y.unsqueeze(0)
        w = self.weights("weight_ih", layer)
        zeros = w.new_zeros(w.shape[:2])
        biases = (self.weights(kind, layer) if self.bias else zeros for kind in ("bias_ih", "bias_hh"))
        bias, others = self.divided(*biases)
        x = torch.baddbmm(bias.unsqueeze(2), w, y.flatten(2))
        x = x.unflatten(2, (steps, batch)).permute(2, 0, 1, 3)
        outputs = Scan.apply(self.cell(), x, self.weights("weight_hh", layer), *others, *states)[: self.states]
        h = outputs[0][1:]
        y = torch.cat([h[:, 0], h[:, 1].flip(0)], dim=1) if self.bidirectional else h.squeeze(1)
        return y, [output[-1] for output in outputs]

    def divided(self, of_inputs: Tensor, of_states: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return what is added to the products with inputs (G, K), and further weights of the cell."""
        return of_inputs + of_states, []


class GRU(Scanned, nn.GRU):
    """nn.GRU."""

    kind = GRUCell

    def divided(self, of_inputs: Tensor, of_states: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return the biases; one of the new state stands behind the reset gate, with the product of the state."""
        size = self.hidden_size
        return of_inputs + F.pad(of_states[:, :-size], (0, size)), [of_states[:, -size:].unsqueeze(2)]


class LSTM(Scanned, nn.LSTM):
    """nn.LSTM."""

    roll = 1  # torch: i, f, g, o; here: o, i, f, g
    states = 2
    is_faster = False
    kind = LSTMCell


class RNN(Scanned, nn.RNN):
    """nn.RNN."""

    def cell(self) -> Cell:
        return RNNCell(self.nonlinearity)


DROP_INS: dict[type[nn.Module], type[nn.Module]] = {nn.GRU: GRU, nn.LSTM: LSTM, nn.RNN: RNN}


def use_scans(module: nn.Module) -> None:
    """Let the recurrent layers of torch within a module take the scan where it is faster; their parameters stay."""
    for part in module.modules():
        if drop_in := DROP_INS.get(type(part)):
            part.__class__ = drop_in
