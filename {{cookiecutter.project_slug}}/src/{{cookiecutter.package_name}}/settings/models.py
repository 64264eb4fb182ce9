"""Settings of the models. Sizes of input and output are not among them: they follow from the data."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from ..components import Component

Activation = Literal["identity", "sigmoid", "tanh", "relu", "leaky_relu", "elu", "gelu", "silu", "softplus", "mish"]
Dropout = Annotated[float, Field(ge=0, lt=1)]


class Linear(Component, target="models.linear.Linear"):
    """logits = XW + b."""


class MLP(Component, target="models.mlp.MLP"):
    """Layers of σ(XW + b)."""

    hidden_sizes: tuple[PositiveInt, ...] = (100, 100)  # units of each hidden layer, input side first
    activation: Activation = "relu"  # σ
    residual: bool = True  # add a hidden layer's input to its output where both have the same size
    dropout: Dropout = 0.0  # probability that a hidden unit is dropped in training


class CNN(Component, target="models.cnn.CNN"):
    """Convolutions over the positions of a signal or an image, then one linear layer."""

    channels: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (25, 25, 25)  # of each convolution
    kernel_sizes: tuple[PositiveInt, ...] = (5, 3, 3)  # one for each convolution
    stride: PositiveInt = 2  # positions from one output to the next
    padding: NonNegativeInt = 1  # zeros at each end
    activation: Activation = "relu"  # after each convolution
    dropout: Dropout = 0.0  # probability that a channel's value is dropped in training

    @model_validator(mode="after")
    def one_kernel_each(self) -> Self:
        """Refuse lists of different lengths."""
        if len(self.channels) != len(self.kernel_sizes):
            raise ValueError(
                f"channels has {len(self.channels)} and kernel_sizes {len(self.kernel_sizes)} entries; "
                "each convolution needs one of both"
            )
        return self


class RNN(Component, target="models.rnn.RNN"):
    """A recurrent network over a signal, or the rows of an image; the outputs of all steps feed one linear layer."""

    cell: Literal["rnn", "gru", "lstm"] = "gru"  # kind of recurrence
    hidden_size: PositiveInt = 6  # units of each layer and direction
    num_layers: PositiveInt = 1  # recurrent layers, one above the other
    bidirectional: bool = True  # read from both ends
    dropout: Dropout = 0.0  # between layers, so it needs at least two

    @model_validator(mode="after")
    def dropout_needs_layers(self) -> Self:
        """Refuse a dropout without effect."""
        if self.dropout > 0 and self.num_layers == 1:
            raise ValueError("dropout acts between layers, so it needs num_layers of at least 2")
        return self


class Transformer(Component, target="models.transformer.Transformer"):
    """Blocks of attention over the patches of a sample, then one linear layer over their mean."""

    patch_size: PositiveInt = 4  # positions, or rows and columns, of a token; a table has one token for each feature
    model_size: PositiveInt = 32  # values of a token
    num_heads: PositiveInt = 4  # of the attention; a divisor of model_size
    num_layers: PositiveInt = 2  # blocks
    feedforward_size: PositiveInt = 64  # hidden units of the MLP in each block
    positional_encoding: Literal["sinusoidal", "learned", "none"] = "sinusoidal"  # how a token knows its place
    dropout: Dropout = 0.0  # probability that a value is dropped in training

    @model_validator(mode="after")
    def heads_divide_the_model(self) -> Self:
        """Refuse heads of different sizes."""
        if self.model_size % self.num_heads:
            raise ValueError(f"num_heads={self.num_heads} must divide model_size={self.model_size} into equal parts")
        return self


class TFT(Component, target="models.tft.TFT"):
    """The Temporal Fusion Transformer: quantiles of the next steps of several series."""

    hidden_size: PositiveInt = 16  # of every layer
    num_heads: PositiveInt = 4  # of the attention; a divisor of hidden_size
    dropout: Dropout = 0.1  # probability that a value is dropped in training

    @model_validator(mode="after")
    def heads_divide_the_size(self) -> Self:
        """Refuse heads of a fractional size."""
        if self.hidden_size % self.num_heads:
            raise ValueError(f"hidden_size={self.hidden_size} must be a multiple of num_heads={self.num_heads}")
        return self


class SVM(Component, target="models.svm.SVM"):
    """Primal linear support vector machine: ½wᵀw + C Σ max(0, 1 − tᵢ(wᵀxᵢ + b))."""

    C: PositiveFloat = 1.0  # what a sample beyond its margin costs


class KernelSVM(Component, target="models.kernel_svm.KernelSVM"):
    """Dual support vector machine with a kernel."""

    C: PositiveFloat = 1.0  # largest dual coefficient
    kernel: Literal["rbf", "linear", "polynomial"] = "rbf"  # what measures how alike two samples are
    gamma: PositiveFloat | Literal["scale"] = "scale"  # 1 / (features · variance of the inputs)
    degree: PositiveInt = 3  # of the polynomial
    coef0: float = 0.0  # of the polynomial
    class_weights: tuple[PositiveFloat, ...] | Literal["balanced"] | None = None  # each class's factor of C
    tolerance: PositiveFloat = 1e-3  # how exactly the conditions of optimality hold, in units of f
    max_iterations: PositiveInt = 1_000_000  # of the solver, for each pair of classes


class Sklearn(Component, target="models.scikit.Sklearn"):
    """A model of scikit-learn."""

    estimator: str = "random_forest"  # a class by its name, or in snake case without Classifier or Regressor
    parameters: dict[str, Any] | None = None  # its arguments, under scikit-learn's names
