"""`runs list`, `runs show`, `runs diff`, `runs watch`: what was run, how it ended, and how two runs differ."""

import argparse
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..reporting.asking import Parser, check_known, choose_metrics, known_metrics, known_settings, not_there
from ..reporting.details import details, differences, find_run
from ..reporting.results import setting, varying_settings
from ..reporting.sorting import in_order, why_not_best_first
from ..reporting.spelling import find_spelling, numbers_first
from ..reporting.summaries import FOLD, PRUNED, STATUSES, UNFINISHED, ReportedRun, find_runs

RUNS = Path("runs")
EXAMPLES = """\
examples:
  runs list                                                all runs under runs/
  runs list runs/sweeps/depth --status failed              with the error of each
  runs list --where model=mlp --where optimizer.lr=0.1 --sort test/accuracy --limit 5
  runs show runs/2026-01-31/12-00-00-ab12                  one run; a part of its name is enough: runs show ab12
  runs watch runs/sweeps/depth                             progress of a multirun; --html page.html for a browser
  runs diff ab12 cd34                                      overrides, settings and metrics that differ

In a pipe, the output is plain text; with --json, it is JSON. status: completed, failed, interrupted, pruned (by a
search), or unfinished (still running, or killed).
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status, 2 for a mistake of the user."""
    try:
        options = parse(arguments)
        {"list": list_runs, "show": show_run, "diff": diff_runs, "watch": watch_runs}[options.command](options)
    except UserError as error:
        sys.stderr.write(f"runs: {error}\n")
        return 2
    except KeyboardInterrupt:  # the way to leave `runs watch`
        return 130
    except BrokenPipeError:  # runs list | head
        sys.stderr.close()
    return 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(prog="runs", description="List, show and compare runs.", epilog=EXAMPLES)
    commands = parser.add_subparsers(dest="command", required=True, metavar="list | show | diff | watch")
    listing = commands.add_parser("list", help="list runs", description="List all runs under a folder.")
    listing.add_argument("folder", type=Path, nargs="?", default=RUNS, help="the folder (default: runs)")
    listing.add_argument(
        "--status", choices=[*STATUSES, PRUNED, UNFINISHED], metavar="STATUS", help="only runs with this status"
    )
    listing.add_argument(
        "--where",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="only runs with this value of a setting, seed or data.fold",
    )
    listing.add_argument(
        "--metric", action="append", default=[], metavar="NAME", help="metric to show; may be given several times"
    )
    listing.add_argument("--sort", metavar="KEY", help="a metric, best first; or a setting, seed, status or folder")
    listing.add_argument("--limit", type=positive, metavar="N", help="at most N runs")
    show = commands.add_parser("show", help="show one run", description="Show the summary of a run.")
    show.add_argument("run", help="a run folder, or a part of its name")
    diff = commands.add_parser("diff", help="compare two runs", description="Show the differences between two runs.")
    diff.add_argument("a", metavar="A", help="a run folder, or a part of its name")
    diff.add_argument("b", metavar="B", help="another run folder")
    for command in (listing, show, diff):
        command.add_argument("--json", action="store_true", help="print JSON")
    watching = commands.add_parser("watch", help="watch a multirun", description="Show its progress until it ends.")
    watching.add_argument("folder", type=Path, help="the folder of the multirun: runs/sweeps/<name>")
    watching.add_argument(
        "--every", type=positive, default=2, metavar="SECONDS", help="time between updates (default: 2)"
    )
    watching.add_argument("--html", type=Path, metavar="FILE", help="write a page that reloads itself in a browser")
    return parser.parse_args(arguments)


def positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number of 1 or more")
    return int(text)


def list_runs(options: argparse.Namespace) -> None:
    """Print the runs that were asked for, in the order that was asked for."""
    if not options.folder.is_dir():
        raise UserError(not_there(options.folder, "folder", "is a file, not a folder of runs"))
    found = find_runs(options.folder)
    everything = sorted([*found.runs, *found.unfinished], key=lambda run: run.folder)
    asked = [*options.metric, *([options.sort] if options.sort in known_metrics(everything) else [])]
    metrics = choose_metrics(everything, asked)
    runs = [run for run in everything if options.status in (None, run.status)]
    for text in options.where:
        key, value = parse_where(text, everything)
        runs = [run for run in runs if setting(run, key) == value]
    if options.sort:
        runs = in_order(runs, options.sort, everything)
    runs = runs[: options.limit]
    unsure = why_not_best_first(options.sort, everything)
    if options.json:
        print_json([as_json(run) for run in runs])
        if unsure:
            sys.stderr.write(f"{unsure}\n")
        return
    if runs:
        print_line(table_of(runs, metrics))
    print_line(f"{len(runs)} of {len(everything)} runs under {options.folder}")
    if unsure:
        print_line(unsure)
    for path, reason in found.unreadable:
        print_line(f"cannot be read: {path}: {reason}")


def parse_where(text: str, runs: list[ReportedRun]) -> tuple[str, str]:
    """`model=mlp` as key and value; a key or a value that no run has is a mistake."""
    key, equals, value = text.partition("=")
    if not equals:
        raise UserError(f"--where {text} has no value. Write it like an override: --where model=mlp")
    check_known("setting", key, known_settings(runs))
    known = sorted({setting(run, key) for run in runs}, key=numbers_first)
    value = find_spelling(value, known)
    check_known(key, value, known)
    return key, value


def table_of(runs: list[ReportedRun], metrics: list[str]) -> str:
    """A line for each run, with the settings in which these runs differ; its folder, which may be long, comes last."""
    columns = varying_settings(runs) if len(runs) > 1 else []
    folds = [FOLD] if any(run.fold is not None for run in runs) else []
    lines = [["status", *columns, *folds, "seed", *metrics, "folder"]]
    for run in runs:
        figures = [f"{run.metrics[name]:.4g}" if name in run.metrics else "" for name in metrics]
        repeats = ["" if number is None else str(number) for number in ([run.fold] * len(folds) + [run.seed])]
        error = f"  {run.error}" if run.error else ""
        lines.append([run.status, *(setting(run, key) for key in columns), *repeats, *figures, f"{run.folder}{error}"])
    return in_columns(lines)


def as_json(run: ReportedRun) -> dict[str, Any]:
    metrics = {name: value if math.isfinite(value) else None for name, value in run.metrics.items()}
    known = {"folder": str(run.folder), "status": run.status, "seed": run.seed, "fold": run.fold}
    return {**known, "settings": run.settings, "metrics": metrics, "error": run.error or None}


def show_run(options: argparse.Namespace) -> None:
    """Print what is known of one run."""
    found = details(find_run(options.run, RUNS))
    if options.json:
        print_json(found)
        return
    found.pop("overrides", None)  # the command that repeats the run holds them
    sections = {key: value for key, value in found.items() if isinstance(value, dict) and value}
    print_line(in_columns([[key, as_text(value)] for key, value in found.items() if key not in sections]))
    for heading, values in sections.items():
        print_line(f"\n{heading}\n" + in_columns([[f"  {key}", as_text(value)] for key, value in values.items()]))


def diff_runs(options: argparse.Namespace) -> None:
    """Print what differs between two runs, section by section."""
    a, b = find_run(options.a, RUNS), find_run(options.b, RUNS)
    if a.resolve() == b.resolve():
        raise UserError(f"{options.a} and {options.b} are the same run: {a}")
    found = differences(a, b)
    if options.json:
        print_json({"a": str(a), "b": str(b), "differences": found})
        return
    print_line(in_columns([["A", str(a)], ["B", str(b)]]))
    for heading, values in found.items():
        lines = [[f"  {key}", *map(as_text, pair)] for key, pair in values.items()]
        print_line(f"\n{heading}\n" + in_columns([["", "A", "B", *["B - A"] * (heading == "metrics")], *lines]))
    if not found:
        print_line("\nno difference")


def watch_runs(options: argparse.Namespace) -> None:
    """Show how a multirun stands until it has ended."""
    from ..reporting.watching import watch  # here, as it imports Hydra

    if not options.folder.is_dir():
        raise UserError(not_there(options.folder, "folder", "is a file, not the folder of a multirun"))
    watch(options.folder, options.every, options.html)


def in_columns(lines: list[list[str]]) -> str:
    """Lines of cells as text, each column as wide as its widest cell."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    rows = ("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)
    return "\n".join(row.rstrip() for row in rows)


def as_text(value: Any) -> str:
    """`None` as a dash, a number with the digits that matter, anything else in one line."""
    if value is None:
        return "–"
    return f"{value:.6g}" if isinstance(value, float) else " ".join(str(value).split())


def print_line(text: str) -> None:
    sys.stdout.write(text + "\n")


def print_json(value: Any) -> None:
    print_line(json.dumps(value, indent=1, ensure_ascii=False))
