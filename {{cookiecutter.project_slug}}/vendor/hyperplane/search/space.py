"""The space of a search, read from Hydra's own syntax, and the job that a point of it stands for.

model=mlp,cnn   model=choice(mlp,cnn)      one of these
model.num_layers=range(1,5)                1, 2, 3 or 4: like Python's range, without its end
model.num_layers=interval(1,4)             1, 2, 3 or 4, since the setting is a whole number; as is int(interval(1,4))
optimizer.lr=interval(0.001,0.1)           any number between the two
optimizer.lr=tag(log,interval(0.001,0.1))  the same by its logarithm: below 0.01 as often as above
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from hydra.core.override_parser.types import ChoiceSweep, IntervalSweep, Override, RangeSweep, Sweep
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from ..errors import UserError

Space = dict[str, BaseDistribution]  # the distribution of each parameter, by the key of its override
Point = Mapping[str, Any]  # a value for each


def split(overrides: Sequence[Override], default: Callable[[list[str], str], Any]) -> tuple[list[str], Space]:
    """Return the overrides that all jobs share, and the space that the others span.

    Where a key comes twice, the last one holds. `default` returns the value of a key in the configuration that a job's
    overrides make.

    Raises:
        UserError: nothing is left to search, or a range makes no sense.
    """
    last = {override.get_key_element(): override for override in overrides}
    swept = {key: override for key, override in last.items() if override.is_sweep_override()}
    fixed = [f"{key}={value.get_value_element_as_str()}" for key, value in last.items() if key not in swept]
    if not swept:
        raise UserError(
            "hydra/sweeper=optuna has nothing to search. Give settings a range, such as\n"
            "  'optimizer.lr=tag(log, interval(1e-4, 1e-1))'  'model.dropout=interval(0, 0.5)'  model=mlp,cnn"
        )
    space: Space = {key: one_of(override) for key, override in swept.items() if override.is_choice_sweep()}
    base = job(fixed, corners(space)[0])  # which settings there are may depend on what is chosen from the groups
    numeric = {key: override for key, override in swept.items() if key not in space}
    return fixed, space | {key: numbers(override, default(base, key)) for key, override in numeric.items()}


def one_of(override: Override) -> CategoricalDistribution:
    """Return the distribution of listed values: texts in Hydra's syntax, since they may be lists or names of files."""
    sweep = override.value()
    if isinstance(sweep, ChoiceSweep):
        check_tags(override, sweep, allowed=set())
        sweep.shuffle = False  # the order is the sampler's
    choices = tuple(dict.fromkeys(override.sweep_string_iterator()))
    if not choices:
        raise UserError(f"{override.input_line} is not allowed: there is nothing to choose from")
    return CategoricalDistribution(choices)


def numbers(override: Override, default: Any) -> BaseDistribution:
    """Return the distribution of a range or an interval; `default` is what the setting would be without it."""
    sweep = override.value()
    assert isinstance(sweep, RangeSweep | IntervalSweep)
    check_tags(override, sweep, allowed={"log"})
    is_log = "log" in sweep.tags
    try:
        if isinstance(sweep, RangeSweep):
            values = list(sweep.range())
            if not values:
                raise ValueError("it holds no number")
            step: Any  # whose type the releases of Hydra state differently
            low, high, step = min(values), max(values), abs(sweep.step)  # it may count down
            whole = all(isinstance(value, int) for value in values)
        else:
            (low, high), step = bounds(sweep), None
            whole = isinstance(low, int) or (is_whole(default) and low.is_integer() and high.is_integer())
        if whole:
            return IntDistribution(int(low), int(high), step=int(step or 1), log=is_log)
        return FloatDistribution(low, high, step=step, log=is_log)
    except ValueError as error:  # ours or Optuna's
        raise UserError(f"{override.input_line} is not allowed: {error}") from None


def bounds(sweep: IntervalSweep) -> tuple[float, float]:
    low, high = sweep.start, sweep.end
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError("an interval goes from a smaller to a larger number")
    return low, high


def check_tags(override: Override, sweep: Sweep, allowed: set[str]) -> None:
    """Refuse tags that mean nothing here."""
    if sweep.tags - allowed:
        may = "the only tag is log" if allowed else "tag(log, ...) is for interval and range"
        raise UserError(f"{override.input_line} is not allowed: {may}")


def is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def job(fixed: Sequence[str], point: Point) -> list[str]:
    """Return the overrides of the job at a point: six digits are enough for any setting, and can still be read."""
    values = {key: f"{value:.6g}" if isinstance(value, float) else str(value) for key, value in point.items()}
    return [*fixed, *(f"{key}={value}" for key, value in values.items())]


def corners(space: Space) -> list[dict[str, Any]]:
    """Return points at which every end of every parameter occurs once: what is allowed there is allowed between."""
    ends = {key: list(ends_of(distribution)) for key, distribution in space.items()}
    first = {key: values[0] for key, values in ends.items()}
    return [first, *(first | {key: value} for key, values in ends.items() for value in values[1:])]


def ends_of(distribution: BaseDistribution) -> Iterator[Any]:
    """Yield the choices, or the smallest and the largest number."""
    if isinstance(distribution, CategoricalDistribution):
        yield from distribution.choices
    elif isinstance(distribution, IntDistribution | FloatDistribution):
        yield from (distribution.low, distribution.high)


def described(distribution: BaseDistribution) -> str:
    """Return a distribution in words."""
    if isinstance(distribution, CategoricalDistribution):
        return "one of " + " ".join(map(str, distribution.choices))
    assert isinstance(distribution, IntDistribution | FloatDistribution)
    step = "" if distribution.step is None else f" in steps of {distribution.step:g}"
    scale = ", logarithmic" if distribution.log else ""
    return f"{distribution.low:g} to {distribution.high:g}{step}{scale}"


def size(space: Space) -> float:
    """Return how many points there are: infinite with an interval of real numbers."""
    counts = []
    for distribution in space.values():
        if isinstance(distribution, CategoricalDistribution):
            counts.append(len(distribution.choices))
        elif isinstance(distribution, IntDistribution | FloatDistribution):
            if distribution.step is None:
                return math.inf
            counts.append(round((distribution.high - distribution.low) / distribution.step) + 1)
    return math.prod(counts)
