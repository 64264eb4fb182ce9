"""Every setting: its type, its range, its default, and one line that says what it means.

The YAML files under `configs/` choose values; the classes here say what is allowed, and `checking.py` compares the two.
The settings of a model, a data set, an optimizer or a schedule are the arguments that it is called with.
"""

import os
from typing import Annotated, Literal, Self

from pydantic import (
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from .components import Component, Strict

Fraction = Annotated[float, Field(ge=0, le=1)]
Activation = Literal["identity", "sigmoid", "tanh", "relu", "leaky_relu", "elu", "gelu", "silu", "softplus", "mish"]


# --- model: sizes of input and output follow from the data -----------------------------------------------------------


class Linear(Component, target="models.linear.Linear"):
    """logits = XW + b."""


class MLP(Component, target="models.mlp.MLP"):
    """Layers of σ(XW + b)."""

    hidden_sizes: tuple[PositiveInt, ...] = (100, 100)  # units of each hidden layer, input side first
    activation: Activation = "relu"
    residual: bool = True  # add a hidden layer's input to its output where both have the same size
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0  # probability that a hidden unit is dropped in training


class CNN(Component, target="models.cnn.CNN"):
    """Convolutions over the positions of a signal, then one linear layer."""

    channels: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (25, 25, 25)  # of each convolution
    kernel_sizes: tuple[PositiveInt, ...] = (5, 3, 3)  # one for each convolution
    stride: PositiveInt = 2
    padding: NonNegativeInt = 1
    activation: Activation = "relu"
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0

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
    """A recurrent network over the positions of a signal; the outputs of all steps feed one linear layer."""

    cell: Literal["rnn", "gru", "lstm"] = "gru"
    hidden_size: PositiveInt = 6
    num_layers: PositiveInt = 1
    bidirectional: bool = True
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0  # between layers, so it needs at least two

    @model_validator(mode="after")
    def dropout_needs_layers(self) -> Self:
        """Refuse a dropout without effect."""
        if self.dropout > 0 and self.num_layers == 1:
            raise ValueError("dropout acts between layers, so it needs num_layers of at least 2")
        return self


# --- data ------------------------------------------------------------------------------------------------------------


class Data(Component):
    """What every data set has."""

    batch_size: PositiveInt = 100
    val_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.1  # of the training samples, held out to choose by
    shuffle: bool = True  # draw the training samples in a new order in every epoch


class MNIST1D(Data, target="data.mnist1d.MNIST1D"):
    """4000 training and 1000 test signals of length 40, ten classes."""

    shuffled: bool = False  # permute the 40 positions, the same way in every signal
    folder: str = "data"  # where the generated arrays are kept


class Moons(Data, target="data.moons.Moons"):
    """Two interleaved half circles in the plane."""

    num_samples: Annotated[int, Field(ge=20)] = 1000  # a fifth of them are for the test
    noise: NonNegativeFloat = 0.2  # standard deviation of the points around their half circle
    folder: str = "data"  # where the generated points are kept


# --- optimizer and scheduler -----------------------------------------------------------------------------------------


class SGD(Component, target="torch.optim.SGD"):
    """w ← w − lr ∇; with momentum μ: v ← μv + ∇, w ← w − lr v."""

    lr: PositiveFloat = 0.1
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.0
    nesterov: bool = False
    weight_decay: NonNegativeFloat = 0.0
    fused: bool = True  # one kernel updates all parameters, which halves the optimizer's time for small models

    @model_validator(mode="after")
    def nesterov_needs_momentum(self) -> Self:
        """Refuse what torch would refuse later."""
        if self.nesterov and self.momentum == 0:
            raise ValueError("nesterov=true needs momentum above 0")
        return self


class Adam(Component, target="torch.optim.Adam"):
    """Kingma & Ba 2015, https://arxiv.org/abs/1412.6980."""

    lr: PositiveFloat = 1e-3
    betas: tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]] = (
        0.9,
        0.999,
    )
    eps: PositiveFloat = 1e-8
    weight_decay: NonNegativeFloat = 0.0
    fused: bool = True


class AdamW(Adam, target="torch.optim.AdamW"):
    """Adam with weight decay apart from the gradient: Loshchilov & Hutter 2019, https://arxiv.org/abs/1711.05101."""

    weight_decay: NonNegativeFloat = 1e-2


class Cosine(Component, target="schedulers.cosine"):
    """From lr down to final_fraction · lr along half a cosine, over all steps of the run."""

    final_fraction: Fraction = 0.0


class Plateau(Component, target="schedulers.plateau"):
    """Lower the learning rate when the validation loss stops falling."""

    factor: Annotated[float, Field(gt=0, lt=1)] = 0.5  # lr ← factor · lr
    patience: NonNegativeInt = 10  # epochs without a lower loss before that


# --- hardware, tracking, trainer -------------------------------------------------------------------------------------


class Hardware(Strict):
    """Where and how precisely a run computes."""

    accelerator: Literal["auto", "cpu", "gpu", "mps"] = "cpu"
    devices: PositiveInt | Literal["auto"] | list[NonNegativeInt] = 1  # how many, or which
    precision: Literal["32-true", "16-mixed", "bf16-mixed", "64-true"] = "32-true"
    threads: NonNegativeInt = 0  # of torch on the CPU; 0: all cores, shared between the jobs that run side by side

    @model_validator(mode="after")
    def enough_cores(self) -> Self:
        """Refuse more processes than the machine has cores."""
        cores = os.cpu_count() or 1
        if self.accelerator == "cpu" and isinstance(self.devices, int) and self.devices > cores:
            raise ValueError(f"devices={self.devices} on the CPU are as many processes; this machine has {cores} cores")
        return self


class Tracking(Strict):
    """Who else is told about a run; `metrics.csv` and `summary.json` are always written."""

    kind: Literal["wandb", "tensorboard", "csv", "none"] = "none"
    project: str = ""  # W&B: the project that runs appear in
    entity: str | None = None  # W&B: the user or team; None: your default
    mode: Literal["auto", "online", "offline", "disabled"] = "auto"  # W&B: auto is online if you are logged in
    tags: tuple[str, ...] = ()
    init_timeout: PositiveFloat = 15.0  # W&B: seconds to wait for the server before going on offline


class Trainer(Strict):
    """Arguments of Lightning's Trainer, under its own names; None leaves Lightning's default."""

    max_epochs: Annotated[int, Field(ge=-1)] | None = 20
    min_epochs: NonNegativeInt | None = None
    max_steps: Annotated[int, Field(ge=-1)] = -1
    min_steps: NonNegativeInt | None = None
    max_time: str | None = None  # DD:HH:MM:SS
    limit_train_batches: NonNegativeInt | Fraction | None = None
    limit_val_batches: NonNegativeInt | Fraction | None = None
    limit_test_batches: PositiveInt | Annotated[float, Field(gt=0, le=1)] | None = None
    overfit_batches: NonNegativeInt | Fraction = 0.0
    check_val_every_n_epoch: PositiveInt | None = 1
    val_check_interval: PositiveInt | Fraction | None = None
    num_sanity_val_steps: Annotated[int, Field(ge=-1)] = 0
    accumulate_grad_batches: PositiveInt = 1
    gradient_clip_val: NonNegativeFloat | None = None
    gradient_clip_algorithm: Literal["norm", "value"] | None = None
    log_every_n_steps: PositiveInt | None = None
    fast_dev_run: bool | NonNegativeInt = False
    deterministic: bool | Literal["warn"] | None = None
    benchmark: bool | None = None
    inference_mode: bool = True
    detect_anomaly: bool = False
    profiler: Literal["simple", "advanced"] | None = None
    enable_progress_bar: bool | None = None  # None: on a terminal
    enable_model_summary: bool = False


class Checkpoint(Strict):
    """Which weights are kept, and which are tested."""

    test: Literal["best", "last"] = "best"  # `last` never looks at validation data; taken as well where there is none
    monitor: Annotated[str, Field(pattern="^(train|val)/[a-z0-9_]+$")] = "val/loss"  # what `best` means
    mode: Literal["min", "max"] = "min"
    every_n_epochs: PositiveInt = 1  # how often `best` is considered
    every_n_minutes: PositiveFloat = 1.0  # how often `last` is written; it is always written at the end


class Settings(Strict):
    """The whole configuration of a run."""

    model: Component
    data: Component
    optimizer: Component
    scheduler: Component | None = None
    hardware: Hardware = Hardware()
    tracking: Tracking = Tracking()
    trainer: Trainer = Trainer()
    checkpoint: Checkpoint = Checkpoint()
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0  # of the split, the weights, the batch order and dropout
    figures: bool = True  # draw the pictures that explain the run
    sweep: str = ""  # name of the multirun

    @model_validator(mode="after")
    def schedule_has_what_it_needs(self) -> Self:
        """Refuse a schedule that could only fail after the first epoch."""
        if isinstance(self.scheduler, Plateau) and isinstance(self.data, Data) and self.data.val_fraction == 0:
            raise ValueError("scheduler=plateau watches the validation loss, so it needs data.val_fraction above 0")
        if isinstance(self.scheduler, Cosine) and self.trainer.max_epochs == self.trainer.max_steps == -1:
            raise ValueError("scheduler=cosine needs an end: set trainer.max_epochs or trainer.max_steps")
        return self
