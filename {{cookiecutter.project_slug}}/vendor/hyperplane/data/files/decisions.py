"""How each column of a CSV file is read, as the survey of its values and the settings say."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from loguru import logger

from ...errors import UserError, override
from ..lazy_polars import pl
from .layout import exactly
from .readings import BOOLEAN, PLAIN, TEXT, Reading, day_first
from .survey import ColumnSurvey, Spelling

BETWEEN_CENTURIES = 25  # years that nothing is of, between those of this century and those of the last
FEW_LINES = 3  # of titles, units, totals and sources
MARK = {"point": ".", "comma": ","}
Remark = tuple[str, str]  # the level of the log, and a sentence


def decide(columns: dict[str, ColumnSurvey], spelling: Spelling, key: str) -> dict[str, Reading]:
    """Return how each column is read, and say what is not plain about it.

    Raises:
        UserError: nothing tells the day from the month in a column of dates.
    """
    readings, remarks = choose(columns, spelling, key)
    say(remarks)
    return readings


def choose(columns: dict[str, ColumnSurvey], spelling: Spelling, key: str) -> tuple[dict[str, Reading], list[Remark]]:
    """Return how each column is read, and what is to be said about it."""
    marks = {mark for column in columns.values() if (mark := column.mark())}
    tie = MARK[spelling.decimal] if spelling.decimal else next(iter(marks)) if len(marks) == 1 else ""
    readings, said, remarks = {}, [], []
    for name, column in columns.items():
        reading, warnings = reading_of_column(column, tie, spelling, key)
        remarks += [("WARNING", warning) for warning in warnings]
        is_local = spelling.is_local and reading.pattern.endswith("%#z")
        readings[name] = replace(reading, missing=spelling.missing, is_local=is_local)
        fit = (column.fits or {}).get(reading)
        if reading.kind == "number" and not reading.is_plain:
            negative = f"; {column.debit!r} is negative" if column.debit else ""
            said.append(f"{name} ({reading}, such as {column.example or column.pointed!r}{negative})")
        elif day_first(reading) is not None:
            said.append(f"{name} ({reading})")
        elif reading.is_plain and column.padded is not None:
            said.append(
                f"{name} (numbers with leading zeros, such as {column.padded!r}; data.categorical "
                f"takes codes for categories)"
            )
        if fit is not None and fit.odd is not None:
            said.append(f"{name} ({reading}, missing where it says {fit.odd!r})")
    return readings, remarks + ([("INFO", f"Read as: {', '.join(said)}")] if said else [])


def say(remarks: Iterable[Remark]) -> None:
    for level, sentence in remarks:
        logger.log(level, "{}", sentence)


def reading_of_column(column: ColumnSurvey, tie: str, spelling: Spelling, key: str) -> tuple[Reading, list[str]]:
    """Return how a column is read, and a warning about one that is nearly, or may be, something else than text.

    `tie` is the mark that separates decimals if it may be both; empty: nothing says it.
    """
    certain, numbers = column.certain(), column.numbers()
    if len(numbers) == 1 or tie in numbers:
        return numbers.get(tie) or next(iter(numbers.values())), []
    if PLAIN in numbers.values():
        return PLAIN, []
    if numbers:
        return TEXT, [
            f"{column.name}: in numbers such as {column.example!r} the mark may separate decimals or thousands, so "
            "the column is read as text. "
            + (
                "data.decimal=point or data.decimal=comma says which mark separates decimals"
                if "decimal" in spelling.settings
                else "Write them without marks between thousands"
            )
        ]
    moments = [reading for reading in certain if reading.is_moment]
    if moments:
        return moment_of(column, moments, spelling, key)
    return (BOOLEAN, []) if BOOLEAN in certain else (TEXT, nearly(column, spelling))


def nearly(column: ColumnSurvey, spelling: Spelling) -> list[str]:
    """Return a warning about a column of which most, but not all, texts say the same."""
    if not column.fits:
        return []
    near, fit = max(column.fits.items(), key=lambda one: one[1].fits)
    remedies = [
        f"{override('data.missing', str(fit.unlike))} reads this value as missing" * ("missing" in spelling.settings),
        f"{override('data.ignore', column.name)} leaves the column out" * ("ignore" in spelling.settings),
    ]
    few = column.texts - fit.fits - fit.marks <= FEW_LINES
    remedies.append("if its line holds units, a total or a source, delete it" * few)
    return [
        f"{column.name}: {fit.fits} of {column.texts} values are {near}, but {fit.unlike!r} is not: the column is "
        f"read as text. {', '.join(filter(None, remedies))}".rstrip()
    ]


def refuse_two_centuries(table: "pl.LazyFrame", readings: Mapping[str, Reading], key: str) -> None:
    """Refuse dates with years of two digits where 70 would be a century before 69, the year that follows it.

    Raises:
        UserError: the dates of a column run over this border.
    """
    short = [name for name, reading in readings.items() if "%y" in reading.pattern]
    years = table.select(column.dt.year() for column in exactly(short)).collect() if short else ()
    for column in years:
        last, first = column.filter(column >= 2000).max(), column.filter(column < 2000).min()
        if isinstance(last, int) and isinstance(first, int) and first + 100 - last < BETWEEN_CENTURIES:
            raise UserError(
                f"column {column.name!r} of {key} holds years of two digits, of which {first % 100} would be {first} "
                f"and {last % 100} {last}: write years of four digits, or leave the column out"
            )


def moment_of(column: ColumnSurvey, moments: list[Reading], spelling: Spelling, key: str) -> tuple[Reading, list[str]]:
    """Return how dates are read, and a warning about those that are read as text."""
    by_order = {day_first(reading): reading for reading in moments}
    if len(by_order) == 1:
        return moments[0], []
    if spelling.day_first is not None:
        return by_order[spelling.day_first], []
    if by_order[True].pattern.startswith("%d."):
        return by_order[True], []  # nobody writes the month first with points
    said = (
        f"column {column.name!r} of {key} holds dates such as {column.example!r}, in which day and month cannot "
        "be told apart"
    )
    if "day_first" not in spelling.settings:
        return TEXT, [f"{said}: it is read as text; write them as 2026-01-31 to use them"]
    raise UserError(f"{said}: data.day_first=true says that the day comes first, data.day_first=false the month")
