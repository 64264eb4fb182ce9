"""Names of run folders and sweeps, which configurations ask for: ${new_run:}, ${new_sweep:}."""

import os
import sys
import time

from ..hydra_versions import register_resolver


def register_resolvers() -> None:
    """Teach OmegaConf what the files under `configs/` use."""
    for resolver in (new_run, new_sweep):
        register_resolver(resolver.__name__, resolver)


def new_run() -> str:
    """Return the folder of a single run below runs/."""
    from .requeue import folder_name

    return folder_name(sys.argv) or own_name("%Y-%m-%d/%H-%M-%S")


def new_sweep() -> str:
    """Return the name of a multirun that was given none."""
    return own_name("%Y-%m-%d_%H-%M-%S")


def own_name(form: str) -> str:
    """Return the time in a form of `strftime`, and an id: two that start in the same second get names of their own."""
    return f"{time.strftime(form)}-{os.urandom(2).hex()}"
