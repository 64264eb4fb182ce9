"""A project baked from this template, the environment to run it in, and the words that describe a measurement."""

import os
import platform
import subprocess
import sys
from datetime import date
from importlib.metadata import version
from pathlib import Path

TEMPLATE = Path(__file__).resolve().parents[1]
PACKAGE = "measured"


def bake(folder: Path) -> Path:
    """Bake a project whose package is `PACKAGE` into `folder`, asking nothing, and return where it is."""
    answers = {"project_slug": PACKAGE, "package_name": PACKAGE, "hardware": "cpu", "tracking": "wandb"}
    command = [sys.executable, "-m", "cookiecutter", str(TEMPLATE), "--no-input", "--default-config"]
    words = [f"{key}={value}" for key, value in answers.items()]
    subprocess.run([*command, "--output-dir", str(folder), *words], check=True, stdout=subprocess.DEVNULL)
    return folder / PACKAGE


def layers(project: Path) -> list[str]:
    """Return the folders of a project's package and of its engine, for Python to look in."""
    return [str(project / "src"), str(project / "vendor")]


def environment(project: Path) -> dict[str, str]:
    """Return the environment of a user without a W&B account who runs the project from its source.

    Without PYTHONDONTWRITEBYTECODE modules are compiled once, not in every process.
    """
    kept = {k: v for k, v in os.environ.items() if not k.startswith("WANDB_") and k != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"HOME": str(project.parent), "PYTHONPATH": os.pathsep.join(layers(project)), "WANDB_MODE": "offline"}


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
