"""A multirun: folders that follow from the overrides, jobs that do not stop each other, nothing done twice."""

import json
import multiprocessing
import os
import re
import signal
from importlib.metadata import version
from itertools import permutations
from pathlib import Path

import pytest
from hyperplane.processes.workers import run_in_workers
from hyperplane.sweeps.sweep import job_id
from hyperplane.tasks.task import Task

FAST = ("-m", "trainer.max_steps=2", "sweep=try")


def start_method(_):
    return multiprocessing.get_start_method()


def summaries(done):
    return {path.name: json.loads((path / "summary.json").read_text()) for path in jobs(done.folder)}


def jobs(folder):
    return sorted(path.parent for path in folder.glob("*/summary.json"))


def test_a_job_id_does_not_depend_on_the_order_or_the_name_of_the_sweep():
    overrides = ["model=mlp", "seed=1", "optimizer.lr=0.01"]
    ids = {job_id([*order, f"sweep={i}", f"tracking.notes={i}"]) for i, order in enumerate(permutations(overrides))}
    assert len(ids) == 1
    assert "mlp" in ids.pop()


def test_different_jobs_have_different_ids():
    jobs = [
        ["model=mlp"],
        ["model=cnn"],
        ["model=mlp", "seed=1"],
        ["seed=11"],
        ["data.batch_size=1", "seed=1"],
        ["optimizer.lr=0.1"],
        ["optimizer.lr=0.10001"],
        ["trainer.max_steps=1"],
        ["trainer.max_steps=2"],
        ["model.hidden_sizes=[1,2]"],
        ["model.hidden_sizes=[12]"],
        ["+x=" + "a" * 300],
        ["+x=" + "a" * 301],
        [],
    ]
    ids = [job_id(job) for job in jobs]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize(
    "value",
    ["[1, 2]", "a b", "../../etc", "x/y", "ä", "'q'", '"q"', "a=b", "$HOME", "${now:%H}", "a,b", "*", "", "a" * 300],
)
def test_a_job_id_is_a_plain_folder_name(value):
    name = job_id([f"optimizer.lr={value}", "model=mlp"])
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", name) and len(name) < 120


def test_each_job_has_a_folder_that_says_what_it_is(train):
    done = train(*FAST, "model=linear,mlp")
    found = summaries(done)
    assert done.folder.as_posix() == "runs/sweeps/try"
    assert len(found) == 2 and all(summary["status"] == "completed" for summary in found.values())
    for name, summary in found.items():
        model = summary["choices"]["model"]
        assert f"model_{model}" in name and f"model={model}" in summary["overrides"]
        assert (done.folder / name / ".hydra" / "config.yaml").is_file()
        assert (done.folder / name / "checkpoints" / "last.ckpt").is_file()


def test_a_sweep_that_is_run_again_leaves_completed_jobs_alone(train, command):
    first = train(*FAST, "model=linear", "seed=1,2")
    before = {path: path.stat().st_mtime_ns for path in first.folder.rglob("*") if path.parent != first.folder}
    jobs(first.folder)[0].joinpath("summary.json").write_text('{"status": "interrupted"}')
    stopped, kept = jobs(first.folder)
    train(*FAST, "seed=1,2,3", "model=linear")  # in another order, and one more
    assert len(jobs(first.folder)) == 3
    assert json.loads((stopped / "summary.json").read_text())["status"] == "completed"
    for path, time in before.items():
        if kept in path.parents:
            assert path.stat().st_mtime_ns == time, path


def test_another_name_is_another_sweep(train):
    train(*FAST, "model=linear", "seed=1")
    done = train(*FAST, "model=linear", "seed=1", "sweep=other")
    assert done.folder.as_posix() == "runs/sweeps/other"


def test_two_sweeps_without_a_name_that_start_in_the_same_second_have_folders_of_their_own(train, monkeypatch):
    monkeypatch.setattr("time.strftime", lambda form: "2026-01-31_12-00-00")
    folders = [train("-m", "trainer.max_steps=2", "model=linear", "seed=1").folder for _ in range(2)]
    assert folders[0] != folders[1]
    for folder in folders:
        assert re.fullmatch(r"runs/sweeps/2026-01-31_12-00-00-[0-9a-f]{4}", folder.as_posix())
        assert len(jobs(folder)) == 1 and (folder / "multirun.yaml").is_file()


def test_a_job_that_fails_is_named_and_stops_no_other(train, monkeypatch):
    original = Task.training_step

    def step(self, batch, batch_idx):
        if self.network.output.in_features == 7:
            raise RuntimeError("seven is too few")
        return original(self, batch, batch_idx)

    monkeypatch.setattr(Task, "training_step", step)
    done = train(*FAST, "model.hidden_sizes=[5],[7],[9]", status=1)
    status = {summary["parameters"]: summary["status"] for summary in summaries(done).values()}
    assert sorted(status.values()) == ["completed", "completed", "failed"]
    again, reason = (line for line in done.stderr.splitlines() if line.startswith("  "))
    assert again.startswith("  train ") and "'model.hidden_sizes=[7]'" in again and "seven is too few" in reason
    assert "2 of 3 jobs completed" in done.stderr and "Traceback" not in done.stderr


def test_a_job_whose_model_does_not_fit_its_data_stops_no_other(train):
    done = train(*FAST, "model=cnn,linear", "data=moons", status=1)
    errors = {summary["choices"]["model"]: summary["error"] for summary in summaries(done).values()}
    assert errors["linear"] is None and "needs texts, signals" in errors["cnn"]


def test_ctrl_c_stops_the_sweep(train, monkeypatch):
    def step(self, batch, batch_idx):
        os.kill(os.getpid(), signal.SIGINT)
        return original(self, batch, batch_idx)

    original = Task.training_step
    monkeypatch.setattr(Task, "training_step", step)
    done = train(*FAST, "seed=1,2", status=130)
    assert [summary["status"] for summary in summaries(done).values()] == ["interrupted"]


def test_the_published_table_is_a_sweep_of_four_models_on_two_data_sets(train):
    short = ("trainer.max_steps=1", "seed=0")
    done = train("-m", "experiment=mnist1d_table", "sweep=table", "trainer.max_epochs=-1", *short)
    found = list(summaries(done).values())
    cells = {(summary["choices"]["model"], summary["choices"]["data"]) for summary in found}
    assert len(found) == len(cells) == 8
    for summary in found:
        assert summary["checkpoint"]["tested"] == "last"
        assert summary["choices"]["optimizer"] == "adam"


def test_a_job_starts_processes_of_its_own_as_a_single_run_does():
    assert run_in_workers(start_method, [None], 1) == [multiprocessing.get_start_method()]


def test_processes_that_import_once_have_the_environment_of_now_and_tell_how_they_died(monkeypatch):
    for value in ("first", "second"):  # by the same server
        monkeypatch.setenv("FROM_THE_TEST", value)
        assert run_in_workers(os.getenv, ["FROM_THE_TEST"] * 2, 2, imported="json") == [value, value]
    (died,) = run_in_workers(signal.raise_signal, [signal.SIGKILL], 2, imported="json")
    assert str(died) == "its process was killed by SIGKILL, as the system does when memory is used up"


REFUSED_BY_HYDRA = "'hydra.{}' must be configured before the sweep starts, but a swept job config changed it"


@pytest.mark.parametrize(
    ("sets", "named", "named_by_next"),
    [
        ("defaults: [override /hydra/launcher: basic]\n", *["experiment=own chooses hydra/launcher=basic"] * 2),
        (
            "hydra:\n  sweeper:\n    params:\n      seed: range(1,4)\n",
            "sets hydra.sweeper.params",
            REFUSED_BY_HYDRA.format("sweeper"),
        ),
        ("hydra:\n  launcher:\n    n_jobs: 3\n", "sets hydra.launcher.n_jobs", REFUSED_BY_HYDRA.format("launcher")),
    ],
)
def test_what_a_swept_file_says_of_the_multirun_is_refused_and_counts_where_it_is_chosen_alone(
    train, command, sets, named, named_by_next
):
    folder = Path("more/experiment")
    folder.mkdir(parents=True)
    (folder / "plain.yaml").write_text("# @package _global_\nseed: 5\n")
    (folder / "own.yaml").write_text(f"# @package _global_\n{sets}")
    swept = command("train", "-m", "--config-dir=more", "experiment=plain,own", "data=moons", "model=linear")
    assert swept.status == 2 and not Path("runs").exists(), swept.stderr
    says = named if version("hydra-core") < "1.4" else named_by_next  # 1.4 refuses settings itself, in its own words
    assert says in swept.stderr and "experiment=own" in swept.stderr
    if "params" in named:
        train("-m", "--config-dir=more", "experiment=own", "data=moons", "model=linear", "sweep=alone")
        assert len(list(Path("runs/sweeps/alone").glob("*/summary.json"))) == 3
