"""train.py tells the story of a run: what it leaves, that a seed repeats it, and that it goes on."""

import torch


def same_weights(*runs):
    one, other = (torch.load(run.folder / "checkpoints/last.ckpt", weights_only=True)["state_dict"] for run in runs)
    return all(torch.equal(value, other[name]) for name, value in one.items())


def test_a_run_leaves_its_results(train):
    done = train("figures=true", "seed=3")
    assert done.summary["status"] == "completed" and done.summary["seed"] == 3
    assert {"train/loss", "val/loss", "test/loss"} <= set(done.summary["metrics"])
    for name in ("metrics.csv", "train.log", "checkpoints/best.ckpt", "figures/learning_curves.png"):
        assert (done.folder / name).is_file()


def test_the_same_seed_gives_the_same_weights_also_when_it_goes_on(train):
    whole, other = (train("trainer.max_epochs=3", f"seed={seed}") for seed in (1, 2))
    part = train("seed=1")
    assert not same_weights(whole, part) and not same_weights(whole, other)
    train(f"resume={part.folder}", "trainer.max_epochs=3")
    assert same_weights(whole, part)
