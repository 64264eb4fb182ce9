"""What every command shares: its help, Hydra in front, one message per mistake, and an honest exit status.

Exit status: 0 done, 1 failed, 2 a mistake in what was asked for, 130 stopped with Ctrl-C, 143 by SIGTERM.
Help, tab completion and mistakes are answered at once: nothing here imports torch, and help imports not even Hydra.
"""

import os
import sys
import time
from importlib import import_module
from typing import TYPE_CHECKING

from .configs import choices, listing

if TYPE_CHECKING:
    from loguru import Logger


def run_command(name: str) -> None:
    """Run a command.

    Args:
        name: of the command, as it is typed. Its module, the function in there and the file under `configs/` have the
            same name, with `_` where it has a dash.
    """
    identifier = name.replace("-", "_")
    # Imported by its name, not taken from __main__, so that launchers can send it to other processes.
    module = import_module(f".{identifier}", __package__)
    if {"--help", "-h"} & set(sys.argv):
        sys.stdout.write(help_text(name, str(module.__doc__)))
        return
    if "--hydra-help" in sys.argv:
        from .hydra_main import options

        options(name).print_help()
        return

    from hydra.errors import CompactHydraException
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    from .hydra_main import run
    from .mistakes import SweepFailed, UserMistake, refuse
    from .running.signals import Stopped
    from .secrecy import read_env

    refuse_what_is_no_option(name)
    read_env()
    register_resolvers()
    try:
        if name == "train" and any(word.startswith("resume=") for word in sys.argv):
            from .running.resuming import hydra_arguments

            sys.argv[1:] = hydra_arguments(sys.argv[1:])
        run(identifier, getattr(module, identifier))
    except UserMistake as mistake:
        refuse(str(mistake))
    except (CompactHydraException, OmegaConfBaseException, YAMLError, UnicodeDecodeError) as error:
        from .explaining import explain

        refuse(explain(error))
    except SweepFailed as failure:
        terminal().error("{}", failure)
        sys.exit(1)
    except Stopped as stop:
        sys.exit(128 + stop.number)
    except KeyboardInterrupt:
        terminal().warning("Stopped.")
        sys.exit(130)
    except Exception as error:  # of a run it is in train.log
        if isinstance(error, ValueError) and "Config group override" in str(error):
            refuse(f"A group takes the name of one of its files, such as model=mlp. {error}")
        if os.environ.get("HYDRA_FULL_ERROR") == "1":
            raise
        where = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) and error.filename else error
        terminal().error("{} failed: {}: {}\nWhere: HYDRA_FULL_ERROR=1 {} ...", name, type(error).__name__, where, name)
        sys.exit(1)


def refuse_what_is_no_option(name: str) -> None:
    """Say how settings and options are written; Hydra would print all of its options."""
    from .hydra_main import options
    from .mistakes import refuse

    groups = [word for word in sys.argv[1:] if word[:1] == "-" and word.lstrip("-").partition("=")[0] in choices()]
    for word in groups or options(name).parse_known_args()[1]:
        if word.startswith("-"):
            refuse(f"{word} is no option. Settings have no dashes: {word.lstrip('-')}. All of both: {name} --help")
        refuse(f"{word} stands behind an option. Options come first, then all settings: {name} -m {word} ...")


def terminal() -> "Logger":
    """Return the logger. Before Hydra sets it up it is seldom needed, and its import takes long for `--cfg job`."""
    from loguru import logger

    from .logs import log_to_terminal

    log_to_terminal()
    return logger


def register_resolvers() -> None:
    """Teach OmegaConf what the files under `configs/` use."""
    from .hydra_versions import register_resolver

    for resolver in (new_run, new_sweep):
        register_resolver(resolver.__name__, resolver)


def new_run() -> str:
    """Return the folder of a single run below runs/."""
    from .running.requeue import folder_name

    return folder_name(sys.argv) or own_name("%Y-%m-%d/%H-%M-%S")


def new_sweep() -> str:
    """Return the name of a multirun that was given none."""
    return own_name("%Y-%m-%d_%H-%M-%S")


def own_name(form: str) -> str:
    """Return the time in a form of `strftime`, and an id: two that start in the same second get names of their own."""
    return f"{time.strftime(form)}-{os.urandom(2).hex()}"


def help_text(name: str, doc: str) -> str:
    """Return the docstring of the command, and for `train` the groups with their files."""
    groups = "\n".join(f"  {group + '=':<12} {listing(choices(group))}" for group in sorted(choices()))
    parts = [doc.rstrip(), f"Groups, each with its files:\n{groups}" if name == "train" else ""]
    hint = f"All settings as they stand: {name} --cfg job    Hydra's own options: {name} --hydra-help"
    return "\n\n".join([part for part in parts if part] + [hint]) + "\n"
