"""Settings of a search: hydra/sweeper=optuna, and the files of hydra/sweeper/sampler and hydra/sweeper/pruner."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, NonNegativeInt, PositiveInt, model_validator

from ..component_settings import Strict

Direction = Literal["minimize", "maximize"]


def as_tuple(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


Metrics = Annotated[
    tuple[str, ...], BeforeValidator(as_tuple, json_schema_input_type=str | tuple[str, ...]), Field(min_length=1)
]
Directions = Annotated[
    tuple[Direction, ...], BeforeValidator(as_tuple, json_schema_input_type=Direction | tuple[Direction, ...])
]


class Sampler(Strict):
    """How the next values are chosen. With the same seed and the same results so far, the same ones are."""

    seed: NonNegativeInt = 0  # of the draws


class TPE(Sampler):
    """Tree-structured Parzen estimator, Bergstra et al. 2011: models where good and where bad values lie."""

    name: Literal["tpe"]
    n_startup_trials: NonNegativeInt = 10  # drawn at random before the model is asked


class GP(Sampler):
    """Gaussian process with log expected improvement: needs the fewest trials, and the longest to think."""

    name: Literal["gp"]
    n_startup_trials: NonNegativeInt = 10  # drawn at random before the model is asked


class NSGAII(Sampler):
    """Deb et al. 2002: an evolving population, for several objectives."""

    name: Literal["nsgaii"]
    population_size: Annotated[int, Field(ge=2)] = 50  # trials in a generation
    crossover_prob: Annotated[float, Field(ge=0, le=1)] = 0.9  # that a trial mixes two of the generation before


class Random(Sampler):
    """Independent draws."""

    name: Literal["random"]


class Grid(Sampler):
    """Every combination once, in random order."""

    name: Literal["grid"]


class Median(Strict):
    """Stops a run whose best value so far is worse than the median of the earlier runs at the same epoch."""

    name: Literal["median"]
    n_startup_trials: NonNegativeInt = 5  # completed runs before any is stopped
    n_warmup_steps: NonNegativeInt = 0  # epochs that every run gets


class SuccessiveHalving(Strict):
    """Li et al. 2020 (ASHA): of all runs that get this far, the best 1 / reduction_factor go on to the next rung."""

    name: Literal["successive_halving"]
    min_resource: PositiveInt = 1  # epochs before the first rung
    reduction_factor: Annotated[int, Field(ge=2)] = 4  # one run in so many goes on to the next rung


class Hyperband(Strict):
    """Li et al. 2018: several successive halvings side by side, from bold to careful."""

    name: Literal["hyperband"]
    min_resource: PositiveInt = 1  # epochs before the first rung
    max_resource: PositiveInt | Literal["auto"] = "auto"  # epochs of a whole run; auto: of the longest so far
    reduction_factor: Annotated[int, Field(ge=2)] = 3  # one run in so many goes on to the next rung


class Unpruned(Strict):
    """Every run goes on to its end."""

    name: Literal["none"]


class Search(Strict):
    """Which trials are run, and what makes one better than another."""

    n_trials: PositiveInt = 20  # with a result, all starts of the same command together
    n_jobs: PositiveInt | None = None  # chosen and launched together; None: as many as the launcher runs side by side
    # What makes a trial good, at the epoch of the weights that its run keeps
    metric: Metrics = ("val/loss",)
    direction: Directions | None = None  # None: the metric's own; of use where nobody states what is better
    sampler: Annotated[TPE | GP | NSGAII | Random | Grid, Field(discriminator="name")] = TPE(name="tpe")
    pruner: Annotated[Median | SuccessiveHalving | Hyperband | Unpruned, Field(discriminator="name")] = Unpruned(
        name="none"
    )

    @model_validator(mode="after")
    def is_a_fair_search(self) -> Self:
        """Refuse test data, and what Optuna cannot do."""
        for name in self.metric:
            stage, _, kind = name.partition("/")
            if stage == "test":
                raise ValueError(
                    f"metric={name} would choose by the test data, which then test nothing. Take val/{kind}"
                )
            if not (kind and stage in ("train", "val")) and name != "parameters":
                raise ValueError(f"metric={name}: it must be train/... or val/..., or parameters (how many there are)")
        if self.direction is not None and len(self.direction) != len(self.metric):
            raise ValueError(f"direction has {len(self.direction)} values for the {len(self.metric)} of metric")
        if len(self.metric) > 1 and not isinstance(self.pruner, Unpruned):
            raise ValueError(f"pruner={self.pruner.name} needs a single metric, and metric has {len(self.metric)}")
        if not isinstance(self.pruner, Unpruned) and self.metric[0] == "parameters":
            raise ValueError(f"pruner={self.pruner.name} needs a metric that is measured after each epoch")
        return self
