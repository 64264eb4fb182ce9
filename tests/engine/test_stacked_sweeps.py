"""Sweeps of stacked jobs: members that leave, jobs that cannot be stacked, kills, another launcher."""

import os
import random
import signal
from pathlib import Path

import pytest
import torch
from hyperplane.loop.lean_loop import LeanEpochLoop
from hyperplane.processes.signals import StopRequest, listening
from hyperplane.stacking import driving, epoch_loop, memory
from hyperplane.stacking.epoch_loop import StackedEpochLoop
from hyperplane.stacking.optimizers import BatchedOptimizer
from hyperplane.stacking.stack import Stack
from hyperplane.turns import Turn
from stacked_sweeps import checkpoint, distance, layout, losses, members, rows, summary

from my_research import callbacks, models, tasks

TINY = ("data=wine", "model=mlp", "model.hidden_sizes=[8]", "data.batch_size=40", "scheduler=none")
DOUBLE = "hardware.precision=64-true"


def by(folder, key):
    """The runs of a sweep by the value of an override."""
    found = {}
    for run in members(folder).values():
        values = dict(override.split("=", 1) for override in summary(run)["overrides"])
        found[float(values[key])] = run
    return found


def test_members_that_diverge_or_stop_early_leave_and_the_others_go_on(sweep):
    rates, lost, slow = [i / 100 for i in range(1, 21)], 1e30, [1e-9, 2e-9, 3e-9]
    words = (
        *TINY,
        "optimizer=sgd",
        "early_stopping.patience=2",
        "early_stopping.min_delta=1e-6",
        "trainer.max_epochs=6",
    )
    words += (f"optimizer.lr={','.join(map(str, [*rates, lost, *slow]))}", DOUBLE)
    theirs, ours = (by(sweep(launcher, *words, status=1), "optimizer.lr") for launcher in ("basic", "stacked"))
    assert "24 jobs train as one stack of 24 members" in sweep.said
    assert len(ours) == 24
    assert summary(ours[lost])["status"] == "failed"
    assert "train/loss became" in summary(ours[lost])["error"]
    assert {summary(ours[rate])["epochs"] for rate in slow} == {3}
    assert {summary(ours[rate])["epochs"] for rate in rates} == {6}
    for rate, folder in ours.items():
        for key in ("status", "steps", "epochs", "error", "warnings"):
            assert summary(folder)[key] == summary(theirs[rate])[key]
        if rate != lost:
            assert distance(folder, theirs[rate]) < 1e-8


def test_a_mixed_sweep_stacks_what_can_be_stacked(sweep):
    words = ("data=digits", "model=linear,mlp,rnn,kernel_svm", "seed=0,1", "trainer.max_epochs=1")
    folder = sweep("stacked", *words, "trainer.limit_train_batches=4")
    assert [summary(run)["status"] for run in members(folder).values()] == ["completed"] * 8
    said = sweep.said
    assert "2 jobs run, each by itself. model=kernel_svm: its model is solved at once" in said
    assert "6 jobs train as 3 stacks of 2 members" in said


def test_what_cannot_be_stacked_says_why_and_trains_alone(sweep, write, tmp_path, monkeypatch):
    write("models/looking.py", LOOKING)
    monkeypatch.setattr(models, "__path__", [*models.__path__, str(tmp_path / "added" / "models")])
    words = (
        *TINY[:1],
        "model=svm",
        "model._target_=my_research.models.looking.Looking",
        "trainer.max_epochs=2",
        "seed=0,1",
    )
    theirs, ours = (members(sweep(launcher, *words)) for launcher in ("basic", "stacked"))
    assert sweep.said.count("its step cannot be stacked") == 2
    for name, folder in ours.items():
        assert distance(folder, theirs[name]) == 0


@pytest.mark.parametrize("dropout", ["0", "0.2"])
def test_a_step_that_looks_at_its_own_progress_trains_alone(sweep, write, tmp_path, monkeypatch, dropout):
    write("tasks/annealed.py", ANNEALED)
    monkeypatch.setattr(tasks, "__path__", [*tasks.__path__, str(tmp_path / "added" / "tasks")])
    words = (*TINY, "task._target_=my_research.tasks.annealed.Annealed", f"model.dropout={dropout}")
    words += ("trainer.max_epochs=2", "seed=0,1", "optimizer.lr=0.01,0.02")
    theirs, ours = (members(sweep(launcher, *words)) for launcher in ("basic", "stacked"))
    assert sweep.said.count("it reads the trainer's global_step") == 4
    for name, folder in ours.items():
        assert distance(folder, theirs[name]) == 0


ANNEALED = """
from .classification import Classification


class Annealed(Classification):
    def step(self, batch):
        loss, outputs, targets = super().step(batch)
        return (loss * min(1.0, self.global_step / 10) if self.training else loss), outputs, targets
"""


def test_an_error_of_a_step_is_that_of_each_job(sweep, write, tmp_path, monkeypatch):
    write("tasks/broken.py", BROKEN)
    monkeypatch.setattr(tasks, "__path__", [*tasks.__path__, str(tmp_path / "added" / "tasks")])
    words = (*TINY, "task._target_=my_research.tasks.broken.Broken", "trainer.max_epochs=1", "seed=0,1")
    ours = members(sweep("stacked", *words, status=1))
    assert [summary(run)["status"] for run in ours.values()] == ["failed"] * 2
    assert all("my own mistake" in summary(run)["error"] for run in ours.values())


def test_members_go_on_alone_where_the_stack_cannot(sweep, monkeypatch):
    step, calls = driving.next_steps, []

    def next_steps(windows):
        calls.append(1)
        if len(calls) == 3:
            raise RuntimeError("a fault of the stack")
        return step(windows)

    monkeypatch.setattr(driving, "next_steps", next_steps)
    ours = members(sweep("stacked", *KILLED))
    assert sweep.said.count("the stack cannot go on (RuntimeError: a fault of the stack)") == 4
    theirs = members(sweep("basic", *KILLED))
    for name, folder in ours.items():
        assert summary(folder)["status"] == "completed"
        assert distance(folder, theirs[name]) < 1e-8


BROKEN = """
from .classification import Classification


class Broken(Classification):
    def step(self, batch):
        if self.training:
            raise ValueError("my own mistake")
        return super().step(batch)
"""


def test_callbacks_that_empty_or_load_the_state_of_an_optimizer_are_followed(sweep, write, tmp_path, monkeypatch):
    write("callbacks/emptying.py", EMPTYING)
    monkeypatch.setattr(callbacks, "__path__", [*callbacks.__path__, str(tmp_path / "added" / "callbacks")])
    words = (*TINY, DOUBLE, "optimizer=adam", "trainer.max_epochs=4", "seed=0,1,2", "checkpoint.every_n_steps=2")
    words += ("scheduler=cosine", "+callbacks.emptying._target_=my_research.callbacks.emptying.Emptying")
    theirs, ours = (members(sweep(launcher, *words)) for launcher in ("basic", "stacked"))
    assert "3 jobs train as one stack of 3 members" in sweep.said
    for name, folder in ours.items():
        assert distance(folder, theirs[name]) < 1e-8
        assert layout(checkpoint(folder)) == layout(checkpoint(theirs[name]))
    assert {steps_of_optimizer(folder) for folder in ours.values()} == {8, 12, 16}


EMPTYING = """
from copy import deepcopy

from lightning.pytorch import Callback


class Emptying(Callback):
    def on_train_epoch_end(self, trainer, pl_module):
        (optimizer,) = trainer.optimizers
        if trainer.current_epoch == 0:
            self.first = deepcopy(optimizer.state_dict())
        if trainer.current_epoch == 1 and trainer.datamodule.seed == 1:
            optimizer.state.clear()
        if trainer.current_epoch == 1 and trainer.datamodule.seed == 2:
            optimizer.load_state_dict(self.first)
"""


def steps_of_optimizer(folder):
    """How many steps the state of an optimizer counts."""
    (state,) = checkpoint(folder)["optimizer_states"]
    (steps,) = {int(one["step"]) for one in state["state"].values()}
    return steps


def test_a_number_of_a_loss_that_changes_with_the_epoch_is_followed(sweep, write, tmp_path, monkeypatch):
    write("tasks/warming.py", WARMING)
    monkeypatch.setattr(tasks, "__path__", [*tasks.__path__, str(tmp_path / "added" / "tasks")])
    words = (*TINY, "task._target_=my_research.tasks.warming.Warming", "trainer.max_epochs=4", "seed=0,1")
    theirs, ours = (members(sweep(launcher, *words, DOUBLE, "optimizer=sgd")) for launcher in ("basic", "stacked"))
    assert "trains as an ordinary job" not in sweep.said
    for name, folder in ours.items():
        assert distance(folder, theirs[name]) < 1e-8


WARMING = """
from .classification import Classification


class Warming(Classification):
    factor = 0.0

    def on_train_epoch_start(self):
        super().on_train_epoch_start()
        self.factor = (self.current_epoch + 1) * (0.1 + self.trainer.datamodule.seed)

    def step(self, batch):
        loss, outputs, targets = super().step(batch)
        return self.factor * loss, outputs, targets
"""


# What a step does that a stack cannot, beside why it trains alone; nothing: it is stacked.
STEPS = {
    "draws": ("loss = loss * random.choice([1, 1, 1, 2])", "it draws from Python's or NumPy's generator"),
    "counts": (
        "self.calls += 1\n            loss = loss * self.calls",
        "it changes calls in Python, for one member only",
    ),
    "collects": ("self.seen.append(1)\n            loss = loss * len(self.seen)", "it changes seen in Python"),
    "replaces": (
        "self.mean = 0.9 * self.mean + loss.detach()\n            loss = loss * self.mean",
        "it changes mean in Python",
    ),
    "generates": (
        "loss = loss * torch.rand(1, generator=self.own, dtype=loss.dtype)[0]",
        "it draws from a generator of its own",
    ),
    "converts": ("loss = loss * float(loss.detach())", "its step cannot be stacked (RuntimeError"),
    "branches": ("loss = loss * (self.phase + 1)", ""),
    "overwrites": ("loss, outputs, _ = super().step([inputs.mul_(2), targets])", ""),
}


@pytest.mark.parametrize("step", STEPS)
def test_a_step_that_is_more_than_operations_on_tensors_gives_the_numbers_of_the_job_alone(
    sweep, write, tmp_path, monkeypatch, step
):
    lines, reason = STEPS[step]
    write(f"tasks/step_{step}.py", STEP.replace("LINES", lines))
    monkeypatch.setattr(tasks, "__path__", [*tasks.__path__, str(tmp_path / "added" / "tasks")])
    words = (*TINY, f"task._target_=my_research.tasks.step_{step}.Step", "trainer.max_epochs=3", "seed=0,1", DOUBLE)
    theirs, ours = (members(sweep(launcher, *words)) for launcher in ("basic", "stacked"))
    assert sweep.said.count(reason) == 2 if reason else "its step" not in sweep.said
    for name, folder in ours.items():
        assert distance(folder, theirs[name]) <= (0 if reason else 1e-8)


STEP = """
import random

import torch

from .classification import Classification


class Step(Classification):
    def __init__(self, network, loss, spec, scaling, optimizer, scheduler=None, metrics=None):
        super().__init__(network, loss, spec, scaling, optimizer, scheduler, metrics)
        self.calls, self.seen, self.phase, self.own = 0, [], 0, torch.Generator()
        self.register_buffer("mean", torch.zeros(()))

    def on_train_epoch_start(self):
        super().on_train_epoch_start()
        self.phase = self.current_epoch * (1 + self.trainer.datamodule.seed)

    def step(self, batch):
        inputs, targets = batch
        loss, outputs, targets = super().step(batch)
        if self.training:
            LINES
        return loss, outputs, targets
"""


def test_parameters_of_a_task_itself_are_trained_in_a_stack(sweep, write, tmp_path, monkeypatch):
    write("tasks/tempered.py", TEMPERED)
    monkeypatch.setattr(tasks, "__path__", [*tasks.__path__, str(tmp_path / "added" / "tasks")])
    words = (*TINY, "task._target_=my_research.tasks.tempered.Tempered", "trainer.max_epochs=2", "seed=0,1", DOUBLE)
    theirs, ours = (members(sweep(launcher, *words)) for launcher in ("basic", "stacked"))
    assert "trains as an ordinary job" not in sweep.said
    for name, folder in ours.items():
        assert distance(folder, theirs[name]) < 1e-8
        assert checkpoint(folder)["state_dict"]["temperature"] != 1


TEMPERED = """
import torch

from .classification import Classification


class Tempered(Classification):
    def __init__(self, network, loss, spec, scaling, optimizer, scheduler=None, metrics=None):
        super().__init__(network, loss, spec, scaling, optimizer, scheduler, metrics)
        self.temperature = torch.nn.Parameter(torch.ones(()))

    def step(self, batch):
        inputs, targets = batch
        outputs = self.network(inputs) / self.temperature
        return self.loss(outputs, targets), outputs, targets
"""


LOOKING = """
from torch import nn


class Looking(nn.Module):
    def __init__(self, spec, C=1.0):
        super().__init__()
        self.output = nn.Linear(spec.input_shape[0], spec.output_size)

    def forward(self, x):
        h = self.output(x)
        return h if h.mean() > 0 else 2 * h
"""


def test_a_step_of_ones_own_and_a_callback_that_follows_steps_train_alone(sweep, monkeypatch):
    compiled = []
    monkeypatch.setattr(torch.nn.Module, "compile", lambda network: compiled.append(type(network).__name__))
    words = (*TINY, "seed=0,1", "trainer.max_epochs=1", "callbacks=[ema]", "hardware.compile=true")
    folder = sweep("stacked", *words)
    assert compiled == ["MLP", "MLP"]  # as ordinary jobs do
    assert {summary(run)["status"] for run in members(folder).values()} == {"completed"}
    assert sweep.said.count("its steps are not plain ones") == 2


def test_numbers_within_networks_and_losses_may_differ(sweep):
    words = ("data=breast_cancer", "trainer.max_epochs=3", DOUBLE, "data.batch_size=64")
    words += ("model=linear", "model.l2=0.1,3", "data.folds=4", "data.fold=0,3", "loss=cross_entropy")
    ours, theirs = (members(sweep(one, *words, "+loss.class_weights=[1,2]")) for one in ("stacked", "basic"))
    assert len(ours) == 4
    for name, folder in ours.items():
        assert distance(folder, theirs[name]) < 1e-8


def test_dropout_differs_between_members_and_each_draws_its_own(sweep):
    words = (*TINY, "model.dropout=0.1,0.5", "seed=0", "trainer.max_epochs=20")
    found = [losses(run)[-1] for run in members(sweep("stacked", *words)).values()]
    alone = [losses(run)[-1] for run in members(sweep("basic", *words)).values()]
    assert found[0] < found[1] and alone[0] < alone[1]
    assert found == pytest.approx(alone, rel=0.3)


def test_dropout_is_the_same_in_another_folder_and_another_with_other_seeds(sweep):
    words = (*TINY, "model.dropout=0.5", "trainer.max_epochs=2", "optimizer.lr=0.01,0.02")
    one, same, other = (
        [losses(run) for run in members(sweep("stacked", *words, f"seed={seed}", name=name)).values()]
        for name, seed in (("one", 0), ("same", 0), ("other", 1))
    )
    assert one == same
    assert one != other


def test_processes_share_the_memory_and_few_outputs_are_kept_where_they_are_large(sweep, monkeypatch):
    steps, rooms = [], []
    draw, room = StackedEpochLoop.draw_window, driving.most_members

    def draw_window(self):
        window = draw(self)
        steps.append(window.steps)
        return window

    def most_members(window, processes):
        size = memory.needed(window)
        monkeypatch.setattr(memory, "free", lambda device: 40 * size)
        rooms.extend(room(window, processes) for processes in (1, 2, 100))
        return 2

    monkeypatch.setattr(StackedEpochLoop, "draw_window", draw_window)
    monkeypatch.setattr(driving, "most_members", most_members)
    sweep("stacked", "data=digits", "model=linear", "data.batch_size=50", "seed=0,1", "trainer.max_epochs=1")
    assert steps[:2] == [1, 1] and max(steps) > 10
    assert rooms == [20, 10, 1]
    steps.clear()
    monkeypatch.setattr(epoch_loop, "BYTES_AT_ONCE", 50 * 10 * 4 * 3)  # the outputs of three steps
    sweep("stacked", "data=digits", "model=linear", "data.batch_size=50", "seed=2,3", "trainer.max_epochs=1")
    assert max(steps) <= 4


def test_most_steps_of_a_stack_are_the_operations_of_those_before(sweep, monkeypatch):
    gradients, by_python = Stack.gradients, []

    def counted(self, losses):
        by_python.append(type(self.task.network).__name__)
        return gradients(self, losses)

    monkeypatch.setattr(Stack, "gradients", counted)
    words = ("data=digits", "data.batch_size=70", "model=linear,mlp,cnn", "seed=0,1", "trainer.max_epochs=2")
    sweep("stacked", *words, "trainer.limit_train_batches=12")
    # In each epoch two batches of 69 samples, which are too few, and ten of 68: two are noted in the first, one is
    # compared in the second epoch. The first step of all is the trial.
    assert by_python == ["Linear"] * 8 + ["MLP"] * 8 + ["CNN"] * 8


def test_a_stack_trains_in_bfloat16(sweep):
    words = ("data=digits", "data.batch_size=70", "model=mlp", "seed=0,1", "trainer.max_epochs=2", "scheduler=none")
    words += ("trainer.limit_train_batches=12", "hardware.precision=bf16-mixed")
    alone, stacked = (by(sweep(launcher, *words), "seed") for launcher in ("basic", "stacked"))
    for seed, folder in stacked.items():
        assert losses(folder) == pytest.approx(losses(alone[seed]), rel=1e-2)
    assert "ordinary job" not in sweep.said


def test_a_stack_takes_the_threads_that_its_members_set(sweep, monkeypatch):
    step, found, before = Stack.step, [], torch.get_num_threads()

    def counted(self, batch, **how):
        found.append(torch.get_num_threads())
        return step(self, batch, **how)

    monkeypatch.setattr(Stack, "step", counted)
    torch.set_num_threads(2)
    try:
        sweep("stacked", *TINY, "seed=0,1", "trainer.max_epochs=1")  # with hardware.threads=1
    finally:
        torch.set_num_threads(before)
    assert len(found) > 3 and {*found} == {1}


def test_a_job_of_a_stack_that_has_ended_listens_no_longer():
    stop, heard = StopRequest(), []

    def work():
        with listening() as request:
            heard.extend(one is request for one in stop.followers)

    Turn(work, stop).go_on()
    assert heard == [True] and stop.followers == []


KILLED = (*TINY, "optimizer.lr=0.01,0.02", "seed=0,1", "trainer.max_epochs=6", "checkpoint.every_n_steps=2", DOUBLE)


def killed(moment, run):
    """Run something in a process of its own, and kill that at a moment: after so many steps of the stack."""
    child = os.fork()
    if child:
        assert os.waitpid(child, 0)[1] == signal.SIGKILL
        return
    left = iter(range(moment))
    step = Stack.step

    def killing(self, batch, **how):
        if next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)
        return step(self, batch, **how)

    Stack.step = killing
    try:
        run()
    finally:
        os._exit(3)


def test_a_stack_that_is_killed_again_and_again_ends_where_it_would_have_ended(sweep):
    moments = random.Random(7)
    for _ in range(4):
        killed(moments.randrange(2, 9), lambda: sweep("stacked", *KILLED))
    ours = members(sweep("stacked", *KILLED))
    theirs = members(sweep("stacked", *KILLED, name="whole"))
    assert [summary(run)["steps"] for run in ours.values()] == [24] * 4
    for name, folder in ours.items():
        assert distance(folder, theirs[name]) < 1e-8
        assert losses(folder) == pytest.approx(losses(theirs[name]), rel=1e-8)
        assert layout(checkpoint(folder)) == layout(checkpoint(theirs[name]))


def test_a_stopped_stack_leaves_checkpoints_and_each_member_can_go_on_alone(sweep, train, monkeypatch):
    step, calls = Stack.step, []

    def stopping(self, batch, **how):
        calls.append(1)
        if len(calls) == 8:
            os.kill(os.getpid(), signal.SIGTERM)
        return step(self, batch, **how)

    monkeypatch.setattr(Stack, "step", stopping)
    sweep("stacked", *KILLED, status=128 + signal.SIGTERM)
    stopped = members(Path("runs/sweeps/stacked"))
    assert {summary(run)["status"] for run in stopped.values()} == {"interrupted"}
    assert {summary(run)["steps"] for run in stopped.values()} == {8}
    name, folder = next(iter(stopped.items()))
    train(f"resume={folder}", "trainer.max_epochs=6", "hardware=cpu", DOUBLE)
    theirs = members(sweep("basic", *KILLED))
    assert distance(folder, theirs[name]) < 1e-8
    assert summary(folder)["status"] == "completed"
    ours = members(sweep("stacked", *KILLED))  # the other three go on as a stack
    for other, run in ours.items():
        assert distance(run, theirs[other]) < 1e-8


def test_members_of_an_ordinary_sweep_join_a_stack(sweep, monkeypatch):
    step, calls = LeanEpochLoop.prepare, []

    def prepare(self):
        calls.append(1)
        if len(calls) == 40:  # in the second of four jobs
            os.kill(os.getpid(), signal.SIGTERM)
        step(self)

    monkeypatch.setattr(LeanEpochLoop, "prepare", prepare)
    sweep("basic", *KILLED, name="joined", status=128 + signal.SIGTERM)
    monkeypatch.setattr(LeanEpochLoop, "prepare", step)
    ours = members(sweep("stacked", *KILLED, name="joined"))
    theirs = members(sweep("basic", *KILLED))
    assert len(ours) == 4
    for name, folder in ours.items():
        assert distance(folder, theirs[name]) < 1e-8


def test_members_whose_optimizer_fails_within_a_step_fail_and_go_on_from_their_checkpoints(sweep, monkeypatch):
    step, calls = BatchedOptimizer.step, []

    def half(self, gradients):
        calls.append(1)
        step(self, gradients)
        if len(calls) == 8:
            raise RuntimeError("half way")

    monkeypatch.setattr(BatchedOptimizer, "step", half)
    failed = members(sweep("stacked", *KILLED, status=1))
    for folder in failed.values():
        assert summary(folder)["status"] == "failed"
        assert "the optimizer failed within a step (RuntimeError: half way)" in summary(folder)["error"]
        assert checkpoint(folder)["global_step"] == 6
    monkeypatch.setattr(BatchedOptimizer, "step", step)
    ours, theirs = (members(sweep(launcher, *KILLED)) for launcher in ("stacked", "basic"))
    for name, folder in ours.items():
        assert distance(folder, theirs[name]) < 1e-8


def test_a_report_over_a_stack_has_the_columns_of_an_ordinary_one(sweep, command):
    words = (*TINY, "seed=0,1", "optimizer.lr=0.01,0.02", "trainer.max_epochs=2")
    files, columns, keys = [], [], []
    for launcher in ("stacked", "basic"):
        folder = sweep(launcher, *words)
        assert command("report", str(folder)).status in (None, 0)
        files.append(sorted(path.name for path in folder.rglob("report/*")))
        columns.append([path.read_text().splitlines()[0] for path in sorted(folder.glob("report/*.csv"))])
        runs = [summary(run) for run in members(folder).values()]
        keys.append(
            [
                (sorted(one), sorted(one["metrics"]), [*rows(run)[0]])
                for one, run in zip(runs, members(folder).values(), strict=True)
            ]
        )
    assert columns[0] and keys[0]
    assert (files[0], columns[0], keys[0]) == (files[1], columns[1], keys[1])


def test_trials_of_a_search_are_a_stack_and_pruned_ones_leave_it(sweep):
    words = (*TINY, "hydra/sweeper=optuna", "hydra.sweeper.n_trials=16", "hydra.sweeper.n_jobs=4")
    words += ("hydra/sweeper/pruner=median", "hydra.sweeper.pruner.n_startup_trials=1", "trainer.max_epochs=6")
    pytest.importorskip("optuna")
    folder = sweep("stacked", *words, "optimizer.lr=tag(log,interval(1e-6,0.1))")
    assert sweep.said.count("4 jobs train as one stack of 4 members") == 4
    summaries = [summary(run) for run in members(folder).values()]
    assert len(summaries) == 16
    pruned = [one for one in summaries if one.get("pruned")]
    assert pruned and all(one["status"] == "interrupted" and one["epochs"] < 6 for one in pruned)
    assert any(one["status"] == "completed" and one["epochs"] == 6 for one in summaries)
