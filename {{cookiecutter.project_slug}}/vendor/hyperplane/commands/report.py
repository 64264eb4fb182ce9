"""`report <folder>`: every run under a folder in one table, in pictures and on one page."""

import argparse
import sys
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from ..errors import UserError
from ..reporting.asking import Parser, check_known, choose_metrics, known_settings, not_there
from ..reporting.comparison import Comparison, compare, csv_of
from ..reporting.notes import notes
from ..reporting.reference import NO_REFERENCE, Reference, read_reference
from ..reporting.results import Results
from ..reporting.summaries import ReportedRun, RunsFound, find_runs
from ..reporting.table import csv_text, markdown_text, terminal_table
from ..reporting.unnamed import add_unnamed
from ..run_folder.results import is_inside_run
from ..whole_file import write_whole

LONGEST_LIST = 10  # lines on the terminal
EXAMPLES = """\
examples:
  report runs/sweeps/my_sweep                            all runs of a sweep, also while it runs
  report runs --metric test/accuracy --metric test/loss  several metrics, one column each
  report runs/sweeps/my_sweep --group-by model           one row for each model, even if other settings differ
  report runs/sweeps/my_sweep --compare model=mlp model=cnn
  report runs/sweeps/my_sweep --compare "model=mlp optimizer.lr=0.1" "model=mlp optimizer.lr=0.01"
  report runs/sweeps/nested                              nested search: the setting and score of each outer fold
  report runs/sweeps/mnist1d_table --reference references/mnist1d_published.csv

Each row is one setting: the runs that differ only in their seed, or in the fold of a cross-validation (data.fold).
The table shows the settings that differ, mean ± sample standard deviation over the completed runs, and, for three
runs or more, a bootstrap 95 % interval of the mean. The best setting is the one with the best validation metric (of
a search: the metric of the search), never chosen by test data. Failed, interrupted and unfinished runs are counted,
and listed below the table.

written: table.csv (all digits), table.md, table.tex, report.html (everything on one page), chart.png,
  curves.png (learning curves of all runs); parameters.png if two or more settings differ (validation metric as a
  heat map or parallel coordinates); comparison.csv with --compare; regions.png if all runs classify points in the
  plane.
On the page, click on a column to sort by it, tick the metrics to show, and point at a curve to read its values.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status, 2 for a mistake of the user."""
    try:
        options = parse(arguments)
        results = collect(options)
        comparisons = compare(results, tuple(options.compare)) if options.compare else []
        paragraphs = notes(results, comparisons)
        folder = options.output or options.folder / "report"
        if options.output and is_inside_run(options.output):
            raise UserError(f"--output {options.output} is among the files of a run; name another folder")
        pictures, panels, remarks = draw(results)
        paragraphs += remarks
        title = f"{options.folder.resolve().name}: {len(results.found.runs)} runs"
        from ..reporting.page import page_of  # draws, too

        page = page_of(title, results, paragraphs, pictures, panels)
        written = write(folder, contents(results, comparisons, paragraphs, pictures, page))
    except UserError as error:
        sys.stderr.write(f"report: {error}\n")
        return 2
    show(results, [*shortened_lists(paragraphs, written[1]), *(f"Written: {path}" for path in written)])
    return 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(
        prog="report",
        description="Summarise all runs under a folder: tables, figures and an HTML page.",
        epilog=EXAMPLES,
    )
    parser.add_argument("folder", type=Path, help="a folder of runs, such as runs/sweeps/my_sweep")
    parser.add_argument(
        "--metric",
        action="append",
        default=[],
        metavar="NAME",
        help="metric to show, such as val/loss; may be given several times "
        "(default: the metric of the search or of checkpoint.monitor, if all runs share it; else test/accuracy for "
        "classes, test/r2 and test/mae for values, test/quantile_loss, test/mae, test/mase and test/coverage for "
        "forecasts, or test/loss)",
    )
    parser.add_argument(
        "--group-by",
        action="append",
        default=[],
        metavar="KEY",
        help="one row for each value of this setting, such as optimizer.lr; may be given several times "
        "(default: all settings that differ, except seed and data.fold)",
    )
    parser.add_argument(
        "--compare",
        nargs=2,
        metavar=("A", "B"),
        help="compare two settings seed by seed and fold by fold: mean difference, its interval, and a sign-flip test",
    )
    parser.add_argument(
        "--reference",
        type=Path,
        metavar="FILE.csv",
        help="published figures to show beside ours: columns named like a setting (data, model) "
        "say which runs a line belongs to; columns of numbers, note and source are shown",
    )
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="where to write (default: <folder>/report)")
    return parser.parse_args(arguments)


def collect(options: argparse.Namespace) -> Results:
    """Find the runs and check everything that was asked against them."""
    folder = options.folder
    if not folder.is_dir():
        raise UserError(not_there(folder, "folder", "is a file, not a folder of runs"))
    found = find_runs(folder)
    if not found.runs:
        raise UserError(no_runs(folder, found))
    add_unnamed(found)
    for key in options.group_by:
        check_known("setting", key, known_settings(found.runs))
    metrics = choose_metrics(found.runs, options.metric)
    reference = load_reference(options.reference, found.runs) if options.reference else NO_REFERENCE
    return Results(found, metrics, reference, list(dict.fromkeys(options.group_by)))


def no_runs(folder: Path, found: RunsFound) -> str:
    lines = [f"no finished run (no summary.json) under {folder}"]
    if found.unfinished:
        lines.append(f"{len(found.unfinished)} still running, or killed: {found.unfinished[0].folder} …")
    lines += [f"{path} cannot be read: {reason}" for path, reason in found.unreadable[:5]]
    return "\n".join(lines)


def load_reference(path: Path, runs: list[ReportedRun]) -> Reference:
    try:
        return read_reference(path, {key for run in runs for key in run.settings})
    except FileNotFoundError:
        raise UserError(not_there(path, "file", "is not a file")) from None
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error


def draw(results: Results) -> tuple[dict[str, bytes], dict[str, str], list[str]]:
    """Return the pictures that these results give, by file name, what the pointer finds in them, and remarks."""
    from ..reporting.chart import (
        draw_chart,  # matplotlib takes longer to import than --help may
    )
    from ..reporting.curves import draw_curves
    from ..reporting.parameters import draw_parameters
    from ..reporting.pointer import as_text
    from ..reporting.regions import draw_regions, in_the_plane

    regions, not_in_regions = draw_regions(results) if in_the_plane(results) else (None, [])
    curves = draw_curves(results)
    pictures = {
        "chart.png": draw_chart(results),
        "parameters.png": draw_parameters(results),
        "curves.png": curves.picture,
        "regions.png": regions,
    }
    drawn = {name: picture for name, picture in pictures.items() if picture is not None}
    return drawn, {"curves.png": as_text(curves.panels)}, curves.remarks + not_in_regions


def contents(
    results: Results, comparisons: list[Comparison], paragraphs: list[str], pictures: dict[str, bytes], page: str
) -> dict[str, bytes]:
    """Return every file of the report by its name."""
    from ..reporting.latex import latex_text

    texts = {
        "table.csv": csv_text(results),
        "table.md": markdown_text(results, paragraphs),
        "table.tex": latex_text(results),
        **({"comparison.csv": csv_of(comparisons)} if comparisons else {}),
        "report.html": page,
    }
    return {name: text.encode(errors="replace") for name, text in texts.items()} | pictures


def write(folder: Path, files: dict[str, bytes]) -> list[Path]:
    """Write each file whole or not at all, and return where they are."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            write_whole(folder / name, content)
    except OSError as error:
        raise UserError(f"cannot write to {folder}: {error.strerror}. Choose another folder with --output.") from error
    return [folder / name for name in files]


def shortened_lists(paragraphs: list[str], everything: Path) -> list[str]:
    """The paragraphs for a terminal: of a long list its first items, and where all of them are."""
    lines: list[str] = []
    for is_item, group in groupby(paragraphs, key=lambda text: text.startswith("- ")):
        texts = list(group)
        left_out = len(texts) - LONGEST_LIST if is_item else 0
        lines += [*texts[:LONGEST_LIST], f"- … {left_out} more, see {everything}"] if left_out > 1 else texts
    return lines


def show(results: Results, paragraphs: list[str]) -> None:
    """Print the table and what stands under it; plain text where it is piped."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, markup=False, emoji=False)
    table = terminal_table(results, narrow=False)
    natural_width = console.measure(table, options=console.options.update(max_width=10_000)).maximum
    if not console.is_terminal:
        console.width = natural_width  # nothing is cut off in a pipe or a log file
    elif natural_width > console.width:
        table = terminal_table(results, narrow=True)
    console.print(table)
    for line in ["", *paragraphs]:
        console.print(Text(line), soft_wrap=True)
