"""Weights of another run: what is taken, what stays as it is and until when, and that the other run is needed once."""

import json
import shutil

import pytest
import torch

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
        (["freeze=[body]"], "freeze=body fits no parameter. The parts are: hidden, output"),
        (["freeze=[hidden,output]"], "freeze leaves nothing to train"),
        (["optimizer.groups=[{match: body, lr: 0.1}]"], "match=body fits no parameter that is left"),
    ],
)
def test_what_cannot_be_is_refused_before_the_training(train, overrides, said):
    done = train(*SMALL, "data=moons", *overrides, status=2)
    assert said in done.stderr and not done.folders
