"""Types of settings, for the signatures of models, data sets, losses and whatever else a configuration builds.

    def __init__(self, spec: DataSpec, width: PositiveInt = 10, dropout: Dropout = 0.0) -> None: ...

Before a run, its settings are checked against these types: those below, those of pydantic (PositiveInt,
NonNegativeFloat, Field(ge=..., le=...), ...) and plain ones. They are read from the source, so what is not known here
or in `signatures/annotations.py` accepts any value. Where code calls the class they are ordinary annotations.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from .mistakes import shown
from .strangers import inside_project

__all__ = [
    "Activation",
    "Betas",
    "Distinct",
    "Divides",
    "Dropout",
    "Folder",
    "Fraction",
    "Increasing",
    "InnerFraction",
    "Needs",
    "ProperFraction",
    "SameLength",
]

Fraction = Annotated[float, Field(ge=0, le=1)]
ProperFraction = Annotated[float, Field(ge=0, lt=1)]  # less than all
InnerFraction = Annotated[float, Field(gt=0, lt=1)]  # neither none nor all
Dropout = ProperFraction  # probability that a value is set to zero in training
Betas = tuple[ProperFraction, ProperFraction]  # how slowly the means of ∇ and of ∇² forget
# σ by its name, see models/activations.py
Activation = Literal["identity", "sigmoid", "tanh", "relu", "leaky_relu", "elu", "gelu", "silu", "softplus", "mish"]
Folder = Annotated[str, AfterValidator(inside_project)]


def increasing(values: Sequence[float]) -> Sequence[float]:
    """Return values, each of which is larger than the one before.

    Raises:
        ValueError: one is not.
    """
    if list(values) != sorted(set(values)):
        raise ValueError("must increase")
    return values


Increasing = AfterValidator(increasing)


class Relation(ABC):
    """A rule between a setting and others: `num_heads: Annotated[PositiveInt, Divides("model_size")] = 4`."""

    @property
    @abstractmethod
    def others(self) -> tuple[str, ...]:
        """The names of the other settings."""

    @abstractmethod
    def problem(self, name: str, values: Mapping[str, Any]) -> str:
        """Return what is wrong with the setting `name` among the values of all, or an empty string."""


@dataclass(frozen=True)
class Pair(Relation):
    """A rule between two settings, both of which have a value."""

    other: str

    @property
    def others(self) -> tuple[str, ...]:
        """The name of the other one."""
        return (self.other,)

    def problem(self, name: str, values: Mapping[str, Any]) -> str:
        """Compare the two."""
        here, there = values[name], values[self.other]
        return "" if here is None or there is None else self.compare(name, here, there)

    @abstractmethod
    def compare(self, name: str, here: Any, there: Any) -> str:
        """Return what is wrong with the value `here` of the setting `name`, if the other one has the value `there`."""


@dataclass(frozen=True)
class Divides(Pair):
    """The setting `other` is a multiple of this one."""

    def compare(self, name: str, here: Any, there: Any) -> str:
        """Say that a remainder is left."""
        return f"{name}={here} must divide {self.other}={there} into equal parts" if there % here else ""


@dataclass(frozen=True)
class SameLength(Pair):
    """This list and the list `other` have as many entries."""

    def compare(self, name: str, here: Any, there: Any) -> str:
        """Say how many entries both have."""
        if len(here) == len(there):
            return ""
        return f"{self.other} has {len(there)} and {name} {len(here)} entries: they must be as many"


@dataclass(frozen=True)
class Needs(Pair):
    """This setting has an effect only where the setting `other` is above a number."""

    above: float = 0

    def compare(self, name: str, here: Any, there: Any) -> str:
        """Say that it has none."""
        return f"{name}={shown(here)} needs {self.other} above {self.above}" if here and there <= self.above else ""


@dataclass(frozen=True)
class Distinct(Relation):
    """No word stands twice in this setting and the others, each of which is a word or a list of words."""

    others: tuple[str, ...]

    def problem(self, name: str, values: Mapping[str, Any]) -> str:
        """Name the words that do, and where they are."""
        places: dict[str, list[str]] = {}
        for setting in (*self.others, name):
            value = values[setting] or ()
            for word in [value] if isinstance(value, str) else value:
                places.setdefault(word, []).append(setting)
        twice = {word: " and ".join(where) for word, where in places.items() if len(where) > 1}
        return "; ".join(f"{word} must have one role only, and is in {where}" for word, where in twice.items())
