"""What the training rows say about a column of a table, and what it is therefore taken for."""

import re
from collections import Counter

import numpy as np
from numpy.typing import NDArray

from ...errors import override
from ..files.readings import PLAIN, TEXT, Reading
from ..files.survey import survey
from ..lazy_polars import pl
from .dates import PARTS, Date, part_of
from .features import Category, Column, Hashed, Number
from .stated import Stated
from .times import dates_of
from .values import as_numbers, as_text, is_text
from .words import Words, most_frequent, occurrences

NAMES = {"numeric": "numbers", "dates": "dates"}
# 1_000, <5, ~3, 2K, 3.5M, 0x1F; in quotes, after which Excel does not calculate: '5 and ="5"; 1.5D+03 of Fortran
LIKE_NUMBER = re.compile(
    r"""(?:=?["'])?[+−–<>~≈-]?\s?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:_\d{3})*(?:\s?[kKM]|D[+-]?\d+|["'])?"""
    "|0x[\\da-fA-F]+"
)
FEW = 20  # that many categories are never taken for names of rows, unless every value is different


class ColumnStatistics:
    """What the training rows say about a column, taken in chunk by chunk."""

    def __init__(self, name: str, stated: Stated) -> None:
        self.name = name
        self.kind = stated.kinds.get(name, "")
        self.stated = stated
        self.is_text = False
        self.is_date = False
        self.holds = "numbers"  # for messages
        self.rows = 0
        self.present = 0  # rows with a value
        self.texts: set[str] = set()  # as long as they are few enough to be categories
        self.examples: list[str] = []  # of them
        self.hashes: NDArray[np.uint64] = np.empty(0, np.uint64)  # of all texts
        self.words: Counter[str] = Counter()
        self.total = 0.0  # of the numbers; dates are days
        self.lowest, self.highest = np.inf, -np.inf
        self.years = 0  # their sum
        self.zone: str | None = None  # of dates
        self.parts: dict[str, set[int]] = {part: set() for part in ("year", *PARTS)}  # of dates, those that occur

    def add(self, series: "pl.Series") -> None:
        self.rows += len(series)
        if is_text(series) or self.kind == "categorical":
            self.is_text = True
            self.add_texts(as_text(series).drop_nulls())
            return
        if series.dtype in (pl.Date, pl.Datetime) and self.kind != "numeric":
            self.is_date, self.holds = True, "dates"
            self.add_dates(series.drop_nulls())
        elif series.dtype == pl.Boolean or series.dtype.is_temporal():
            self.holds = "true and false" if series.dtype == pl.Boolean else "times, in days"
        numbers = as_numbers(series)
        numbers = numbers[np.isfinite(numbers)]
        if len(numbers):
            self.present += len(numbers)
            self.total += float(numbers.sum())
            self.lowest, self.highest = min(self.lowest, numbers.min()), max(self.highest, numbers.max())

    def add_texts(self, texts: "pl.Series") -> None:
        self.present += len(texts)
        self.examples = self.examples or texts[:FEW].to_list()
        if self.kind == "text":
            self.words += occurrences(texts)
        different = texts.unique()
        self.hashes = np.union1d(self.hashes, different.hash().to_numpy())
        if len(self.hashes) <= self.stated.max_categories:
            self.texts.update(different)

    def add_dates(self, dates: "pl.Series") -> None:
        self.zone = getattr(dates.dtype, "time_zone", None)
        self.years += int(dates.dt.year().sum())
        for part in self.parts:
            self.parts[part].update(np.unique(part_of(dates, part)).tolist())

    @property
    def is_hashed(self) -> bool:
        """Whether there are too many categories for a column each."""
        return self.is_text and self.kind != "text" and len(self.hashes) > self.stated.max_categories

    def why_useless(self) -> str:
        """Say why the column tells nothing about other rows, or return an empty string."""
        if not self.name:
            return "a column without a name, as programs give to row numbers"
        if not self.present:
            return "no values in the training rows"
        different = len(self.hashes)
        if self.present == self.rows and (different == 1 or self.lowest == self.highest):
            return "one value in the training rows"
        if self.kind == "text":
            return "" if self.words else "no words in the training rows"
        if self.names_rows():
            kind = self.hidden_kind()
            return (
                f"{different} different texts in {self.present} training rows: a name, not a category. "
                f"{override(f'data.{kind}', self.name) + f' reads {NAMES[kind]}, ' if kind else ''}"
                f"{override('data.text', self.name)} takes its words, "
                f"{override('data.categorical', self.name)} its values"
            )
        return ""

    def names_rows(self) -> bool:
        """Say whether texts are names, as more than half of them are different, and nothing states what they are."""
        different = len(self.hashes)
        are_different = different == self.present or (different > FEW and different > self.present / 2)
        return self.is_text and not self.kind and are_different and self.present > 1

    def looks_like(self) -> str:
        """Say what texts that are taken for names look like, and what to do: numbers, or dates; empty: like neither."""
        if self.holds_numbers():
            return "look like numbers: write plain ones to use it"
        is_date = self.names_rows() and self.hidden_kind() == "dates"
        stated = f"2026-01-31 is read as one, and in data=table {override('data.dates', self.name)} reads these"
        return f"are dates: {stated}" if is_date else ""

    def holds_numbers(self) -> bool:
        """Say whether texts that are taken for names look like numbers that nobody could read: 1_000, <5, 2K and 3M."""
        like_numbers = [text for text in self.examples if LIKE_NUMBER.fullmatch(text)]
        are_plain = all(text.isdigit() for text in like_numbers)  # in a Parquet file: codes
        return self.names_rows() and not are_plain and len(like_numbers) > len(self.examples) / 2

    def hidden_kind(self) -> str:
        """Return what the first texts say that nobody read as numbers or dates: those of a Parquet file, or months."""
        found = survey([pl.DataFrame({self.name: self.examples})], [self.name])[self.name]
        if found.numbers():
            return "numeric"
        are_dates = any(one.is_moment for one in found.certain()) or None not in dates_of(self.examples)
        return "dates" if are_dates else ""

    def reason(self) -> str:
        """Say why the column is taken for what it is."""
        why = f"stated by data.{self.kind}" if self.kind else ""
        if self.kind == "text":
            words = len(self.words)
            most = self.stated.max_words
            why += f"; the {most} most frequent of {words} words" if words > most else f"; {words} different words"
        elif self.is_text:
            different = f"{len(self.hashes)} different {'values' if self.kind else 'texts'}"
            more = f", more than data.max_categories={self.stated.max_categories}" if self.is_hashed else ""
            why = f"{why}{'; ' if why else ''}{different}{more}"
        return why or self.holds

    def column(self, reading: Reading | None = None) -> Column:
        """Return how the column is encoded; None: it is read as what it is."""
        has_missing = self.present < self.rows
        if self.kind == "text":
            words = most_frequent(self.words, self.stated.max_words)
            return Words(name=self.name, words=words, reading=reading or TEXT)
        if self.is_hashed:
            most = self.stated.max_categories
            return Hashed(name=self.name, buckets=most, has_missing=has_missing, reading=reading or TEXT)
        if self.is_text:
            categories: list[str | None] = [*sorted(self.texts), *([None] if has_missing else [])]
            return Category(name=self.name, categories=categories, reading=reading or TEXT)
        # Rounded, the mean of what does not vary may lie beside it, and would then vary where it fills a gap
        mean = float(np.clip(self.total / self.present, self.lowest, self.highest))
        if not self.is_date:
            return Number(name=self.name, mean=mean, has_indicator=has_missing, reading=reading or PLAIN)
        occurring = {part: sorted(self.parts[part]) for part in PARTS if len(self.parts[part]) > 1}
        return Date(
            name=self.name,
            start=float(self.lowest),
            days=mean - float(self.lowest),
            year=self.years / self.present if len(self.parts["year"]) > 1 else None,
            occurring=occurring,
            has_indicator=has_missing,
            zone=self.zone,
            reading=reading or PLAIN,
        )
