"""Three ways to train the same network on the same signals: by hand, with this project, the usual Lightning recipe.

    python benchmarks/contenders.py usual mlp 1     train once, from a cold start

Each is a function that does a `Training` and returns how many seconds that took, without imports and start-up.
Batches of 100 of 3600 training signals, Adam with a learning rate of 1e-3, one thread. The first is the yardstick: it
computes no metrics, validates nothing and writes no file. The other two do, with 400 validation signals each epoch.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from baked import PACKAGE
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.loggers import CSVLogger, WandbLogger
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics.classification import MulticlassAccuracy

TRAIN = 3600  # signals; the other 400 are for validation, as in the project
folders = (f"{os.getpid()}-{number}" for number in count())  # no two trainings share one


class Training(NamedTuple):
    """What is trained, and how long."""

    model: str
    steps: int
    batch: int = 100
    width: int = 100  # of the MLP's two hidden layers
    overrides: tuple[str, ...] = ()  # of the project's command
    members: int = 1  # jobs of a multirun


class Linear(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.output = nn.Linear(40, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.output(x)


class MLP(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second, self.output = nn.Linear(40, width), nn.Linear(width, width), nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.relu(self.first(x))
        h = h + torch.relu(self.second(h))
        return self.output(h)


class CNN(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv1d(1, 25, 5, stride=2, padding=1)
        self.second = nn.Conv1d(25, 25, 3, stride=2, padding=1)
        self.third = nn.Conv1d(25, 25, 3, stride=2, padding=1)
        self.output = nn.Linear(125, 10)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.relu(self.first(x.unsqueeze(1)))
        h = torch.relu(self.third(torch.relu(self.second(h))))
        return self.output(h.flatten(1))


class RNN(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.recurrent = nn.GRU(1, 6, batch_first=True, bidirectional=True)
        self.output = nn.Linear(480, 10)

    def forward(self, x: Tensor) -> Tensor:
        h, _ = self.recurrent(x.unsqueeze(2))
        return self.output(h.flatten(1))


class Transformer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Linear(4, 32)
        self.positions = nn.Parameter(torch.zeros(10, 32))
        layer = nn.TransformerEncoderLayer(32, 4, 64, dropout=0.0, activation="gelu", batch_first=True, norm_first=True)
        self.blocks = nn.TransformerEncoder(layer, 2, nn.LayerNorm(32), enable_nested_tensor=False)
        self.output = nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        h = self.blocks(self.embedding(x.unflatten(1, (10, 4))) + self.positions)
        return self.output(h.mean(dim=1))


NETWORKS: dict[str, type[nn.Module]] = {"linear": Linear, "cnn": CNN, "rnn": RNN, "transformer": Transformer}


def network_of(training: Training) -> nn.Module:
    """Return a new network."""
    return MLP(training.width) if training.model == "mlp" else NETWORKS[training.model]()


def signals() -> tuple[Tensor, Tensor]:
    """Return the signals (4000, 40) and their classes (4000,); the project has cached them in its folder `data`."""
    arrays = np.load("data/mnist1d.npz")
    return torch.from_numpy(arrays["x"]).float(), torch.from_numpy(arrays["y"]).long()


def textbook(training: Training) -> float:
    """Train with the loop that a tutorial on PyTorch shows."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    inputs, targets = signals()
    inputs, targets = inputs[:TRAIN], targets[:TRAIN]
    network = network_of(training)
    optimizer = torch.optim.Adam(network.parameters())
    start = time.perf_counter()
    done = 0
    while done < training.steps:
        for indices in torch.randperm(TRAIN).split(training.batch)[: training.steps - done]:
            loss = cross_entropy(network(inputs[indices]), targets[indices])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            done += 1
    return time.perf_counter() - start


def project(training: Training) -> float:
    """Run the project's command `train` with its default settings; its summary says how long the fit took."""
    folder = Path(f"runs/{next(folders)}")
    sys.argv = [
        "train",
        f"model={training.model}",
        *([f"model.hidden_sizes=[{training.width},{training.width}]"] if training.model == "mlp" else []),
        "data=mnist1d",
        f"data.batch_size={training.batch}",
        "optimizer=adam",
        "trainer.max_epochs=-1",
        f"trainer.max_steps={training.steps}",
        "hardware.threads=1",
        "figures=false",  # drawn after the fit, so they would only prolong the measurement
        f"hydra.run.dir={folder}",
        *training.overrides,
    ]
    import_module(f"{PACKAGE}.__main__").train()
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["steps"] == training.steps, summary
    seconds: float = summary["seconds"]["fit"]
    return seconds


def multirun(launcher: str, training: Training, name: str) -> float:
    """Run the jobs of a multirun in this process; return the seconds of the longest fit."""
    from hyperplane.stacking import launching

    # The launcher would start a process, which imports torch first.
    launching.run_in_workers = lambda run, jobs, *_: [run(job) for job in jobs]
    sys.argv = [
        "train",
        "-m",
        f"model={training.model}",
        "data=mnist1d",
        "optimizer=adam",
        "scheduler=none",
        f"seed=range({training.members})",
        "trainer.max_epochs=-1",
        f"trainer.max_steps={training.steps}",
        "hardware.threads=1",
        f"hydra/launcher={launcher}",
        f"sweep={name}",
        *(stack_of(training.members) if launcher == "stacked" and training.members > 1 else ()),
        *training.overrides,
    ]
    import_module(f"{PACKAGE}.__main__").train()
    summaries = [json.loads(path.read_text()) for path in Path(f"runs/sweeps/{name}").glob("*/summary.json")]
    assert len(summaries) == training.members and {s["steps"] for s in summaries} == {training.steps}, summaries
    return max(summary["seconds"]["fit"] for summary in summaries)


def stack_of(members: int) -> tuple[str, str]:
    """Return what makes one stack of all members: a launcher by itself divides them between the cores."""
    return f"hydra.launcher.members={members}", "hydra.launcher.n_jobs=1"


def stacked(training: Training) -> float:
    """Train members of a stack."""
    return multirun("stacked", training, f"stacked-{next(folders)}")


def growing(training: Training, clock: Callable[[], float] = time.process_time, since: int = 2) -> float:
    """Train members of a stack for whole epochs; return the seconds of a step of all, by default the processor's.

    An epoch of all members is what lies between the moments when the first of them begins two: validation, rows of
    metrics, tracked runs and checkpoints are in it, the start and the test of the members are not. Nor are the epochs
    before `since`, in which the stack tries its steps and what it computes at the end of an epoch, and is compiled.
    """
    from hyperplane.loop.lean_loop import LeanEpochLoop

    begun: dict[int, float] = {}
    begin = LeanEpochLoop.on_run_start

    def noting(loop: LeanEpochLoop, data_fetcher: Any) -> None:
        begun.setdefault(loop.trainer.current_epoch, clock())
        begin(loop, data_fetcher)

    LeanEpochLoop.on_run_start = noting
    try:
        stacked(training)
    finally:
        LeanEpochLoop.on_run_start = begin
    last = max(begun)
    return (begun[last] - begun[since]) / (last - since) / (TRAIN / training.batch)


def serial(training: Training) -> float:
    """Train the jobs of a multirun one after the other."""
    return multirun("basic", training, f"serial-{next(folders)}")


class UsualTask(LightningModule):
    """What most tutorials on Lightning show: metrics updated and logged in every step."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.train_accuracy = MulticlassAccuracy(10, average="micro")
        self.val_accuracy = MulticlassAccuracy(10, average="micro")

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        inputs, targets = batch
        logits = self.network(inputs)
        loss = cross_entropy(logits, targets)
        self.train_accuracy(logits, targets)
        self.log("train/loss", loss)
        self.log("train/accuracy", self.train_accuracy)
        return loss

    def validation_step(self, batch: list[Tensor], batch_idx: int) -> None:
        inputs, targets = batch
        logits = self.network(inputs)
        self.val_accuracy(logits, targets)
        self.log("val/loss", cross_entropy(logits, targets))
        self.log("val/accuracy", self.val_accuracy)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters())


def usual(training: Training) -> float:
    """Train with Lightning's defaults: DataLoader, self.log, CSV and W&B loggers, a checkpoint each epoch."""
    import wandb

    torch.set_num_threads(1)
    torch.manual_seed(0)
    data = TensorDataset(*signals())
    train, val = torch.utils.data.random_split(data, [TRAIN, len(data) - TRAIN])
    folder = Path(f"usual/{next(folders)}")
    folder.mkdir(parents=True)
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=-1,
        max_steps=training.steps,
        logger=[CSVLogger(folder), WandbLogger(project=PACKAGE, save_dir=folder, offline=True)],
        default_root_dir=folder,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    loaders = DataLoader(train, training.batch, shuffle=True), DataLoader(val, training.batch)
    start = time.perf_counter()
    trainer.fit(UsualTask(network_of(training)), *loaders)
    seconds = time.perf_counter() - start
    wandb.finish()
    return seconds


CONTENDERS: dict[str, Callable[[Training], float]] = {
    "textbook": textbook,
    "project": project,
    "usual": usual,
    "stacked": stacked,
    "growing": growing,
    "stack by the clock": partial(growing, clock=time.perf_counter, since=4),
    "serial": serial,
}

if __name__ == "__main__":
    CONTENDERS[sys.argv[1]](Training(sys.argv[2], int(sys.argv[3]), members=int((*sys.argv, 1, 1)[4])))
