"""`evaluate` reproduces what a run recorded, and says what is wrong with a run that it cannot read."""

import json
import shutil

import pytest
import torch
from hyperplane.data.batches import Batches
from hyperplane.data.datamodule import ArrayDataModule
from hyperplane.data.part_loaders import PartLoaders
from lightning.pytorch.utilities import CombinedLoader

from my_research.data.bundled import Bundled
from my_research.tasks.classification import Classification

METRICS = ("loss", "accuracy")


@pytest.fixture
def run(train):
    """The folder of a run of two epochs."""
    return train("trainer.max_epochs=3", "optimizer.lr=0.03").folder  # the last weights are not the best


@pytest.fixture
def evaluate(command, monkeypatch):
    """`evaluate("part=val")` returns the exit status, the messages and the metrics."""
    from hyperplane.commands import evaluate as module

    returned = []
    original = module.evaluate_run

    def remember(*arguments):
        returned.append(original(*arguments))
        return returned[-1]

    monkeypatch.setattr(module, "evaluate_run", remember)

    def run(*overrides):
        returned.clear()
        done = command("evaluate", *overrides)
        return done.status, done.stderr, returned[0] if returned else None

    return run


def recorded(folder, part):
    metrics = json.loads((folder / "summary.json").read_text())["metrics"]
    return {name: value for name, value in metrics.items() if name.startswith(f"{part}/")}


@pytest.mark.parametrize("settings", [("model=mlp",), ("model=cnn",), ("model=mlp", "hardware.precision=64-true")])
def test_the_test_metrics_are_reproduced_exactly(train, evaluate, settings):
    folder = train(*settings, "model.dropout=0.1").folder
    files = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    status, messages, metrics = evaluate(f"run={folder}")
    assert status == 0 and metrics == recorded(folder, "test")
    assert messages.count("as in summary.json") == 2
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == files, "the run is left as it was"


@pytest.mark.parametrize("settings", [("model=kernel_svm",), ("loss=cross_entropy", "loss.class_weights=balanced")])
def test_metrics_of_weights_in_16_bits_have_the_digits_of_32(train, evaluate, settings):
    run = train("data=moons", "hardware.precision=bf16-true", "figures=true", *settings)
    for name in ("test/loss", "test/naive_loss"):
        assert (value := run.summary["metrics"][name]) != torch.tensor(value).bfloat16().item()
    assert evaluate(f"run={run.folder}")[2].items() <= recorded(run.folder, "test").items()
    assert (run.folder / "figures" / "decision_regions.png").exists()


def test_parts_and_checkpoints_can_be_chosen(run, evaluate):
    assert evaluate(f"run={run}", "part=val")[2] == recorded(run, "val")
    assert set(evaluate(f"run={run}", "part=train")[2]) == {"train/loss", "train/accuracy"}
    last = evaluate(f"run={run}", "checkpoint=last")[2]
    assert last != recorded(run, "test")
    shutil.copy(run / "checkpoints" / "last.ckpt", run / "checkpoints" / "best.ckpt")
    status, output, _ = evaluate(f"run={run}", "checkpoint=best")
    assert status == 2 and "best.ckpt is not the file that the run wrote" in output


def test_a_run_can_be_evaluated_from_another_folder_name(run, evaluate, tmp_path):
    moved = run.rename(tmp_path / "a run = with, characters")
    assert evaluate(f'run="{moved}"')[2] == recorded(moved, "test")


@pytest.mark.parametrize(
    ("typed", "named"),
    [
        ([], ["run"]),
        (["run=runs/nowhere"], ["run=runs/nowhere", "does not exist", "latest run"]),
        (["run=data"], ["run=data", "config.yaml does not exist"]),
        (["run=RUN", "part=tset"], ["part=tset", "mean test?"]),
        (["run=RUN", "checkpoint=frist"], ["checkpoint=frist", "best, last"]),
        (["run=RUN", "chekpoint=best"], ["chekpoint", "mean checkpoint?"]),
        (["rnu=RUN"], ["rnu", "mean run?"]),
        (["-m", "run=a,RUN", "part=tset"], ["mean test?", "in the job: run=a part=tset", "part=tset\n"]),
    ],
    ids=str,
)
def test_mistakes_are_explained(run, evaluate, typed, named):
    status, message, _ = evaluate(*(word.replace("RUN", str(run)) for word in typed))
    assert status == 2
    assert all(words in message for words in named), message
    assert len([line for line in message.splitlines() if " INFO " not in line]) <= 4
    assert "Error executing job" not in message and "object_type" not in message


def test_a_run_without_validation_data_has_no_such_part(train, evaluate):
    folder = train("data.val_fraction=0", "trainer.max_steps=1").folder
    status, message, _ = evaluate(f"run={folder}", "part=val")
    assert status == 2 and "part=val" in message and "val_fraction" in message


def another_model(run, path):
    state = torch.load(path, weights_only=True)
    state["state_dict"]["network.output.weight"] = torch.zeros(3, 3)
    torch.save(state, path)


def half_a_file(run, path):
    path.write_bytes(path.read_bytes()[:1000])


def no_checkpoint_at_all(run, path):
    torch.save({"weights": torch.zeros(3)}, path)


class Command:
    """Unpickling it writes a file."""

    def __reduce__(self):
        return eval, ("open('executed', 'w').close()",)


def a_command(run, path):
    torch.save({"state_dict": Command()}, path)


@pytest.mark.parametrize("damage", [another_model, half_a_file, no_checkpoint_at_all, a_command])
def test_a_checkpoint_that_does_not_fit_is_a_mistake(run, evaluate, damage, tmp_path):
    damage(run, run / "checkpoints" / "best.ckpt")
    status, message, _ = evaluate(f"run={run}")
    assert status == 2 and "best.ckpt" in message
    assert "Traceback" not in message and len(message.splitlines()) <= 4
    assert not (tmp_path / "executed").exists(), "nothing in a checkpoint is executed"


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("summary.json", ""),
        ("summary.json", "{"),
        ("summary.json", "{}"),
        ("summary.json", "[]"),
        (".hydra/config.yaml", "model: 3"),
        (".hydra/config.yaml", "a: ]["),
        (".hydra/config.yaml", ""),
        (".hydra/config.yaml", "- 1"),
    ],
)
def test_a_run_folder_that_was_damaged_is_a_mistake(run, evaluate, file, content):
    (run / file).write_text(content)
    status, message, _ = evaluate(f"run={run}")
    assert status == 2, message
    assert "Traceback" not in message and len(message.splitlines()) <= 8


def test_a_run_that_failed_has_nothing_to_evaluate(train, evaluate, monkeypatch):
    from hyperplane.tasks.task import Task

    monkeypatch.setattr(Task, "training_step", lambda self, batch, batch_idx: 1 / 0)
    folder = train(status=1).folder
    status, message, _ = evaluate(f"run={folder}")
    assert status == 2 and "no checkpoint" in message


def test_a_task_finds_in_evaluate_what_it_found_in_the_test_and_the_validation_of_its_run(train, command, monkeypatch):
    def log_found(stage, log_epoch):
        def end(self):
            log_epoch(self)
            self.log_dict({f"{stage}/epoch": float(self.current_epoch), f"{stage}/step": float(self.global_step)})
            if stage == "test" and self.trainer.datamodule is not None:
                self.log("test/trained_on", float(len(self.trainer.datamodule.arrays("train")[0])))

        return end

    ends = {"val": "on_validation_epoch_end", "test": "on_test_epoch_end"}
    for stage, hook in ends.items():
        monkeypatch.setattr(Classification, hook, log_found(stage, getattr(Classification, hook)))
    done = train("data=wine", "trainer.max_epochs=3", "optimizer.lr=0.1")
    metrics = done.summary["metrics"]
    assert metrics["test/trained_on"] == 129 and metrics["test/epoch"] == 3 and metrics["val/epoch"] < 3
    assert command("evaluate", f"run={done.folder}").stderr.count("as in summary.json") == 5
    assert command("evaluate", f"run={done.folder}", "part=val").stderr.count("as in summary.json") == 4


def test_what_a_data_module_gives_out_for_the_test_is_what_evaluate_takes(train, command, monkeypatch):
    monkeypatch.setattr(Bundled, "test_dataloader", lambda self: Batches(self.parts["test"], 7), raising=False)
    done = train("data=wine")
    assert command("evaluate", f"run={done.folder}").stderr.count("as in summary.json") == 2


def test_loaders_of_a_validation_keep_their_names(train, command, monkeypatch):
    def loaders(self):
        both = {name: Batches(self.parts["val"], size) for name, size in (("large", 100), ("small", 3))}
        return CombinedLoader(both, "sequential")

    monkeypatch.setattr(Bundled, "val_dataloader", loaders, raising=False)
    done = train("data=wine", "checkpoint.monitor=val/small/loss")
    assert recorded(done.folder, "val").keys() == {f"val/{name}/{of}" for name in ("large", "small") for of in METRICS}
    for kind in (ArrayDataModule, PartLoaders):
        monkeypatch.delattr(kind, "evaluation_batches")
    assert command("evaluate", f"run={done.folder}", "part=val").stderr.count("as in summary.json") == 4
