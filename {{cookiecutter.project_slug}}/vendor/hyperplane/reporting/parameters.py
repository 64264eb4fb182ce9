"""How the metric depends on two settings or more: a heat-map where two fill one, else parallel coordinates."""

import math

from .direction import higher_is_better
from .heat_map import draw_heat_map, fits_heat_map
from .parallel_coordinates import draw_parallel_coordinates
from .results import Results


def draw_parameters(results: Results) -> bytes | None:
    """A PNG, or None where fewer than two settings differ or fewer than two rows have a finite mean.

    Settings are chosen by such a picture, so it shows validation data wherever they were measured.
    """
    by = results.validation
    metric = by if any(row.statistic(by).count for row in results.rows) else results.metrics[0]
    means = [(row, row.statistic(metric).mean) for row in results.rows]
    finite = [(row, mean) for row, mean in means if mean is not None and math.isfinite(mean)]
    if len(results.settings) < 2 or len(finite) < 2:
        return None
    draw = draw_heat_map if fits_heat_map(results) else draw_parallel_coordinates
    return draw(results, metric, higher_is_better(metric, results.found.runs), finite)
