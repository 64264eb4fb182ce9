"""Which setting is called the best, on validation data alone, or why none is."""

from .asking import known_metrics
from .direction import higher_is_better, why_unknown
from .results import Results
from .table import format_statistic, settings_text


def best_lines(results: Results) -> list[str]:
    """The best setting of each data set, chosen on validation data, and what it reaches in the metrics asked for."""
    if len(results.rows) < 2:
        return []
    if not results.best:
        return [f"No best setting: {why_no_best(results)}"]
    by = results.validation
    kind = "highest" if results.direction else "lowest"
    lines = []
    for row in results.best:
        runs = len(row.with_status("completed"))
        shown = [by, *(metric for metric in results.metrics if metric != by)]
        texts = {name: format_statistic(name, row.statistic(name), runs) for name in shown}
        figures = ", ".join(f"{name} {text}" for name, text in texts.items() if text)
        on = f" on {results.data_of(row)}" if len(results.best) > 1 else ""
        lost = len(row.runs) - runs
        count = f"{runs} run{'s' * (runs != 1)}" + (f", {lost} more not completed" if lost else "")
        rivals = [other for other in results.rows if results.data_of(other) == results.data_of(row)]
        equal = sum(other.statistic(by).mean == row.statistic(by).mean for other in rivals) - 1
        count += f", {equal} other{'s' * (equal != 1)} as good" if equal else ""
        whole = sum(map(results.has_all_folds, rivals))
        among = f" of the {whole} with every fold," if whole < len(rivals) else ""
        warned = [run.warnings[0] for run in row.with_status("completed") if run.warnings]
        figures += f". {len(warned)} of its runs warned: {warned[0]}" if warned else ""
        lines.append(
            f"Best{on}{among} by the {kind} mean {by}: {settings_text(results, row.settings)} ({count}): {figures}"
        )
    return lines


def best_in_short(results: Results) -> str:
    """The same in a few words, without what has to be known of it: `best 0.565 (val/accuracy): model=mlp`."""
    if len(results.rows) < 2 or not results.best:
        return ""
    row, by = results.best[0], results.validation
    return f"best {row.statistic(by).mean:.4g} ({by}): {settings_text(results, row.settings)}"


def why_no_best(results: Results) -> str:
    """Why no setting is called the best, and what helps."""
    by, runs = results.validation, results.found.runs
    measured = (name for name in known_metrics(runs) if name.startswith("val/") and name != by)
    others = [name for name in measured if higher_is_better(name, runs) is not None]
    choice = f" --metric chooses by another one: {', '.join(others)}." if others else ""
    if not any(row.statistic(by).count for row in results.rows):
        return f"no completed run has {by}, and test data must not choose.{choice}"
    if results.direction is None:
        return f"{why_unknown(by, runs)}.{choice}"
    if not any(map(results.has_all_folds, results.rows)):
        return "no setting has every fold that another has, and figures of different folds do not compare."
    return f"no setting has a finite mean {by}.{choice}"
