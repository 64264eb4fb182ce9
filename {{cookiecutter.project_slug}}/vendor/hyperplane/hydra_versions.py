"""What differs between the releases of Hydra (1.3, 1.4) and OmegaConf (2.3, 2.4) that the commands run under."""

from collections.abc import Callable, Sequence
from typing import Any

import hydra
import omegaconf
from omegaconf import OmegaConf

IS_HYDRA_1_3 = hydra.__version__.startswith("1.3.")
# Hydra 1.3 asks whose defaults hold. Hydra 1.4 has one set of them, and warns of an answer.
DEFAULTS: dict[str, Any] = {"version_base": "1.3"} if IS_HYDRA_1_3 else {}


def allowing(names: Sequence[str]) -> dict[str, Any]:
    """Return the argument that lets Hydra build these classes only, from 1.4 on: a second line of defence."""
    return {} if IS_HYDRA_1_3 else {"execution_whitelist": list(names)}


def set_defaults() -> None:
    """Say whose defaults hold, in a process that runs a job and starts no command."""
    if DEFAULTS:
        hydra.version.setbase(DEFAULTS["version_base"])


def register_resolver(name: str, resolver: Callable[[], str]) -> None:
    """Teach OmegaConf what ${name:} stands for: called once for each configuration."""
    old = omegaconf.__version__.startswith("2.3.")  # which has an older function under the newer name
    register: Any = OmegaConf.register_new_resolver if old else OmegaConf.register_resolver
    register(name, resolver, use_cache=True, replace=True)
