"""How long work on the rows of a file shows where it is: a bar on a terminal, lines in a log."""

import sys
import time
from collections.abc import Iterable, Iterator

from loguru import logger
from tqdm import tqdm

from ...processes.cores import jobs_beside
from ..lazy_polars import pl

SECONDS_BEFORE_BAR = 0.5
SECONDS_BETWEEN_LINES = 10.0


def with_progress(batches: Iterable["pl.DataFrame"], doing: str, rows: int | None = None) -> Iterator["pl.DataFrame"]:
    """Yield batches of rows, and show how many came.

    `doing` is what is done with them: `Reading houses.csv`. `rows` is how many there are, or nearly.
    """
    if sys.stderr.isatty() and jobs_beside() == 1:
        yield from with_bar(batches, doing, rows)
        return
    done, said = 0, time.monotonic()
    for batch in batches:
        yield batch
        done += batch.height
        if time.monotonic() - said > SECONDS_BETWEEN_LINES:
            said = time.monotonic()
            logger.info("{}: {:,} rows{}", doing, done, "" if rows is None else f" of about {rows:,}")


def with_bar(batches: Iterable["pl.DataFrame"], doing: str, rows: int | None) -> Iterator["pl.DataFrame"]:
    """Yield batches of rows, and draw a bar, which disappears at the end, unless all of it is quick."""
    with tqdm(
        total=rows, desc=doing, unit=" rows", unit_scale=True, leave=False, dynamic_ncols=True, delay=SECONDS_BEFORE_BAR
    ) as bar:
        for batch in batches:
            yield batch
            bar.update(batch.height)
