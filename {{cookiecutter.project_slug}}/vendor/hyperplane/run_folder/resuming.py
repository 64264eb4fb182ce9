"""`train resume=<run folder>`: which run goes on, with which settings. Imports no torch."""

from pathlib import Path
from typing import Any, NamedTuple

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from ..errors import UserError, quoted
from ..settings import Settings
from .integrity import digest
from .occupied import refuse_links

# What may be set anew when a run goes on: how long, where, and who is told. The rest is what the run is.
MAY_CHANGE = ("trainer", "early_stopping", "checkpoint", "hardware", "tracking", "figures")
# What makes two runs the same run: checkpoints of one go on in the other.
IDENTITY = ("model", "task", "data", "optimizer", "scheduler", "loss", "callbacks", "seed")
# What makes their results comparable as well.
SAME_TRAINING = (*IDENTITY, "trainer", "early_stopping", "init_from", "freeze", "unfreeze_epoch")
# Settings of the trainer: how long a training takes.
LENGTHS = ("max_epochs", "max_steps")


class Recorded(NamedTuple):
    """What Hydra noted in a run folder."""

    config: DictConfig
    overrides: list[str]
    choices: dict[str, str | None]
    changes: tuple[str, ...] = ()  # overrides that were added when the run went on


def hydra_arguments(arguments: list[str]) -> list[str]:
    """Return the arguments that let Hydra go on in the folder that `resume=` names, leaving its notes as they are.

    Raises:
        UserError: there is no such run, or settings are changed that the run stands for.
    """
    given = [argument for argument in arguments if argument.startswith("resume=")]
    if not given or given[-1] in ("resume=", "resume=null"):
        return arguments
    if {"-m", "--multirun"} & set(arguments):
        raise UserError("resume= resumes one run. To resume a sweep, use the command that started it.")
    for argument in arguments:
        key = argument.lstrip("+~").partition("=")[0]
        if "=" in argument and key.partition(".")[0] not in ("resume", *MAY_CHANGE):
            raise UserError(
                f"{argument} cannot be set together with resume=: the run would be another one. "
                f"These can: {', '.join(MAY_CHANGE)}"
            )
    folder = Path(given[-1].partition("=")[2].strip("'\""))
    read_recorded(folder)
    others = [argument for argument in arguments if not argument.startswith("resume=")]
    name = quoted(str(folder))
    return [*others, f"resume={name}", f"hydra.run.dir={name}", "hydra.output_subdir=null"]


def read_recorded(folder: Path) -> Recorded:
    """Return what the run in `folder` was started with.

    Raises:
        UserError: it is no run folder, or its notes cannot be read.
    """
    notes = folder / ".hydra"
    if not (notes / "config.yaml").is_file():
        known = sorted(path.parent.parent for path in Path("runs").glob("**/.hydra/config.yaml"))
        hint = f" The latest run here is {known[-1]}" if known else ""
        raise UserError(f"resume={folder} is not a run: {notes / 'config.yaml'} does not exist.{hint}")
    refuse_links(folder)
    try:
        config, hydra = (OmegaConf.load(notes / name) for name in ("config.yaml", "hydra.yaml"))
        overrides = OmegaConf.to_container(OmegaConf.load(notes / "overrides.yaml"))
        assert isinstance(config, DictConfig) and isinstance(overrides, list)
        choices: Any = OmegaConf.to_container(hydra.hydra.runtime.choices)
        return Recorded(config, [str(override) for override in overrides], dict(choices))
    except (OSError, ValueError, TypeError, AssertionError, AttributeError, OmegaConfBaseException, YAMLError) as error:
        raise UserError(f"resume={folder} cannot be read: {notes} is damaged ({type(error).__name__})") from None


def go_on(recorded: Recorded, composed: DictConfig, overrides: list[str]) -> Recorded:
    """Return what was recorded, with what `overrides` set anew in `composed`."""
    config = recorded.config.copy()
    OmegaConf.set_struct(config, False)
    changed = [override for override in overrides if not override.startswith("resume=")]
    try:
        keys = [override.key_or_group for override in OverridesParser.create().parse_overrides(changed)]
    except HydraException as error:
        raise UserError(str(error)) from None
    for key in ("resume", *keys):
        OmegaConf.update(config, key, OmegaConf.select(composed, key), merge=False)
    return Recorded(config, [*recorded.overrides, *changed], recorded.choices, tuple(changed))


def refuse_earlier_end(settings: Settings, changes: tuple[str, ...], before: dict[str, Any]) -> None:
    """Look whether a run is to go on that would end earlier than it has: there is nothing to train.

    Raises:
        UserError: names the setting that was changed.
    """
    changed = " ".join(changes)
    if settings.trainer.fast_dev_run and "fast_dev_run" in changed:
        raise UserError("trainer.fast_dev_run cannot be set together with resume=: it tries out a new run")
    for name, unit in (("max_epochs", "epochs"), ("max_steps", "steps")):
        end, done = getattr(settings.trainer, name), before.get(unit, 0)
        if name in changed and isinstance(end, int) and 0 <= end < done:
            raise UserError(
                f"trainer.{name}={end} cannot be set together with resume={settings.resume}, which has trained {done} "
                f"{unit} already. Ask for more, or start a new run: without resume="
            )


def refuse_longer_stage(name: str, own: dict[str, Any], changes: tuple[str, ...], before: dict[str, Any]) -> None:
    """Look whether a stage would be trained longer, only because its run is: what followed would begin elsewhere.

    Raises:
        UserError: it has no length of its own.
    """
    longer = [change for change in changes if change.startswith(tuple(f"trainer.{length}=" for length in LENGTHS))]
    if longer and not {*LENGTHS} & {*own}:
        epochs = before.get("stages", {}).get(name, {}).get("epochs", 5)
        raise UserError(
            f"{longer[-1]} cannot be set together with resume=: stage {name!r} has no length of its own, so it would "
            f'change as well. Give it one in train.py: run.stage("{name}", trainer={{"max_epochs": {epochs}}})'
        )


def same_training(settings: Settings) -> dict[str, Any]:
    """Return the settings that decide about results, as values that JSON has."""
    values = settings.plain()
    return {key: values[key] for key in SAME_TRAINING}


def fingerprint(settings: Settings) -> str:
    """Return a short digest of the settings that decide about results."""
    return digest(same_training(settings))[:16]


def first_difference(before: dict[str, Any], now: Settings, groups: tuple[str, ...]) -> str | None:
    """Return `key=before, not now` for the first setting that makes this another run, or None."""
    current = now.plain()
    for group in groups:
        difference = compare(before.get(group), current[group], group)
        if difference:
            return difference
    return None


def compare(before: Any, now: Any, key: str) -> str | None:
    """Return where two trees of plain values differ first."""
    if isinstance(before, dict) and isinstance(now, dict):
        names = [*now, *(name for name in before if name not in now)]
        found = (compare(before.get(name), now.get(name), f"{key}.{name}") for name in names)
        return next(filter(None, found), None)
    return None if before == now else f"{key}={before}, not {now}"
