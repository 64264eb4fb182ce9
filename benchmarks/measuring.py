"""What every benchmark shares: a row of the table, its figures, commands that take turns, and a command line.

A benchmark is a `Measurement`: a function that measures one or several rows of the table of goals in a baked project.
It asserts nothing. Whatever is compared is measured in turns within each repeat, and a ratio compares figures of the
same repeat, so that other work on the machine disturbs both alike.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import Any, NamedTuple

from baked import bake, described, environment

TIMEOUT = 600  # seconds of a single command
KINDS = ("seconds", "processor_seconds", "mebibytes")
Repeats = list[float]


class Row(NamedTuple):
    """A line of the table of goals."""

    name: str  # as in --only
    what: str  # is measured
    goal: float  # at most this
    unit: str  # `x`: times the yardstick; `s`: seconds
    yardstick: str  # what it is measured beside
    usual: tuple[float, float] | None  # the usual Lightning template, from lowest to highest, as the goals name it


@dataclass
class Figures:
    """One figure of each repeat; lists of the same length belong together by their position."""

    ours: Repeats
    yardstick: Repeats
    unit: str  # of these figures: µs, s, MiB
    usual: Repeats = field(default_factory=list)  # the usual Lightning recipe, where it was measured beside
    more: dict[str, Repeats] = field(default_factory=dict)  # further figures worth knowing, by what they are

    def results(self, unit: str) -> Repeats:
        """Return what the goal is about, one figure of each repeat: a ratio, or the figures themselves."""
        return ratios(self.ours, self.yardstick) if unit == "x" else self.ours


class Panel(NamedTuple):
    """A picture of how cost grows with something."""

    name: str  # as in --only
    what: str  # is measured
    across: str  # label of the x axis, which is logarithmic
    along: str  # label of the y axis
    unit: str


@dataclass
class Growth:
    """Curves: by what is measured, by x, one figure of each repeat."""

    curves: dict[str, dict[str, Repeats]]


class Measurement(NamedTuple):
    """One or several rows, or panels, that are measured together."""

    rows: tuple[Row, ...] | tuple[Panel, ...]
    # in a baked project; what was found by the name of the row
    measure: Callable[[Path, "Effort"], Mapping[str, Figures | Growth]]


class Effort(NamedTuple):
    """How much time a measurement may take."""

    quick: bool = False
    repeats: int | None = None

    def of(self, full: int, quick: int) -> int:
        """Return how often to repeat, unless the command line says it."""
        return self.repeats or (quick if self.quick else full)


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> Repeats:
    """Return the ratio of each repeat."""
    return [one / another for one, another in zip(ours, theirs, strict=True)]


def spread(values: Sequence[float], digits: int) -> str:
    """Return `median (first to third quartile)`; of fewer than four values, the lowest and the highest."""
    low, high = quartiles(values)
    return f"{median(values):.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def quartiles(values: Sequence[float]) -> tuple[float, float]:
    """Return the first and the third quartile; of fewer than four values, the lowest and the highest."""
    if len(values) < 4:
        return min(values), max(values)
    low, _, high = quantiles(values, n=4, method="inclusive")
    return low, high


def take_turns(
    commands: dict[str, list[str]],
    project: Path,
    repeats: int,
    more: dict[str, str] | None = None,
    mistakes: Sequence[str] = (),
) -> dict[str, dict[str, Repeats]]:
    """Run each command `repeats` times in `project`, one after the other.

    Args:
        commands: arguments of this interpreter, by name.
        project: the folder.
        repeats: of each, after a first round that does not count.
        more: variables of the environment.
        mistakes: the names of commands that a mistake is expected to end, with status 2.

    Returns:
        By command, then by kind: seconds to its end, those of the processor, which others on the machine matter less
        to, and the peak of its memory.

    Raises:
        RuntimeError: a command failed.
    """
    figures: dict[str, dict[str, Repeats]] = {name: {kind: [] for kind in KINDS} for name in commands}
    for repeat in range(repeats + 1):
        for name, arguments in commands.items():
            used = run_command(name, arguments, project, more, status=2 if name in mistakes else 0)
            if repeat:  # the first round compiles modules and reads files from the disk
                for kind, value in zip(KINDS, used, strict=True):
                    figures[name][kind].append(value)
    return figures


def run_command(
    name: str, arguments: list[str], project: Path, more: dict[str, str] | None = None, status: int = 0
) -> tuple[float, float, float]:
    """Run this interpreter to its end; return seconds, processor seconds and peak memory in MiB.

    Raises:
        RuntimeError: it did not end with `status`, or took longer than `TIMEOUT`.
    """
    with tempfile.TemporaryFile() as output:
        start = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=project,
            env=environment(project) | (more or {}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        ended, used = waited(process, start + TIMEOUT)
        seconds = time.perf_counter() - start
        if ended != status:
            output.seek(0)
            raise RuntimeError(f"{name} failed: {output.read().decode(errors='replace')[-2000:]}")
    peak = used.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    return seconds, used.ru_utime + used.ru_stime, peak


def waited(process: subprocess.Popen[bytes], deadline: float) -> tuple[int, Any]:
    """Wait for a process; return its exit status and what it used of the machine."""
    pause = 0.001
    while True:
        pid, status, used = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return process.returncode, used
        if time.perf_counter() > deadline:
            process.kill()
            process.wait()
            raise RuntimeError(f"took longer than {TIMEOUT} seconds")
        time.sleep(pause)


def parser(description: str | None) -> argparse.ArgumentParser:
    """Return the options that every benchmark has."""
    parser = argparse.ArgumentParser(description=(description or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer repeats of less work: to see that it runs")
    parser.add_argument("--repeats", type=int, choices=range(1, 101), metavar="N", help="1 to 100, of every row")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="rows to measure; --list names them")
    parser.add_argument("--list", action="store_true", help="name the rows, and measure nothing")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every single figure to this file")
    return parser


def chosen(measurements: Sequence[Measurement], only: Sequence[str] | None) -> list[Measurement]:
    """Return the measurements that `--only` asks for, all without it; a name may leave out what follows a dash."""
    if not only:
        return list(measurements)
    names = [row.name for measurement in measurements for row in measurement.rows]
    unknown = [word for word in only if not any(fits(word, name) for name in names)]
    if unknown:
        sys.exit(f"No row is called {', '.join(unknown)}. There are: {', '.join(names)}")
    return [m for m in measurements if any(fits(word, row.name) for row in m.rows for word in only)]


def fits(word: str, name: str) -> bool:
    """Say whether a word of `--only` means the row of this name."""
    return name == word or name.startswith(f"{word}-")


Found = dict[str, dict[str, Any]]


def measured(measurements: Sequence[Measurement], effort: Effort, after_each: Callable[[Found], None]) -> Found:
    """Bake a project and measure in it; call `after_each` with what is known whenever a measurement has ended.

    One that fails is told with its reason, and the others go on.
    """
    found: Found = {}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        project = bake(Path(folder))
        for measurement in measurements:
            names = ", ".join(row.name for row in measurement.rows)
            print(f"{time.strftime('%H:%M:%S')} {names}", file=sys.stderr, flush=True)
            about = {**described(), "quick": effort.quick}
            start = time.perf_counter()
            try:
                figures = measurement.measure(project, effort)
                results = {name: asdict(its) | about for name, its in figures.items()}
            except Exception as error:
                print(f"  failed: {error}", file=sys.stderr, flush=True)
                last = str(error).strip().splitlines()[-1:] or [type(error).__name__]
                results = {row.name: {"failed": last[0]} | about for row in measurement.rows}
            print(f"  {time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
            found |= results
            after_each(found)
    return found


def figures_of(result: dict[str, Any]) -> Figures:
    """Return the figures that a result holds, as it was read from JSON."""
    return Figures(**{key: result[key] for key in ("ours", "yardstick", "unit", "usual", "more")})


def printed(row: Row | Panel, result: dict[str, Any]) -> str:
    """Return what was found of a row or a panel, as text."""
    if "failed" in result:
        return f"{row.what}\n    FAILED: {result['failed']}"
    if isinstance(row, Panel):
        points = [
            f"    {name}, {x}: {spread(values, 3)} {row.unit}"
            for name, curve in result["curves"].items()
            for x, values in curve.items()
        ]
        return "\n".join([f"{row.what}, by {row.across}", *points])
    figures = figures_of(result)
    digits = {"µs": 1, "s": 3, "MiB": 0}[figures.unit]
    unit = "times" if row.unit == "x" else "s"
    lines = [
        row.what,
        f"    {spread(figures.results(row.unit), 3)} {unit}, goal {row.goal}",
        f"    this project: {spread(figures.ours, digits)} {figures.unit}",
        f"    {row.yardstick}: {spread(figures.yardstick, digits)} {figures.unit}",
    ]
    if figures.usual:
        times = spread(ratios(figures.usual, figures.yardstick), 2)
        lines.append(f"    usual Lightning recipe: {spread(figures.usual, digits)} {figures.unit}, {times} times")
    lines += [f"    {name}: {spread(values, 3)}" for name, values in figures.more.items()]
    return "\n".join(lines)


def main(measurements: Sequence[Measurement], description: str | None) -> None:
    """Measure and print: the command line of a benchmark that is run alone."""
    arguments = parser(description).parse_args()
    rows = {row.name: row for measurement in measurements for row in measurement.rows}
    if arguments.list:
        print("\n".join(f"{row.name:16}{row.what}" for row in rows.values()))
        return
    done = 0

    def tell(found: Found) -> None:
        nonlocal done
        for name in list(found)[done:]:
            print(printed(rows[name], found[name]), flush=True)
        done = len(found)
        if arguments.json:
            arguments.json.write_text(json.dumps(found, indent=1) + "\n")

    measured(chosen(measurements, arguments.only), Effort(arguments.quick, arguments.repeats), tell)
    print("\nMedian (quartiles). " + ", ".join(f"{key} {value}" for key, value in described().items()))
