"""`report <folder>`: one table and one chart of every run under a folder."""

import argparse
import difflib
import io
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NoReturn

from .reporting.reference import Reference, read_reference
from .reporting.summaries import Run, RunsFound, find_runs
from .reporting.table import Results, csv_text, markdown_text, notes, terminal_table

DEFAULT_METRICS = ("test/accuracy", "test/loss", "val/accuracy", "val/loss")  # the first at hand
EXAMPLES = """\
examples:
  report runs/sweeps/my_sweep                         every run of one sweep
  report runs --metric test/accuracy --metric test/loss  several metrics, a column each
  report runs/sweeps/mnist1d_table --reference references/mnist1d_published.csv

One row stands for one setting: the runs that differ only in their seed. Shown are the settings that
differ between the runs, and mean ± sample standard deviation over the completed runs. Failed,
interrupted and unfinished runs are counted and named below the table. Written are table.csv (all
digits), table.md and chart.png; regions.png too, where all runs classify points in the plane.
"""


class UsageError(Exception):
    """What the user can mend; its message is all that is shown."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status, 2 for a mistake of the user."""
    try:
        options = parse(arguments)
        results = collect(options.folder, options.metric, options.reference)
        written, remarks = write_files(results, options.output or options.folder / "report")
    except UsageError as mistake:
        sys.stderr.write(f"report: {mistake}\n")
        return 2
    show(results, remarks, written)
    return 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="report",
        description="Collect every summary.json under a folder into one table and one chart.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, help="a folder of runs, such as runs/sweeps/my_sweep")
    parser.add_argument(
        "--metric",
        action="append",
        default=[],
        metavar="NAME",
        help="metric to show, such as val/loss; may be given several times "
        "(default: test/accuracy, or test/loss where no run has it)",
    )
    parser.add_argument(
        "--reference",
        type=Path,
        metavar="FILE.csv",
        help="published figures to show beside ours: columns named like a setting (data, model) "
        "say which runs a line is for, columns of numbers are shown, note and source are quoted",
    )
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="where to write (default: <folder>/report)")

    def refuse(message: str) -> NoReturn:
        raise UsageError(f"{message}\nSee report --help.")

    parser.error = refuse  # type: ignore[method-assign]  # one message, without the usage lines
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        known = ["--metric", "--reference", "--output", "--help"]
        nearest = did_you_mean(unknown[0].partition("=")[0], known)
        refuse(f"unknown option {unknown[0]}.{nearest}\nKnown: {', '.join(known)}")
    return options


def collect(folder: Path, metrics: list[str], reference: Path | None) -> Results:
    """Find the runs and check everything that was asked against them."""
    if not folder.is_dir():
        raise UsageError(not_there(folder, "folder", "is a file, not a folder of runs"))
    found = find_runs(folder)
    if not found.runs:
        raise UsageError(no_runs(folder, found))
    return Results(
        found,
        choose_metrics(found.runs, metrics),
        load_reference(reference, found.runs) if reference else None,
    )


def no_runs(folder: Path, found: RunsFound) -> str:
    lines = [f"no finished run (no summary.json) under {folder}"]
    if found.unfinished:
        lines.append(f"{len(found.unfinished)} still running, or killed: {found.unfinished[0]} …")
    lines += [f"{path} cannot be read: {reason}" for path, reason in found.unreadable[:5]]
    return "\n".join(lines)


def choose_metrics(runs: list[Run], asked: list[str]) -> list[str]:
    """`asked` without repeats, or else the default; one that no run has is a mistake."""
    known = sorted({name for run in runs for name in run.metrics})
    for name in asked:
        if name not in known:
            raise UsageError(
                f"no run has the metric {name}.{did_you_mean(name, known)}\n"
                f"Known: {', '.join(known) or 'none, as no run got as far as measuring one'}"
            )
    default = next((name for name in [*DEFAULT_METRICS, *known] if name in known), "test/accuracy")
    return list(dict.fromkeys(asked)) or [default]


def load_reference(path: Path, runs: list[Run]) -> Reference:
    try:
        return read_reference(path, {key for run in runs for key in run.settings})
    except FileNotFoundError:
        raise UsageError(not_there(path, "file", "is not a file")) from None
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(str(error)) from error


def not_there(path: Path, kind: str, otherwise: str) -> str:
    """Name what is missing, and the nearest name in the folder that does exist."""
    if path.exists():
        return f"{path} {otherwise}"
    missing = path
    while not missing.parent.is_dir():
        missing = missing.parent
    names = [entry.name for entry in missing.parent.iterdir()]
    return f"no {kind} {path}.{did_you_mean(missing.name, names, missing.parent)}"


def did_you_mean(name: str, names: Iterable[str], parent: Path | None = None) -> str:
    """` Did you mean X?`, or nothing where no name is near."""
    nearest = difflib.get_close_matches(name, list(names), n=1, cutoff=0.4)
    return f" Did you mean {parent / nearest[0] if parent else nearest[0]}?" if nearest else ""


def write_files(results: Results, folder: Path) -> tuple[list[Path], list[str]]:
    """Write the table and the pictures, each whole or not at all; return where, and remarks on what is not in them."""
    from .reporting.chart import draw_chart  # matplotlib takes longer to import than --help may
    from .reporting.regions import draw_regions, in_the_plane

    regions, remarks = draw_regions(results) if in_the_plane(results) else (None, [])
    contents = {
        "table.csv": csv_text(results).encode(),
        "table.md": markdown_text(results).encode(),
        "chart.png": draw_chart(results),
        **({"regions.png": regions} if regions else {}),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            unfinished = folder / f".{name}.{os.getpid()}"
            try:
                unfinished.write_bytes(content)
                unfinished.replace(folder / name)
            finally:
                unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"cannot write to {folder}: {error.strerror}. Choose another folder with --output.") from error
    return [folder / name for name in contents], remarks


def show(results: Results, remarks: list[str], written: list[Path]) -> None:
    """Print the table, its notes and where the files are; plain text where it is piped."""
    from rich.console import Console
    from rich.text import Text

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that has no ± still gets the rest
    console = Console(highlight=False, markup=False, emoji=False)
    table = terminal_table(results, narrow=False)
    natural_width = console.measure(table, options=console.options.update(max_width=10_000)).maximum
    if not console.is_terminal:
        console.width = natural_width  # nothing is cut off in a pipe or a log file
    elif natural_width > console.width:
        table = terminal_table(results, narrow=True)
    console.print(table)
    for line in ["", *notes(results), *remarks, *(f"Written: {path}" for path in written)]:
        console.print(Text(line), soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
