"""Weights of another run: what is taken, what stays as it is and until when, and that the other run is needed once."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from hyperplane.checkpoints.transfer import Freeze
from hyperplane.component_settings import described
from hyperplane.errors import UserError
from hyperplane.tasks.optimizing import OptimizerFactory
from lightning.pytorch import LightningModule
from torch import nn

SMALL = ("model=mlp", "model.hidden_sizes=[8,8]", "data.batch_size=100", "optimizer.lr=0.01")


def weights(folder, name="last"):
    return torch.load(folder / "checkpoints" / f"{name}.ckpt", weights_only=True)["state_dict"]


def parts(state, name):
    return {key: value for key, value in state.items() if key.startswith(f"network.{name}")}


def same(one, other):
    return {key for key in one if torch.equal(one[key], other[key])}


@pytest.fixture
def source(train):
    return train(*SMALL, "data=circles").folder


def test_frozen_parts_rest_until_their_epoch_and_move_at_their_own_rate_from_then_on(train, source):
    transferred = (*SMALL, "data=blobs", f"init_from={source}", "freeze=[hidden]", "unfreeze_epoch=2")
    groups = "optimizer.groups=[{match: hidden, lr: 0.001}]"
    taken = parts(weights(source, "best"), "hidden")
    assert len(taken) == 4

    before = weights(train(*transferred, groups, "trainer.max_epochs=2").folder)
    assert same(taken, before) == {*taken}, "the weights of the other run, to the last bit"
    after = train(*transferred, groups, "trainer.max_epochs=3").folder
    assert same(taken, weights(after)) == set()
    assert same(parts(before, "output"), weights(after)) == set()

    last = torch.load(after / "checkpoints" / "last.ckpt", weights_only=True)
    (optimizer,) = last["optimizer_states"]
    assert [(len(group["params"]), group["lr"]) for group in optimizer["param_groups"]] == [(4, 0.001), (2, 0.01)]
    steps = [int(optimizer["state"][parameter]["step"]) for parameter in range(6)]
    epoch = last["global_step"] // 3
    assert steps == [epoch] * 4 + [3 * epoch] * 2, "frozen weights have taken no step of the first two epochs"


def test_what_does_not_fit_is_named_and_new(train, source):
    done = train(*SMALL, "data=blobs", f"init_from={source}")
    assert "4 of 6 weights are those of" in done.stderr
    assert "new: network.output.weight (3, 8), it has (2, 8) there" in done.stderr


def table(name, columns, labels):
    rows = (f"{i % 7},{(3 * i) % 5},{labels[i % 3]}" for i in range(60))
    Path(name).write_text("\n".join([f"{','.join(columns)},kind", *rows]))
    return "data=table", f"data.path={name}", "data.target=kind", "data.batch_size=10"


def test_weights_that_map_to_other_classes_are_new_and_other_columns_are_named(train):
    first = train(*SMALL, *table("a.csv", ["width", "height"], "abc")).folder
    other = train(*SMALL, *table("b.csv", ["depth", "height"], "xyz"), f"init_from={first}")
    assert "4 of 6 weights are those of" in other.stderr
    assert "new: network.output.weight (3, 8), it is for a, b, c there" in other.stderr
    assert f"{first} has other features: width, height. The weights that belong to them are taken" in other.stderr
    same = train(*SMALL, *table("c.csv", ["width", "height"], "cab"), f"init_from={first}")
    assert "6 of 6 weights are those of" in same.stderr and "other features" not in same.stderr


def test_the_other_run_may_be_gone_once_the_training_has_begun(train, command, source):
    folder = train(*SMALL, "data=blobs", f"init_from={source}", "freeze=[hidden]").folder
    taken = parts(weights(source, "best"), "hidden")
    shutil.move(source, "elsewhere")

    evaluated = command("evaluate", f"run={folder}")
    assert evaluated.status == 0 and evaluated.stderr.count("as in summary.json") == 2
    resumed = command("train", f"resume={folder}", "trainer.max_epochs=2")
    assert resumed.status == 0, resumed.stderr
    assert json.loads((folder / "summary.json").read_text())["epochs"] == 2
    assert same(taken, weights(folder)) == {*taken}, "frozen still"


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["init_from=nowhere"], "init_from=nowhere"),
        (["unfreeze_epoch=2"], "unfreeze_epoch=2 needs freeze"),
        (["freeze=[body]"], "freeze=body matches no parameter. The parts are: hidden, output"),
        (["freeze=[hidden,output]"], "freeze leaves nothing to train"),
        (["optimizer.groups=[{match: body, lr: 0.1}]"], "match=body matches no parameter"),
    ],
)
def test_what_cannot_be_is_refused_before_the_training(train, overrides, said):
    done = train(*SMALL, "data=moons", *overrides, status=2)
    assert said in done.stderr and not done.folders


class Taught(LightningModule):
    """A network, and a teacher that is never trained."""

    def __init__(self):
        super().__init__()
        self.network = nn.ModuleDict(
            {"body": nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.BatchNorm1d(2, affine=False))}
        )
        self.network["head"] = nn.Sequential(nn.BatchNorm1d(2), nn.Linear(2, 1))
        self.teacher = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)).requires_grad_(False).eval()


def test_freezing_leaves_alone_what_it_does_not_name():
    from types import SimpleNamespace as Trainer

    task, freeze = Taught(), Freeze(("body", "teacher"), until=1)
    freeze.setup(Trainer(), task, "fit")
    training = {}
    for epoch in (0, 1):
        freeze.on_train_epoch_start(Trainer(current_epoch=epoch), task)
        body, head, teacher = task.network["body"], task.network["head"], task.teacher
        training[epoch] = [body[1].training, body[2].training, head[0].training, teacher[1].training]
        assert all(weights.requires_grad is (epoch == 1) for weights in body.parameters())
        assert not any(weights.requires_grad for weights in teacher.parameters())
    assert training == {0: [False, False, True, False], 1: [True, True, True, False]}


def test_groups_divide_named_parameters_and_are_refused_where_a_task_has_divided_them():
    settings = {"_target_": "torch.optim.SGD", "lr": 0.1, "groups": [{"match": "head", "lr": 0.01}]}
    make = OptimizerFactory(described("torch.optim.SGD", "optimizer").model_validate(settings))
    make.module = task = Taught()
    for given in (task.network.parameters(), task.network.named_parameters()):
        assert [(len(group["params"]), group["lr"]) for group in make(given).param_groups] == [(4, 0.01), (4, 0.1)]
    with pytest.raises(UserError, match="what Taught has divided into groups itself"):
        make([{"params": task.network.parameters()}])
