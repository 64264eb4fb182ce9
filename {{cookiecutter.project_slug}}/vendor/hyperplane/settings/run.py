"""Settings of hardware, tracking, Lightning's Trainer and checkpoints."""

import os
from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from ..component_settings import Strict
from ..setting_types import Fraction


class Hardware(Strict):
    """Where and how precisely a run computes."""

    accelerator: Literal["auto", "cpu", "gpu", "mps"] = "cpu"  # auto: a GPU if there is one, see detection.py
    # How many, or which; auto: all GPUs. Several share every batch, a process for each, see ranks.py.
    devices: PositiveInt | Literal["auto"] | Annotated[list[NonNegativeInt], Field(min_length=1)] = 1
    strategy: Literal["ddp", "fsdp"] = "ddp"  # of several devices: each holds the whole model, or a part of it
    # Of the numbers; mixed: weights in 32 bits, products in 16; auto: bf16-mixed on a GPU that computes it, or 32-true
    precision: Literal["auto", "32-true", "16-mixed", "bf16-mixed", "bf16-true", "64-true"] = "32-true"
    matmul_precision: Literal["highest", "high", "medium"] = "highest"  # lower: faster 32-bit products on a GPU
    compile: bool = False  # let torch compile the network; pays for large models that train for minutes
    threads: NonNegativeInt = (
        1  # of torch on the CPU; more pays for large models only; 0: all cores, shared between jobs
    )

    @property
    def is_sharded(self) -> bool:
        """Whether each device holds a part of the model only."""
        return self.strategy == "fsdp"

    @property
    def may_be_several(self) -> bool:
        """Whether a run may use several devices, whatever its model and its optimizer."""
        if self.devices == "auto":
            return self.accelerator == "gpu"
        return (self.devices if isinstance(self.devices, int) else len(self.devices)) > 1

    @model_validator(mode="after")
    def enough_cores(self) -> Self:
        """Refuse more processes than the machine has cores."""
        cores = os.cpu_count() or 1
        if self.accelerator == "cpu" and isinstance(self.devices, int) and self.devices > cores:
            raise ValueError(f"on the CPU, devices={self.devices} is the number of processes; there are {cores} cores")
        return self

    @model_validator(mode="after")
    def can_compute(self) -> Self:
        """Refuse what an accelerator does not have."""
        if self.accelerator == "mps" and self.precision == "64-true":
            raise ValueError("accelerator=mps has no 64-bit numbers: precision=32-true, or accelerator=cpu")
        if self.accelerator == "mps" and self.may_be_several:
            raise ValueError(f"accelerator=mps is one device, not devices={self.devices}")
        if self.accelerator == "cpu" and self.precision == "16-mixed":
            raise ValueError("precision=16-mixed needs a GPU; on the CPU there are 32-true and bf16-mixed")
        if self.accelerator == "cpu" and isinstance(self.devices, list):
            raise ValueError(f"devices={self.devices} lists GPUs; on the CPU, devices is the number of processes")
        if isinstance(self.devices, list) and len(set(self.devices)) < len(self.devices):
            raise ValueError(f"devices={self.devices} names a GPU twice")
        return self

    @model_validator(mode="after")
    def can_be_sharded(self) -> Self:
        """Refuse what does not go with a model that is spread over devices."""
        if self.is_sharded and self.accelerator in ("cpu", "mps"):
            raise ValueError(f"strategy=fsdp needs GPUs; on accelerator={self.accelerator} there is strategy=ddp")
        if self.is_sharded and self.devices != "auto" and not self.may_be_several:
            raise ValueError(f"strategy=fsdp spreads a model over several devices; devices={self.devices} is one")
        if self.is_sharded and self.precision == "64-true":
            raise ValueError("strategy=fsdp does not compute with precision=64-true: try 32-true")
        if self.is_sharded and self.compile:
            raise ValueError("strategy=fsdp takes the network apart before it could be compiled: compile=false")
        return self


class Tracking(Strict):
    """Who else is told about a run; `metrics.csv` and `summary.json` are always written."""

    kind: Literal["wandb", "tensorboard", "mlflow", "csv", "none"] = "none"  # which tracker
    project: str = ""  # W&B, MLflow: the project, or experiment, that runs appear in
    entity: str | None = None  # W&B: the user or team; None: your default
    mode: Literal["auto", "online", "offline", "disabled"] = "auto"  # W&B: auto is online if you are logged in
    notes: str | None = None  # why this run
    tags: tuple[Annotated[str, Field(min_length=1, max_length=64)], ...] = ()  # words to find the run by
    log_model: Literal["best"] | None = None  # W&B, MLflow: keep the best checkpoint as an artifact at the end
    init_timeout: PositiveFloat = 10.0  # W&B, MLflow: seconds to wait for the server before going on without it
    finish_timeout: PositiveFloat = 60.0  # W&B: seconds to wait at the end for what is not uploaded yet

    @model_validator(mode="after")
    def can_keep_a_model(self) -> Self:
        """Refuse to keep a checkpoint where there are no artifacts."""
        if self.log_model is not None and self.kind not in ("wandb", "mlflow"):
            raise ValueError(f"log_model={self.log_model} needs kind=wandb or mlflow, not {self.kind}")
        return self


class Trainer(Strict):
    """Arguments of Lightning's Trainer, under its own names, but for `least_steps`; None leaves Lightning's default."""

    # Passes over the training data; -1: no limit; auto: 20, or as many as least_steps take; no limit beside max_steps
    max_epochs: Annotated[int, Field(ge=-1)] | Literal["auto"] | None = "auto"
    # Updates of the weights that max_epochs=auto makes; None: 500, or 2000 if the model is convex. Not Lightning's own
    least_steps: PositiveInt | None = None
    min_epochs: NonNegativeInt | None = None  # before it may stop early
    max_steps: Annotated[int, Field(ge=-1)] = -1  # updates of the weights; -1: no limit
    min_steps: NonNegativeInt | None = None  # before it may stop early
    max_time: Annotated[str, Field(pattern=r"^\d+:\d\d:\d\d:\d\d$")] | None = None  # DD:HH:MM:SS
    limit_train_batches: NonNegativeInt | Fraction | None = None  # of an epoch: how many, or which fraction
    limit_val_batches: NonNegativeInt | Fraction | None = None  # of a validation: how many, or which fraction
    # Of the test: how many, or which fraction
    limit_test_batches: PositiveInt | Annotated[float, Field(gt=0, le=1)] | None = None
    # Train and validate on these few only, to see that the model can learn at all
    overfit_batches: NonNegativeInt | Fraction = 0.0
    check_val_every_n_epoch: PositiveInt | None = 1  # validate after so many epochs; None: by val_check_interval alone
    # Validate within an epoch too: after so many steps, or this fraction
    val_check_interval: PositiveInt | Fraction | None = None
    # Ask the data module for new loaders, for data that change with self.trainer.current_epoch; 0: once
    reload_dataloaders_every_n_epochs: NonNegativeInt = 0
    # Validate on so many batches before training starts; -1: on all
    num_sanity_val_steps: Annotated[int, Field(ge=-1)] = 0
    accumulate_grad_batches: PositiveInt = 1  # batches whose gradients make up one step
    gradient_clip_val: NonNegativeFloat | None = None  # largest norm, or entry, of a step's gradient; None: any
    gradient_clip_algorithm: Literal["norm", "value"] | None = None  # what gradient_clip_val limits
    log_every_n_steps: PositiveInt | None = None  # of Lightning's own loggers
    fast_dev_run: bool | NonNegativeInt = False  # one batch (or so many) of everything, to see that it runs
    # Refuse operations whose result depends on timing; warn: only say so
    deterministic: bool | Literal["warn"] | None = None
    benchmark: bool | None = None  # let cuDNN try which algorithm is fastest
    # Test in torch.inference_mode, where not even torch.enable_grad() allows gradients; otherwise in torch.no_grad
    inference_mode: bool = False
    detect_anomaly: bool = False  # find the operation that made a NaN; slow
    profiler: Literal["simple", "advanced"] | None = None  # write into train.log where the time went
    enable_progress_bar: bool | None = None  # None: on a terminal
    enable_model_summary: bool = False  # print the layers before training starts


class Checkpoint(Strict):
    """Which weights are kept, and which are tested."""

    # `last` never looks at validation data, and is taken as well where there is none; auto: best, or last if the model
    # is convex, since all weights before are only further from its minimum
    test: Literal["auto", "best", "last"] = "auto"
    monitor: Annotated[str, Field(pattern=r"^(train|val)[/_][\w/.-]+$")] = "val/loss"  # what `best` means
    # Whether less or more of `monitor` is better; None: the metric says so. To state for a metric that does not
    mode: Literal["min", "max"] | None = None
    # How often `last` is written, whichever comes first; None: not for that reason. It is always written at the end.
    every_n_minutes: PositiveFloat | None = 1.0
    every_n_steps: PositiveInt | None = None  # or after so many steps
    every_n_epochs: PositiveInt | None = None  # or after so many epochs


class EarlyStopping(Strict):
    """When to stop before the last epoch: `checkpoint.monitor` says what better means."""

    patience: NonNegativeInt | None = None  # validations without improvement; None: never stop early
    min_delta: NonNegativeFloat = 0.0  # a smaller change is no improvement
