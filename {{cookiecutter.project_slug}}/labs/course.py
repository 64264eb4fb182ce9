"""What the labs share: checked numbers, checked exercises, training runs, and the path of the project."""

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
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00")  # by Okabe and Ito: distinguishable with colour blindness


def stated(said: float, found: float, within: float) -> str:
    """Return the number that the text states, after comparing it with the computed one.

    Args:
        said: the number in the text.
        found: the number that the code computed.
        within: the largest difference that is allowed.

    Raises:
        AssertionError: the difference is larger, so the text is no longer true.
    """
    assert abs(found - said) <= within, f"the text says {said:g} ± {within:g}, but the code computed {found:.6g}"
    return str(said)


def ask(question: str, answer: str) -> mo.Html:
    """Return a question with a hidden answer, which is shown on a click."""
    return mo.vstack([mo.md(f"**Think first.** {question}"), mo.accordion({"Answer": mo.md(answer)})])


def checked(exercise: Callable[[], None]) -> mo.Html:
    """Return the result of a check as a box. `exercise` raises an AssertionError that says what is wrong."""
    try:
        exercise()
    except NotImplementedError:
        return mo.callout(mo.md("Your turn: replace `raise NotImplementedError` above."), kind="neutral")
    except AssertionError as error:
        return mo.callout(mo.md(f"Not yet: {error or 'an assertion in your code fails'}"), kind="warn")
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        line = f", in the line `{where.line}`" if where.line else ""
        return mo.callout(mo.md(f"Your code raised {type(error).__name__}: {error}{line}"), kind="danger")
    return mo.callout(mo.md("Right."), kind="success")


def train(*overrides: str, folder: str) -> Path:
    """Train with the command `train`, without a tracker, and return the run folder.

    Args:
        overrides: for the command `train`.
        folder: of the run, below runs/labs/. A run with the same overrides is not trained again.
    """
    return once(["train", *overrides], "hydra.run.dir", folder)


def sweep(*overrides: str, folder: str) -> list[dict[str, Any]]:
    """Train each combination of `a=1,2 b=3,4`, and return the summaries of the runs, in the order of their names.

    Args:
        overrides: for the command `train`; values separated by commas are all tried.
        folder: of the runs, below runs/labs/. Runs with the same overrides are not trained again.
    """
    place = once(["train", "--multirun", *overrides], "hydra.sweep.dir", folder)
    return [results(path.parent) for path in sorted(place.glob("*/summary.json"))]


def results(run: Path) -> dict[str, Any]:
    """Return the summary of a run: its metrics, settings and training time."""
    return json.loads((run / "summary.json").read_text(encoding="utf-8"))


def once(words: Sequence[str], setting: str, folder: str) -> Path:
    """Run a command, unless the same words were run before, and return its folder, which it gets by `setting`."""
    place = ROOT / "runs" / "labs" / folder
    record = place.with_suffix(".txt")  # the words of a run that is complete
    if not record.is_file() or record.read_text(encoding="utf-8") != " ".join(words):
        shutil.rmtree(place, ignore_errors=True)
        command([*words, "tracking=none", "hardware=cpu", f"{setting}={place.relative_to(ROOT)}"])
        record.write_text(" ".join(words), encoding="utf-8")
    return place


def command(words: Sequence[str]) -> str:
    """Run a command of this project, and return its output.

    Raises:
        RuntimeError: the command failed.
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
