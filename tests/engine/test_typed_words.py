"""Words as people and scripts type them: what Hydra cannot read is answered with a command that a shell hands on."""

import shlex
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hyperplane.errors import override, quoted
from hyperplane.project import current
from omegaconf import OmegaConf

TEXTS = [
    "Größe",
    "x[1].csv",
    "daten (1).csv",
    "a{b",
    "it's",
    'say "ah"',
    "50% *?",
    "a;b",
    "tab\\",
    "C:\\new\\",
    "é#~!$1 `ls`",
    "${seed}",
    "C:\\${x} \\\\${y}",
]


def read(override):
    (read,) = OverridesParser.create().parse_overrides([override])
    return OmegaConf.to_container(OmegaConf.create({"key": read.value()}), resolve=True)["key"]


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_in_quotes_is_read_as_it_is(text):
    assert str(read(f"key={quoted(text)}")) == text


SHELLS = [name for name in ("bash", "zsh", "sh") if shutil.which(name)]


@pytest.mark.parametrize("shell", SHELLS)
def test_a_suggested_override_is_pasted_as_it_stands(shell):
    names = [*TEXTS, "größe (cm)", "2024", "null", "1e5", "plain", "a,b"]
    command = "printf %s " + override("data.ignore", *names)
    typed = subprocess.run([shell, "-c", command], capture_output=True, text=True, check=True).stdout
    assert read(typed) == names and "plain," in typed


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("text", ["Größe", "x[1].csv", "daten (1).csv", "a{b", "50% *? (1)", "!a$1 `ls` (x)", "5'"])
def test_the_hint_survives_the_shell(train, text, shell):
    said = train(f"tracking.notes={text}", status=2).stderr
    (hint,) = [line for line in said.splitlines() if line.startswith("If the value is a text: ")]
    command = "printf %s " + hint.partition(": ")[2]
    typed = subprocess.run([shell, "-c", command], capture_output=True, text=True, check=True).stdout
    assert typed.startswith("tracking.notes=")
    assert read(typed) == text


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ["-m", "sweep=", "seed=1,2"],
            "sweep= is empty, and names the folder of a multirun: sweep=depth, or leave it out",
        ),
        (["-m", "sweep=null", "seed=1,2"], "sweep=null"),
        (["-m", "sweep=a,b"], "it takes one name, such as sweep=depth"),
        (["-m", "sweep=a,b", "hydra/sweeper=optuna", "seed=1,2"], "it takes one name, such as sweep=depth"),
        (["-m", "sweep=a/b", "seed=1,2"], "sweep=a/b is not allowed: may hold letters, digits"),
        (["sweep=a,b"], "sweep=a,b is several values"),
        (["seed=range(1,3)"], "For a run with each: -m 'seed=range(1,3)'"),
    ],
)
def test_a_strange_name_of_a_multirun_starts_nothing(train, words, says):
    done = train("data=moons", "trainer.max_steps=2", *words, status=2)
    assert says in done.stderr
    assert not Path("runs").exists()


@pytest.fixture
def configure(monkeypatch, tmp_path):
    """`configure("experiment/mine.yaml", text)` adds a file in a folder for --config-dir."""

    def add(name, text):
        path = tmp_path / "more" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    return add


@pytest.mark.parametrize("word", ["2020", "true", "1.5"])
def test_a_word_that_looks_like_a_number_is_asked_for_in_quotes(train, word):
    done = train("data=table", "data.path=a.csv", f"data.target={word}", status=2)
    assert f"data.target={word} is not allowed: must be a word" in done.stderr
    assert f"stands in quotes within those of the shell: \"'{word}'\"" in done.stderr
    quoted = train("data=table", "data.path=a.csv", f"data.target='{word}'", status=2)
    assert "data.path=a.csv does not exist" in quoted.stderr


@pytest.mark.parametrize("section", ["model:\n  hidden_sizes: [3]\n", "model:\n  _target_: x\n", "seed: 3\n"])
def test_an_experiment_without_its_package_says_which_line_it_lacks(train, configure, section):
    configure("experiment/mine.yaml", section)
    said = train("--config-dir=more", "experiment=mine", status=2).stderr
    assert said == "experiment=mine: the file sets nothing, as it lacks its first line: # @package _global_\n"


def test_a_multirun_that_only_a_file_asks_for_is_refused(train, configure):
    configure(
        "experiment/mine.yaml", "# @package _global_\nhydra:\n  mode: MULTIRUN\n  sweeper:\n    params: {seed: '1,2'}\n"
    )
    done = train("--config-dir=more", "experiment=mine", status=2)
    assert done.stderr == "hydra.mode: MULTIRUN is not read from files. Leave it out there, and type: -m\n"
    assert not Path("runs").exists()
    train("--config-dir=more", "-m", "experiment=mine")
    assert len(list(Path("runs").glob("sweeps/*/*/summary.json"))) == 2


def test_a_file_that_is_no_yaml_is_named_with_its_line(train, configure):
    configure("experiment/mine.yaml", "# @package _global_\noptimizer: [1\n")
    said = train("--config-dir=more", "experiment=mine", status=2).stderr
    reason = "expected ',' or ']'" if version("omegaconf") < "2.4" else "did not find expected ',' or ']'"  # in C since
    assert said.count("\n") == 1 and f"more/experiment/mine.yaml, line 3: this is not valid YAML: {reason}" in said


WHOLE = "Begin it with these lines, and set below them what differs:\ndefaults:\n  - train\n  - _self_\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("seed: 3\n", "the file lacks "),
        ("defaults:\n  - hyperplane\n  - _self_\n", "the file lacks task, data, "),
        ("", "the file lacks "),
    ],
)
def test_a_file_to_start_from_that_is_not_whole_says_how_it_begins(train, configure, text, says):
    configure("mine.yaml", text)
    said = train("--config-dir=more", "--config-name=mine", status=2).stderr
    assert said.startswith(f"--config-name=mine: {says}") and said.endswith(WHOLE)


def test_a_file_to_start_from_that_begins_so_is_used(train, configure):
    configure("mine.yaml", "defaults:\n  - train\n  - _self_\nseed: 3\n")
    done = train("--config-dir=more", "--config-name=mine", "data=moons", "trainer.max_steps=2")
    assert done.summary["seed"] == 3


@pytest.mark.parametrize("name", ["trian", "trian.yaml"])
def test_a_file_to_start_from_that_is_not_there_names_the_nearest(train, name):
    said = train(f"--config-name={name}", status=2).stderr
    assert said == f"--config-name={name}: there is no such file in {current().configs}. Did you mean train?\n"


def test_a_run_in_a_folder_of_any_name_goes_on(train):
    folder = "runs/mit Größe (1)/it's [a] run"
    train(f"hydra.run.dir={quoted(folder)}", "data=moons", "trainer.max_epochs=1")
    (done,) = Path("runs").glob("*/*/")
    said = train(f"hydra.run.dir={quoted(folder)}", "data=moons", status=2).stderr
    hint = next(word for word in shlex.split(said.partition("longer: train ")[2]) if word.startswith("resume="))
    train(hint, "trainer.max_epochs=2")
    assert len((done / "metrics.csv").read_text().splitlines()) > 3
