"""Types of settings, for the signatures of models, data sets, losses and whatever else a configuration builds.

    def __init__(self, spec: DataSpec, width: PositiveInt = 10, dropout: Dropout = 0.0) -> None: ...

Before a run, its settings are checked against these types: those below, those of pydantic (PositiveInt,
NonNegativeFloat, Field(ge=..., le=...), ...) and plain ones. They are read from the source, so what is not known here
or in `signatures/annotations.py` accepts any value. Where code calls the class they are ordinary annotations.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from .errors import as_typed
from .paths import inside_project

__all__ = [
    "Betas",
    "Distinct",
    "Divides",
    "Dropout",
    "Excludes",
    "FoldOf",
    "Folder",
    "Fraction",
    "Increasing",
    "InnerFraction",
    "Needs",
    "ProperFraction",
    "Refused",
    "SameLength",
]

Fraction = Annotated[float, Field(ge=0, le=1)]
ProperFraction = Annotated[float, Field(ge=0, lt=1)]  # less than all
InnerFraction = Annotated[float, Field(gt=0, lt=1)]  # neither none nor all
Dropout = ProperFraction  # probability that a value is set to zero in training
Betas = tuple[ProperFraction, ProperFraction]  # how slowly the means of ∇ and of ∇² forget
Folder = Annotated[str, AfterValidator(inside_project)]


def increasing(values: Sequence[float]) -> Sequence[float]:
    """Return values, each of which must be larger than the one before."""
    if list(values) != sorted(set(values)):
        raise ValueError("must increase")
    return values


Increasing = AfterValidator(increasing)


class Relation(ABC):
    """A rule between a setting and others: `num_heads: Annotated[PositiveInt, Divides("model_size")] = 4`."""

    @property
    def others(self) -> tuple[str, ...]:
        """The names of the other settings; none."""
        return ()

    @abstractmethod
    def problem(self, name: str, values: Mapping[str, Any]) -> str:
        """Return what is wrong with the setting `name` among the values of all, or an empty string."""


@dataclass(frozen=True)
class Pair(Relation):
    """A rule between two settings, both of which have a value."""

    other: str

    @property
    def others(self) -> tuple[str, ...]:
        return (self.other,)

    def problem(self, name: str, values: Mapping[str, Any]) -> str:
        here, there = values[name], values[self.other]
        return "" if here is None or there is None else self.compare(name, here, there)

    @abstractmethod
    def compare(self, name: str, here: Any, there: Any) -> str:
        """Return what is wrong with the value `here` of the setting `name`, if the other one has the value `there`."""


@dataclass(frozen=True)
class Divides(Pair):
    """The setting `other` is a multiple of this one."""

    def compare(self, name: str, here: Any, there: Any) -> str:
        return f"{name}={here} must divide {self.other}={there} into equal parts" if there % here else ""


@dataclass(frozen=True)
class SameLength(Pair):
    """This list and the list `other` have as many entries."""

    def compare(self, name: str, here: Any, there: Any) -> str:
        if len(here) == len(there):
            return ""
        return f"{self.other} has {len(there)} and {name} {len(here)} entries: both need the same number"


@dataclass(frozen=True)
class Needs(Pair):
    """This setting has an effect only where the setting `other` is above a number."""

    above: float = 0

    def compare(self, name: str, here: Any, there: Any) -> str:
        return f"{name}={as_typed(here)} needs {self.other} above {self.above}" if here and there <= self.above else ""


@dataclass(frozen=True)
class Excludes(Pair):
    """This setting and the setting `other` are not both given; `why` follows the name and the value of this one."""

    why: str

    def compare(self, name: str, here: Any, there: Any) -> str:
        return f"{name}={as_typed(here)} {self.why}, so {self.other} must be null"


@dataclass(frozen=True)
class Refused(Relation):
    """This setting of a base class stays as it is, null or empty: `why` says what to choose instead."""

    why: str

    def problem(self, name: str, values: Mapping[str, Any]) -> str:
        value = values[name]
        return "" if value is None or value == () else f"{name}={as_typed(value)}: {self.why}"


@dataclass(frozen=True)
class FoldOf(Relation):
    """This is the number of a fold of a cross-validation; how many there are is the setting `folds`."""

    folds: str

    @property
    def others(self) -> tuple[str, ...]:
        return (self.folds,)

    def problem(self, name: str, values: Mapping[str, Any]) -> str:
        return wrong_fold(values[self.folds], values[name])


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


@dataclass(frozen=True)
class Distinct(Relation):
    """No word stands twice in this setting and `settings`, each of which is a word or a list of words."""

    settings: tuple[str, ...]

    @property
    def others(self) -> tuple[str, ...]:
        return self.settings

    def problem(self, name: str, values: Mapping[str, Any]) -> str:
        """Name the words that do, and where they are."""
        places: dict[str, list[str]] = {}
        for setting in (*self.settings, name):
            value = values[setting] or ()
            for word in [value] if isinstance(value, str) else value:
                places.setdefault(word, []).append(setting)
        twice = {word: where for word, where in places.items() if len(where) > 1}
        return "; ".join(
            f"{word} must have one role only, and stands in {' and '.join(where)}" for word, where in twice.items()
        )
