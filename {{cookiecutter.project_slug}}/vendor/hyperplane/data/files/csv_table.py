"""The columns of a CSV file, typed by all of their values, at nearly the speed of a parser that guesses.

The first rows settle most columns: plain numbers, and texts that are like nothing else. The parser makes numbers of the
former, null where a field is none. A null is right where the field is empty or a usual mark for a missing value, so
both are counted; a column with more nulls than these is surveyed as texts, like those that the first rows do not
settle.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from loguru import logger

from ..lazy_polars import pl
from .decisions import Remark, choose, say
from .first_look import plain_numbers
from .layout import (
    SEPARATORS,
    exactly,
    is_blank,
    layout_of,
    say_blank,
    scan_fields,
    scan_texts,
    texts_of,
    without_blank,
)
from .readings import MISSING, TEXT, Reading
from .survey import ColumnSurvey, Spelling, has_synonyms, survey

FIRST_ROWS = 1000
NUMBER = re.compile(r"-?\d+([.,]\d+)?")

Pieces = Callable[["pl.LazyFrame"], Iterable["pl.DataFrame"]]  # yields rows in pieces, few of which are in memory
Keep = Callable[["pl.LazyFrame"], "pl.LazyFrame"]  # evaluates rows once, so that they can be read again and again


class CsvTable:
    """Columns of a CSV file."""

    def __init__(self, path: Path, columns: Sequence[str] | None, spelling: Spelling, key: str) -> None:
        self.path = path
        self.key = f"{key}={path}"
        self.spelling = spelling
        self.layout = layout_of(path, key)
        if self.layout.separator != ",":
            logger.info("{}: its columns are separated by {}", path, SEPARATORS[self.layout.separator])
        names = self.layout.names
        counted = [str(number) for number in range(len(names) + 1)]
        if all(NUMBER.fullmatch(name) for name in names) and names not in (counted[:-1], counted[1:]):
            logger.warning("{}: its first line holds numbers alone, and is taken for the names of columns", path)
        if self.layout.nameless:
            logger.warning("{}: columns without a name are left out ({}): name them", path, self.layout.nameless)
        self.names = [name for name in self.layout.used if columns is None or name in columns]
        self.unstated = [name for name in self.names if name not in spelling.texts + spelling.codes]
        self.texts = scan_texts(path, self.layout)
        marks = pl.Series(spelling.missing, dtype=pl.String)
        self.may_be_marks = marks.cast(pl.Float64, strict=False).count() > 0
        self.found: dict[str, ColumnSurvey] = {}
        self.codes: dict[str, ColumnSurvey] = {}
        self.readings: dict[str, Reading] = {}

    def read(self, keep: Keep, pieces: Pieces) -> "pl.LazyFrame":
        """Return the rows that are not blank, and say what is not plain; `readings` then says how they are read."""
        first = self.texts.head(FIRST_ROWS + 1).collect()
        self.codes = self.unique_codes()
        if first.height <= FIRST_ROWS:  # these are all rows
            self.look_at(first)
            say(self.decide())
            return without_blank(first, self.path).lazy().select(self.values())
        settled = self.settled(first)
        doubtful = {*self.unstated} - settled
        while True:
            settled -= doubtful
            chosen = [name for name in self.names if name in doubtful]
            if chosen:
                self.survey(pieces(self.texts.select(exactly(chosen))), chosen)
            remarks = self.decide()
            rows = keep(self.typed(settled))
            nulls = rows.select(exactly(self.names)).null_count().collect().row(0, named=True)
            doubtful = self.doubtful(settled, nulls)
            if not doubtful:
                break
        say(remarks)
        return self.without_blank(rows, keep) if min(nulls.values()) else rows

    def unique_codes(self) -> dict[str, ColumnSurvey]:
        """Return the columns of codes that may be read as what they look like, where 01 and 1 are not two of them."""
        found = {}
        for name in (name for name in self.names if name in self.spelling.codes):
            different = self.texts.select(exactly([name])).unique(maintain_order=True).collect()
            column = survey([different], [name], self.spelling.missing)[name]
            if column.certain() and column.padded is None and not has_synonyms(column, different[name]):
                found[name] = column
        return found

    def survey(self, chunks: Iterable["pl.DataFrame"], names: Sequence[str]) -> None:
        self.found |= survey(chunks, names, self.spelling.missing)

    def look_at(self, first: "pl.DataFrame") -> None:
        """Look at the texts of the first rows; at once at those of all columns that hold nothing but plain numbers."""
        self.found = {} if self.may_be_marks else plain_numbers(first, self.unstated)
        self.survey([first], [name for name in self.unstated if name not in self.found])

    def decide(self) -> list[Remark]:
        """Decide how each column is read, and return what is to be said of it."""
        self.found |= self.codes
        self.readings, remarks = choose(self.found, self.spelling, self.key)
        remarks += [("WARNING", self.doubt(name)) for name in self.maybe_thousands()]
        text = replace(TEXT, missing=self.spelling.missing)
        self.readings |= {name: text for name in self.names if name not in self.found}
        return remarks

    def maybe_thousands(self) -> list[str]:
        """Return the columns whose points may be between thousands: semicolons are for files with decimal commas."""
        if self.layout.separator != ";" or self.spelling.decimal or any(one.mark() for one in self.found.values()):
            return []
        return [name for name, one in self.found.items() if self.readings[name].is_plain and len(one.numbers()) > 1]

    def doubt(self, name: str) -> str:
        """Say how a column was read whose points may be between thousands."""
        remedy = "data.decimal=comma; if not, data.decimal=point says so"
        if "decimal" not in self.spelling.settings:
            remedy = "write the numbers without it"
        said = f"{name}: {self.found[name].pointed} is read with a decimal point."
        return f"{said} If the point is between thousands: {remedy}"

    def settled(self, first: "pl.DataFrame") -> set[str]:
        """Return the names of the columns that the first rows settle, unless others contradict them."""
        if self.layout.has_blanked_quotes:
            return set()
        self.look_at(first)
        settled = {name: column.settled() for name, column in self.found.items()}
        return {name for name, one in settled.items() if one is not None and not (one.is_plain and self.may_be_marks)}

    def kinds(self, settled: set[str]) -> "dict[str, type[pl.DataType]]":
        """Return the types of the columns that the parser makes numbers of."""
        numbers = [name for name in self.names if name in settled and self.readings[name].is_plain]
        return {name: pl.Int64 if self.found[name].is_whole else pl.Float64 for name in numbers}

    def typed(self, settled: set[str]) -> "pl.LazyFrame":
        """Return the rows, of which the parser makes the numbers that are settled."""
        kinds = self.kinds(settled)
        fields = scan_fields(self.path, self.layout, kinds, self.marks(kinds))
        return fields.select(
            self.value(name, field.str.strip_chars() if name in settled else texts_of(field, self.layout))
            if name not in kinds
            else field.fill_nan(None)
            if kinds[name] == pl.Float64
            else field
            for name, field in zip(self.names, exactly(self.names), strict=True)
        )

    def marks(self, kinds: Iterable[str]) -> Sequence[str]:
        """Return the texts that stand for a missing value, if one occurs in numbers: looking for them takes time."""
        return MISSING if any(self.found[name].has_marks for name in kinds) else ()

    def doubtful(self, settled: set[str], nulls: dict[str, int]) -> set[str]:
        """Return the names of the settled columns that have nulls for other fields than missing values."""
        kinds = self.kinds(settled)
        holed = [name for name in kinds if nulls[name]]
        if not holed:
            return set()
        fields = scan_fields(self.path, self.layout, missing=self.marks(kinds)).select(exactly(holed))
        empty = fields.select((field.is_null() | (field == "")).sum() for field in exactly(holed))
        counts = empty.collect(engine="streaming").row(0, named=True)
        return {name for name in holed if nulls[name] != counts[name]}

    def value(self, name: str, texts: "pl.Expr") -> "pl.Expr":
        """Return what the texts of a column say."""
        reading = self.readings[name]
        is_whole = reading.is_plain and self.found[name].is_whole
        return (reading.whole(texts) if is_whole else reading.values(texts)).alias(name)

    def values(self) -> "list[pl.Expr]":
        """Return what the texts of all columns say."""
        return [self.value(name, texts) for name, texts in zip(self.names, exactly(self.names), strict=True)]

    def without_blank(self, rows: "pl.LazyFrame", keep: Keep) -> "pl.LazyFrame":
        """Leave out the rows whose fields are all empty, those of columns that are not read among them."""
        nothing = rows.select(is_blank().sum()).collect().item()
        if not nothing:
            return rows
        blank = self.texts.select(is_blank().sum()).collect(engine="streaming").item()
        say_blank(blank, self.path)
        if blank == nothing:
            return rows.filter(~is_blank())
        return keep(self.texts.filter(~is_blank()).select(self.values())) if blank else rows
