"""Settings of the data sets."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, NonNegativeFloat, NonNegativeInt, PositiveInt, model_validator

from ..components import Component
from ..strangers import inside_project

Folder = Annotated[str, AfterValidator(inside_project)]

# What a table that is read from files all the time cannot have
NOT_LARGE = (
    "a large table has one target, no weights and no folds; data=table, which is in memory, may have all of them"
)


def wrong_fold(folds: int | None, fold: int | None) -> str:
    """Say what is wrong with a fold, and how all of them are run; an empty string if nothing is."""
    if folds is None:
        return (
            "" if fold is None else f"a fold is one of several: data.fold={fold} needs data.folds, such as data.folds=5"
        )
    if folds < 2:
        return f"data.folds={folds}: at least one fold is trained on, and one tested"
    if fold is not None and 0 <= fold < folds:
        return ""
    wrong = "a fold must be chosen" if fold is None else f"there is no fold {fold}: they count from 0 to {folds - 1}"
    every = ",".join(map(str, range(min(folds, 10)))) + (",..." if folds > 10 else "")
    return f"{wrong}. All of them: train -m data.folds={folds} data.fold={every}"


class Data(Component):
    """What every data set has."""

    batch_size: PositiveInt = 100  # samples in a training step
    val_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.1  # of the training samples, held out to choose by
    shuffle: bool = True  # draw the training samples in a new order in every epoch
    standardize: bool = False  # inputs and real targets to mean 0, standard deviation 1 over the training samples
    folds: Annotated[int, Field(ge=2)] | None = None  # of a cross-validation; null: the test is that of the data set
    fold: NonNegativeInt | None = None  # which of them is the test, counted from 0

    @model_validator(mode="after")
    def fold_is_one_of_the_folds(self) -> Self:
        """Refuse a fold that is not there."""
        wrong = wrong_fold(self.folds, self.fold)
        if wrong:
            raise ValueError(wrong)
        return self


class MNIST1D(Data, target="data.mnist1d.MNIST1D"):
    """4000 training and 1000 test signals of length 40, ten classes."""

    shuffled: bool = False  # permute the 40 positions, the same way in every signal
    folder: Folder = "data"  # where the generated arrays are kept


class Planar(Data):
    """What the data sets in the plane share."""

    num_samples: Annotated[int, Field(ge=20)] = 1000  # a fifth of them are for the test
    noise: NonNegativeFloat = 0.2  # standard deviation of the points around their shape
    folder: Folder = "data"  # where the generated points are kept


class Moons(Planar, target="data.planar.Moons"):
    """Two interleaved half circles."""


class Circles(Planar, target="data.planar.Circles"):
    """A circle inside another."""

    noise: NonNegativeFloat = 0.1


class Blobs(Planar, target="data.planar.Blobs"):
    """Three clouds."""

    noise: NonNegativeFloat = 1.0


class Salary(Data, target="data.curves.Salary"):
    """A line: salary over years of experience."""

    standardize: bool = True
    num_samples: Annotated[int, Field(ge=20)] = 500  # a fifth of them are for the test
    noise: NonNegativeFloat = 10.0  # standard deviation around the line, in thousands a year


class Plane(Data, target="data.curves.Plane"):
    """A plane over two features."""

    standardize: bool = True
    num_samples: Annotated[int, Field(ge=20)] = 500  # a fifth of them are for the test
    noise: NonNegativeFloat = 0.5  # standard deviation around the plane


class Bundled(Data, target="data.bundled.Bundled"):
    """A real data set that comes with scikit-learn."""

    name: Literal["diabetes", "breast_cancer", "wine", "digits"]  # which of them
    folder: Folder = "data"  # where the arrays are kept


class Table(Data, target="data.table.Table"):
    """Rows of your own CSV or Parquet file."""

    standardize: bool = True
    path: str  # the file: .csv, .csv.gz or .parquet
    target: str | tuple[str, ...]  # the column to predict, or a list of several
    task: Literal["auto", "classification", "multilabel", "regression"] = "auto"  # auto: inferred from the target
    ignore: tuple[str, ...] = ()  # columns that are left out
    weights: str | None = None  # a column that says how much each row counts in the loss; no feature
    group: str | None = None  # a column, such as patient: rows with the same value stay in one part; no feature
    test_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.2  # of the rows, drawn with the seed
    split_column: str | None = None  # a column that says train, val or test for each row; replaces test_fraction

    @property
    def targets(self) -> tuple[str, ...]:
        """The columns to predict."""
        return (self.target,) if isinstance(self.target, str) else self.target

    @model_validator(mode="after")
    def every_column_has_one_role(self) -> Self:
        """Refuse a column that is named twice, and a target that names none."""
        if not self.targets:
            raise ValueError("target=[] names no column to predict")
        names = [*self.targets, self.weights, self.group, self.split_column]
        twice = sorted({name for name in names if name is not None and names.count(name) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)} must have one role only: target, weights, group or split_column")
        return self

    @model_validator(mode="after")
    def folds_divide_what_no_column_divides(self) -> Self:
        """Refuse folds where a column says which rows are the test."""
        if self.folds is not None and self.split_column is not None:
            raise ValueError(f"split_column={self.split_column} says which rows are the test, so folds must be null")
        return self


class LargeTable(Table, target="data.large_table.LargeTable"):
    """Rows of your own file that do not fit in memory."""

    folder: Folder = "data"  # where the encoded rows are kept, once for each seed

    @model_validator(mode="after")
    def has_what_is_read_from_files(self) -> Self:
        """Refuse what needs the rows in memory."""
        if len(self.targets) > 1 or self.task == "multilabel" or self.weights is not None or self.folds is not None:
            raise ValueError(NOT_LARGE)
        return self


class Windows(Data):
    """What the data sets for forecasting share: windows of several time series."""

    val_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.2  # of the time steps before the test, their last ones
    standardize: bool = True
    test_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.2  # of all time steps, the last ones
    encoder_length: PositiveInt = 28  # steps of the past that a forecast sees
    decoder_length: PositiveInt = 7  # steps that are forecast
    # What is forecast: values that the target stays below with these probabilities
    quantiles: Annotated[tuple[Annotated[float, Field(gt=0, lt=1)], ...], Field(min_length=1)] = (0.1, 0.5, 0.9)

    @model_validator(mode="after")
    def quantiles_increase(self) -> Self:
        """Refuse quantiles out of order."""
        if list(self.quantiles) != sorted(set(self.quantiles)):
            raise ValueError(f"quantiles={list(self.quantiles)} must increase")
        return self


class Demand(Windows, target="data.demand.Demand"):
    """Daily demand of several shops, with quantiles that are known."""

    num_series: PositiveInt = 12  # shops
    num_steps: Annotated[int, Field(ge=10)] = 500  # days


class Panel(Windows, target="data.panel.Panel"):
    """Time series of your own CSV or Parquet file."""

    path: str  # the file: .csv, .csv.gz or .parquet
    time: str  # the column with dates, times or whole numbers
    target: str  # the column to forecast
    groups: tuple[str, ...] = ()  # columns that together name a series
    known_reals: tuple[str, ...] = ()  # numbers that are known in advance
    known_categoricals: tuple[str, ...] = ()  # categories that are known in advance
    observed_reals: tuple[str, ...] = ()  # numbers that are known when they happen
    observed_categoricals: tuple[str, ...] = ()  # categories that are known when they happen
    static_categoricals: tuple[str, ...] = ()  # categories that never change within a series, besides the groups

    @model_validator(mode="after")
    def every_column_has_one_role(self) -> Self:
        """Refuse a column that is named twice."""
        roles = (self.known_reals, self.known_categoricals, self.observed_reals, self.observed_categoricals)
        names = [self.time, self.target, *(name for role in roles for name in role)]
        twice = sorted({name for name in names if names.count(name) > 1} | {*names} & {*self.static_categoricals})
        if twice:
            raise ValueError(f"{', '.join(twice)} must have one role only: the past of the target is always an input")
        return self
