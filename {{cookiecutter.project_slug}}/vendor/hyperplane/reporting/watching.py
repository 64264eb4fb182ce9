"""How a multirun stands while it runs: what is done, what runs and how far it is, the best so far, the time left."""

import csv
import json
import sys
import time
from collections import Counter
from contextlib import nullcontext
from dataclasses import dataclass
from html import escape
from pathlib import Path

from ..errors import UserError
from ..run_folder.locks import is_locked
from ..run_folder.results import refuse_results
from ..sweeps.plan import in_words
from ..sweeps.sweep import JOBS
from ..whole_file import write_whole
from .asking import choose_metrics
from .best import best_in_short, best_lines
from .results import Results
from .spelling import as_number
from .summaries import PRUNED, UNFINISHED, ReportedRun, find_runs

RUNNING, WAITING = "running", "waiting"
STATES = ("completed", RUNNING, WAITING, "failed", "interrupted", PRUNED, UNFINISHED)
SHOWN = 12  # jobs of a kind that are listed


@dataclass(frozen=True)
class Standing:
    """How a multirun stands."""

    folder: Path
    counts: dict[str, int]  # jobs by their state; `waiting` are those that have not begun
    running: list[tuple[Path, dict[str, float]]]  # the folder of each job, and the last line of its metrics by name
    failed: list[tuple[Path, str]]  # the folder of each job, and its error
    is_led: bool  # whether a process leads it; on a cluster that may end before the jobs
    best: list[str]  # lines that name the best setting so far, by validation data
    best_in_short: str  # the same in a few words, for the first data set
    left: float | None  # seconds until the last job ends, if the others take as long as those before, where known

    @property
    def is_quiet(self) -> bool:
        """Say whether nothing runs and nothing waits; between two jobs it may be so for a moment."""
        return not (self.counts.get(RUNNING) or self.counts.get(WAITING) or self.is_led)


def standing(folder: Path) -> Standing:
    """Look at the runs in the folder of a multirun."""
    found = find_runs(folder)
    running = [run.folder for run in [*found.unfinished, *found.runs] if is_locked(run.folder)]
    ended = [run for run in found.runs if run.folder not in running]
    counts = Counter(run.status for run in ended)
    counts[RUNNING] = len(running)
    counts[UNFINISHED] = len([run for run in found.unfinished if run.folder not in running])
    planned = planned_jobs(folder)
    counts[WAITING] = len([name for name in planned if not (folder / name / ".hydra").is_dir()])
    results = Results(found, choose_metrics(found.runs, []))
    has_results = any(run.status == "completed" for run in found.runs)
    return Standing(
        folder=folder,
        counts={state: counts[state] for state in STATES if counts[state]},
        running=[(path, last_metrics(path)) for path in running],
        failed=[(run.folder, run.error) for run in ended if run.status == "failed"],
        is_led=is_locked(folder),
        best=best_lines(results) if has_results else [],
        best_in_short=best_in_short(results) if has_results else "",
        left=time_left([run for run in ended if run.status == "completed"], counts[WAITING], running),
    )


def watch(folder: Path, every: float, page: Path | None = None) -> None:
    """Print how a multirun stands, until it has ended; once where nobody looks.

    Args:
        folder: of the multirun.
        every: seconds between two looks.
        page: an HTML file to keep up to date.

    Raises:
        UserError: the page cannot be written.
    """
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    console = Console(highlight=False)
    was_quiet = False
    with Live(console=console, auto_refresh=False) if console.is_terminal else nullcontext() as live:
        while True:
            now = standing(folder)
            text = "\n".join(lines_of(now))
            is_over = now.is_quiet and was_quiet
            if page is not None:
                write_page(page, html_of(text.splitlines(), None if is_over else every))
            if live is not None:
                live.update(Text(text), refresh=True)
            if is_over or not (live or page):
                break
            was_quiet = now.is_quiet
            time.sleep(every)
    if live is None:
        sys.stdout.write(f"{text}\n")  # a line stays a line


def write_page(path: Path, text: str) -> None:
    """Write a page whole."""
    refuse_results(path, "--html")
    try:
        write_whole(path, text)
    except OSError as error:
        raise UserError(f"--html={path} cannot be written: {error.strerror}") from None


def planned_jobs(folder: Path) -> list[str]:
    """Return the names of the jobs that a multirun has; of a search, those that it has to run yet."""
    try:
        return [str(name) for name in json.loads((folder / JOBS).read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError):
        return []


def last_metrics(folder: Path) -> dict[str, float]:
    """Return the last whole line of `metrics.csv` by name, or nothing as long as there is none."""
    try:
        lines = (folder / "metrics.csv").read_text(encoding="utf-8").split("\n")[:-1]
    except (OSError, ValueError):
        return {}
    rows = list(csv.reader(lines[:1] + lines[1:][-1:]))
    if len(rows) < 2 or len(rows[0]) != len(rows[1]):
        return {}
    cells = {name: as_number(text) for name, text in zip(*rows, strict=True)}
    return {name: number for name, number in cells.items() if number is not None}


def time_left(completed: list[ReportedRun], waiting: int, running: list[Path]) -> float | None:
    """Return the seconds until all have ended, if each takes as long as the mean of those before."""
    taken = [run.seconds for run in completed if run.seconds]
    if not taken or not running:
        return None
    mean = sum(taken) / len(taken)
    begun = [time.time() - (folder / ".hydra" / "config.yaml").stat().st_mtime for folder in running]
    rest = sum(max(0.0, mean - seconds) for seconds in begun)
    return (waiting * mean + rest) / len(running)


def told(now: Standing) -> str:
    """Return how many jobs are in which state, and the time left."""
    counts = ", ".join(f"{count} {state}" for state, count in now.counts.items()) or "no job yet"
    return counts + (f"; about {in_words(now.left)} left" if now.left is not None and not now.is_quiet else "")


def lines_of(now: Standing) -> list[str]:
    """Return what is to be said of a multirun, what matters most first: a low terminal shows the start."""
    lines = [f"{now.folder}: {told(now)}", *now.best]
    if not (now.is_led or now.running) and now.counts.keys() & {WAITING, UNFINISHED, "interrupted"}:
        lines.append("No job seems to be running. The same command runs the rest, unless jobs wait in a queue.")
    for path, metrics in now.running[:SHOWN]:
        epoch = f"epoch {metrics['epoch'] + 1:.0f}" if "epoch" in metrics else "starting"
        figures = ", ".join(f"{name} {value:.4g}" for name, value in metrics.items() if name.startswith("val/"))
        lines.append(f"  {path.name}: {epoch}{', ' * bool(figures)}{figures}")
    return lines + [f"  failed: {path.name}: {error}" for path, error in now.failed[:SHOWN]]


def html_of(lines: list[str], seconds: float | None) -> str:
    """Return the same as a page, which a browser loads anew every few `seconds`; None: no more."""
    again = f'<meta http-equiv="refresh" content="{seconds:g}">' if seconds else ""
    head, *rest = map(escape, lines)
    items = "".join(f"<li>{line.strip()}</li>" for line in rest)
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">{again}<title>{head}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<style>:root { color-scheme: light dark; } body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; "
        "margin: 2rem auto; padding: 0 1rem; overflow-wrap: anywhere; } h1 { font-size: 1.4rem; }</style>"
        f"</head><body><h1>{head}</h1><ul>{items}</ul></body></html>\n"
    )
