"""train.py tells the story of a run: what it leaves, that a seed repeats it, and that it goes on."""

import torch


def weights(done):
    return torch.load(done.folder / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]


def same(one, other):
    return all(torch.equal(value, other[name]) for name, value in one.items())


def test_a_run_leaves_its_results(train):
    done = train("figures=true", "seed=3")
    assert done.summary["status"] == "completed" and done.summary["seed"] == 3
    assert {"train/loss", "val/loss", "test/loss"} <= set(done.summary["metrics"])
    left = {str(path.relative_to(done.folder)) for path in done.folder.rglob("*")}
    assert {"metrics.csv", "train.log", "checkpoints/best.ckpt", "figures/learning_curves.png"} <= left


def test_the_same_seed_gives_the_same_weights_also_when_it_goes_on(train):
    whole, other = (train("trainer.max_epochs=3", f"seed={seed}") for seed in (1, 2))
    part = train("seed=1")
    assert not same(weights(whole), weights(part)) and not same(weights(whole), weights(other))
    train(f"resume={part.folder}", "trainer.max_epochs=3")
    assert same(weights(whole), weights(part))


def test_a_mistake_is_answered_before_anything_is_trained(train):
    done = train("model=mpl", status=2)
    assert "model=mpl is not known" in done.said and not done.folder.name
