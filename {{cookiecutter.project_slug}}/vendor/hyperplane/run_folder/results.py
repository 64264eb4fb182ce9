"""Which files are results of runs, so that no command writes its own over them. Imports neither torch nor Hydra."""

from pathlib import Path

from ..errors import UserError

NOTES = ".hydra"  # the folder within that of a run where Hydra notes what was asked for
TABLES = ("metrics.csv", "trials.csv")  # among what runs and searches leave


def refuse_results(path: Path, key: str) -> None:
    """Look whether a file that a command is to write is there, and is one in which runs or searches keep results.

    Raises:
        UserError: it is.
    """
    home = path.resolve().parent
    is_run = any((folder / name).exists() for folder in (home, *home.parents) for name in (NOTES, "multirun.yaml"))
    if is_run and path.is_file() and path.name in TABLES:
        raise UserError(f"{key}={path} would overwrite results of a run; name another file")


def is_inside_run(folder: Path) -> bool:
    """Say whether a folder is that of a run, or one within it."""
    return any((place / NOTES).is_dir() for place in (folder.resolve(), *folder.resolve().parents))
