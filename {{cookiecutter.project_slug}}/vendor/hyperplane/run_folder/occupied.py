"""Looks at the folder that a run is to write into, before Hydra writes the first file there."""

import shlex
from copy import deepcopy
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ..errors import UserError
from .integrity import read_summary
from .results import NOTES


def refuse_taken(config: DictConfig) -> None:
    """Look whether a command would write its files among others, before Hydra writes the first.

    Raises:
        UserError: the folder that is named for a run is the command's own, holds files that are no run's, or holds a
            run that is completed or still running; or that of a multirun is a run; or notes are to lie elsewhere.
    """
    trains = "sweep" in config  # other commands leave no notes
    notes = config.hydra.output_subdir
    if notes is not None and not (trains and notes == NOTES):
        raise UserError(
            f"hydra.output_subdir={notes} is not allowed: it can be {f'{NOTES} or null' if trains else 'null'}"
        )
    if config.hydra.mode == RunMode.MULTIRUN:
        refuse_multirun_in_run(config, trains)
    elif notes is not None:
        refuse_taken_run(config)


def refuse_multirun_in_run(config: DictConfig, trains: bool) -> None:
    """Look whether a multirun is to lie in the folder of a run, or would not keep to a folder of its own for each job.

    Raises:
        UserError: says which.
    """
    if trains and str(config.hydra.sweeper.get("_target_", "")).startswith("hydra._internal."):
        raise UserError(
            "hydra/sweeper=basic would run jobs that are completed again: hydra/sweeper can be checked, optuna"
        )
    folder = named_folder(config, "sweep")
    if folder is not None and any((Path(folder) / name).exists() for name in (NOTES, "summary.json")):
        raise UserError(f"hydra.sweep.dir={folder} is the folder of a run: name a new one, or sweep=<name>")


def refuse_taken_run(config: DictConfig) -> None:
    """Look whether a run would write its files among others.

    Raises:
        UserError: see `refuse_taken`.
    """
    folder = named_folder(config, "run")
    if folder is None or not Path(folder).is_dir():
        return
    path = Path(folder)
    if (path / NOTES).is_dir():
        refuse_kept(path, folder)
    elif path.resolve() == Path.cwd() or any(entry.is_file() for entry in path.iterdir()):
        raise UserError(f"hydra.run.dir={folder} is {path.resolve()}, which holds other files: name a new folder")


def named_folder(config: DictConfig, kind: str) -> str | None:
    """Return the folder named for a `run` or a `sweep`; None if it gets a new one, or one that cannot be told."""
    values: Any = OmegaConf.to_container(config.hydra[kind], resolve=False)
    folder = str(values["dir"])
    if "${" not in folder:
        return folder
    if folder.endswith("${new_run:}"):
        return None
    resolved, before = deepcopy(config), HydraConfig.instance().cfg
    HydraConfig.instance().set_config(resolved)  # for ${hydra:...}
    try:
        return str(resolved.hydra[kind].dir)
    except OmegaConfBaseException:  # of which Hydra says what is wrong
        return None
    finally:
        HydraConfig.instance().cfg = before


def refuse_kept(path: Path, folder: str) -> None:
    """Look whether the run in a folder must not be overwritten. One that failed or was stopped is replaced.

    Raises:
        UserError: it is completed, or another process trains it.
    """
    from .locks import is_locked  # seldom needed

    # A summary that cannot be believed may be that of a completed run.
    if (path / "summary.json").exists() and read_summary(path).get("status") not in ("failed", "interrupted"):
        raise UserError(
            f"hydra.run.dir={folder} holds a run that is completed. Name a new folder, or train that run longer: "
            f"train resume={shlex.quote(folder)} trainer.max_epochs=..."
        )
    if is_locked(path):
        raise UserError(f"hydra.run.dir={folder} is being trained by another process. Name a new folder")


def refuse_links(folder: Path) -> None:
    """Look for links in a run folder that lead out of it: what is written there would land elsewhere.

    Raises:
        UserError: names the first one.
    """
    home = folder.resolve()
    for path in sorted(folder.rglob("*")):
        if path.name == "debug-core.log":  # W&B links from every run to a log in its cache, and goes on in a new file
            continue
        if path.is_symlink() and not path.resolve().is_relative_to(home):
            raise UserError(f"{path} is a link that leads out of its run folder: {path.readlink()}")
