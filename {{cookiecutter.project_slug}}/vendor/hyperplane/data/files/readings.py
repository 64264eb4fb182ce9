"""What the texts of a CSV file say: numbers, truth, dates or text, each in one of the ways in which it is written."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from ..lazy_polars import pl

# What stands for a missing value in any column
MISSING = ["", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NaT", "NULL", "null", r"\N", "None"]
# Beside numbers and dates these as well, in capitals or not: there they can mean nothing else. Among texts they may be
# categories, such as the sign of a blood group, or an answer that was given.
MISSING_BESIDE_NUMBERS = [
    *(mark.lower() for mark in MISSING),
    *("?", "-", "--", "–", "—", ".", "..", "*", "n.a.", "unknown", "missing"),
    *("#div/0!", "#num!", "#ref!", "#value!", "#name?", "#null!", "#na", "#n/a n/a"),  # of Excel
    *("-nan", "1.#ind", "-1.#ind", "1.#qnan", "-1.#qnan"),  # of C
]
GROUPS = r"'’\s"  # what stands between groups of three digits, besides the mark that is not the decimal one
MINUS = "−–-"  # the last one would be a range elsewhere in a class
UNITS = (
    *("%", "$", "€", "£", "¥", "₹", "₽", "₩", "₺", "₪", "₫", "₱", "US$", "R$", "A$", "C$", "CA$"),
    *("Rs", "Rs.", "kr", "zł"),
    *("USD", "EUR", "GBP", "CHF", "JPY", "CNY", "INR", "BRL", "AUD", "CAD", "SEK", "NOK", "DKK", "PLN"),
)
DATE = re.compile(r"(?:\d{4}([-/]|\. ?)\d{1,2}\1\d{1,2}|\d{1,2}([-/]|\. ?)\d{1,2}\2(?:\d{4}|\d{2}))(?!\d)")
# 5 Jan 2024, 05-JAN-24, Jan 5, 2024: in English
NAMED = re.compile(r"(?:\d{1,2}([ /.-])[A-Za-z]{3,9}\1(\d{4}|\d{2})|([A-Za-z]{3,9}) \d{1,2},? \d{4})(?!\d)")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
NUMBERED = re.compile(r"\(\s*\d+\s*\)")  # a footnote, a class; beside other numbers a negative one
# of a unit; a single capital may be a part of a building, and a digit is a power of a length
LENGTH = r"(?:[A-Za-zµ°Ω]{1,4}/)?(?:[mcdk]?m|ft|in|yd)[23]"
SUFFIX = re.compile(rf"[+{MINUS}]?\d[\d.,]*(?:\s+(?![A-Z]$)|(?=[a-zµ°Ω]))([A-Za-zµ°Ω²³/]{{1,8}}|{LENGTH})")
TIME = re.compile(r"\d{1,2}:\d{2}(:\d{2}(?:[.,]\d+)?)?(\s?[AaPp][Mm])?")
OFFSET = r"(:\d{2}(?:[.,]\d+)?) ?(?:UTC|GMT|Z|[+-]\d{2}(?::?\d{2})?)$"  # behind a clock
ZONE = re.compile(r" ?(?:UTC|GMT)|Z|[+-]\d{2}:?\d{2}|([+-]\d{2})")


@dataclass(frozen=True)
class Reading:
    """How a column of texts is read."""

    kind: str  # text, boolean, number, date, datetime or time
    # Of numbers `.` or `,`, the decimal mark where there are other marks; of dates and times that of strptime; empty
    # for plain numbers, and for dates of a file that says itself what they are
    pattern: str = ""
    unit: str = ""  # a currency, % or kg that stands at every number
    missing: tuple[str, ...] = ()  # what else stands for a missing value
    is_local: bool = False  # the clock that stands there, whatever its offset from UTC

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """Return the reading of which `dataclasses.asdict` made plain values."""
        return cls(**{**state, "missing": tuple(state["missing"])})

    @property
    def is_plain(self) -> bool:
        """Whether it is what any program takes for a number."""
        return self.kind == "number" and not self.pattern and not self.unit

    @property
    def is_moment(self) -> bool:
        """Whether it is a date, a time or both."""
        return self.kind in ("date", "datetime", "time")

    def __str__(self) -> str:
        if self.kind == "number":
            mark = {"": "", ".": " with a decimal point", ",": " with a decimal comma"}[self.pattern]
            return (
                f"numbers{mark}{' and ' if mark and self.unit else ''}{f'{self.unit} beside them' if self.unit else ''}"
            )
        plural = {"text": "texts", "boolean": "true and false", "date": "dates", "datetime": "dates", "time": "times"}
        return plural[self.kind] + (f" in the order {order(self.pattern)}" if self.pattern else "")

    def values(self, text: "pl.Expr") -> "pl.Expr":
        """Return what texts without blanks around them say; null where they say nothing of the kind."""
        if self.missing:
            text = pl.when(~text.is_in(self.missing)).then(text)
        if self.kind == "text":
            return pl.when(~text.is_in(MISSING)).then(text)
        if self.kind == "boolean":
            lower = text.str.to_lowercase()
            return (
                pl.when(lower.is_in(["true", "1", "1.0"]))
                .then(True)
                .when(lower.is_in(["false", "0", "0.0"]))
                .then(False)
            )
        if self.kind == "number":
            return self.numbers(text)
        kinds: dict[str, Any] = {"date": pl.Date, "datetime": pl.Datetime("us"), "time": pl.Time}
        # strptime would take the year 24 for one of four digits
        four = text.str.contains(r"^(\w+\W{1,2}\w+\W{1,2})?\d{4}(\D|$)") if "%Y" in self.pattern else True
        moments: pl.Expr = pl.when(four).then(text)
        pattern = self.pattern
        if self.is_local:
            moments, pattern = moments.str.replace(OFFSET, "$1"), pattern.removesuffix("%#z")
        return moments.str.strptime(kinds[self.kind], pattern, strict=False)

    def whole(self, text: "pl.Expr") -> "pl.Expr":
        """Return what plain numbers say that are known to be whole ones: 64 bits hold more digits than a float."""
        if self.missing:
            text = pl.when(~text.is_in(self.missing)).then(text)
        return text.cast(pl.Int64, strict=False)

    def numbers(self, text: "pl.Expr") -> "pl.Expr":
        """Return the numbers that texts are."""
        if self.is_plain:
            return text.cast(pl.Float64, strict=False).fill_nan(None)
        mark = self.pattern or "."
        other = "," if mark == "." else "."
        sign, unit = f"[+{MINUS}]?", rf"(?:{re.escape(self.unit)})?"
        grouped = rf"[1-9]\d{{0,2}}(?:[{other}{GROUPS}]\d{{3}})+"
        if other == ",":  # in India 12,34,567
            grouped += r"|[1-9]\d?(?:,\d\d)+,\d{3}"
        whole = rf"(?:{grouped}|\d+)"
        body = rf"{whole}?(?:[{mark}]\d*)?(?:[eE][-+]?\d+)?"
        # ($4.00), $(4.00), 4.00- and 1,200- of accountants; 2- may be a grade, and 4.00– is a span without an end
        behind = rf"(?:{grouped}|{whole}[{mark}]\d+)\s*{unit}[−-]"
        debit = rf"^{unit}\s*(?:\(\s*{unit}\s*{body}\s*{unit}\s*\)|{behind})\s*{unit}$"
        is_debit = text.str.contains(debit)
        fits = is_debit | text.str.contains(rf"^\s*{sign}\s*{unit}\s*{sign}{body}\s*{unit}$")
        fits &= text.str.contains(r"\d")
        if self.unit:
            fits &= text.str.contains(self.unit, literal=True)
            text = text.str.replace_all(self.unit, "", literal=True)
        plain = text.str.replace_all(rf"[{other}{GROUPS}]", "").str.replace_all("[−–]", "-")
        plain = pl.when(is_debit).then("-" + plain.str.replace_all(r"[()]|-$", "")).otherwise(plain)
        if mark == ",":
            plain = plain.str.replace(",", ".", literal=True)
        return pl.when(fits).then(plain).cast(pl.Float64, strict=False)


TEXT, PLAIN, BOOLEAN = Reading("text"), Reading("number"), Reading("boolean")


def order(pattern: str) -> str:
    """Return what a pattern of strptime asks for, as people write it."""
    words = {"%Y": "year", "%y": "year", "%m": "month", "%B": "month", "%d": "day"}
    return "-".join(words[code] for code in re.findall("%[YymBd]", pattern)) or "of a clock"


def reading_of(kind: "pl.DataType") -> Reading:
    """Return how the values of a column that has a type are written in a CSV file."""
    if kind == pl.Boolean:
        return BOOLEAN
    if kind.is_numeric():
        return PLAIN
    names = {pl.Date: "date", pl.Datetime: "datetime", pl.Time: "time"}
    return Reading(next((name for of, name in names.items() if kind == of), "text"))


def proposals(texts: Sequence[str]) -> list[Reading]:
    """Return in which ways some texts of a column may be meant."""
    found = [PLAIN, Reading("number", "."), Reading("number", ","), BOOLEAN]
    if texts and all(NUMBERED.fullmatch(text) for text in texts):
        found = [BOOLEAN]
    units = {unit for text in texts for unit in UNITS if unit in text and re.search(r"\d", text)}
    suffixes = {match[1] if (match := SUFFIX.fullmatch(text)) else "" for text in texts}
    if len(suffixes) == 1 and not (suffix := suffixes.pop()).lower().startswith(MONTHS) and suffix:
        units.add(suffix)
    found += [Reading("number", mark, unit) for unit in sorted(units) for mark in ".,"]
    moments = [reading for text in texts[:50] for reading in moments_like(text)]
    return [*found, *dict.fromkeys(moments)]


def moments_like(text: str) -> list[Reading]:
    """Return the readings as a date, as a time or as both that a text may have been written for."""
    date = DATE.match(text) or NAMED.match(text)
    rest = text[date.end() :] if date else text
    separator = rest[:1] if date and rest[:1] in ("T", " ") else ""
    clock = TIME.fullmatch(ZONE.sub("", rest[len(separator) :]).strip()) if rest else None
    if (not date and not clock) or (rest and not clock) or (date and clock and not separator):
        return []
    times = "" if clock is None else time_pattern(clock)
    found = ZONE.search(rest)
    if found and found[1] and clock and not clock[1]:  # 10:00-12 is a span of hours
        return []
    zone = (found[0] if "T" in found[0] else "%#z") if found else ""  # UTC and GMT: as they are
    if date is None:
        return [] if zone else [Reading("time", times)]
    kind = "datetime" if clock else "date"
    return [Reading(kind, f"{pattern}{separator}{times}{zone}") for pattern in date_patterns(date)]


def time_pattern(clock: re.Match[str]) -> str:
    """Return what strptime needs to read a clock."""
    seconds, noon = clock[1], clock[2]
    blank = " " if noon and noon[0].isspace() else ""
    return f"%{'I' if noon else 'H'}:%M{':%S%.f' if seconds else ''}{blank}{'%p' if noon else ''}"


def date_patterns(date: re.Match[str]) -> list[str]:
    """Return what strptime may need to read a date: where the year does not come first, the day or the month does."""
    if date.re is NAMED:
        mark, year = date[1], "%y" if date[2] and len(date[2]) == 2 else "%Y"
        comma = "," if "," in date[0] else ""
        return [f"%B %d{comma} %Y" if date[3] else f"%d{mark}%B{mark}{year}"]
    if date[1]:
        return [f"%Y{date[1]}%m{date[1]}%d"]
    mark, year = date[2], "%Y" if re.search(r"\d{4}$", date[0]) else "%y"
    return [f"%d{mark}%m{mark}{year}", f"%m{mark}%d{mark}{year}"]


def day_first(reading: Reading) -> bool | None:
    """Say whether a date begins with the day, or with the month; None: with neither."""
    return None if "%B" in reading.pattern else {"%d": True, "%m": False}.get(reading.pattern[:2])
