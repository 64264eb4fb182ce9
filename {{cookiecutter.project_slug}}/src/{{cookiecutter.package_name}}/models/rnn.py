"""The recurrent network for signals, images (row by row), texts, and the past of time series.

    rnn:  hₜ = tanh(xₜW + hₜ₋₁U + b);  gru and lstm add gates to this step
    ŷ  = [h₁; h₂; …; h_L] W + b,   for signals of unequal lengths  mean(h) W + b  over the steps that are not padding

For a text, x are embedded tokens. For a panel, it forecasts the quantiles of all steps directly; what is known in
advance is concatenated with h₁ to h_L.

Sources: gru, Cho et al. 2014, https://arxiv.org/abs/1406.1078; lstm, Hochreiter & Schmidhuber 1997.

Dimensions: B batch, L steps: positions of a signal or a text, or rows of an image, C values of a step: channels or a
whole row, H hidden units (both directions together), K outputs.
"""

import math
from typing import Annotated, Literal

import torch
from hyperplane import DataSpec, PanelSpec, UserError
from hyperplane.networks.flat_windows import SteppedWindows, begin_at_naive, outputs_of
from hyperplane.networks.tokens import Embedding
from hyperplane.setting_types import Dropout, Needs
from pydantic import PositiveInt
from torch import Tensor, nn

CELLS: dict[str, type[nn.RNN | nn.GRU | nn.LSTM]] = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


class RNN(nn.Module):
    """A recurrent network over inputs (L, C) or (L, width, channels); its outputs at all steps feed one linear layer.

    Raises:
        UserError: the data have no steps.
    """

    forecasts = True  # reads windows of a panel
    reads_tokens = True  # of texts

    def __init__(
        self,
        spec: DataSpec,
        cell: Literal["rnn", "gru", "lstm"] = "gru",  # kind of recurrence
        hidden_size: PositiveInt = 6,  # hidden units of each layer and direction
        num_layers: PositiveInt = 1,  # recurrent layers, each of which reads the outputs of the one below
        bidirectional: bool = True,  # read the signal from both ends
        # Probability that an output between two layers is set to zero in training
        dropout: Annotated[Dropout, Needs("num_layers", above=1)] = 0.0,
        embedding_size: PositiveInt = 32,  # C of a token of a text; unused for other data
    ) -> None:
        super().__init__()
        self.windows = SteppedWindows(spec) if isinstance(spec, PanelSpec) else None
        self.quantiles = spec.output_size
        self.embedding = Embedding(spec.num_tokens, embedding_size) if spec.num_tokens else None
        shape = (*spec.input_shape, embedding_size) if self.embedding else spec.input_shape
        steps, *values = shape if self.windows is None else self.windows.signal_shape
        if not values:
            raise UserError(
                "model=rnn needs texts, signals (positions, channels) or images (height, width, channels), but these "
                f"data have the shape {spec.input_shape}: there are no steps. Try model=mlp."
            )
        features, directions = math.prod(values), 2 if bidirectional else 1
        if spec.has_mask:  # a layer for each direction: the signals are reversed without their padding
            sizes = [features, *[directions * hidden_size] * (num_layers - 1)]
            self.forwards, self.backwards = (
                nn.ModuleList(CELLS[cell](c, hidden_size, batch_first=True) for c in sizes[: num_layers * is_read])
                for is_read in (True, bidirectional)
            )
            self.dropout = nn.Dropout(dropout)
        else:
            self.recurrent = CELLS[cell](
                features, hidden_size, num_layers, batch_first=True, dropout=dropout, bidirectional=bidirectional
            )
        others, outputs = outputs_of(spec, self.windows)
        self.output = nn.Linear((1 if spec.has_mask else steps) * hidden_size * directions + others, outputs)
        begin_at_naive(self.output, spec)

    def forward(self, x: Tensor, *others: Tensor) -> Tensor:
        """Map signals (B, L, C) or images (B, L, width, channels) to outputs (B, K); windows to (B, steps, quantiles).

        Tokens (B, L) and signals of unequal lengths come with a mask (B, L); inputs of windows: see `Windows`.
        """
        x = x if self.embedding is None else self.embedding(x)
        if self.windows is None and others:
            return self.output(self.mean_state(x, *others))
        if self.windows is None:
            h, _ = self.recurrent(x.flatten(2))  # (B, L, H)
            return self.output(h.flatten(1))
        past, known = self.windows(x, *others)
        h, _ = self.recurrent(past)
        return self.output(torch.cat([h.flatten(1), known], dim=1)).unflatten(1, (-1, self.quantiles))

    def mean_state(self, h: Tensor, mask: Tensor) -> Tensor:
        """Return the mean state (B, H) of signals (B, L, C) without their padding, read in both directions."""
        steps = torch.arange(h.shape[1], device=h.device)
        lengths = (mask * (steps + 1)).amax(dim=1, keepdim=True)
        order = torch.where(steps < lengths, lengths - 1 - steps, steps)[..., None]  # reverses all but the padding
        for number, cell in enumerate(self.forwards):
            h = self.dropout(h) if number else h.masked_fill(~mask[..., None], 0)
            outputs = [cell(h)[0]]
            for backwards in self.backwards[number : number + 1]:
                turned = backwards(h.gather(1, order.expand_as(h)))[0]
                outputs.append(turned.gather(1, order.expand_as(turned)))
            h = torch.cat(outputs, dim=2)
        return h.masked_fill(~mask[..., None], 0).sum(dim=1) / lengths
