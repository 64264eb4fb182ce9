"""`find=lr` and `find=batch_size`: short trainings on training samples alone, whose weights are thrown away.

Nothing is trained with what was found: a run says it as an override to paste, and `summary.json` has it under `found`.
"""

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ..run_folder.record import RunRecord


class Found(NamedTuple):
    """What a finder suggests, and all that it has tried."""

    setting: str
    value: float
    tried: dict[float, float]  # the loss of each learning rate, or the samples per second of each batch size


def find(run: "RunRecord") -> None:
    """Look for what `run.settings.find` asks for; say it, draw it, and note it in the summary."""
    with run.timed("startup"):
        from loguru import logger

        from ..data.reproducible import make_data
        from ..logs import adopt_lightning
        from ..metrics.metric_names import MetricNames
        from ..paths import shown
        from .batch_size import find_batch_size
        from .learning_rate import find_learning_rate

        adopt_lightning()
        data = make_data(run.settings, MetricNames())
    with run.timed("fit"):
        found = (find_learning_rate if run.settings.find == "lr" else find_batch_size)(run, data)
    run.summary["found"] = {found.setting: found.value}
    run.summary["tried"] = {str(value): score for value, score in found.tried.items()}
    where = ""
    if run.settings.figures is not False:  # of a job too: the picture is what it was asked for
        from ..figures import save, tried_batch_sizes, tried_learning_rates

        draw = tried_learning_rates if run.settings.find == "lr" else tried_batch_sizes
        paths = save({draw.__name__: draw(found.tried, found.value)}, run.folder)
        where = f", see {shown(paths[draw.__name__])}"
    logger.success("Try it with {}={}{}", found.setting, found.value, where)
