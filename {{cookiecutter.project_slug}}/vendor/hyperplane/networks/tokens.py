"""Tokens of a text as values: each has a row of its own, which is trained."""

from torch import nn

from ..data.spec import UNKNOWN


class Embedding(nn.Embedding):
    """Maps tokens (B, L) to values (B, L, C); padding and unknown tokens are 0 at first, and say nothing."""

    def reset_parameters(self) -> None:
        """Draw all rows, then clear those that stand for no token."""
        super().reset_parameters()
        nn.init.zeros_(self.weight[: UNKNOWN + 1])
