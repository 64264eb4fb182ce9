"""predict prompt=...: let a trained language model write on."""

import sys
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from ..errors import UserError
from ..run_folder.reading import read_run


def write_on(config: DictConfig) -> str:
    """Print a prompt and what the model of `config.run` writes after it."""
    if not OmegaConf.is_missing(config, "input"):
        raise UserError("Give either input=, rows to predict, or prompt=, a text to continue")
    text = continued(
        Path(config.run), str(config.prompt), config.length, config.temperature, config.seed, str(config.checkpoint)
    )
    sys.stdout.write(text + "\n")
    return text


def continued(folder: Path, prompt: str, length: int, temperature: float, seed: int, which: str = "tested") -> str:
    """Return a text, and what the model of the run in `folder` writes after it.

    Args:
        folder: a run folder.
        prompt: the beginning.
        length: tokens to write.
        temperature: at least 0, see `configs/predict.yaml`.
        seed: of what is drawn.
        which: `tested` (the weights behind `summary.json`), `best` or `last`.

    Raises:
        UserError: the run cannot be read, it writes no texts, or a number is out of range.
    """
    for name, value, kind, least in (("length", length, int, 1), ("temperature", temperature, float | int, 0)):
        if not isinstance(value, kind) or value < least:
            raise UserError(f"{name}={value} must be a number of at least {least}")
    read_run(folder)

    from ..checkpoints.trained import load_trained

    task: Any = load_trained(folder, which).task
    if not hasattr(task, "continued"):
        raise UserError(
            f"run={folder} does not write text, so it cannot continue a prompt. data=corpus with model=gpt does"
        )
    return task.continued(prompt, length, temperature, seed)
