"""The recurrent network for signals, and for images row by row.

    rnn:  hₜ = tanh(xₜW + hₜ₋₁U + b);  gru and lstm put gates around this step
    ŷ  = [h₁; h₂; …; h_L] W + b

Sources: gru, Cho et al. 2014, https://arxiv.org/abs/1406.1078; lstm, Hochreiter & Schmidhuber 1997.

Dimensions: B batch, L steps: positions of a signal or rows of an image, C values of a step: channels or a whole row,
H hidden units (both directions together), K outputs.
"""

import math
from typing import Annotated, Literal

from hyperplane import DataSpec, UserError
from hyperplane.setting_types import Dropout, Needs
from pydantic import PositiveInt
from torch import Tensor, nn

CELLS: dict[str, type[nn.RNN | nn.GRU | nn.LSTM]] = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


class RNN(nn.Module):
    """A recurrent network over inputs (L, C) or (L, width, channels); its outputs at all steps feed one linear layer.

    Raises:
        UserError: the data have no steps.
    """

    def __init__(
        self,
        spec: DataSpec,
        cell: Literal["rnn", "gru", "lstm"] = "gru",  # kind of recurrence
        hidden_size: PositiveInt = 6,  # hidden units of each layer and direction
        num_layers: PositiveInt = 1,  # recurrent layers, each reading the outputs of the one below
        bidirectional: bool = True,  # read the signal from both ends
        # Probability that an output between two layers is set to zero in training
        dropout: Annotated[Dropout, Needs("num_layers", above=1)] = 0.0,
    ) -> None:
        super().__init__()
        steps, *values = spec.input_shape
        if not values:
            raise UserError(
                "model=rnn needs signals (positions, channels) or images (height, width, channels), but these data "
                f"have the shape {spec.input_shape}: there are no steps. Try model=mlp."
            )
        self.recurrent = CELLS[cell](
            math.prod(values),
            hidden_size,
            num_layers,
            batch_first=True,
            dropout=dropout,
            bidirectional=bidirectional,
        )
        self.output = nn.Linear(steps * hidden_size * (2 if bidirectional else 1), spec.output_size)

    def forward(self, x: Tensor) -> Tensor:
        """Map signals (B, L, C) or images (B, L, width, channels) to outputs (B, K)."""
        h, _ = self.recurrent(x.flatten(2))  # (B, L, H)
        return self.output(h.flatten(1))
