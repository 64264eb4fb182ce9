"""The sentences under the table: the best setting, comparisons, how the figures were made, and what is missing."""

from collections import Counter
from collections.abc import Iterable

from .best import best_lines
from .comparison import Comparison, describe_pairs
from .folds import fold_lines, nested_lines
from .results import Results
from .statistics import EXACT_UP_TO, FEWEST, RESAMPLES
from .summaries import PRUNED, ReportedRun
from .table import INTERVAL, format_number, is_fraction, listed


def notes(results: Results, comparisons: Iterable[Comparison] = ()) -> list[str]:
    """What stands under the table, a paragraph each; the items of a list start with `- `."""
    lines = [*best_lines(results), *nested_lines(results), *map(comparison_line, comparisons)]
    lines += [statistics_line(results), *fold_lines(results)]
    if results.averaged_over:
        lines.append(f"Each row is a mean over runs that also differ in {', '.join(results.averaged_over)}.")
    found = results.found
    lines += found.remarks
    varying = {*results.settings, *results.averaged_over}
    shared = set.intersection(*(set(run.settings.items()) for run in found.runs))  # others only follow from the model
    same = {
        key: value for key, value in found.runs[0].settings.items() if (key, value) in shared and key not in varying
    }
    if same:
        lines.append("The same in every run: " + " ".join(f"{k}={v}" for k, v in same.items()))
    lines += code_lines(found.runs) + engine_lines(found.runs)
    lines += [f"[{number}] {note}" for note, number in results.note_numbers.items()]
    if results.reference.columns:
        lines.append(describe_reference(results))
    repeated = [
        " ".join([*(f"{k}={v}" for k, v in s.items()), which]) + f": {n} runs" for s, which, n in results.repeated
    ]
    lines += listed(repeated, "counted more than once: the same seed with the same settings")
    lines += listed(
        [
            f"{run.folder} ({run.status}): {run.error or 'no message'}"
            for run in found.runs
            if run.status in ("failed", "interrupted")
        ],
        "failed or interrupted",
    )
    lines += listed(
        [f"{run.folder}: {warning}" for run in found.runs if run.status == "completed" for warning in run.warnings],
        "warned of by the runs themselves",
    )
    pruned = sum(run.status == PRUNED for run in found.runs)
    if pruned:
        lines.append(f"{pruned} pruned by the search before their end: counted, but left out of every mean.")
    lines += listed((str(run.folder) for run in found.unfinished), "still running, or killed (no summary.json)")
    lines += listed((f"{path}: {reason}" for path, reason in found.unreadable), "left out, cannot be read")
    return lines


def code_lines(runs: list[ReportedRun]) -> list[str]:
    """What has to be known of the code in src/ that trained the runs."""
    counts = Counter(run.code for run in runs if run.code and run.status == "completed")
    if len(counts) < 2:
        return []
    each = " and ".join(str(count) for _, count in counts.most_common())
    return [f"Trained by {len(counts)} versions of the code in src/: {each} runs. Do they compare?"]


def engine_lines(runs: list[ReportedRun]) -> list[str]:
    """What has to be known of the engine that trained the runs."""
    versions = sorted({run.engine or "unknown" for run in runs})
    lines = [f"Trained by several versions of the engine: {', '.join(versions)}."] if len(versions) > 1 else []
    edited = [run for run in runs if run.edited]
    files = sorted({name for run in edited for name in run.edited})
    if edited:
        lines.append(f"{len(edited)} of {len(runs)} trained by an engine edited by hand: {', '.join(files)}.")
    return lines


def comparison_line(comparison: Comparison) -> str:
    """A paired comparison as a sentence or two."""
    metric, difference, (first, second) = comparison.metric, comparison.difference, comparison.names
    on = f" ({comparison.shared})" if comparison.shared else ""
    missing = [
        f" Only {other} has {describe_pairs(pairs)}."
        for other, pairs in ((second, comparison.missing[0]), (first, comparison.missing[1]))
        if pairs
    ]
    count = difference.count
    if difference.mean is None:
        both = "seed and fold" if comparison.has_folds else "seed"
        return f"{metric} of {first} and of {second}{on}: no {both} that both have completed.{''.join(missing)}"
    means = [format_number(metric, mean, digits=4) for mean in comparison.means if mean is not None]
    text = f"{metric} of {first} minus that of {second}{on}: {format_difference(metric, difference.mean)}"
    if difference.interval:
        low, high = (format_difference(metric, end) for end in difference.interval)
        text += f", {INTERVAL} [{low}, {high}]"
    else:
        text += f", no interval from fewer than {FEWEST} pairs"
    plural = "s" * (count != 1)
    pairs = (
        f"{count} pair{plural} of one seed and fold each" if comparison.has_folds else f"{count} shared seed{plural}"
    )
    text += f", {pairs} ({means[0]} and {means[1]})"
    if comparison.p_value is not None:
        text += f", p = {comparison.p_value:.3g}"
        if count <= EXACT_UP_TO:
            text += f" (sign-flip test; {count} pair{'s' * (count != 1)} cannot give less than {2 / 2**count:.3g})"
    return text + "." + "".join(missing)


def format_difference(metric: str, value: float) -> str:
    return f"{value:+.4f}" if is_fraction(metric, value) else f"{value:+.4g}"


def statistics_line(results: Results) -> str:
    """How the figures were made, and what few seeds do to them."""
    line = "Mean ± sample standard deviation over the completed runs of each setting."
    counts = [
        row.statistic(metric).count
        for row in results.rows
        for metric in results.metrics
        if row.with_status("completed")
    ]
    if results.with_interval:
        line += f" {INTERVAL}s: percentile bootstrap of the mean, {RESAMPLES:,} resamples."
        if min((count for count in counts if count >= FEWEST), default=0) < 10:
            line += (
                " Few runs make them too narrow: with 3 they cover the true mean in 76 % of all cases, with 5 in 82 %."
            )
    if counts and min(counts) < FEWEST:
        line += f" No interval from fewer than {FEWEST} runs."
    return line


def describe_reference(results: Results) -> str:
    reference = results.reference
    text = f"{', '.join(reference.columns)}: from {reference.path.name}"
    if not any(reference.entry(row.settings) for row in results.rows):
        text += f", which has no line for these runs (it goes by {', '.join(reference.keys)})"
    return ". Source: ".join([text, *filter(None, ["; ".join(reference.sources)])])
