"""What the labs share: numbers that are checked, exercises that are checked, and where the project is."""

import json
import os
import shutil
import subprocess
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import marimo as mo

ROOT = Path(__file__).resolve().parents[1]
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00")  # Okabe and Ito's, which all can tell apart


def stated(said: float, found: float, within: float) -> str:
    """Return a number as the text says it.

    Args:
        said: what the text says.
        found: what the code above it found.
        within: how far the two may lie apart.

    Raises:
        AssertionError: they lie further apart, so that the text is no longer true.
    """
    assert abs(found - said) <= within, f"the text says {said:g} ± {within:g}, and the code found {found:.6g}"
    return str(said)


def ask(question: str, answer: str) -> mo.Html:
    """Return a question, whose answer shows when it is opened: think first."""
    return mo.vstack([mo.md(f"**Think first.** {question}"), mo.accordion({"Answer": mo.md(answer)})])


def checked(exercise: Callable[[], None]) -> mo.Html:
    """Return what a check says of an exercise: `exercise` raises AssertionError, in a sentence, where it is not right."""
    try:
        exercise()
    except NotImplementedError:
        return mo.callout(mo.md("Your turn: replace `raise NotImplementedError` above."), kind="neutral")
    except AssertionError as error:
        return mo.callout(mo.md(f"Not yet: {error or 'an assertion of your code fails'}"), kind="warn")
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        line = f", in the line `{where.line}`" if where.line else ""
        return mo.callout(mo.md(f"Your code raised {type(error).__name__}: {error}{line}"), kind="danger")
    return mo.callout(mo.md("Right."), kind="success")


def train(*overrides: str, folder: str) -> Path:
    """Train as the command does, without a tracker, and return the run folder.

    Args:
        overrides: of the command `train`.
        folder: of the run, below runs/labs/; what the same overrides left there is not trained again.
    """
    return once(["train", *overrides], "hydra.run.dir", folder)


def sweep(*overrides: str, folder: str) -> list[dict[str, Any]]:
    """Train each combination of `a=1,2 b=3,4`, and return the summaries of the runs, in the order of their names.

    Args:
        overrides: of the command `train`; what a comma parts is tried in turn.
        folder: of the runs, below runs/labs/; what the same overrides left there is not trained again.
    """
    place = once(["train", "--multirun", *overrides], "hydra.sweep.dir", folder)
    return [results(path.parent) for path in sorted(place.glob("*/summary.json"))]


def results(run: Path) -> dict[str, Any]:
    """Return the summary of a run: its metrics, settings and seconds."""
    return json.loads((run / "summary.json").read_text(encoding="utf-8"))


def once(words: Sequence[str], setting: str, folder: str) -> Path:
    """Run a command that writes into a folder, which `setting` names, and return that; what is there by the same words stays."""
    place = ROOT / "runs" / "labs" / folder
    record = place.with_suffix(".txt")  # the words of what is complete
    if not record.is_file() or record.read_text(encoding="utf-8") != " ".join(words):
        shutil.rmtree(place, ignore_errors=True)
        command([*words, "tracking=none", "hardware=cpu", f"{setting}={place.relative_to(ROOT)}"])
        record.write_text(" ".join(words), encoding="utf-8")
    return place


def command(words: Sequence[str]) -> str:
    """Run a command of this project, and return what it printed.

    Raises:
        RuntimeError: it failed.
    """
    (package,) = (path.parent.name for path in ROOT.glob("src/*/train.py"))
    paths = os.pathsep.join([str(ROOT / "src"), str(ROOT / "vendor")])
    done = subprocess.run(
        [sys.executable, "-m", package, *words],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}: {(done.stdout + done.stderr)[-2000:]}")
    return done.stdout
