"""The linear model.

    ŷ = xW + b,    J(W, b) = Σᵢ L(ŷᵢ, yᵢ) + λ ‖W‖²

For classification, ŷ are the logits: the class with the largest one is predicted, and two classes meet at a hyperplane.
Training minimises J / N. With λ = l2 for squared errors, and half of it for logits, J is that of scikit-learn's ridge
regression and logistic regression, with alpha = l2 and C = 1 / l2. J is convex: it has a single minimum, and training
ends there. With two classes only the difference of the logits counts: its weights w = W₂ − W₁ have ‖w‖² = 2 ‖W‖² at the
minimum, so λ = l2 corresponds to the ½ l2 ‖w‖² of a single logit.

For a text, x is the bag of words, so W holds a weight for each word. For a panel, it forecasts the quantiles of all
steps directly from the window, flattened to a row; λ also holds the weights of a step's quantiles together, since few
windows determine one slope better than one for each quantile. Signals of unequal lengths are padded with zeros; their
lengths are not an input.

Source: Hoerl & Kennard 1970, "Ridge Regression"; Cox 1958, "The Regression Analysis of Binary Sequences"; Zou & Yuan
2008, "Composite Quantile Regression".

Dimensions: N training samples, B batch, D input features, K outputs, H steps to forecast, Q quantiles.
"""

import math

from hyperplane import DataSpec
from hyperplane.networks.bag_of_words import bag_of_words
from hyperplane.networks.flat_windows import begin_at_naive, flat, sizes_of
from pydantic import NonNegativeFloat
from torch import Tensor, nn

APART = 10  # times λ, for the differences of the weights of a step's quantiles from their mean


class Linear(nn.Module):
    """One affine map from all features of a sample to the outputs. Inputs of any shape are flattened to D features."""

    forecasts = True  # reads windows of a panel
    reads_tokens = True  # of texts, as a bag of words
    convex = True  # with any of the losses

    def __init__(
        self,
        spec: DataSpec,
        # λ of the penalty. None: for values, chosen by leave-one-out; for windows, by the forecasts of the validation
        # windows; for classes, 1 for rows of a table, as in scikit-learn, else 0
        l2: NonNegativeFloat | None = None,
    ) -> None:
        super().__init__()
        self.windows, outputs = sizes_of(spec)
        self.quantiles = spec.output_size
        self.num_tokens = spec.num_tokens
        features = self.windows.features if self.windows is not None else spec.num_tokens or math.prod(spec.input_shape)
        self.output = nn.Linear(features, outputs)
        self.penalty_factor = penalty_factor(spec, outputs, l2)
        self.has_penalty = self.penalty_factor > 0
        begin_at_naive(self.output, spec)

    def forward(self, x: Tensor, *others: Tensor) -> Tensor:
        """Map inputs (B, *input_shape), or tokens (B, L) and their mask, to outputs (B, K); windows to (B, H, Q)."""
        if self.num_tokens:
            return self.output(bag_of_words(x, *others, num_tokens=self.num_tokens))
        if self.windows is None:
            return self.output(flat(x, self.output.in_features, *others))
        return self.output(self.windows(x, *others)).unflatten(1, (-1, self.quantiles))

    def penalty(self) -> Tensor:
        """Return λ ‖W‖² / N (), divided by the number of outputs as well if the loss is; for quantiles see `APART`."""
        squares = self.output.weight.square().sum()
        if self.windows is not None:
            by_step = self.output.weight.unflatten(0, (-1, self.quantiles))
            squares = squares + APART * (by_step - by_step.mean(dim=1, keepdim=True)).square().sum()
        return self.penalty_factor * squares


def penalty_factor(spec: DataSpec, outputs: int, l2: float | None) -> float:
    """Return the factor of ‖W‖² in the mean loss; 0 if the data do not state how many training samples there are.

    Args:
        spec: of the data.
        outputs: number of outputs of a sample.
        l2: λ; None takes that of the data, see `hyperplane.data.ridge`. If they have none, it is 1 for rows of a table
            and 0 otherwise.
    """
    if l2 is None:
        l2 = spec.ridge
    if l2 is None:
        l2 = 1.0 if len(spec.input_shape) == 1 else 0.0
    if not spec.train_size:
        return 0.0
    if spec.task == "classification":
        return (l2 if outputs == 2 else l2 / 2) / spec.train_size
    return (l2 if spec.task == "regression" else l2 / 2) / (spec.train_size * outputs)
