"""What every command shares: Hydra in front, one message per mistake, and an honest exit status.

Exit status: 0 done, 1 failed, 2 a mistake in what was asked for, 130 stopped with Ctrl-C.
Nothing here imports torch: help, tab completion and mistakes are answered at once.
"""

import os
import secrets
import sys
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path

import hydra
from hydra.errors import CompactHydraException, MissingConfigException
from loguru import logger
from omegaconf import OmegaConf
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException

from .logs import log_to_terminal
from .mistakes import UserMistake, nearest, refuse
from .sweeps import SweepFailed

CONFIGS = Path(__file__).parent / "configs"

# Two runs that start in the same second get folders of their own.
OmegaConf.register_new_resolver("short_id", lambda: secrets.token_hex(2), use_cache=True, replace=True)


def run_command(name: str) -> None:
    """Run the command `name`: the function of that name in the module of that name, under `configs/<name>.yaml`."""
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then leaves its exceptions to us
    log_to_terminal()
    # Imported by its name, not taken from __main__, so that launchers can send it to other processes.
    task = getattr(import_module(f".{name}", __package__), name)
    try:
        hydra.main(version_base="1.3", config_path=str(CONFIGS), config_name=name)(task)()
    except UserMistake as mistake:
        refuse(str(mistake))
    except (CompactHydraException, OmegaConfBaseException) as error:
        refuse(explain(error))
    except ValueError as error:
        if "Config group override" not in str(error):
            raise
        refuse(f"A group takes the name of one of its files, such as model=mlp. {error}")
    except SweepFailed as failure:
        logger.error("{}", failure)
        sys.exit(1)
    except KeyboardInterrupt:
        logger.warning("Stopped.")
        sys.exit(130)


def explain(error: Exception) -> str:
    """Say in a few lines what Hydra could not compose, with the nearest valid name."""
    if isinstance(error, MissingConfigException) and error.options is not None:
        group, _, choice = str(error.missing_cfg_file).rpartition("/")
        known = error.options
        return f"{group}={choice} is not known. {nearest(choice, known)}\n{group} can be: {listing(known)}"
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ConfigKeyError | ConfigAttributeError):
        cause = cause.__cause__
    if (
        isinstance(cause, ConfigKeyError | ConfigAttributeError)
        and isinstance(cause.full_key, str)
        and cause.parent_node is not None
    ):
        path, _, key = cause.full_key.rpartition(".")
        known = [str(name) for name in cause.parent_node if name != "_target_"]
        where = f"{path} has" if path else "the settings are"
        suggestion = nearest(key, known).replace("mean ", f"mean {path}." if path else "mean ")
        return f"{cause.full_key} is not a setting. {suggestion}\n{where}: {listing(known)}"
    message = str(error).strip().splitlines()
    if message and "Could not override" in message[0]:
        key = message[0].split("'")[1]
        groups = [path.name for path in CONFIGS.iterdir() if path.is_dir()]
        return f"{key} is not a setting. {nearest(key, groups)}\nthe groups are: {listing(groups)}"
    return "\n".join(message + ([str(error.__cause__)] if error.__cause__ else []))


def listing(names: Iterable[str]) -> str:
    """Return the names in order, without Hydra's own."""
    return ", ".join(sorted(name for name in names if name not in ("hydra", "__pycache__")))
