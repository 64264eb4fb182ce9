"""Which way a search goes: what is better follows from the metric, and is only asked for where nobody states it."""

from collections.abc import Sequence

from ..errors import UserError, with_nearest
from ..metrics import higher_is_better, names
from ..settings import Settings
from ..settings.search import Direction, Search

NUMBER_OF_PARAMETERS = "parameters"  # of a summary; no metric, and fewer are better


def directions(search: Search, jobs: Sequence[Settings]) -> tuple[Direction, ...]:
    """Return a direction for each metric of a search.

    The jobs are those at the ends of the ranges.

    Raises:
        UserError: nothing states what is better, or a direction was given against it.
    """
    asked = search.direction or (None,) * len(search.metric)
    return tuple(direction(name, given, jobs) for name, given in zip(search.metric, asked, strict=True))


def direction(name: str, asked: Direction | None, jobs: Sequence[Settings]) -> Direction:
    """Return the direction of one metric: its own, or else `asked`."""
    stated = {False} if name == NUMBER_OF_PARAMETERS else {higher_is_better(name, job) for job in jobs} - {None}
    if len(stated) > 1:
        raise UserError(
            f"hydra.sweeper.metric={name} cannot choose: a higher value is better for some of the jobs only"
        )
    if stated:
        own: Direction = "maximize" if True in stated else "minimize"
        if asked not in (None, own):
            better = "more" if own == "maximize" else "less"
            raise UserError(
                f"hydra.sweeper.direction={asked} would look for the worst: {better} of {name} is better. "
                "Leave the direction out, it follows from the metric."
            )
        return own
    if asked is None:
        stage = name.partition("/")[0]
        known = dict.fromkeys(metric for job in jobs for metric in names(job))
        says = (
            f"hydra.sweeper.metric={name} needs hydra.sweeper.direction=maximize or minimize: "
            "nothing states whether a higher or a lower value is better."
        )
        raise UserError(with_nearest(says, name, [f"{stage}/{metric}" for metric in known]))
    return asked
