"""Looks at the folder that a run is to write into, before Hydra writes the first file there."""

import shlex
from copy import deepcopy
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ..errors import UserError
from .integrity import read_summary


def refuse_taken(config: DictConfig) -> None:
    """Look whether a run would write its files among others, before Hydra writes the first.

    Raises:
        UserError: the folder that is named for it is the command's own, holds files that are no run's, or holds a run
            that is completed or still running.
    """
    folder = named_folder(config)
    if folder is None or not Path(folder).is_dir():
        return
    path = Path(folder)
    if (path / ".hydra").is_dir():
        refuse_kept(path, folder)
    elif path.resolve() == Path.cwd() or any(entry.is_file() for entry in path.iterdir()):
        raise UserError(f"hydra.run.dir={folder} is {path.resolve()}, which holds other files: name a new folder")


def named_folder(config: DictConfig) -> str | None:
    """Return the folder that is named for a run, or None if it gets a new one, or one that cannot be told."""
    values: Any = OmegaConf.to_container(config.hydra.run, resolve=False)
    folder = str(values["dir"])
    if "${" not in folder:
        return folder
    if "${new_run:" in folder:
        return None
    resolved, before = deepcopy(config), HydraConfig.instance().cfg
    HydraConfig.instance().set_config(resolved)  # for ${hydra:...}
    try:
        return str(resolved.hydra.run.dir)
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
