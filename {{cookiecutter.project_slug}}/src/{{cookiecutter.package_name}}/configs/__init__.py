"""The values of all settings: one YAML file for each command, one folder for each group of choices."""

from collections.abc import Iterable
from pathlib import Path

CONFIGS = Path(__file__).parent
# The groups that are built from what they name.
COMPONENTS = ("model", "task", "data", "optimizer", "scheduler", "loss")
# Groups of which any number of files can be chosen, each with a component under a name of its own.
COLLECTIONS = ("callbacks",)


def choices(group: str = "") -> list[str]:
    """Return the names of the files of a group, or of all groups."""
    if group:
        return [path.stem for path in (CONFIGS / group).glob("*.yaml")]
    return [path.name for path in CONFIGS.iterdir() if path.is_dir() and path.name not in ("hydra", "__pycache__")]


def choice_of(group: str, target: str) -> str:
    """Return the name of the first file of a group that builds `target`, or an empty string."""
    line = f"_target_: {target}"
    paths = sorted((CONFIGS / group).glob("*.yaml"))
    return next((path.stem for path in paths if line in path.read_text(encoding="utf-8").splitlines()), "")


def listing(names: Iterable[str], separator: str = ", ") -> str:
    """Return the names in order, in one line."""
    return separator.join(sorted(name for name in names if name != "hydra"))
