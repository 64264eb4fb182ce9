"""What every command shares: its help, Hydra in front, one message per mistake, and an honest exit status.

Exit status: 0 done, 1 failed, 2 a mistake in what was asked for, 130 stopped with Ctrl-C, 143 by SIGTERM.
Help, tab completion and mistakes are answered at once: nothing here imports torch, and help imports not even Hydra.
"""

import os
import sys
from importlib import import_module
from io import TextIOWrapper
from types import ModuleType
from typing import TYPE_CHECKING

from .configs import choices, listing
from .project import current

if TYPE_CHECKING:
    from loguru import Logger

COMPOSED = ("evaluate", "predict", "export-model")  # commands whose settings Hydra composes, beside `train`


def start(name: str) -> int | None:
    """Run a command of the project; return its exit status if it has one."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that has no ± or 🥇 still gets the rest
    if name not in COMPOSED:
        return module_of(name).main()
    run_command(name)
    return None


def module_of(name: str) -> ModuleType:
    """Return the module of a command: that of `train` is the project's, the others lie in `commands/`.

    It is imported by its name, not taken from __main__, so that launchers can send it to other processes.
    """
    if name == "train":
        return import_module(".train", current().package)
    return import_module(f".commands.{name.replace('-', '_')}", __package__)


def run_command(name: str) -> None:
    """Run a command whose settings Hydra composes.

    `name` is as it is typed. The function in its module and its configuration have the same name, with `_` for a dash.
    """
    identifier = name.replace("-", "_")
    module = module_of(name)
    if {"--help", "-h"} & set(sys.argv):
        sys.stdout.write(help_text(name, str(module.__doc__)))
        return
    if "--hydra-help" in sys.argv:
        from .composition.hydra_main import options

        options(name).print_help()
        return

    from hydra.errors import CompactHydraException
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    from .composition.hydra_main import run
    from .errors import SweepFailed, UserError, refuse
    from .processes.signals import Stopped
    from .run_folder.names import register_resolvers
    from .secrets import read_env

    refuse_what_is_no_option(name)
    read_env()
    register_resolvers()
    try:
        if name == "train" and any(word.startswith("resume=") for word in sys.argv):
            from .run_folder.resuming import hydra_arguments

            sys.argv[1:] = hydra_arguments(sys.argv[1:])
        run(identifier, getattr(module, identifier))
    except UserError as error:
        refuse(str(error))
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
    from .composition.hydra_main import options
    from .errors import refuse

    groups = [word for word in sys.argv[1:] if word[:1] == "-" and word.lstrip("-").partition("=")[0] in choices()]
    for word in groups or options(name).parse_known_args()[1]:
        if word.startswith("-"):
            refuse(f"{word} is not an option. Settings have no dashes: {word.lstrip('-')}. See: {name} --help")
        refuse(f"{word} comes after an option. Options come first, then all settings: {name} -m {word} ...")


def terminal() -> "Logger":
    """Return the logger. Before Hydra sets it up it is seldom needed, and its import takes long for `--cfg job`."""
    from loguru import logger

    from .logs import log_to_terminal

    log_to_terminal()
    return logger


def help_text(name: str, doc: str) -> str:
    """Return the docstring of the command, and for `train` the groups with their files."""
    groups = "\n".join(f"  {group + '=':<12} {listing(choices(group))}" for group in sorted(choices()))
    parts = [doc.rstrip(), f"Groups, each with its files:\n{groups}" if name == "train" else ""]
    hint = f"All settings with their values: {name} --cfg job    Hydra's own options: {name} --hydra-help"
    return "\n\n".join([part for part in parts if part] + [hint]) + "\n"
