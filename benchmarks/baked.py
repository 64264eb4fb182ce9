"""A project baked from this template, the environment to run it in, and the words that describe a measurement."""

import os
import platform
import subprocess
import sys
from datetime import date
from importlib.metadata import version
from pathlib import Path
from statistics import median

from cookiecutter.main import cookiecutter

TEMPLATE = Path(__file__).resolve().parents[1]
PACKAGE = "measured"


def bake(folder: Path) -> Path:
    """Bake a project whose package is `PACKAGE` into `folder`, asking nothing, and return where it is."""
    answers = {"project_slug": PACKAGE, "package_name": PACKAGE, "hardware": "cpu", "tracking": "wandb"}
    sys.stdout.flush()
    return Path(
        cookiecutter(str(TEMPLATE), no_input=True, default_config=True, extra_context=answers, output_dir=str(folder))
    )


def environment(project: Path) -> dict[str, str]:
    """Return the environment of a user without a W&B account who runs the project from its source.

    Without PYTHONDONTWRITEBYTECODE modules are compiled once, not in every process.
    """
    kept = {k: v for k, v in os.environ.items() if not k.startswith("WANDB_") and k != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"HOME": str(project.parent), "PYTHONPATH": str(project / "src"), "WANDB_MODE": "offline"}


def described() -> dict[str, str]:
    """Return what a figure depends on: the machine, the versions, the commit and the day."""
    return {
        "date": date.today().isoformat(),
        "commit": commit(),
        "machine": f"{processor()}, {os.cpu_count()} cores, {platform.system()}",
        "python": platform.python_version(),
        **{package: version(package) for package in ("torch", "lightning", "torchmetrics", "wandb", "hydra-core")},
    }


def processor() -> str:
    """Return the processor's name as far as the system tells it."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def commit() -> str:
    """Return the template's commit; a `+` says that files differ from it, `unknown` that there is no git."""
    command = ["git", "describe", "--always", "--dirty=+", "--exclude=*"]
    try:
        return subprocess.run(command, cwd=TEMPLATE, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def spread(values: list[float], digits: int) -> str:
    """Return `median (lowest to highest)`."""
    low, high = min(values), max(values)
    return f"{median(values):.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"
