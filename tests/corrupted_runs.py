"""Corrupts run folders, and asks every command about them: each must end with a sentence, or with the right result.

    PYTHONPATH=src:vendor python <template>/tests/corrupted_runs.py [number of folders, 100] [seed, 0]

It runs in a baked project. Each folder is a copy of a good run with one to three faults: bits flipped, a file cut off,
emptied, filled with noise, deleted, taken from another run, a line twice, a value in JSON or YAML replaced. Right is
what the same command says of the good run. A traceback, another number, or an exit status other than 0, 1 or 2 is a
failure.
"""

import contextlib
import io
import json
import os
import random
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

RUN = ("trainer.max_epochs=2", "figures=false", "tracking=none", "hardware=cpu")
RUNS = {
    "linear": ("model=linear", "data=blobs", "data.num_samples=60"),
    "mlp": ("model=mlp", "model.hidden_sizes=[4]", "data=blobs", "data.num_samples=60", "seed=1"),
    "sklearn": ("model=sklearn", "model.parameters={n_estimators: 3}", "data=blobs", "data.num_samples=60"),
}
COMMANDS = {
    "evaluate": ("evaluate", "run={}"),
    "predict": ("predict", "run={}", "input=new.csv", "output={}.csv"),
    "export-model": ("export-model", "run={}", "format=pt2"),
    "report": ("report", "{}", "--output", "{}.report"),
    "runs": ("runs", "show", "{}"),
    "resume": ("train", "resume={}", "trainer.max_epochs=3"),
}


class Answer(NamedTuple):
    """What a command said."""

    status: int | None
    text: str
    numbers: tuple[str, ...]  # what it claims, as far as that does not change from call to call


def call(command: str, folder: str) -> Answer:
    """Run a command in this process, as if it had been typed."""
    name, *words = COMMANDS[command]
    sys.argv = [name, *(word.format(folder) for word in words)]
    os.environ.pop("HYDRA_FULL_ERROR", None)
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            status = import_module("hyperplane.command_line").start(name) or 0
        except SystemExit as stop:
            status = stop.code
        except BaseException as error:
            said.write(f"Traceback: {error!r}")
            status = None
    claims = numbers(command, folder, said.getvalue()) if status == 0 else ()
    return Answer(status, said.getvalue(), tuple(claims))


def numbers(command: str, folder: str, said: str) -> Iterator[str]:
    """Yield what a command claims: metrics, predictions, a table."""
    written = {"predict": f"{folder}.csv", "report": f"{folder}.report/table.csv"}
    if command in written and Path(written[command]).exists():
        yield Path(written[command]).read_text().replace(folder, "")
    elif command == "resume" and Path(folder, "summary.json").exists():
        yield json.dumps(json.loads(Path(folder, "summary.json").read_text())["metrics"])
    elif command == "export-model":
        import torch

        program = torch.export.load(f"{folder}/export/model.pt2").module()
        yield str(program(torch.tensor([[0.5, 1.0], [-2.0, 3.0]])).tolist())
    elif command in ("evaluate", "runs"):
        yield from re.findall(r"(?:test|val|train)/\w+ +[\d.]+", said)


def flip(path: Path, other: Path, chance: random.Random) -> None:
    content = bytearray(path.read_bytes())
    for _ in range(chance.choice((1, 1, 8, 64))):
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)


def cut(path: Path, other: Path, chance: random.Random) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: chance.randrange(len(content))])


def empty(path: Path, other: Path, chance: random.Random) -> None:
    path.write_bytes(b"")


def fill(path: Path, other: Path, chance: random.Random) -> None:
    path.write_bytes(chance.randbytes(path.stat().st_size))


def delete(path: Path, other: Path, chance: random.Random) -> None:
    path.unlink()


def swap(path: Path, other: Path, chance: random.Random) -> None:
    if other.exists():
        shutil.copyfile(other, path)
    else:
        path.unlink()


def repeat(path: Path, other: Path, chance: random.Random) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines, *chance.sample(lines, 1)]))


def replace_value(path: Path, other: Path, chance: random.Random) -> None:
    content = path.read_bytes()
    places = list(re.finditer(rb"\d+|true|false|null|[a-z]+", content))
    place = chance.choice(places)
    value = chance.choice([b"9", b"-1", b"null", b"[]", b"{}", b'"x"', b"NaN", b"1e999"])
    path.write_bytes(content[: place.start()] + value + content[place.end() :])


FAULTS: tuple[Callable[[Path, Path, random.Random], None], ...] = (
    flip,
    flip,
    cut,
    empty,
    fill,
    delete,
    swap,
    repeat,
    replace_value,
    replace_value,
)


def corrupt(folder: Path, other: Path, chance: random.Random) -> list[str]:
    """Put one to three faults into a run folder; return what they are."""
    done = []
    for _ in range(chance.choice((1, 1, 2, 3))):
        files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != ".lock" and p.stat().st_size)
        path, fault = chance.choice(files), chance.choice(FAULTS)
        fault(path, other / path.relative_to(folder), chance)
        done.append(f"{fault.__name__} {path.relative_to(folder)}")
    return done


def is_wrong(answer: Answer, right: Answer) -> str:
    """Return what is wrong with an answer, or an empty string."""
    if "Traceback" in answer.text or answer.status not in (0, 1, 2):
        return "traceback"
    if answer.status == 0 and answer.numbers not in ((), right.numbers):
        return f"wrong number {answer.numbers}, not {right.numbers}"
    if answer.status and not answer.text.strip():
        return "no sentence"
    return ""


def try_all(count: int, seed: int) -> tuple[Counter[tuple[str, str]], list[str]]:
    """Corrupt `count` folders; return how often each command ended how, and a line for each failure."""
    Path("new.csv").write_text("x,y\n0.5,1\n-2,3\n")
    for name, words in RUNS.items():
        sys.argv = ["train", *words, *RUN, f"hydra.run.dir=good/{name}"]
        import_module("hyperplane.command_line").start("train")
    right = {}
    for name in RUNS:
        for command in COMMANDS:
            shutil.copytree(f"good/{name}", f"right/{name}/{command}")
            right[name, command] = answer = call(command, f"right/{name}/{command}")
            works = (name, command) != ("sklearn", "export-model")  # which is no torch program
            assert bool(answer.status == 0 and answer.numbers) == works, (name, command, answer)
    outcomes: Counter[tuple[str, str]] = Counter()
    failures = []
    for number in range(count):
        chance = random.Random(f"{seed} {number}")
        name, other = chance.sample(sorted(RUNS), 2)
        bad = Path(f"bad/{number}")
        shutil.copytree(f"good/{name}", bad)
        faults = corrupt(bad, Path("good", other), chance)
        for command in COMMANDS:
            copy = f"try/{number}/{command}"
            shutil.copytree(bad, copy)
            answer = call(command, copy)
            wrong = is_wrong(answer, right[name, command])
            same = answer.numbers == right[name, command].numbers and answer.status == 0
            outcomes[command, "failure" if wrong else "right result" if same else "sentence"] += 1
            if wrong:
                failures.append(f"{number} ({name}: {', '.join(faults)}), {command}: {wrong}\n{answer.text[-1500:]}")
        shutil.rmtree(f"try/{number}")
    return outcomes, failures


def main() -> int:
    """Print a table of the outcomes, and every failure."""
    count, seed = [int(word) for word in sys.argv[1:]] + [100, 0][len(sys.argv) - 1 :]
    import_module(next(path.parent.name for path in Path("src").glob("*/train.py")))  # which the commands work for
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        outcomes, failures = try_all(count, seed)
    kinds = ("right result", "sentence", "failure")
    lines = [f"{count} corrupted run folders, seed {seed}", f"{'':12}" + "".join(f"{kind:>14}" for kind in kinds)]
    lines += [f"{command:12}" + "".join(f"{outcomes[command, kind]:14}" for kind in kinds) for command in COMMANDS]
    sys.stdout.write("\n".join([*lines, *failures]) + "\n")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
