"""Deletes each choice and each component of a project in turn, as a user would, and looks whether anything else breaks.

    PYTHONPATH=<project>/vendor python deletions.py <project> [models/cnn.py data=wine ...]

Each time it is deleted in a copy of the project, and a process of its own looks at the rest. These are forked, so that
torch is imported once for all. Prints what was deleted, and what broke.
"""

import gc
import os
import re
import shutil
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

PROJECT = Path(sys.argv[1]).resolve()
PACKAGE = next(path.parent.name for path in PROJECT.glob("src/*/train.py"))
# Folders of components, and the groups of configurations that choose them.
GROUPS = {
    "models": "model",
    "data": "data",
    "losses": "loss",
    "tasks": "task",
    "optimizers": "optimizer",
    "schedulers": "scheduler",
}
INSTEAD = {
    "model": "linear",
    "data": "table",
    "optimizer": "sgd",
    "scheduler": "none",
}  # what a user chooses whose default is gone
QUICK = ("trainer.max_epochs=1", "trainer.limit_train_batches=2", "tracking=none", "hardware=cpu")
# What the checks import, torch first; of the engine too, which imports nothing of a project.
IMPORTED = """
    torch lightning.pytorch torchmetrics matplotlib.pyplot sklearn.datasets sklearn.linear_model sklearn.svm hypothesis
    hydra.main hyperplane hyperplane.command_line hyperplane.components hyperplane.training.trainer hyperplane.figures
    hyperplane.commands.report
"""


class Deletion(NamedTuple):
    """Something that a user deletes: a component with all that chooses it, or a single choice."""

    folder: str
    module: str  # its file in `folder`; empty: the choice is all that goes
    choices: tuple[str, ...]  # files of configurations, without their ending

    def __str__(self) -> str:
        return f"{self.folder}/{self.module}.py" if self.module else f"{GROUPS[self.folder]}={self.choices[0]}"


def choices_of(folder: str) -> dict[str, str]:
    """Return the choices of a group, and the module of the project that each names, or an empty text."""
    target = re.compile(rf"^_target_: {PACKAGE}\.{folder}\.(\w+)\.", re.MULTILINE)
    paths = sorted(PROJECT.glob(f"src/{PACKAGE}/configs/{GROUPS[folder]}/*.yaml"))
    found = {path.stem: target.search(path.read_text(encoding="utf-8")) for path in paths}
    return {choice: match[1] if match else "" for choice, match in found.items()}


def deletions() -> Iterator[Deletion]:
    """Yield what there is to delete. What follows from the data, `auto`, is what the others stand on."""
    for folder in GROUPS:
        modules = choices_of(folder)
        tasks = [path.stem for path in PROJECT.glob(f"src/{PACKAGE}/tasks/*.py")]  # found by task=auto
        named = {*modules.values(), *(tasks if folder == "tasks" else ())}
        for module in sorted(named - {"", "auto", "__init__"}):
            if not is_imported(folder, module):
                yield Deletion(folder, module, tuple(choice for choice, name in modules.items() if name == module))
        for choice, module in modules.items():
            is_shared = [*modules.values()].count(module) > 1 or not module or is_imported(folder, module)
            if is_shared and choice not in ("auto", "none"):
                yield Deletion(folder, "", (choice,))


def is_imported(folder: str, module: str) -> bool:
    """Say whether another module needs this one: a user keeps it then."""
    line = re.compile(rf"^from \.+({folder}\.)?{module} import", re.MULTILINE)
    return any(line.search(path.read_text(encoding="utf-8")) for path in PROJECT.glob(f"src/{PACKAGE}/*/*.py"))


def delete(deletion: Deletion, project: Path) -> None:
    """Delete it in a copy of the project, and choose something else where it was the default."""
    package, group = project / "src" / PACKAGE, GROUPS[deletion.folder]
    gone = [package / "configs" / group / f"{choice}.yaml" for choice in deletion.choices]
    if deletion.module:
        gone.append(package / deletion.folder / f"{deletion.module}.py")
        gone.append(project / "tests" / deletion.folder / f"test_{deletion.module}.py")
    for path in gone:
        path.unlink(missing_ok=path.name.startswith("test_"))  # the proof of some is the template's
    for choice in deletion.choices:
        for path in package.glob("configs/experiment/*.yaml"):  # an experiment with it is none any more
            if f"/{group}: {choice}\n" in path.read_text(encoding="utf-8"):
                path.unlink()
        for path in package.glob("configs/*/*.yaml"):  # a file of another group may choose it, too
            text = path.read_text(encoding="utf-8")
            chosen = f"override /{group}@_global_.{group}: {choice}"
            path.write_text(text.replace(chosen, chosen.replace(choice, INSTEAD.get(group, ""))), encoding="utf-8")
        default = f"  - {group}: {choice}\n"
        train = package / "configs" / "train.yaml"
        text = train.read_text(encoding="utf-8")
        if default in text:
            said = run("train", *QUICK)
            assert f"{group}={choice} is not known" in said, f"without a default: {said}"
            train.write_text(text.replace(default, f"  - {group}: {INSTEAD[group]}\n"), encoding="utf-8")


def check(deletion: Deletion) -> None:
    """Look at what is left: its style, its tests, its configurations, a training and a report."""
    settings_class = import_module("hyperplane.components").settings_class
    for command in (("check",), ("format", "--check")):
        subprocess.run([sys.executable, "-m", "ruff", *command, "--no-cache", "--quiet"], check=True)
    for path in sorted(Path("src", PACKAGE, "configs").rglob("*.yaml")):
        target = yaml.safe_load(path.read_text(encoding="utf-8")).get("_target_")
        assert not target or settings_class(target, path.parent.name)
    for choice in deletion.choices:
        said = run("train", f"{GROUPS[deletion.folder]}={choice}")
        assert f"{GROUPS[deletion.folder]}={choice} is not known" in said, said
    for path in Path("src", PACKAGE, "configs").glob("experiment/*.yaml"):
        run("train", f"experiment={path.stem}", "--cfg", "job", status=0)
    if deletion.module:
        assert pytest.main(["-q", "--collect-only", "--assert=plain", "-p", "no:cacheprovider"]) == 0
        rows = "".join(f"{i % 7},{i},{i % 3}\n" for i in range(99))
        Path("rows.csv").write_text(f"x,y,class\n{rows}", encoding="utf-8")
        target = "y" if deletion.module == "classification" else "class"
        run("train", *QUICK, "data=table", "data.path=rows.csv", f"data.target={target}", status=0)
        run("report", "runs", status=0)
        assert list(Path("runs").rglob("report.html"))


def run(command: str, *words: str, status: int = 2) -> str:
    """Run a command of the project in this process, and return what it said."""
    sys.argv = [command, *words]
    with Path("said").open("a+", encoding="utf-8") as said:
        terminal = sys.stdout, sys.stderr
        sys.stdout = sys.stderr = said
        try:
            ended = import_module("hyperplane.command_line").start(command) or 0
        except SystemExit as stop:
            ended = stop.code or 0
        finally:
            sys.stdout, sys.stderr = terminal
        said.seek(0)
        text = said.read()
    Path("said").unlink()
    assert ended == status, f"{command} {' '.join(words)} ended with {ended}: {text}"
    return text


def in_a_fork(work: Callable[[], None], output: Path) -> bool:
    """Do some work in a process of its own, which writes to `output`; say whether it came through."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1] == 0
    with output.open("w", encoding="utf-8") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        try:
            work()
            code = 0
        except BaseException:
            traceback.print_exc()
            code = 1
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def look_without(deletion: Deletion, copy: Path, shared: Path) -> None:
    """Delete it in a copy of the project, and look at the rest from there."""
    copy.mkdir()
    for path in PROJECT.iterdir():
        if path.is_file():
            shutil.copy(path, copy)
        elif path.name in ("src", "tests", "references"):
            shutil.copytree(path, copy / path.name, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "vendor").symlink_to(PROJECT / "vendor")
    (copy / "data").symlink_to(shared)  # what takes a while to be made
    os.chdir(copy)
    sys.path.insert(0, str(copy / "src"))
    import_module(PACKAGE)  # tells the engine which project it serves
    delete(deletion, copy)
    check(deletion)


def main() -> int:
    """Delete one after the other."""
    for name in IMPORTED.split():
        import_module(name)
    gc.collect()
    gc.freeze()  # so that forks share the memory of what was imported
    wanted = [deletion for deletion in deletions() if str(deletion) in sys.argv[2:] or not sys.argv[2:]]
    broken = False
    with tempfile.TemporaryDirectory() as folder:
        shared = Path(folder, "data")
        shared.mkdir()
        for number, deletion in enumerate(wanted):
            output = Path(folder, f"{number}.txt")
            if in_a_fork(partial(look_without, deletion, Path(folder, str(number)), shared), output):
                sys.stdout.write(f"{deletion}\n")
            else:
                broken = True
                sys.stdout.write(f"Without {deletion}:\n{output.read_text(encoding='utf-8')[-3000:]}\n")
    return int(broken)


if __name__ == "__main__":
    sys.exit(main())
