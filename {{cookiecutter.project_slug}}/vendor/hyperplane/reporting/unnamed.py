"""What differs between runs though no override names it: a default that was edited, a data file that was changed.

Runs with the same overrides would be pooled into one row. What differs is made a setting, as if it had been typed.
"""

import re
from functools import cache
from pathlib import Path

from ..errors import as_typed
from .details import flat
from .spelling import unify, value_of
from .summaries import FOLD, NOT_A_SETTING, ReportedRun, RunsFound, printable

MAY_DIFFER = re.compile(r"^(seed|sweep|resume): .*\n|^  fold: \d+\n", re.MULTILINE)
ALIAS = re.compile(r"(^|[\s\[{,:-])[&*]\w", re.MULTILINE)  # of YAML: Hydra writes none, and with them a file has no end
DIGITS = 8  # of a digest that are shown
MOST_NAMED = 5


def add_unnamed(found: RunsFound) -> None:
    """Add to the settings of all runs what differs unnamed, and to the remarks a sentence about it."""
    runs = [run for run in [*found.runs, *found.unfinished] if run.settings]
    found.remarks += [*add_files(runs), *add_defaults(runs)]
    if found.remarks:
        unify(run.settings for run in runs)


def add_files(runs: list[ReportedRun]) -> list[str]:
    """The digest of each data file that is not the same in all runs becomes a setting of its name."""
    digests: dict[str, set[str]] = {}
    for run in runs:
        for path, digest in run.data_files.items():
            digests.setdefault(path, set()).add(digest)
    changed = [path for path, found in digests.items() if len(found) > 1]
    for run in runs:
        none = "unknown" if not run.data_files else "none"  # of a run that has not got so far, or has other data
        run.settings.update({Path(path).name: run.data_files.get(path, none)[:DIGITS] for path in changed})
    return [
        f"{path} was changed between runs: {Path(path).name} is a setting, with the first digits of the file's digest."
        for path in changed
    ]


def add_defaults(runs: list[ReportedRun]) -> list[str]:
    """The values that runs with the same overrides do not share become settings of all runs that have them."""
    groups: dict[tuple[tuple[str, str], ...], list[ReportedRun]] = {}
    for run in runs:
        groups.setdefault(tuple(sorted(run.settings.items())), []).append(run)
    differing: set[str] = set()
    in_some: set[str] = set()
    for members in groups.values():
        texts = set(map(config_text, members))  # of one group at a time: those of 10,000 runs are 40 MB
        configs = [config for config in map(values_of, texts) if config] if len(texts) > 1 else []
        keys = {key for config in configs for key in config}
        in_all = {key for key in keys if all(key in config for config in configs)}
        in_some |= keys - in_all
        differing |= {key for key in in_all if len({value_of(config[key]) for config in configs}) > 1}
    for run in runs if differing else []:
        config = values_of(config_text(run))
        run.settings.update({key: config[key] for key in differing - run.settings.keys() if key in config})
    return [
        *remark(differing, "as a file under configs/ was changed between them: what differs is a setting here."),
        *remark(in_some - differing, "which only some of them have, as the project was changed between them."),
    ]


def remark(keys: set[str], what: str) -> list[str]:
    named = [*sorted(keys)[:MOST_NAMED], *["…"] * (len(keys) > MOST_NAMED)]
    return [f"Runs with the same overrides differ in {', '.join(named)}, {what}"] if keys else []


def config_text(run: ReportedRun) -> str:
    """The configuration that was recorded, without what sets repeats of a setting apart; empty where there is none."""
    try:
        text = (run.folder / ".hydra" / "config.yaml").read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""
    return MAY_DIFFER.sub("", text)


@cache
def values_of(text: str) -> dict[str, str]:
    """The values of a configuration by their key, as they would be typed; none where it cannot be read."""
    from yaml import (  # slow to import, and only needed where two configurations differ
        YAMLError,
        safe_load,
    )

    if ALIAS.search(text):
        return {}
    try:
        pairs = dict(flat(safe_load(text)))
        kept = (key for key in pairs if key.partition(".")[0] not in NOT_A_SETTING and key != FOLD)
        return {printable(key): printable(as_typed(pairs[key])) for key in kept}
    except (ValueError, RecursionError, YAMLError):
        return {}
