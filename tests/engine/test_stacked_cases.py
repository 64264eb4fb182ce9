"""What users write beside the network, in a stack: the weights are those of the job alone, or a line says why it is.

Each case is a file of a user with a component `Own`, settings, and why its jobs train alone; nothing: they are stacked.
"""

import importlib
from itertools import pairwise

import pytest
import torch
from hyperplane.stacking.contents import choices
from hyperplane.stacking.grouping import leaves
from stacked_sweeps import checkpoint, distance, layout, members, summary

WORDS = ("data=wine", "model=mlp", "data.batch_size=12", "scheduler=none", "seed=0,1")
HEADS = {
    "tasks": """
import torch
from torch import nn
from .classification import Classification

class Own(Classification):
    def __init__(self, network, loss, spec, scaling, optimizer, scheduler=None, metrics=None):
        super().__init__(network, loss, spec, scaling, optimizer, scheduler, metrics)
        INIT

    def on_train_epoch_start(self):
        super().on_train_epoch_start()
        epoch, seed = self.current_epoch, self.trainer.datamodule.seed
        BEGIN

    def step(self, batch):
        loss, outputs, targets = super().step(batch)
        STEP
        return loss, outputs, targets
""",
    "callbacks": """
import torch
from lightning.pytorch import Callback

class Own(Callback):
    def on_train_epoch_start(self, trainer, task):
        epoch, seed = trainer.current_epoch, trainer.datamodule.seed
        optimizer, first = trainer.optimizers[0], next(task.parameters())
        BEGIN

    def changed(self, optimizer, arguments, keywords):
        with torch.no_grad():
            [one.clamp_(-0.1, 0.1) for group in optimizer.param_groups for one in group["params"]]
""",
    "losses": """
from torch import nn
from torch.nn import functional

class Own(nn.Module):
    def __init__(self, top=1):
        super().__init__()
        INIT

    def forward(self, outputs, targets):
        loss = functional.cross_entropy(outputs, targets)
        STEP
        return loss
""",
    "data": """
from dataclasses import dataclass
import torch
from hyperplane import DataSpec
from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader, default_collate

@dataclass
class Pair:
    x: torch.Tensor
    y: torch.Tensor

    def __iter__(self):
        return iter((self.x, self.y))

class Own(LightningDataModule):
    spec = DataSpec(task="classification", input_shape=(4,), output_size=2)

    def train_dataloader(self):
        x = torch.randn(45, 4, generator=torch.Generator().manual_seed(1))
        return DataLoader(list(zip(x, (x[:, 0] > 0).long())), 10, collate_fn=self.collated)

    val_dataloader = test_dataloader = train_dataloader

    def collated(self, samples):
        batch = default_collate(samples)
        STEP
        return batch
""",
    "models": """
from torch import nn
from torch.nn.utils import parametrizations

class Own(nn.Module):
    def __init__(self, spec, C=1.0):
        super().__init__()
        self.layer, self.output = nn.Linear(13, 8), nn.Linear(8, 3)
        INIT

    def forward(self, x):
        return self.output(self.layer(x).tanh())
""",
}
HEADS["optimizers"] = """
from torch.optim import SGD

class Own(SGD):
    def step(self, closure):
        closure()
        super().step()
        closure()
        super().step()
"""
OTHERS = "no other job beside it computes the same operations"
NUMBERS = "gives other numbers than by itself"
HOOKS = "there are hooks on its modules, parameters or optimizer"
SLOTS = "self.own = type('Own', (), {'__slots__': 'w', '__module__': 'torch_lab'})()\n        self.own.w = 1.0"
SGD, LOSS = "optimizer=sgd", "loss._target_=my_research.losses.cases.Own"
CASES = {
    "a tensor that is set anew": (
        "tasks",
        {"INIT": "self.factor = torch.ones(())", "BEGIN": "self.factor = torch.tensor(1.0 + epoch * seed)",
         "STEP": "loss = loss * self.factor"},
        (SGD,), OTHERS,
    ),
    "a parameter that is never used": ("tasks", {"INIT": "self.idle = nn.Parameter(torch.ones(3))"}, (), ""),
    "a parameter that is used later": (
        "tasks",
        {"INIT": "self.late, self.phase = nn.Parameter(torch.ones(3)), 0", "BEGIN": "self.phase = epoch",
         "STEP": "loss = loss + (self.late.square().sum() if self.phase else 0)"},
        (), "",
    ),
    "a parameter that is used from a real number on": (
        "tasks",
        {"INIT": "self.late, self.beta = nn.Parameter(torch.ones(3)), 0.0", "BEGIN": "self.beta = 0.1 * epoch",
         "STEP": "loss = loss + (self.beta * self.late.square().sum() if self.beta > 0.15 else 0)"},
        (), "",
    ),
    "noise from a real number on": (
        "tasks",
        {"INIT": "self.noise = 0.0", "BEGIN": "self.noise = 0.1 * epoch",
         "STEP": "loss = loss * (1 + self.noise * torch.rand(())) if self.noise else loss"},
        (SGD,), NUMBERS,
    ),
    "a real number that differs later": (
        "tasks",
        {"INIT": "self.beta = 1.0", "BEGIN": "self.beta = 1.0 + epoch * seed",
         "STEP": "loss = loss * (self.beta if isinstance(self.beta, float) else 3)"},
        (SGD,), NUMBERS,
    ),
    "a buffer that moves as a class says": (
        "tasks",
        {"INIT": "self.register_buffer('mean', torch.zeros(3))", "BEGIN": "Own.rate = 0.3 / (1 + epoch)",
         "STEP": "loss = loss + (outputs - self.mean).square().mean()\n"
                 "        if self.training:\n            self.mean.lerp_(outputs.detach().mean(0), Own.rate)"},
        (SGD,), "",
    ),
    "an object with slots": (
        "tasks",
        {"INIT": SLOTS,
         "BEGIN": "self.own.w = 1.0 + epoch * seed", "STEP": "loss = loss * self.own.w"},
        (SGD,), OTHERS,
    ),
    "a step that changes an object with slots": (
        "tasks",
        {"INIT": SLOTS,
         "STEP": "self.own.w += 1\n        loss = loss * self.own.w"},
        (SGD,), "in Python, for one member only",
    ),
    "a step that counts in its class": (
        "tasks",
        {"BEGIN": "if not epoch + seed: Own.calls = 0",
         "STEP": "Own.calls += 1\n        loss = loss * (1 + Own.calls // 4)"},
        (SGD,), "it changes Own.calls in Python, for one member only",
    ),
    "a step that counts in its file": (
        "tasks",
        {"BEGIN": "if not epoch + seed: globals()['calls'] = 0",
         "STEP": "global calls\n        calls += 1\n        loss = loss * (1 + calls // 4)"},
        (SGD,), "it changes my_research.tasks.cases.calls in Python, for one member only",
    ),
    "a constant of its file with a value that is missing": (
        "tasks",
        {"BEGIN": "globals().setdefault('LIMITS', torch.tensor([1.0, float('nan')]))",
         "STEP": "loss = loss * globals()['LIMITS'][0]"},
        (SGD,), "",
    ),
    "an object of torch": (
        "tasks",
        {"INIT": "self.own = torch.distributions.Uniform(0.0, 1.0)",
         "BEGIN": "self.own.high = torch.tensor(1.0 + epoch * seed)", "STEP": "loss = loss * self.own.high"},
        (SGD,), OTHERS,
    ),
    "an array of NumPy": (
        "tasks",
        {"INIT": "self.own = __import__('numpy').ones(1)", "BEGIN": "self.own[:] = 1.0 + epoch * seed",
         "STEP": "loss = loss * float(self.own[0])"},
        (SGD,), OTHERS,
    ),
    "attributes that look like others": (
        "tasks",
        {"INIT": "self.webhooks, self.rest = [1], (lambda: [lambda: y, [y := 1 for _ in ()]][0])()  # y has no value"},
        (SGD,), "",
    ),
    "clipping of its own": (
        "tasks",
        {"STEP": "return loss, outputs, targets\n\n    def clip_gradients(self, *known, **options):\n"
                 "        [one.grad.clamp_(-0.01, 0.01) for one in self.parameters()]\n"
                 "        loss = outputs = targets = 0"},
        (SGD, "trainer.gradient_clip_val=1"), "its task clips gradients in a way of its own",
    ),
    "one member freezes a layer": ("callbacks", {"BEGIN": "first.requires_grad_(epoch == 0 or seed == 0)"}, (), OTHERS),
    "all members freeze a layer": ("callbacks", {"BEGIN": "first.requires_grad_(epoch != 1)"}, (), ""),
    "another optimizer": ("callbacks", {"BEGIN": "epoch == 1 and trainer.strategy.setup_optimizers(trainer)"}, (), ""),
    "another limit of gradients": (
        "callbacks", {"BEGIN": "trainer.gradient_clip_val = 0.5 / (1 + epoch * seed)"},
        (SGD, "trainer.gradient_clip_val=0.5"), OTHERS,
    ),
    "a hook of an optimizer": (
        "callbacks", {"BEGIN": "optimizer.register_step_post_hook(self.changed)"}, (SGD,), HOOKS,
    ),
    "another step of an optimizer": (
        "callbacks", {"BEGIN": "optimizer.step = lambda closure=None: (closure(), self.changed(optimizer, 0, 0))"},
        (SGD,), HOOKS,
    ),
    "a step that keeps the trainer": (
        "tasks", {"BEGIN": "self.kept = [self.trainer]", "STEP": "loss = loss * (1 + self.kept[0].global_step)"},
        (SGD,), "it keeps the trainer",
    ),
    "a hook of a gradient": ("callbacks", {"BEGIN": "first.register_hook(lambda g: g.clamp(-1e-3, 1))"}, (SGD,), HOOKS),
    "a hook that comes later": (
        "callbacks", {"BEGIN": "epoch == 1 and first.register_hook(lambda g: g.clamp(-1e-3, 1))"}, (), HOOKS,
    ),
    "a whole number that matters late": (
        "losses", {"INIT": "self.top = top", "STEP": "loss = loss + functional.relu(outputs.abs().mean() - self.top)"},
        (SGD, LOSS, "+loss.top=1,100", "optimizer.lr=0.5", "seed=0"), "",
    ),
    "a list that matters late": (
        "losses",
        {"INIT": "self.tops = [top]", "STEP": "loss = loss + functional.relu(outputs.abs().mean() - self.tops[0])"},
        (SGD, LOSS, "+loss.top=1,100", "optimizer.lr=0.5", "seed=0"), OTHERS,
    ),
    "a last batch that is short": ("data", {}, (), ""),
    "a last batch that cannot be read": ("data", {"STEP": "assert len(samples) == 10"}, (), ""),
    "batches that are objects": (
        "data", {"STEP": "return Pair(*batch)"}, (), "its batches are more than tensors in lists, tuples and dict",
    ),
    "data that change batches": (
        "data", {"STEP": "return batch\n\n    def on_after_batch_transfer(self, batch, number):\n"
                         "        batch = [3 * batch[0], batch[1]]"},
        (), "its steps are not plain ones",
    ),
    "an optimizer that computes the loss again": (
        "optimizers", {}, (SGD, "optimizer._target_=my_research.optimizers.cases.Own"), "may compute the loss again",
    ),
    "a weight in two parts": (
        "models", {"INIT": "parametrizations.weight_norm(self.layer)"},
        ("model=svm", "loss=cross_entropy", "model._target_=my_research.models.cases.Own"), "",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_member_trains_as_its_job_alone_or_is_one(sweep, write, tmp_path, monkeypatch, name):
    folder, parts, more, reason = CASES[name]
    text = HEADS[folder]
    for place in ("INIT", "BEGIN", "STEP"):
        text = text.replace(place, parts.get(place, "pass"))
    write(f"{folder}/cases.py", text)
    package = importlib.import_module(f"my_research.{folder}")
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path / "added" / folder)])
    monkeypatch.delitem(__import__("sys").modules, f"my_research.{folder}.cases", raising=False)
    chosen = {
        "tasks": "task._target_=my_research.tasks.cases.Own",
        "data": "+data._target_=my_research.data.cases.Own",
        "callbacks": "+callbacks.own._target_=my_research.callbacks.cases.Own",
    }
    named = {word.partition("=")[0] for word in more} | ({"data", "data.batch_size"} if folder == "data" else set())
    given = [word for word in WORDS if word.partition("=")[0] not in named]
    words = (
        *["~data"] * (folder == "data"),
        *given,
        *more,
        *filter(None, [chosen.get(folder)]),
        "hardware.precision=64-true",
    )
    words += ("trainer.max_epochs=8" if folder == "losses" else "trainer.max_epochs=3",)
    status = int("assert" in parts.get("STEP", ""))
    theirs, ours = (members(sweep(launcher, *words, status=status)) for launcher in ("basic", "stacked"))
    assert sweep.said.count("trains as an ordinary job") == (len(ours) if reason else 0)
    assert sweep.said.count(reason) == (len(ours) if reason else sweep.said.count(""))
    for run, path in ours.items():
        assert summary(path)["steps"] == summary(theirs[run])["steps"]
        if status:
            continue
        is_stacked = reason in ("", OTHERS, NUMBERS) or "later" in name  # at first
        assert distance(path, theirs[run]) <= (1e-8 if is_stacked else 0)
        assert layout(checkpoint(path)) == layout(checkpoint(theirs[run]))


def test_a_tensor_at_the_address_of_the_last_one_is_another():
    task, found = torch.nn.Linear(2, 2), []
    for number in range(20):
        task.factor = None
        task.factor = torch.tensor(1.0 + number)
        found.append(choices(task))
    assert not any(one == other for one, other in pairwise(found))
    assert found[-1] == choices(task)


def test_what_is_long_is_not_looked_into():
    task = torch.nn.Linear(2, 2)
    task.words, task.grid = {str(number): number for number in range(50_000)}, [[[0.5] * 100] * 100] * 100
    before = choices(task)
    assert sum(map(len, before[-1].values())) < 1000
    task.words["0"] = 1
    assert before == choices(task)
    task.words = {**task.words}
    assert before != choices(task)


def test_settings_may_have_numbers_for_keys():
    assert leaves({"callbacks": {"scheduling": {"2": 4, 0: 1}}}) == [
        ("callbacks.scheduling.0", 1),
        ("callbacks.scheduling.2", 4),
    ]
