"""The multilayer perceptron.

    h₁ = σ(xW₁ + b₁)
    hₗ = σ(hₗ₋₁Wₗ + bₗ)  (+ hₗ₋₁, the residual connection, where both have the same size)
    ŷ  = h_L W + b

Source of the residual connection: He et al. 2016, "Deep Residual Learning for Image Recognition", equation 1.

For a text, x is the bag of words. For a panel, it forecasts the quantiles of all steps directly from the window,
flattened to a row. Signals of unequal lengths are padded with zeros; their lengths are not an input.

Dimensions: B batch, D input features, H hidden units, K outputs, T steps to forecast, Q quantiles.
"""

import math
from itertools import pairwise

from hyperplane import DataSpec
from hyperplane.networks.bag_of_words import bag_of_words
from hyperplane.networks.flat_windows import begin_at_naive, flat, sizes_of
from hyperplane.setting_types import Dropout
from pydantic import PositiveInt
from torch import Tensor, nn

from .activations import ACTIVATIONS, Activation


class MLP(nn.Module):
    """Fully connected layers with an activation between them. Inputs of any shape are flattened to D features."""

    forecasts = True  # reads windows of a panel
    reads_tokens = True  # of texts, as a bag of words

    def __init__(
        self,
        spec: DataSpec,
        # H of each hidden layer, from the input on; an empty list gives the linear model
        hidden_sizes: tuple[PositiveInt, ...] = (100, 100),
        activation: Activation = "relu",  # σ
        residual: bool = True,  # add a hidden layer's input to its output where both have the same size
        dropout: Dropout = 0.0,  # probability that a hidden unit is set to zero in training
    ) -> None:
        super().__init__()
        self.windows, outputs = sizes_of(spec)
        self.quantiles = spec.output_size
        self.num_tokens = spec.num_tokens
        features = self.windows.features if self.windows is not None else spec.num_tokens or math.prod(spec.input_shape)
        self.features = features
        sizes = [features, *hidden_sizes]
        self.hidden = nn.ModuleList(nn.Linear(d, h) for d, h in pairwise(sizes))
        # The first layer maps inputs to hidden units: a sum of the two has no meaning.
        self.has_residual = [residual and i > 0 and sizes[i] == sizes[i + 1] for i in range(len(hidden_sizes))]
        self.activation = ACTIVATIONS[activation]()
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()  # each module costs time in every step
        self.output = nn.Linear(sizes[-1], outputs)
        begin_at_naive(self.output, spec)

    def forward(self, x: Tensor, *others: Tensor) -> Tensor:
        """Map inputs (B, *input_shape), or tokens (B, L) and their mask, to outputs (B, K); windows to (B, T, Q)."""
        if self.num_tokens:
            h = bag_of_words(x, *others, num_tokens=self.num_tokens)
        else:
            h = flat(x, self.features, *others) if self.windows is None else self.windows(x, *others)
        for layer, has_residual in zip(self.hidden, self.has_residual, strict=True):
            z = self.dropout(self.activation(layer(h)))  # (B, H)
            h = h + z if has_residual else z
        outputs = self.output(h)
        return outputs if self.windows is None else outputs.unflatten(1, (-1, self.quantiles))
