"""What each model makes of the same points in the plane: the decision regions of a sweep, side by side.

Drawing them asks the models themselves, so `draw_regions` imports torch; `in_the_plane` says without it whether to.
"""

import math
from itertools import groupby
from typing import TYPE_CHECKING, Any

from ..errors import UserError
from ..project import current
from .drawing import png
from .results import Results, Row
from .summaries import ReportedRun

if TYPE_CHECKING:
    from ..figures import Subplot

ACCURACY = "test/accuracy"
MOST_COLUMNS = 5
MOST_PANELS = 30  # more cannot be told apart


def in_the_plane(results: Results) -> bool:
    """Return whether all completed runs, two settings or more, classified points in the plane."""
    runs = first_seeds(results.rows)
    return len(runs) > 1 and all(run.input_shape == (2,) and ACCURACY in run.metrics for run in runs)


def first_seeds(rows: list[Row]) -> list[ReportedRun]:
    """Return the completed run with the smallest seed and fold of each setting that has one."""
    completed = (row.with_status("completed") for row in rows)
    return [min(runs, key=lambda run: (run.seed or 0, run.fold or 0)) for runs in completed if runs]


def draw_regions(results: Results) -> tuple[bytes | None, list[str]]:
    """Return a PNG, a row of panels for each data set, and why runs that are not in it could not be drawn."""
    from ..figures import compare_regions

    rows: list[list[Subplot]] = []
    reasons = []
    runs = first_seeds(results.rows)
    for _, same_data in groupby(runs[:MOST_PANELS], key=lambda run: run.settings.get("data")):
        panels = []
        for run in same_data:
            try:
                panels.append(panel(run, title(results, run)))
            except UserError as error:
                reasons.append(f"The decision regions of {run.folder} cannot be drawn: {error}")
        columns = evenly(len(panels))
        rows += [panels[i : i + columns] for i in range(0, len(panels), columns)]
    if len(runs) > MOST_PANELS:
        reasons.append(f"The decision regions are those of the first {MOST_PANELS} of {len(runs)} settings.")
    if not rows:
        return None, reasons
    first = "the first seed and fold" if any(run.fold is not None for run in runs) else "the first seed"
    heading = f"Decision regions, with the test accuracy of each (one run, {first})"
    return png(compare_regions(rows, heading)), reasons


def evenly(panels: int) -> int:
    """Return in how many columns `panels` fill their rows best: 6 make 2 rows of 3, not 5 and 1."""
    rows = max(1, math.ceil(panels / MOST_COLUMNS))
    return max(1, math.ceil(panels / rows))


def title(results: Results, run: ReportedRun) -> str:
    """Return what sets the run apart, and its accuracy: `mlp, moons: 0.975`."""
    found = ((key, run.settings.get(key)) for key in results.settings)
    words = [value if key in ("model", "data") else f"{key}={value}" for key, value in found if value]
    return f"{', '.join(words)}: {run.metrics[ACCURACY]:.3f}"


def panel(run: ReportedRun, text: str) -> "Subplot":
    """Return what the tested weights of a run predict, and the points that they were trained and tested on.

    Raises:
        UserError: the run cannot be read, or its weights do not fit its settings.
    """
    from loguru import logger

    from ..checkpoints.trained import load_trained
    from ..data.reproducible import make_data
    from ..figures import LabelledPoints, Subplot
    from ..metrics.metric_names import MetricNames
    from ..tasks.task import Task

    trained = load_trained(run.folder)
    task, spec = trained.task, trained.spec
    if not isinstance(task, Task):
        raise UserError("its task does not predict arrays")
    sources = ("hyperplane.data", f"{current().package}.data")
    for source in sources:
        logger.disable(source)  # what it says of itself, it has said to the run
    try:
        data: Any = make_data(trained.settings, MetricNames())
    finally:
        for source in sources:
            logger.enable(source)
    if (data.spec.input_shape, data.spec.class_names) != (spec.input_shape, spec.class_names):
        raise UserError("its data have changed since")
    (points, classes), (test_points, test_classes) = data.arrays("train"), data.arrays("test")
    labelled = LabelledPoints(points, classes, test_points, test_classes, spec.feature_names, spec.class_names)
    return Subplot(text, task.predict_array, labelled)
