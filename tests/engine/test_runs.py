"""`runs` lists, shows and compares runs."""

import json

import pytest
from hyperplane.commands.runs import main
from hyperplane.reporting.summaries import load_summary
from hyperplane.run_folder.integrity import seal

import synthetic_runs

write_run, write_summary = synthetic_runs.write_run, synthetic_runs.write_summary


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Five runs: three completed, one failed, one that still runs."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "runs" / "sweeps" / "s"
    write_run(folder / "a1", 1, 0.5, settings={"optimizer.lr": "0.1"}, versions={"torch": "2.0"}, steps=10, code="c1")
    write_run(folder / "a2", 2, 0.7, settings={"optimizer.lr": "0.1"})
    write_run(folder / "b1", 1, 0.6, model="cnn", versions={"torch": "2.1"}, steps=20, code="c2")
    write_run(folder / "lost", 3, None, status="failed", error="ValueError: no\nmore")
    write_run(folder / "now", 4, None, status=None)
    return folder


@pytest.fixture
def said(runs, capsys):
    """`said("list", ...)` runs the command and returns its output."""

    def run(*arguments: str, status: int = 0) -> str:
        assert main(arguments) == status
        streams = capsys.readouterr()
        assert (streams.out == "") == bool(status)
        return streams.err if status else streams.out

    return run


def folders(text: str) -> list[str]:
    return [run["folder"].rpartition("/")[2] for run in json.loads(text)]


def test_the_list_has_a_line_for_each_run_with_what_differs(said):
    lines = said("list").splitlines()
    assert lines[0].split() == ["status", "model", "optimizer.lr", "seed", "test/accuracy", "folder"]
    assert lines[1].split() == ["completed", "mlp", "0.1", "1", "0.5", "runs/sweeps/s/a1"]
    assert lines[4].split(maxsplit=4) == ["failed", "mlp", "default", "3", "runs/sweeps/s/lost  ValueError: no"]
    assert lines[5].split() == ["unfinished", "mlp", "default", "4", "runs/sweeps/s/now"]
    assert lines[6] == "5 of 5 runs under runs"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--status", "failed"], ["lost"]),
        (["--status", "unfinished"], ["now"]),
        (["--where", "model=cnn"], ["b1"]),
        (["--where", "model=mlp", "--where", "seed=1"], ["a1"]),
        (["--where", "optimizer.lr=default"], ["b1", "lost", "now"]),
        (["--sort", "test/accuracy"], ["a2", "b1", "a1", "lost", "now"]),
        (["--sort", "test/accuracy", "--limit", "2"], ["a2", "b1"]),
        (["--sort", "seed"], ["a1", "b1", "a2", "lost", "now"]),
        (["--sort", "model", "--limit", "1"], ["b1"]),
        (["runs/sweeps/s/a1"], ["a1"]),
    ],
)
def test_runs_are_filtered_and_sorted(said, arguments, expected):
    assert folders(said("list", *arguments, "--json")) == expected


@pytest.mark.parametrize(
    ("directions", "order", "why"),
    [
        ([True, True, True], ["c", "b", "a"], ""),
        ([False, False, False], ["a", "b", "c"], ""),
        ([True, None, None], ["c", "b", "a"], ""),
        ([None, None, None], ["a", "b", "c"], "no run states whether a higher or a lower test/f1 is better"),
        (
            [True, True, False],
            ["a", "b", "c"],
            "runs disagree whether a higher test/f1 is better (2 say yes, 1 say no)",
        ),
    ],
)
def test_the_best_comes_first_where_runs_state_what_is_better(tmp_path, monkeypatch, capsys, directions, order, why):
    monkeypatch.chdir(tmp_path)
    for name, value, direction in zip("cab", (0.95, 0.1, 0.5), directions, strict=True):
        stated = {} if direction is None else {"f1": direction}
        write_run(tmp_path / "runs" / name, 0, None, metrics={"test/f1": value}, higher_is_better=stated)
    assert main(["list", "--sort", "test/f1"]) == 0
    text = capsys.readouterr().out
    assert [line.split()[-1].rpartition("/")[2] for line in text.splitlines()[1:4]] == order
    assert ("\nSorted from the smallest test/f1, not from the best: " in text) == bool(why) and why in text
    assert main(["list", "--sort", "test/f1", "--json"]) == 0
    streams = capsys.readouterr()
    assert folders(streams.out) == order and why in streams.err and bool(streams.err) == bool(why)


def test_json_holds_null_for_what_is_not_finite(said, runs):
    write_run(runs / "nan", 5, None, metrics={"test/accuracy": None})
    (run,) = json.loads(said("list", "--where", "seed=5", "--json"))
    assert run["metrics"] == {"test/accuracy": None} and run["settings"]["data"] == "mnist1d"
    assert folders(said("list", "--sort", "test/accuracy", "--json"))[:3] == ["a2", "b1", "a1"]


def test_a_run_is_shown_by_its_folder_or_a_part_of_its_name(said, runs):
    text = said("show", "a1")
    assert text == said("show", "runs/sweeps/s/a1")
    assert "again   train model=mlp seed=1 optimizer.lr=0.1\n" in text
    assert "metrics\n  test/accuracy  0.5\n" in text
    assert json.loads(said("show", "b1", "--json"))["versions"] == {"torch": "2.1"}
    assert "status  unfinished" in said("show", "now")


def test_diff_names_what_differs_and_by_how_much(said, runs):
    config = runs / "b1" / ".hydra" / "config.yaml"
    config.write_text(json.dumps({"model": {"name": "cnn"}, "optimizer": {"lr": 0.1, "b": [1]}}))
    found = json.loads(said("diff", "a2", "b1", "--json"))["differences"]
    assert found["overrides"] == {"model": ["mlp", "cnn"], "seed": ["2", "1"], "optimizer.lr": ["0.1", None]}
    assert found["configuration that no override names"] == {"optimizer.b": [None, [1]]}
    assert found["metrics"] == {"test/accuracy": [0.7, 0.6, pytest.approx(-0.1)]}
    assert found["versions"] == {"torch": [None, "2.1"]}
    text = said("diff", "a1", "b1")
    assert "  test/accuracy  0.5  0.6  0.1\n" in text
    assert "  torch  2.0  2.1\n" in text and "  steps  10  20\n  code   c1  c2\n" in text


def test_a_configuration_that_was_changed_is_not_compared(said, runs):
    path = runs / "a1" / "summary.json"
    path.write_text(seal(load_summary(path), runs / "a1"))
    said("diff", "a1", "a2")
    (runs / "a1" / ".hydra" / "config.yaml").write_text("{}")
    error = said("diff", "a1", "a2", status=2)
    assert "runs/sweeps/s/a1/summary.json cannot be read: is of another run, or .hydra/config.yaml was changed" in error


def test_equal_runs_have_no_difference(said, runs):
    for name in ("x", "y"):
        write_run(runs / name, 9, 0.5)
    assert said("diff", "s/x", "s/y").endswith("\nno difference\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lits"], "command lits is not known. Did you mean list?"),
        ([], "See runs --help."),
        (["list", "rnus"], "no folder rnus. Did you mean runs?"),
        (
            ["list", "--status", "fialed"],
            "Did you mean failed?\nKnown: completed, failed, interrupted, pruned, unfinished",
        ),
        (["list", "--where", "modle=mlp"], "no run has the setting modle. Did you mean model?"),
        (["list", "--where", "model=mpl"], "no run has the model mpl. Did you mean mlp?\nKnown: cnn, mlp"),
        (["list", "--where", "model"], "--where model has no value"),
        (["list", "--sort", "test/acuracy"], "Did you mean test/accuracy?"),
        (["list", "--metric", "test/acuracy"], "Did you mean test/accuracy?"),
        (["list", "--limit", "0"], "0 is not a whole number of 1 or more"),
        (["list", "--limmit", "1"], "unknown option --limmit. Did you mean --limit?"),
        (["show", "losst"], "no run losst. Did you mean lost?"),
        (["show", "sweeps"], "sweeps stands for 5 runs:"),
        (["diff", "a1", "s/a1"], "are the same run"),
        (["show", "broken"], "summary.json cannot be read: has no status"),
    ],
)
def test_a_mistake_is_one_message_and_exit_status_2(said, runs, arguments, message):
    if arguments[-1:] == ["broken"]:
        (runs / "broken").mkdir()
        (runs / "broken" / "summary.json").write_text("{}")
    assert message in said(*arguments, status=2)


def test_what_cannot_be_read_is_named_under_the_list(said, runs):
    (runs / "cut").mkdir()
    (runs / "cut" / "summary.json").write_text('{"status"')
    assert said("list").splitlines()[-1].startswith("cannot be read: runs/sweeps/s/cut/summary.json: ")


def test_runs_never_imports_what_is_slow(python, runs):
    python("""
import sys
from hyperplane.run_folder.integrity import seal
from hyperplane.reporting.summaries import load_summary
from hyperplane.commands.runs import main
for typed in (["list"], ["show", "a1"], ["diff", "a1", "b1"]):
    assert main(typed) == 0
slow = set("torch lightning wandb matplotlib numpy pydantic hydra omegaconf rich".split()) & set(sys.modules)
assert not slow, slow
""")
