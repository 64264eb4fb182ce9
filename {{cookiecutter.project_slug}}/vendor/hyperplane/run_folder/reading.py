"""Reads a run folder back."""

from pathlib import Path
from typing import Any, cast

from hydra.core.utils import setup_globals
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from ..errors import UserError
from ..settings import Settings
from ..validation import check
from .integrity import is_unchanged, read_sealed
from .names import register_resolvers
from .occupied import refuse_links


def read_run(folder: Path, key: str = "run") -> tuple[Settings, dict[str, Any]]:
    """Return the settings and the summary of the run in `folder`, which `key` names.

    Raises:
        UserError: it is no run folder, it cannot be read or was changed, or it ended before anything was tested.
    """
    config, summary = folder / ".hydra" / "config.yaml", folder / "summary.json"
    for path in (folder, config, summary):
        if not path.exists():
            latest = sorted(other.parent for other in Path("runs").glob("**/summary.json"))
            hint = f" The latest run here is {latest[-1]}" if latest else ""
            raise UserError(f"{key}={folder} is not a run that ended: {path} does not exist.{hint}")
    # These teach OmegaConf ${now:} and ${new_sweep:}, as every command has done; a notebook has not.
    setup_globals()
    register_resolvers()
    try:
        refuse_links(folder)
        recorded = read_sealed(summary)
        recorded["checkpoint"], recorded["metrics"], recorded["hardware"]
        if not is_unchanged(config, folder, recorded):
            raise ValueError(f"{config} is not the file that the run wrote")
        return check(cast(DictConfig, OmegaConf.load(config))), recorded
    except (ValueError, TypeError, KeyError, AttributeError, OSError, OmegaConfBaseException, YAMLError) as error:
        raise UserError(f"{key}={folder} cannot be read: {type(error).__name__} {error}") from None
