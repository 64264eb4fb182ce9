"""The short way through a training step ends where Lightning's own way ends."""

import sys

import pytest
import torch

from {{ cookiecutter.package_name }} import train
from {{ cookiecutter.package_name }}.running import lean_loop


@pytest.mark.parametrize(
    "overrides", [[], ["optimizer=momentum", "scheduler=cosine", "trainer.max_steps=33"], ["model.dropout=0.5"]]
)
def test_both_loops_train_the_same_weights(tmp_path, monkeypatch, overrides):
    taken = []
    for plain in (True, False):
        folder = tmp_path / str(plain)
        folder.mkdir()
        monkeypatch.chdir(folder)
        monkeypatch.setattr(lean_loop, "is_plain", lambda trainer, plain=plain: taken.append(plain) or plain)
        command = ["train", "data=moons", "hardware=cpu", "tracking=none", "figures=false", "trainer.max_epochs=5"]
        monkeypatch.setattr(sys, "argv", [*command, *overrides])
        train.main()

    assert taken == [True, False]
    lean, lightning = (next((tmp_path / name).glob("runs/*/*")) for name in ("True", "False"))
    ours, theirs = (torch.load(run / "checkpoints/last.ckpt", weights_only=True) for run in (lean, lightning))
    assert ours["global_step"] == theirs["global_step"] > 30
    for name, weights in theirs["state_dict"].items():
        assert torch.equal(ours["state_dict"][name], weights), name
    assert str(ours["optimizer_states"]) == str(theirs["optimizer_states"])
    assert str(ours["loops"]) == str(theirs["loops"]), "the counters that a resumed run starts from"
    assert (lean / "metrics.csv").read_text() == (lightning / "metrics.csv").read_text()
