"""A stack trains each member as its job alone would: the same split, first weights, batches, files and messages."""

import pytest
import torch
from hyperplane.stacking import compiling
from hyperplane.stacking.epoch_end import EpochEnd
from hyperplane.stacking.member import Window, share
from stacked_sweeps import checkpoint, distance, layout, losses, members, rows, summary

from my_research import callbacks, metrics

# Words that make a model small, and the steps that it takes.
MODELS = {
    "linear": ("optimizer.lr=0.001,0.004", 250),
    "svm": ("", 250),
    "mlp": ("trainer.gradient_clip_val=0.5", 250),
    "cnn": ("model.channels=[6,6,6]", 150),
    "rnn": ("model.hidden_size=3", 120),
    # whose batch normalisation keeps means
    "resnet": ("data=digits data.batch_size=200 model.blocks=[1,1] model.width=4", 20),
    "transformer": ("model.model_size=8 model.num_heads=2 model.num_layers=1 model.feedforward_size=16", 150),
}


@pytest.mark.parametrize("model", MODELS)
def test_in_double_precision_members_have_the_weights_of_jobs_alone(sweep, model):
    more, steps = MODELS[model]
    words = (f"model={model}", "data.batch_size=50", *more.split(), "seed=0,1", "hardware.precision=64-true")
    length = ("trainer.max_epochs=-1", f"trainer.max_steps={steps}")
    ours, theirs = (members(sweep(launcher, *words, *length)) for launcher in ("stacked", "basic"))
    assert list(ours) == list(theirs) and len(ours) == (4 if model == "linear" else 2)
    for name, folder in ours.items():
        assert distance(folder, theirs[name]) < 1e-8
        assert distance(folder, theirs[name], "best") < 1e-8
        assert layout(checkpoint(folder)) == layout(checkpoint(theirs[name]))
        assert [row["step"] for row in rows(folder)] == [row["step"] for row in rows(theirs[name])]
        one, other = summary(folder), summary(theirs[name])
        assert one.keys() == other.keys()
        for key in ("status", "steps", "epochs", "parameters", "warnings", "settings", "choices", "overrides", "error"):
            assert one[key] == other[key]
        assert one["metrics"] == pytest.approx(other["metrics"], rel=1e-6)


@pytest.mark.parametrize("outcome", ["compiled", "cannot"])
def test_a_stack_whose_step_is_compiled_trains_as_one_that_is_not(sweep, monkeypatch, outcome):
    used = []

    def without_code(listed, dynamic, options):  # up to what a C++ compiler takes a quarter of a minute for
        kernels = compile_whole(listed, backend="aot_eager", dynamic=dynamic)

        def call(*given):
            if outcome == "cannot":
                raise NotImplementedError("no such kernel")
            used.append(options)
            return kernels(*given)

        return call

    compile_whole = torch.compile
    monkeypatch.setattr(torch, "compile", without_code)
    monkeypatch.setattr(compiling, "CALLS", 10)
    words = ("model=mlp", "model.dropout=0.2", "data.batch_size=200", "seed=0,1", "hardware.precision=64-true")
    words += ("trainer.max_epochs=2", "trainer.gradient_clip_val=0.5")
    theirs, ours = (
        members(sweep("stacked", *words, f"hardware.compile={word}", name=f"compile-{word}"))
        for word in ("false", "true")
    )
    assert max(map(distance, ours.values(), theirs.values())) < 1e-8
    assert len(ours) == len(theirs) == 2
    # Of 36 steps the first is a window by itself, two are noted, and nine called as they are; kernels are tried once.
    assert len(used) == (1 + 36 - 1 - 2 - 9 if outcome == "compiled" else 0)
    as_given = {"fallback_random": True, "emulate_precision_casts": True, "triton.cudagraphs": False}
    assert all(options == as_given for options in used)
    refused = "could not compile the step of the stack (NotImplementedError: no such kernel); it goes on without"
    assert (refused in sweep.said) == (outcome == "cannot")


def test_why_a_step_is_not_compiled_is_told(sweep):
    words = ("model=rnn", "model.hidden_size=3", "data.batch_size=400", "seed=0,1", "trainer.max_epochs=1")
    sweep("stacked", *words, "hardware.compile=true")
    assert sweep.said.count("is not compiled: it is not one list of operations, the same each time, or a long one") == 1


@pytest.mark.parametrize("pieces", [(5,), (2, 3)])
def test_steps_that_were_taken_in_pieces_are_counted_in_one(pieces):
    windows = [Window(None, [torch.zeros(5, 2)]) for _ in range(2)]
    steps = iter(range(5))
    for size in pieces:  # a loss tells by its place how long ago it was, so nothing may come after it
        results = [
            (torch.tensor([s, 10.0 + s]), torch.full((2, 4, 3), s), torch.full((2, 4), s))
            for s in (next(steps) for _ in range(size))
        ]
        share(results, windows)
    for member, window in enumerate(windows):
        losses, outputs, targets = window.joined()
        assert losses.tolist() == [10 * member + step for step in range(5)]
        assert outputs[:, 0, 0].tolist() == targets[:, 0].tolist() == list(range(5))


@pytest.fixture
def together(monkeypatch):
    """What stacks computed for all members at once at the ends of epochs: for each, the stages of which they did."""
    found = []
    measure = EpochEnd.measure

    def noting(end, windows, *results):
        measure(end, windows, *results)
        found.append([name for name in ("metrics", "validated") if all(getattr(w, name) for w in windows)])

    monkeypatch.setattr(EpochEnd, "measure", noting)
    return found


@pytest.mark.parametrize("model", ["linear,mlp,cnn", "svm", "transformer"])
def test_in_single_precision_losses_follow_those_of_jobs_alone(sweep, together, model):
    words = (f"model={model}", "seed=3,4", "trainer.max_epochs=3", "optimizer=adam", "scheduler=none")
    words += tuple(MODELS[model][0].split()) if model in MODELS else ()
    ours, theirs = (members(sweep(launcher, *words)) for launcher in ("stacked", "basic"))
    for name, folder in ours.items():
        assert losses(folder) == pytest.approx(losses(theirs[name]), rel=1e-4)
        assert losses(folder, "val/loss") == pytest.approx(losses(theirs[name], "val/loss"), rel=1e-4)
        for metric in ("train/accuracy", "val/accuracy"):
            assert losses(folder, metric) == pytest.approx(losses(theirs[name], metric), abs=0.006)
    assert together[-1] == ["metrics", "validated"]


MEASURES = """
import torch
from torchmetrics import Metric
from lightning.pytorch import Callback


class Sorted(Metric):
    \"\"\"A metric that looks at values, which members cannot do together.\"\"\"

    higher_is_better = True

    def __init__(self):
        super().__init__()
        self.add_state("most", torch.tensor(0.0), dist_reduce_fx="max")

    def update(self, outputs, targets):
        self.most = torch.tensor(max(outputs.flatten().tolist()))

    def compute(self):
        return self.most


class Halving(Callback):
    def on_train_start(self, trainer, task):
        run = trainer.fit_loop.epoch_loop.val_loop.run

        def halved():
            [one.data.mul_(0.5) for one in task.network.parameters()]
            return run()

        trainer.fit_loop.epoch_loop.val_loop.run = halved
"""


@pytest.mark.parametrize("what", ["metric", "callback"])
def test_what_members_cannot_compute_together_each_computes_by_itself(
    sweep, together, write, tmp_path, monkeypatch, what
):
    package = metrics if what == "metric" else callbacks
    folder = package.__name__.rpartition(".")[2]
    write(f"{folder}/measures.py", MEASURES)
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path / "added" / folder)])
    words = ("model=linear", "seed=3,4", "trainer.max_epochs=3", "optimizer=adam", "scheduler=none")
    more = {
        "metric": "task.metrics=[accuracy,{_target_: my_research.metrics.measures.Sorted}]",
        "callback": "+callbacks.halving._target_=my_research.callbacks.measures.Halving",
    }
    ours, theirs = (members(sweep(launcher, *words, more[what])) for launcher in ("stacked", "basic"))
    for name, folder in ours.items():
        for key in ("train/loss", "val/loss", *(["val/sorted"] if what == "metric" else [])):
            assert losses(folder, key) == pytest.approx(losses(theirs[name], key), rel=1e-4)
    assert together[-1] == ([] if what == "metric" else ["metrics", "validated"])
