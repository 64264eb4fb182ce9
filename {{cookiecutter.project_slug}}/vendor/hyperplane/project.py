"""The project that the engine serves: its package, its configurations, and what these may name. Imports no torch."""

import sys
from pathlib import Path
from typing import NamedTuple

from .errors import refuse

ENGINE = __package__
# Modules of a project whose classes and functions a `_target_` may name, and of the engine.
MODULES = ("models", "tasks", "data", "losses", "metrics", "optimizers", "schedulers", "callbacks")
ENGINE_MODULES = ("data", "metrics", "callbacks")
# Libraries whose classes a `_target_` may name in every project.
LIBRARIES = ("torch.nn", "torch.optim", "torchmetrics", "lightning.pytorch.callbacks", "lightning.pytorch.loggers")


class Project(NamedTuple):  # a dataclass would import a dozen modules, for which help had to wait
    """A project."""

    package: str  # its name, by which it is imported
    folder: Path  # of the package
    libraries: tuple[str, ...] = ()  # whose classes its configurations may name, beside `LIBRARIES`

    @property
    def configs(self) -> Path:
        """The folder of its configurations."""
        return self.folder / "configs"

    @property
    def modules(self) -> tuple[str, ...]:
        """The full names of the modules that a `_target_` may look in."""
        own = (f"{self.package}.{name}" for name in MODULES)
        return (*own, *(f"{ENGINE}.{name}" for name in ENGINE_MODULES))

    @property
    def targets(self) -> tuple[str, ...]:
        """Everything that a `_target_` may look in."""
        return (*self.modules, *LIBRARIES, *self.libraries)


_project: Project | None = None


def use_project(package: str, libraries: tuple[str, ...] = ()) -> Project:
    """Say which project this process works for; its `__init__.py` does, so that every command and worker knows it.

    Args:
        package: the name of the package.
        libraries: whose classes its configurations may name: with them, whoever sends you a configuration may build
            any of their classes.
    """
    global _project
    if _project is not None and _project.package != package:
        refuse(f"{package} and {_project.package} share this process, and the engine serves one project: start another")
    folder = Path(str(sys.modules[package].__file__)).resolve().parent
    refuse_other_engine(package, folder)
    refuse_original(package, folder)
    _project = Project(package, folder, libraries)
    return _project


def current() -> Project:
    """Return the project that this process works for.

    Raises:
        RuntimeError: its package was not imported.
    """
    if _project is None:
        raise RuntimeError("hyperplane serves a project: import its package first, as in `import <package>`")
    return _project


def is_own(name: str) -> bool:
    """Say whether the full name of something lies in the project or in the engine, not in a library."""
    return f"{name}.".startswith((f"{current().package}.", f"{ENGINE}."))


def refuse_other_engine(package: str, folder: Path) -> None:
    """End the program if the engine that Python found is, or may be, that of another project in this environment."""
    own = (folder.parents[1] / "vendor" / ENGINE).resolve()
    found = Path(__file__).resolve().parent
    if own.is_dir() and own != found:
        refuse(
            f"{package} has an engine of its own, {own}, but Python found the one in {found}: two projects share this "
            "environment. Give each its own: make setup"
        )
    # Installed without their source, projects write their engines over each other. Each says what it has installed.
    records = () if own.is_dir() else found.parent.glob("*.dist-info/RECORD")
    owners = [path.parent.stem for path in records if f"\n{ENGINE}/project.py,".encode() in path.read_bytes()]
    if len(owners) > 1:
        refuse(
            f"{' and '.join(sorted(owners))} share this environment, and one engine, that of the project which was "
            "installed last. Give each an environment of its own"
        )


def refuse_original(package: str, folder: Path) -> None:
    """End the program if it stands in a copy of a project, or in a project that was moved, and runs another's code.

    Where no project is, or one that is installed without its source, there is nothing to compare.
    """
    try:
        here = Path.cwd()
    except FileNotFoundError:  # the folder was removed
        return
    root = next((place for place in (here, *here.parents) if (place / "pyproject.toml").is_file()), None)
    own = None if root is None else root / "src" / package
    is_checkout = folder.parent.name == "src" and (folder.parents[1] / "pyproject.toml").is_file()
    if own is None or not is_checkout or not (own / "__init__.py").is_file() or own.resolve() == folder:
        return
    refuse(
        f"This is the project {root}, but its command runs the code of {folder.parents[1]}, as .venv was made there. "
        "Give this project an environment of its own: make setup"
    )
