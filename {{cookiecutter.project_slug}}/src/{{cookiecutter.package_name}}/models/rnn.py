"""The recurrent network for signals.

    rnn:  hₜ = tanh(xₜW + hₜ₋₁U + b);  gru and lstm put gates around this step
    ŷ  = [h₁; h₂; …; h_L] W + b

Sources: gru, Cho et al. 2014, https://arxiv.org/abs/1406.1078; lstm, Hochreiter & Schmidhuber 1997.

Dimensions: B batch, L positions (steps), C channels, H hidden units (both directions together), K outputs.
"""

from torch import Tensor, nn

from ..data.spec import DataSpec
from ..mistakes import UserMistake

CELLS: dict[str, type[nn.RNN | nn.GRU | nn.LSTM]] = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


class RNN(nn.Module):
    """A recurrent network whose outputs at all steps feed one linear layer.

    Args:
        spec: shapes of the data; the input shape must be (L, C).
        cell: rnn, gru or lstm.
        hidden_size: hidden units of one direction.
        num_layers: recurrent layers, each reading the outputs of the one below.
        bidirectional: read the signal from both ends.
        dropout: probability in [0, 1) that an output between two layers is set to zero in training.

    Raises:
        UserMistake: the data are no signals.
    """

    def __init__(
        self,
        spec: DataSpec,
        cell: str = "gru",
        hidden_size: int = 6,
        num_layers: int = 1,
        bidirectional: bool = True,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if len(spec.input_shape) != 2:
            raise UserMistake(
                f"model=rnn needs signals of shape (positions, channels), but these data have the shape "
                f"{spec.input_shape}. Try model=mlp."
            )
        positions, channels = spec.input_shape
        self.recurrent = CELLS[cell](
            channels,
            hidden_size,
            num_layers,
            batch_first=True,
            dropout=dropout,
            bidirectional=bidirectional,
        )
        self.output = nn.Linear(positions * hidden_size * (2 if bidirectional else 1), spec.output_size)

    def forward(self, x: Tensor) -> Tensor:
        """Map signals (B, L, C) to outputs (B, K)."""
        h, _ = self.recurrent(x)  # (B, L, H)
        return self.output(h.flatten(1))
