"""What was measured, as tables in docs/benchmarks.md, a few lines in README.md, and pictures.

Each page keeps what people wrote on it: only what stands between two marks is made anew.
"""

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import pictures
from baked import TEMPLATE
from measuring import Found, Panel, Row, figures_of, ratios, spread

PAGE = TEMPLATE / "docs/benchmarks.md"
README = TEMPLATE / "README.md"
NOT_MACHINE = ("date", "commit", "machine", "quick", "failed", "ours", "yardstick", "unit", "usual", "more", "curves")
DIGITS = {"µs": 0, "s": 2, "MiB": 0}
NAMES = {"step-linear": "linear", "step-cnn": "CNN", "step-gru": "GRU"}


def write(lines: Sequence[Row | Panel], results: Found) -> None:
    """Write pages and pictures."""
    rows = [line for line in lines if isinstance(line, Row) and line.name in results]
    panels = [line for line in lines if isinstance(line, Panel) and line.name in results]
    replace_part(PAGE, "goals", "\n".join([*goals(rows, results), "", *described(rows, results)]))
    replace_part(PAGE, "growth", "\n".join([*growth(panels, results), "", *described(panels, results)]))
    measured = [row for row in rows if "failed" not in results[row.name]]
    if said := sentences(measured, results):
        replace_part(README, "cost", said)
    pictures.draw_goals(measured, results, TEMPLATE / "docs/benchmarks.png")
    curves = [panel for panel in panels if "failed" not in results[panel.name]]
    pictures.draw_growth(curves, results, TEMPLATE / "docs/benchmarks_growth.png")


def goals(rows: Sequence[Row], results: Found) -> list[str]:
    """Return the table of goals."""
    table = [
        "| what | goal | measured | met | this project | beside it | usual Lightning template |",
        "|---|---|---|---|---|---|---|",
        *(f"| {' | '.join(cells(row, results[row.name]))} |" for row in rows),
    ]
    more = [f"- {row.what}: {text}." for row in rows if (text := further(results[row.name]))]
    return [*table, "", "Further figures of the same repeats:", "", *more] if more else table


def cells(row: Row, result: dict[str, Any]) -> list[str]:
    """Return a line of the table."""
    unit = "" if row.unit == "x" else " s"
    goal = f"≤ {row.goal:g}{unit}"
    if "failed" in result:
        return [row.what, goal, f"failed: {result['failed']}", "", "", row.yardstick, usual_of(row)]
    figures = figures_of(result)
    values = figures.results(row.unit)
    digits = DIGITS[figures.unit]
    quick = ", quick" if result["quick"] else ""
    seen = usual_of(row)
    if figures.usual:
        usual = ratios(figures.usual, figures.yardstick) if row.unit == "x" else figures.usual
        seen += f"; here {spread(usual, 1)}{unit}"
    return [
        row.what,
        goal,
        f"**{median(values):.2f}**{spread(values, 2)[len(f'{median(values):.2f}') :]}{unit}{quick}",
        "yes" if median(values) <= row.goal else "no",
        f"{spread(figures.ours, digits)} {figures.unit}",
        f"{row.yardstick}: {spread(figures.yardstick, digits)} {figures.unit}",
        seen,
    ]


def usual_of(row: Row) -> str:
    """Return what the usual template takes, as it was stated."""
    if row.usual is None:
        return "–"
    unit = "" if row.unit == "x" else " s"
    return " to ".join(f"{value:g}" for value in dict.fromkeys(row.usual)) + unit


def further(result: dict[str, Any]) -> str:
    """Return what else was measured with a row."""
    return "; ".join(f"{name} {spread(values, 2)}" for name, values in result.get("more", {}).items())


def growth(panels: Sequence[Panel], results: Found) -> list[str]:
    """Return a table for each panel."""
    lines: list[str] = []
    for panel in panels:
        result = results[panel.name]
        lines += [""] * bool(lines) + [f"**{panel.what}** ({panel.unit}, median)", ""]
        if "failed" in result:
            lines.append(f"failed: {result['failed']}")
            continue
        xs = list(dict.fromkeys(x for curve in result["curves"].values() for x in curve))
        lines += [f"| {panel.across} | {' | '.join(f'{int(x):,}' for x in xs)} |", "|---" * (len(xs) + 1) + "|"]
        for name, curve in result["curves"].items():
            lines.append(f"| {name} | {' | '.join(short(curve[x]) if x in curve else '' for x in xs)} |")
    return lines


def short(values: list[float]) -> str:
    """Return a median with three digits that count."""
    value = median(values)
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def described(lines: Sequence[Row | Panel], results: Found) -> list[str]:
    """Say where and when this was measured; once for all lines that share it."""
    places: dict[str, list[str]] = {}
    for line in lines:
        about = results[line.name]
        versions = ", ".join(f"{key} {value}" for key, value in about.items() if key not in NOT_MACHINE)
        where = f"{about['machine']}; {versions}; commit {about['commit']}, {about['date']}"
        places.setdefault(where + ("; `--quick`" if about["quick"] else ""), []).append(line.name)
    if len(places) == 1:
        return [f"Measured on {place}." for place in places]
    return [f"- {', '.join(names)}: measured on {place}." for place, names in places.items()]


def sentences(rows: Sequence[Row], results: Found) -> str:
    """Return the three lines that README.md says about the cost; nothing as long as the MLP's step is not measured."""
    found = {row.name: median(figures_of(results[row.name]).results(row.unit)) for row in rows}
    if "step-mlp" not in found:
        return ""
    step = figures_of(results["step-mlp"])
    others = [f"{model} {found[name]:.2f}" for name, model in NAMES.items() if name in found]
    bar = step.more.get("times, with a progress bar")
    beside = f", with a bar {median(bar):.2f}" if bar else ""
    beside += f" ({', '.join(others)})" if others else ""
    said = [f"where the usual Lightning recipe takes {median(ratios(step.usual, step.yardstick)):.1f}"]
    texts = {"job": "a further job of a sweep {:.1f} times its training", "help": "`--help` answers in {:.2f} s"}
    said += [text.format(found[name]) for name, text in texts.items() if name in found]
    about = results["step-mlp"]
    roughly = " roughly, and not alone," if about["quick"] else ""
    return (
        f"An MLP's step, tracked, takes {found['step-mlp']:.2f} times a textbook PyTorch loop's{beside},\n"
        f"{'; '.join(said)}.\n"
        f"Measured{roughly} on {about['machine']}, {about['date']}: [all figures](docs/benchmarks.md)."
    )


def replace_part(path: Path, name: str, text: str) -> None:
    """Put `text` between the marks `<!-- name -->` and `<!-- /name -->` of a page.

    Raises:
        ValueError: the page has no such marks.
    """
    page = path.read_text(encoding="utf-8")
    opening, closing = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, found, rest = page.partition(opening)
    _, end, after = rest.partition(closing)
    if not (found and end):
        raise ValueError(f"{path.name} lacks the marks {opening} and {closing}")
    path.write_text(f"{before}{opening}\n{text}\n{closing}{after}", encoding="utf-8")
