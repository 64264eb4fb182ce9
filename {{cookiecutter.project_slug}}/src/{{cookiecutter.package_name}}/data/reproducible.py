"""Makes any LightningDataModule a function of the seed: its splits, the order of its batches, its augmentations.

A data module as Lightning's documentation writes one draws from the generators of the whole program: with another
model its split would be another one, and a run that goes on in the middle of an epoch would see other batches. Here
each draws from generators of its own, which follow from the seed, the stage and the epoch. To go on, an epoch is drawn
again from its start, and what was taken is left out.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from lightning.pytorch import LightningDataModule, LightningModule
from lightning.pytorch.utilities.combined_loader import CombinedLoader
from lightning.pytorch.utilities.model_helpers import is_overridden
from torch.utils.data import DataLoader

from ..components import build
from ..mistakes import UserMistake
from ..settings import Settings
from ..tracking.metric_names import MetricNames
from .spec import DataSpec

LOADERS = {"train": "train_dataloader", "val": "val_dataloader", "test": "test_dataloader"}
APART = 1_000_003  # seeds of epochs, stages and ranks lie this far apart


class Generators:
    """The generators of torch, NumPy and Python, apart from those of the training."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.states: Any = None

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Draw from these generators inside."""
        outside = torch.get_rng_state(), np.random.get_state(), random.getstate()
        if self.states is None:
            torch.default_generator.manual_seed(self.seed)
            np.random.seed(self.seed % 2**32)
            random.seed(self.seed)
        else:
            set_states(self.states)
        try:
            yield
        finally:
            self.states = torch.get_rng_state(), np.random.get_state(), random.getstate()
            set_states(outside)


def set_states(states: Any) -> None:
    """Set the generators of torch, NumPy and Python."""
    torch.set_rng_state(states[0])
    np.random.set_state(states[1])
    random.setstate(states[2])


class SeededLoader:
    """A DataLoader whose epochs follow from a seed, and that can begin in the middle of one.

    Args:
        loader: with workers, samplers and collation of its own.
        seed: of its draws.
        trains: each epoch has draws of its own; otherwise every one has the same.
    """

    batch_sampler = None  # Lightning asks a loader that has a sampler for this as well

    def __init__(self, loader: DataLoader[Any], seed: int, trains: bool) -> None:
        self.loader = loader
        self.seed = seed
        self.trains = trains
        self.epoch = 0
        self.taken = 0  # batches of this epoch
        self.skipped = 0  # batches that the next epoch leaves out

    def __getattr__(self, name: str) -> Any:
        """Answer as the loader does: `dataset`, `batch_size` and others."""
        return getattr(self.loader, name)

    @property
    def sampler(self) -> "SeededLoader":
        """Lightning calls `sampler.set_epoch` at the start of every epoch."""
        return self

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of `epoch`, counted from 0."""
        if not self.trains:
            return
        self.epoch = epoch
        if callable(getattr(self.loader.sampler, "set_epoch", None)):
            self.loader.sampler.set_epoch(epoch)  # type: ignore[attr-defined]

    def state_dict(self) -> dict[str, int]:
        """Return how far this epoch is; Lightning keeps it in its checkpoints."""
        return {"taken": self.taken}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Begin the next epoch where the one that `state` is of was left."""
        self.skipped = state["taken"]

    def __len__(self) -> int:
        """Return the number of batches in an epoch.

        Raises:
            TypeError: the data set has no length.
        """
        return len(self.loader)

    def __iter__(self) -> Iterator[Any]:
        """Return one batch after the other."""
        self.taken, skipped, self.skipped = 0, self.skipped, 0
        return self.batches(skipped)

    def batches(self, skipped: int) -> Iterator[Any]:
        """Yield the batches of an epoch after those that are skipped."""
        generators = Generators(self.seed * APART + self.epoch)
        self.loader._iterator = None  # persistent workers would go on with the draws of the epoch before
        with generators.in_use():
            batches = iter(self.loader)
        while True:
            with generators.in_use():
                batch = next(batches, END)
            if batch is END:
                return
            self.taken += 1
            if self.taken > skipped:
                yield batch


END = object()


def make_reproducible(data: LightningDataModule, seed: int, names: MetricNames) -> None:
    """Let everything that `data` draws follow from `seed`, and each of its stages be set up once.

    `names` learns what the loaders of a stage are called, where it has several: their keys, or numbers.
    """
    done: set[Any] = set()

    def once(step: str) -> None:
        hook = getattr(data, step)

        def run(stage: str | None = None) -> None:
            if (step, stage) not in done:
                done.add((step, stage))
                with Generators(seed).in_use():
                    hook(stage) if step == "setup" else hook()

        setattr(data, step, run)

    for step in ("prepare_data", "setup"):
        once(step)
    for number, (stage, hook) in enumerate(LOADERS.items()):
        if is_overridden(hook, data, LightningDataModule):
            setattr(data, hook, seeded(names, stage, getattr(data, hook), seed * APART + number))


def seeded(names: MetricNames, stage: str, loaders: Callable[[], Any], seed: int) -> Callable[[], Any]:
    """Return `loaders`, the hook of a stage, so that all DataLoaders in what it returns are seeded."""

    def hook() -> Any:
        with Generators(seed).in_use():
            made = loaders()
        if isinstance(made, dict):
            names.loaders[stage] = list(map(str, made))
        elif isinstance(made, list | tuple):
            names.loaders[stage] = list(map(str, range(len(made))))
        return with_seeds(made, seed, trains=stage == "train")

    return hook


def with_seeds(loaders: Any, seed: int, trains: bool) -> Any:
    """Return loaders, or a collection of them, with each DataLoader seeded."""
    if isinstance(loaders, CombinedLoader):
        return CombinedLoader(with_seeds(loaders.iterables, seed, trains), loaders._mode)
    if isinstance(loaders, dict):
        return {name: with_seeds(loader, seed + i, trains) for i, (name, loader) in enumerate(loaders.items())}
    if isinstance(loaders, list | tuple):
        return [with_seeds(loader, seed + i, trains) for i, loader in enumerate(loaders)]
    return SeededLoader(loaders, seed, trains) if isinstance(loaders, DataLoader) else loaders


def make_data(settings: Settings, names: MetricNames) -> LightningDataModule:
    """Build the data module of a run, and let it load what a training needs.

    Args:
        settings: of the run.
        names: of metrics; learns those of loaders.

    Raises:
        UserMistake: it is no data module, or its settings do not go with its data.
    """
    data: LightningDataModule = build(settings.data, seed=settings.seed)
    if not isinstance(data, LightningDataModule):
        raise UserMistake(f"data: {settings.data.import_path} must be a LightningDataModule")
    make_reproducible(data, settings.seed, names)
    data.prepare_data()
    data.setup("fit")
    return data


def spec_of(data: LightningDataModule) -> DataSpec:
    """Return what a data module says about its data; an empty spec if it says nothing."""
    return getattr(data, "spec", None) or DataSpec()


def has_batches(data: LightningDataModule, task: LightningModule, stage: str) -> bool:
    """Say whether there are batches of a stage, val or test, and a step of the task for them."""
    step = {"val": "validation_step", "test": "test_step"}[stage]
    if not is_overridden(step, task) or (stage == "val" and getattr(data, "validates", True) is False):
        return False
    return is_overridden(LOADERS[stage], data, LightningDataModule)
