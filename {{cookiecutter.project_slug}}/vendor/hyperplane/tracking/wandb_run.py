"""Starts a Weights & Biases run: online where that is possible, else offline, without a sound."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from loguru import logger

from ..errors import UserError
from ..paths import shown
from ..turns import current
from .announcing import is_first_to_say

if TYPE_CHECKING:
    from wandb import Run, Settings

    from ..settings import Tracking

_quiet: Settings | None = None  # W&B's settings of this process, once they are set
_server_unreachable = False  # for this process: later jobs of a sweep do not wait for it again


@cache
def import_wandb() -> None:
    """Import W&B, without two things that no run here uses."""
    # W&B's telemetry on itself: at the end of the process it would wait half a minute for a server that is silent.
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
    if "WANDB_CACHE_DIR" not in os.environ and not _has_cache():
        # Its other process would write its log to the terminal, in a dozen lines.
        os.environ["WANDB_CACHE_DIR"] = str(Path(".cache", "wandb").absolute())
    import wandb

    if "wandb.sdk.launch" not in sys.modules:
        # W&B Launch: every start of a run would import it, for half a second, to apply what only Launch itself stages.
        wandb.Run._detect_and_apply_job_inputs = lambda self: None  # type: ignore[method-assign]


def _has_cache() -> bool:
    """Say whether W&B can write where caches of this user lie."""
    try:
        folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "wandb" / "logs"
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # nobody knows where home is
        return False
    return os.access(folder, os.W_OK)


def start_wandb(
    settings: Tracking,
    folder: Path,
    *,
    name: str,
    group: str | None,
    config: dict[str, Any],
    resumed: bool,
) -> Run | None:
    """Start a W&B run below `folder`; None if W&B is disabled or does not start.

    Imports no torch. The arguments are those of `tracking.make_tracker`.
    """
    logging.raiseExceptions = False  # W&B logs to files: on a full disk each line would end in a traceback
    global _server_unreachable
    import_wandb()
    import wandb

    mode, reason = _wandb_mode(settings)
    if mode == "disabled":
        return None
    if wandb.run is not None and current() is None:  # left by a job that ended without `finish`
        wandb.finish(exit_code=1)

    run_id = _previous_wandb_id(folder) if resumed else None
    _quiet_settings()
    own = wandb.Settings(
        init_timeout=settings.init_timeout,
        finish_timeout=settings.finish_timeout,
        reinit="create_new" if current() else "default",  # the runs of jobs that take turns are open at the same time
    )

    def start(mode: Literal["online", "offline"]) -> Run:
        run = wandb.init(
            mode=mode,
            project=settings.project or None,
            entity=settings.entity,
            name=name,
            group=group,
            notes=settings.notes,
            tags=settings.tags,
            dir=str(folder),
            config=config,
            id=run_id,
            resume="allow" if run_id else None,
            settings=own,
        )
        run.define_metric("trainer/global_step")
        run.define_metric("*", step_metric="trainer/global_step", step_sync=True)
        return run

    if mode == "online":
        reason = "the server could not be reached"
        before = set(folder.glob("wandb/run-*"))
        try:
            if not _server_unreachable:
                return start("online")
        except Exception as error:  # no network, a proxy, a revoked key: nothing to stop for
            _server_unreachable = True
            first_line = str(error).partition("\n")[0]
            logger.warning("Weights & Biases cannot be reached: {}", first_line)
            for attempt in set(folder.glob("wandb/run-*")) - before:
                # `wandb sync` would upload it as an empty run
                shutil.rmtree(attempt, ignore_errors=True)
    try:
        run = start("offline")
    except Exception as error:
        logger.warning("Weights & Biases did not start; the run continues without it: {}", error)
        return None
    _say_offline(folder, group, reason)
    return run


def finish_wandb(run: Run, exit_code: int, folder: Path) -> None:
    """End a W&B run; if its server does not answer any more, say how to upload what is on disk."""
    global _server_unreachable
    start = time.monotonic()
    run.finish(exit_code=exit_code)
    seconds = run.settings.finish_timeout
    if not run.offline and time.monotonic() - start >= seconds:
        _server_unreachable = True
        logger.warning(
            "Weights & Biases did not take everything within {:.0f} s. It is on disk: `wandb sync {}` uploads it.",
            seconds,
            shown(folder) / "wandb" / "run-*",
        )


def _wandb_mode(settings: Tracking) -> tuple[str, str]:
    """The mode to start in (online, offline or disabled) and why, without using the network.

    `auto` obeys WANDB_MODE and `wandb offline`, and is online if there is a key: in WANDB_API_KEY,
    in the settings of W&B or in the netrc file.
    """
    import wandb

    if settings.mode in ("offline", "disabled"):
        return settings.mode, f"tracking.mode={settings.mode}"
    own_mode = _quiet_settings().mode
    if settings.mode == "auto" and own_mode != "online":
        return ("disabled" if own_mode == "disabled" else "offline"), f"WANDB_MODE={own_mode}"
    reason = "not logged in"
    try:
        if wandb.login(prompt=False, verify=False):
            return "online", "logged in"
    except Exception as error:  # the key is malformed
        reason = str(error)
    if settings.mode == "online":
        raise UserError(
            f"tracking.mode=online is not possible with Weights & Biases: {reason}.\n"
            "Run `wandb login` or set WANDB_API_KEY, or choose tracking.mode=auto, which records "
            "offline as long as nobody is logged in."
        )
    return "offline", reason


def _quiet_settings() -> Settings:
    """Return W&B's settings of this process: nothing on the terminal, and nothing sent that the user did not log.

    Code, git state, host name and package list stay here (summary.json states commit, versions
    and hardware). Leaving them out also makes the second and later runs of a process start in
    10 ms instead of 100 ms, and no thread samples the machine during training. They are set once:
    W&B checks each of them again wherever it takes them over.
    """
    global _quiet
    import wandb

    if _quiet is not None and wandb.setup().settings is _quiet:  # `wandb.teardown()` forgets them
        return _quiet
    quiet = wandb.Settings(
        silent=True,
        console="off",
        disable_code=True,
        save_code=False,
        disable_git=True,
        disable_job_creation=True,
        label_disable=True,
        symlink=False,  # to the latest of several runs, in each run's own folder
        x_disable_stats=True,
        x_disable_meta=True,
        x_disable_machine_info=True,
        x_disable_viewer=True,
        x_save_requirements=False,
    )
    _quiet = wandb.setup(quiet).settings
    return _quiet


def _previous_wandb_id(folder: Path) -> str | None:
    """The id of the last W&B run in a run folder, whose names end in -<time stamp>-<id>."""
    previous = sorted(folder.glob("wandb/*run-*-*"), key=lambda path: path.name.split("-")[-2])
    return previous[-1].name.rpartition("-")[2] if previous else None


def _say_offline(folder: Path, group: str | None, reason: str) -> None:
    """Say how to look at an offline run and how to upload it: for a multirun, in the first job only."""
    if not is_first_to_say("wandb-offline", folder, group):
        return
    run = shown(folder)
    runs = run if group is None else run.parent / "*"
    logger.info(
        "Weights & Biases records offline ({}). Look at it: `wandb leet {}`. "
        "Upload it: `wandb login`, then `wandb sync {}`.",
        reason,
        run / "wandb",
        runs / "wandb",
    )
