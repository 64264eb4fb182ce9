"""Runs a command under Hydra, as `hydra.main` does, with the security check in between.

`hydra.main` sets up logging and builds callbacks from a configuration as soon as it is composed, and offers no public
place in between. So a command composes its configuration here, through a loader that checks it, and hands on what that
loader returned and nothing else. Where a release of Hydra renames what is used, a command ends with an error before
anything is built; it cannot run unchecked. All of this is public in Hydra 1.3 and 1.4.
"""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, ClassVar

from hydra import __version__, initialize_config_dir
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.core.utils import configure_log, run_job
from hydra.experimental.callback import Callback
from hydra.plugins.search_path_plugin import SearchPathPlugin
from hydra.types import HydraContext, RunMode, TaskFunction
from omegaconf import DictConfig, OmegaConf

from ..errors import UserError, refuse, with_nearest
from ..hydra_versions import DEFAULTS, allowing
from ..project import current
from ..security import LOGGING_CLASSES
from .loader import refuse_packages
from .sweep_loader import SweepLoader

NO_LISTENER: Any = Callback()  # stands for Hydra's list of callbacks: a configuration that names one is refused

GUARD = allowing(LOGGING_CLASSES)


class GivenFolder(SearchPathPlugin):
    """The folder of the option --config-dir: its files come behind those of the project."""

    folder: ClassVar[str | None] = None

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        if self.folder is not None:
            search_path.append("command-line", f"file://{Path(self.folder).absolute()}")


def options(name: str) -> ArgumentParser:
    """Return what reads the options of a command: those of Hydra that do not run code from a file."""
    parser = ArgumentParser(prog=name, add_help=False)
    parser.add_argument("overrides", nargs="*", help="settings: name=value")
    parser.add_argument("--help", "-h", action="store_true", help="show the groups and everyday commands")
    parser.add_argument("--hydra-help", action="store_true", help="show this list")
    parser.add_argument("--version", action="version", version=f"Hydra {__version__}", help="show Hydra's version")
    parser.add_argument("--multirun", "-m", action="store_true", help="one run for each combination of listed values")
    if name == "train":
        parser.add_argument("--plan", action="store_true", help="with -m: show what would run, and run nothing")
    parser.add_argument("--cfg", "-c", choices=["job", "hydra", "all"], help="show the settings, and run nothing")
    parser.add_argument("--package", "-p", metavar="SECTION", help="with --cfg: show only this section")
    parser.add_argument("--resolve", action="store_true", help="with --cfg: replace all ${...} by their values")
    kinds = ["all", "config", "defaults", "defaults-tree", "plugins", "searchpath"]
    parser.add_argument("--info", "-i", nargs="?", const="all", choices=kinds, help="show where settings come from")
    parser.add_argument("--config-dir", "-cd", metavar="FOLDER", help="a folder with more configs: model/mine.yaml")
    parser.add_argument("--config-name", "-cn", metavar="FILE", help=f"the main config, without .yaml: {name}")
    parser.add_argument("--shell-completion", "-sc", action="store_true", help="tab completion: -sc install=bash")
    return parser


def run(name: str, task: TaskFunction) -> None:
    """Do what was typed: call `task` with the settings, once or for each job of a multirun, or only show them.

    `name` is that of the command's function and of its file under `configs/`. `task` is a function of a module, so that
    launchers can send it to other processes.

    Raises:
        UserError: a setting could run foreign code, or a folder does not exist.
    """
    typed = options(name).parse_args()
    if typed.config_dir is not None and not Path(typed.config_dir).is_dir():
        raise UserError(f"--config-dir={typed.config_dir} is not a folder")
    if (typed.resolve or typed.package is not None) and typed.cfg is None:
        raise UserError("--resolve and --package say how --cfg shows settings: --cfg job --resolve")
    GivenFolder.folder = typed.config_dir
    Plugins.instance().register(GivenFolder)
    with initialize_config_dir(str(current().configs), job_name=name, **DEFAULTS):
        loader = SweepLoader(GlobalHydra.instance().config_loader())
        hydra: Any = GlobalHydra.instance().hydra  # shows and completes; whatever it composes is checked, too
        hydra.config_loader = loader
        start = name
        if typed.config_name is not None:
            start = typed.config_name
            refuse_packages(start, typed.overrides, loader.get_sources())
            refuse_start(start, name, loader)
        if typed.shell_completion:
            hydra.shell_completion(config_name=start, overrides=typed.overrides)
        elif typed.info is not None:
            loader.load_configuration(start, typed.overrides, RunMode.RUN)
            hydra.show_info(typed.info, config_name=start, overrides=typed.overrides)
        elif typed.cfg is not None:
            config = loader.load_configuration(start, typed.overrides, RunMode.RUN)
            sys.stdout.write(text(config, typed.cfg, typed.package, typed.resolve))
        else:
            config = compose(loader, start, typed.overrides, typed.multirun)
            context = HydraContext(config_loader=loader, callbacks=NO_LISTENER, **GUARD)
            if "plan" in typed and typed.plan:
                sys.stdout.write(plan(config, context, task))
            else:
                call(config, context, task)


def compose(loader: SweepLoader, start: str, overrides: list[str], multirun: bool) -> DictConfig:
    """Return the settings of a run, or of a multirun if that is what was typed.

    Raises:
        UserError: they ask for a multirun in a file, where a command does not show it.
    """
    if multirun or "hydra.mode=MULTIRUN" in overrides:
        return loader.load_configuration(start, [*overrides, "hydra.mode=MULTIRUN"], RunMode.MULTIRUN)
    config = loader.load_configuration(start, overrides, RunMode.RUN)
    if config.hydra.mode == RunMode.MULTIRUN:
        raise UserError("hydra.mode: MULTIRUN is not read from files. Leave it out there, and type: -m")
    return config


def refuse_start(start: str, name: str, loader: SweepLoader) -> None:
    """Refuse a file that --config-name names and that is not there, or is none to start from."""
    known = loader.get_group_options("")
    if start.removesuffix(".yaml") not in known:
        says = f"--config-name={start}: there is no such file in {current().configs}."
        raise UserError(with_nearest(says, start, known))
    own, other = (loader.loader.load_configuration(file, [], RunMode.RUN) for file in (name, start))
    lacking = [str(key) for key in own if key not in other]
    if lacking or LOGGING_CLASSES[-1] not in str(other.hydra.job_logging):
        lacks = (
            f"lacks {', '.join(lacking[:3])}{', ...' * (len(lacking) > 3)}" if lacking else f"is not based on {name}"
        )
        raise UserError(
            f"--config-name={start}: the file {lacks}. Begin it with these lines, and set below them what differs:\n"
            f"defaults:\n  - {name}\n  - _self_"
        )


def call(config: DictConfig, context: HydraContext, task: TaskFunction) -> None:
    """Call `task` with a configuration that was checked, or start the multirun that it describes."""
    configure_log(config.hydra.hydra_logging, config.hydra.verbose, **GUARD)
    refused: list[str] = []

    def answered(settings: DictConfig) -> Any:
        try:
            return task(settings)
        except UserError as error:  # of which Hydra would say that a job has failed
            job = f"\nin the job: {' '.join(HydraConfig.get().overrides.task)}" if is_multirun else ""
            refused.append(f"{error}{job}")

    if is_multirun := config.hydra.mode == RunMode.MULTIRUN:
        here = config.hydra.launcher._target_.endswith(".BasicLauncher")  # others send the task to other processes
        function = answered if here else task
        sweeper = Plugins.instance().instantiate_sweeper(config=config, hydra_context=context, task_function=function)
        sweeper.sweep(arguments=list(config.hydra.overrides.task))
    else:
        done = run_job(answered, config, job_dir_key="hydra.run.dir", job_subdir_key=None, hydra_context=context)
        _ = done.return_value  # raises what the task has raised
    if refused:
        refuse("\n".join(refused))


def plan(config: DictConfig, context: HydraContext, task: TaskFunction) -> str:
    """Return what a multirun would do.

    Raises:
        UserError: it is none, or its sweeper cannot know.
    """
    if config.hydra.mode != RunMode.MULTIRUN:
        raise UserError("--plan shows what a multirun would do: train -m ... --plan")
    sweeper: Any = Plugins.instance().instantiate_sweeper(config=config, hydra_context=context, task_function=task)
    if not hasattr(sweeper, "plan"):
        raise UserError("--plan knows the jobs of a grid; those of a search follow from its results")
    return str(sweeper.plan(list(config.hydra.overrides.task)))


def text(config: DictConfig, kind: str, section: str | None, resolve: bool) -> str:
    """Return settings as YAML.

    The kind `job` leaves the section `hydra` out, `hydra` everything else; `section` is shown alone. `resolve` puts
    values in the place of ${...}.

    Raises:
        UserError: there is no such section.
    """
    HydraConfig.instance().set_config(config)  # for ${hydra:...}
    OmegaConf.set_readonly(config.hydra, None)
    keys = {"job": [str(key) for key in config if key != "hydra"], "hydra": ["hydra"]}.get(kind)
    shown = config if keys is None else OmegaConf.masked_copy(config, keys)
    part: Any = shown if section in (None, "_global_") else OmegaConf.select(shown, section)
    if part is None:
        raise UserError(f"--package={section}: there is no such section")
    if resolve and OmegaConf.is_config(part):
        OmegaConf.resolve(part)
    head = "" if part is shown else f"# @package {section}\n"
    return head + OmegaConf.to_yaml(part) if OmegaConf.is_config(part) else f"{part}\n"
