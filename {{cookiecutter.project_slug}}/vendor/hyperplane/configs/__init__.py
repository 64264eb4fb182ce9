"""The engine's configurations, and how to find those of the project.

A project's come first; the engine's stand behind them, as in Hydra's search path. Each command has one YAML file, each
group of choices one folder.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from ..project import current

ENGINE_CONFIGS = Path(__file__).parent
# The groups that are built from what they name.
COMPONENTS = ("model", "task", "data", "optimizer", "scheduler", "loss")
# Groups of which any number of files can be chosen, each with a component under a name of its own.
COLLECTIONS = ("callbacks",)


def folders() -> tuple[Path, ...]:
    """Return where configurations lie: in the project, and in the engine."""
    return current().configs, ENGINE_CONFIGS


def files(group: str) -> Iterator[Path]:
    """Yield the files of a group, in order."""
    for folder in folders():
        yield from sorted((folder / group).glob("*.yaml"))


def choices(group: str = "") -> list[str]:
    """Return the names of the files of a group, or of all groups."""
    if group:
        return list(dict.fromkeys(path.stem for path in files(group)))
    inside = (path.name for folder in folders() for path in folder.iterdir() if path.is_dir())
    return [name for name in dict.fromkeys(inside) if name not in ("hydra", "__pycache__")]


def choice_of(group: str, target: str) -> str:
    """Return the name of the first file of a group that builds `target`, or an empty string."""
    return next((choice for choice, built in targets(group) if built == target), "")


def targets(group: str) -> Iterator[tuple[str, str]]:
    """Yield the name of each file of a group that says what it builds, and that."""
    for path in files(group):
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("_target_: "):
                yield path.stem, line.removeprefix("_target_: ")


def listing(names: Iterable[str], separator: str = ", ") -> str:
    """Return the names in order, in one line."""
    return separator.join(sorted(name for name in names if name != "hydra"))
