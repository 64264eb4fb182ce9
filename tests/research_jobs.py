"""Research jobs, written as a new user would: each is added to a project, trained, killed, resumed, swept and reported.

python tests/research_jobs.py vae gan                    bakes a project, does all that, and prints what came out
python tests/research_jobs.py vae --project my-research  the same in a project that is there

A job is a folder under tests/research that holds the files to add, as a tree below the package, and besides:

files/      what lies in the project's folder, such as a text to train on
job.yaml    its first comment says how many lines are added; then
            with:    another job whose files are added as well
            before:  command lines that come first (lists of words), such as a run whose weights are taken
            train:   overrides of the training; all of it takes a few seconds
            sweep:   an override with two values
            reaches: {metric: [lowest, highest]}, bounds that show that it has learned
            figures: names of the pictures that must be there
            writes:  other files of the run folder that must be there
            best:    a sentence of `report` on the best setting, if it is not that it names one
            predict: {rows: file, columns: [of the output], or how many}, or {refused: sentence}
            export:  {} if the program is written and right, or {refused: sentence}
            after:   {command line: what it is to say}, in this order, after all the rest

Of the code, PACKAGE stands for the name of the package. Every command runs in a child of one process that has imported
torch: it starts as fresh as one that is typed, without the seconds for the import.
"""

import argparse
import csv
import gc
import json
import os
import re
import shlex
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from checks import git
from claims import unclaimed
from conftest import TEMPLATE, bake_into, layers, package_of
from kills import same

JOBS = TEMPLATE / "tests" / "research"
QUICK = ("tracking=none", "hardware=cpu", "hardware.threads=1")
BESIDE = (*QUICK, "figures=false")  # for trainings before and after that of the job
FEW = "trainer.max_epochs=4"  # kills happen in the second and in the third, or fourth, of them
KILLED = 9  # the exit status of a process that ends in the middle of everything
# What is compared of each checkpoint; best.ckpt holds weights, and no state of the training.
SAME = {
    "last": (
        *("state_dict", "optimizer_states", "lr_schedulers", "loops", "callbacks", "epoch", "global_step"),
        "run_state",
    ),
    "best": ("state_dict", "epoch", "global_step"),
}


class Ended(NamedTuple):
    """How a command ended."""

    status: int
    output: str  # of both streams


class Job:
    """A job in a project, and all that is done with it.

    Args:
        name: of its folder.
        project: that it is added to.
    """

    def __init__(self, name: str, project: Path) -> None:
        self.name = name
        self.folder = JOBS / name
        self.project = project
        self.package = package_of(project)
        self.text = (self.folder / "job.yaml").read_text(encoding="utf-8")
        self.settings: dict[str, Any] = yaml.safe_load(self.text)
        self.train = [*QUICK, *self.settings["train"]]
        # What only has to go on, or to be compared, learns no more after a few epochs.
        self.shorter = [*(word for word in self.train if not word.startswith("trainer.max_epochs=")), FEW]
        self.compared = "whole" if {*self.shorter} == {*self.train} else "few"
        self.problems: list[str] = []

    def check(self, holds: bool, otherwise: str) -> None:
        """Note what does not hold."""
        if not holds:
            self.problems.append(otherwise)

    def add_files(self) -> None:
        """Add the files of the job to the project; none that exists is changed."""
        lines = self.add_files_of(self.folder)
        said = re.match(r"# (\d+) lines", self.text)
        self.check(said is not None and int(said[1]) == lines, f"job.yaml must begin with: # {lines} lines")
        if "with" in self.settings:
            self.add_files_of(JOBS / self.settings["with"])

    def add_files_of(self, folder: Path) -> int:
        """Add the files of one folder, and return how many lines they have."""
        lines, own = 0, git(self.project, "ls-files", "-z").split("\0")
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            place = path.relative_to(folder)
            if place.name == "job.yaml" or "__pycache__" in place.parts:
                continue
            is_file = place.parts[0] == "files"
            target = self.project / (place.relative_to("files") if is_file else Path("src", self.package, place))
            content = path.read_bytes()
            if not is_file:
                lines += content.count(b"\n")
                content = content.replace(b"PACKAGE", self.package.encode())
            self.check(str(target.relative_to(self.project)) not in own, f"{place} is a file of the project itself")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        return lines

    def command(self, name: str, *words: str, patch: Callable[[], None] | None = None) -> Ended:
        """Run a command in a child of this process, as if it were typed."""
        with tempfile.TemporaryFile() as output:
            child = os.fork()
            if child == 0:
                os.dup2(output.fileno(), 1)
                os.dup2(output.fileno(), 2)
                status: Any = 1
                try:
                    if patch is not None:
                        patch()
                    sys.argv = [name, *words]
                    status = import_module("hyperplane.command_line").start(name)
                except SystemExit as stop:
                    status = stop.code
                except BaseException:
                    import traceback

                    traceback.print_exc()
                finally:
                    sys.stdout.flush()
                    sys.stderr.flush()
                    os._exit(status or 0)
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            output.seek(0)
            return Ended(status, output.read().decode(errors="replace"))

    def succeed(self, name: str, *words: str) -> str:
        """Run a command that must succeed, and return what it said.

        Raises:
            AssertionError: it did not.
        """
        ended = self.command(name, *words)
        assert ended.status == 0, f"{name} {' '.join(words)}\nended with {ended.status}:\n{ended.output[-6000:]}"
        return ended.output

    def run_folder(self, name: str) -> Path:
        return Path("runs", self.name, name)

    def train_whole(self) -> dict[str, float]:
        """Train without a stop; return the metrics that were to be reached."""
        folder = self.run_folder("whole")
        said = self.succeed("train", *self.train, "figures=true", f"hydra.run.dir={folder}")
        self.check("could not be drawn" not in said, said)
        summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
        self.check(summary["status"] == "completed", f"the run is {summary['status']}")
        reached = {}
        for name, (lowest, highest) in self.settings["reaches"].items():
            value = reached[name] = summary["metrics"].get(name)
            self.check(
                value is not None and lowest <= value <= highest, f"{name} is {value}, not {lowest} to {highest}"
            )
        wanted = [f"figures/{name}.png" for name in self.settings.get("figures", ())] + self.settings.get("writes", [])
        for name in wanted:
            self.check((folder / name).is_file(), f"{name} is not there")
        return reached

    def kill_and_resume(self) -> None:
        """Kill a run in the middle of its second epoch and at its end; each goes on to the bits of one never killed."""
        if self.compared != "whole":
            self.succeed("train", *self.shorter, "figures=false", f"hydra.run.dir={self.run_folder(self.compared)}")
        state = checkpoint(self.run_folder(self.compared), "last")
        loops = state["loops"]["fit_loop"]
        batches = loops["epoch_loop.batch_progress"]["total"]["completed"]
        in_epoch = batches // loops["epoch_progress"]["total"]["completed"]

        def steps(count: int) -> int:  # a GAN takes two in a batch, and accumulated gradients one in several
            return count * int(state["global_step"]) // int(batches)

        middle = in_epoch + in_epoch // 2
        if in_epoch > 1:
            self.kill("middle", f"every_n_steps={steps(middle)}", middle + 3, steps(middle))
        self.kill("end", "every_n_epochs=1", 2 * in_epoch + 2, steps(2 * in_epoch))

    def kill(self, name: str, when: str, batch: int, step: int) -> None:
        """Kill a run before a batch, after the checkpoint of a step, and let it go on.

        Args:
            name: of the run.
            when: checkpoints are written.
            batch: that the process ends before, counted from 1.
            step: of the last checkpoint.
        """

        def patch() -> None:
            loop = import_module("hyperplane.loop.lean_loop").LeanEpochLoop
            advance, count = loop.advance, 0

            def advance_or_die(self: Any, data_fetcher: Any) -> None:
                nonlocal count
                count += 1
                if count == batch:
                    os._exit(KILLED)
                advance(self, data_fetcher)

            loop.advance = advance_or_die

        folder = self.run_folder(name)
        words = (*self.shorter, "figures=false", f"checkpoint.{when}", f"hydra.run.dir={folder}")
        ended = self.command("train", *words, patch=patch)
        assert ended.status == KILLED, f"killed before batch {batch}, it ended with {ended.status}:\n{ended.output}"
        found = checkpoint(folder, "last")["global_step"]
        self.check(found == step, f"{name}: its last checkpoint was of step {found}, not {step}")
        self.check("continuing from" in self.succeed("train", f"resume={folder}"), f"{name} began anew")
        self.problems += [f"{name}: {what} differs" for what in differences(self.run_folder(self.compared), folder)]

    def sweep(self) -> None:
        """Train with two values of a setting, and let `report` compare them."""
        words = ("-m", "hydra/launcher=basic", *self.shorter, "figures=false", self.settings["sweep"])
        self.succeed("train", *words, f"sweep={self.name}")
        sweep = Path("runs", "sweeps", self.name)
        summaries = [json.loads(path.read_text(encoding="utf-8")) for path in sweep.glob("*/summary.json")]
        self.check([one["status"] for one in summaries] == ["completed"] * 2, "the sweep has not completed two jobs")
        tested = [name for name in summaries[0]["metrics"] if name.startswith("test/")]
        said, best = self.succeed("report", str(sweep)), self.settings.get("best", "Best by the ")
        self.check(best in said, f"report does not say {best!r}:\n{said}")
        self.succeed("report", str(sweep), *(word for name in tested for word in ("--metric", name)))
        table = (sweep / "report" / "table.csv").read_text(encoding="utf-8")
        self.check(table.count("\n") == 3, f"the table has not two rows:\n{table}")
        for name in tested:
            self.check(name in table, f"{name} is not in the table:\n{table}")

    def evaluate(self) -> None:
        """Test the weights of the run again."""
        said = self.succeed("evaluate", f"run={self.run_folder('whole')}")
        metrics = json.loads((self.run_folder("whole") / "summary.json").read_text(encoding="utf-8"))["metrics"]
        tested = [name for name in metrics if name.startswith("test/") and not name.startswith("test/naive_")]
        self.check(bool(tested), "nothing was tested")
        for name in tested:
            self.check(re.search(rf"{name} .*as in summary.json", said) is not None, f"evaluate on {name}:\n{said}")

    def predict(self) -> None:
        """Predict new rows, or be told why not."""
        wanted = self.settings.get("predict")
        if wanted is None:
            return
        words = (f"run={self.run_folder('whole')}", f"input={wanted.get('rows', 'rows.csv')}", "output=predictions.csv")
        if "refused" in wanted:
            Path("rows.csv").write_text("x\n1\n", encoding="utf-8")
            self.refuse(wanted["refused"], "predict", *words)
            return
        self.succeed("predict", *words)
        rows = len(Path(wanted["rows"]).read_text(encoding="utf-8").splitlines())
        with Path("predictions.csv").open(encoding="utf-8", newline="") as file:
            names, *lines = csv.reader(file)
        expected = wanted["columns"]
        right = len(names) == expected if isinstance(expected, int) else names == list(map(str, expected))
        self.check(right, f"predict has the columns {names}")
        self.check(len(lines) == rows - 1, f"predict gave {len(lines)} rows for {rows - 1}")

    def export(self) -> None:
        """Export the model, or be told why not."""
        wanted = self.settings.get("export")
        if wanted is None:
            return
        words = (f"run={self.run_folder('whole')}", "format=pt2")
        if "refused" in wanted:
            self.refuse(wanted["refused"], "export-model", *words)
            return
        said = self.succeed("export-model", *words)
        self.check("differs from the original by at most" in said, said)

    def after(self) -> None:
        """Run the commands that come last, and look for what they are to say."""
        for line, sentence in self.settings.get("after", {}).items():
            name, *words = shlex.split(line)
            said = self.succeed(name, *words, *(BESIDE if name == "train" else ()))
            self.check(sentence in said, f"{line} does not say {sentence!r}:\n{said}")

    def refuse(self, sentence: str, name: str, *words: str) -> None:
        """Run a command that must be refused with a sentence."""
        ended = self.command(name, *words)
        self.check(ended.status == 2 and sentence in ended.output, f"{name} ended with {ended.status}: {ended.output}")

    def all(self) -> dict[str, Any]:
        """Do everything and return what came out."""
        began = time.monotonic()
        os.chdir(self.project)
        for earlier in (Path("runs", self.name), Path("runs", "sweeps", self.name)):
            shutil.rmtree(earlier, ignore_errors=True)
        self.add_files()
        for name, *words in self.settings.get("before", ()):
            self.succeed(name, *words, *(BESIDE if name == "train" else ()))
        reached = self.train_whole()
        seconds = json.loads((self.run_folder("whole") / "summary.json").read_text(encoding="utf-8"))["seconds"]
        for part in (self.kill_and_resume, self.sweep, self.evaluate, self.predict, self.export, self.after):
            try:
                part()
            except AssertionError as error:
                self.problems.append(str(error))
        return {
            "job": self.name,
            "lines": int(self.text.split()[1]),
            "reached": reached,
            "training": seconds["fit"],
            "seconds": round(time.monotonic() - began, 1),
            "problems": self.problems,
        }


def checkpoint(folder: Path, name: str) -> dict[str, Any]:
    """Return what a checkpoint holds."""
    import torch

    content: dict[str, Any] = torch.load(folder / "checkpoints" / f"{name}.ckpt", weights_only=True)
    return content


def differences(first: Path, second: Path) -> list[str]:
    """Return what is not the same, to the last bit, in two run folders."""
    found = []
    for name, keys in SAME.items():
        if not (first / "checkpoints" / f"{name}.ckpt").exists():
            continue
        one, other = checkpoint(first, name), checkpoint(second, name)
        for state in (one, other):  # which says how often checkpoints are written
            state.get("run_state", {}).pop("settings", None)
        found += [f"{name}.ckpt {key}" for key in keys if not same(one.get(key), other.get(key))]
    if (first / "metrics.csv").read_text() != (second / "metrics.csv").read_text():
        found.append("metrics.csv")
    metrics = [json.loads((folder / "summary.json").read_text())["metrics"] for folder in (first, second)]
    return found + (["summary.json metrics"] if metrics[0] != metrics[1] else [])


def prepare(project: Path) -> None:
    """Import what the commands of a project need, once for all of them."""
    sys.path[:0] = layers(project).split(os.pathsep)
    os.environ["HYDRA_FULL_ERROR"] = "1"
    import_module(f"{package_of(project)}.train")
    for name in ("evaluate", "predict", "export_model", "report"):
        import_module(f"hyperplane.commands.{name}")
    for name in ("hyperplane.figures", "hyperplane.training.trainer", "hyperplane.exporting", "lightning.pytorch"):
        import_module(name)
    gc.collect()
    gc.freeze()  # so that forks share the memory of what was imported


def outcome(name: str, project: Path) -> dict[str, Any]:
    """Do all with one job, and return what came out."""
    try:
        return Job(name, project).all()
    except AssertionError as error:
        return {"job": name, "problems": [str(error)]}


def main() -> None:
    """Do all with some jobs, and print what came out."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="+")
    parser.add_argument("--project", type=Path)
    parser.add_argument("--claims", type=Path, help="a folder: leave out what another process takes there")
    typed = parser.parse_args()
    names = unclaimed(typed.names, typed.claims) if typed.claims else typed.names
    with tempfile.TemporaryDirectory() as folder:
        project = typed.project.resolve() if typed.project else bake_into(TEMPLATE, Path(folder))
        prepare(project)
        sys.stdout.write(json.dumps([outcome(name, project) for name in names], indent=1) + "\n")


if __name__ == "__main__":
    main()
