"""Values that are read as they stand, but may mean something else: a warning says how to have them read so."""

import re
from collections.abc import Iterable

import numpy as np
from loguru import logger

from ...errors import override
from ..lazy_polars import pl
from .values import as_numbers

# What stands in front of a line that sums up those above
TOTAL = re.compile(r"((grand|sub)[ -]?)?totals?|sum|average|mean|overall|gesamt|summe", re.IGNORECASE)
NINES = re.compile(r"9{2,}(\.9+)?|9\.9{2,}")  # -9999, 99.9: what stands for a missing number
FEW_DATES = 5  # different whole numbers of which all are dates by chance
DATE = r"^(1[89]|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])?$"


def point_at_total(table: "pl.DataFrame") -> None:
    """Warn of a last row that seems to be no row, but to sum up the others."""
    for name, value in table[-1].row(0, named=True).items():
        if isinstance(value, str) and TOTAL.fullmatch(value) and (table[name] == value).sum() == 1:
            logger.warning("The last row has {!r} as {}: if it sums up the others, delete it", value, name)


def point_at_dates(columns: Iterable["pl.Series"]) -> None:
    """Warn of whole numbers that are dates such as 20240131 and 202401: a month's end is no step of 70, or of 89."""
    for column in columns:
        some = column[:1000].drop_nulls().unique(maintain_order=True)
        if column.dtype.is_integer() and len(some) > FEW_DATES and some.cast(pl.String).str.contains(DATE).all():
            remedy = override("data.dates", column.name)
            logger.warning("{} is read as numbers; if {} is a date: {}", column.name, some[0], remedy)


def point_at_nines(columns: Iterable["pl.Series"]) -> None:
    """Warn of numbers of nines such as -9999 that are farther from all others than these are from each other."""
    for column in columns:
        values = as_numbers(column) if column.dtype.is_numeric() else np.empty(0)
        values = values[np.isfinite(values)]
        for mark in (values.min(), values.max()) if len(values) else ():
            written, others = f"{mark:.10g}", values[values != mark]
            if not NINES.fullmatch(written.removeprefix("-")) or not len(others):
                continue
            if max(others.min() - mark, mark - others.max()) > np.ptp(others) > 0:
                logger.warning(
                    "{}: {} in {} rows is far from all other values. If it stands for a missing one: {}, as a CSV file "
                    "writes it; in a Parquet file, null",
                    column.name,
                    written,
                    len(values) - len(others),
                    override("data.missing", written),
                )
