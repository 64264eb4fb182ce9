"""What every command shares: Hydra in front, one message per mistake, and an honest exit status.

Exit status: 0 done, 1 failed, 2 a mistake in what was asked for, 130 stopped with Ctrl-C.
Nothing here imports torch: help, tab completion and mistakes are answered at once.
"""

import os
import secrets
import sys
from importlib import import_module

import hydra
from hydra.errors import CompactHydraException
from loguru import logger
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from .checking import CONFIGS, explain
from .logs import log_to_terminal
from .mistakes import UserMistake, refuse
from .sweeps import SweepFailed

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
