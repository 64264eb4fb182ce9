"""Makes any LightningDataModule a function of the seed: its splits, the order of its batches, its augmentations.

A data module as Lightning's documentation writes one draws from the generators of the whole program: with another
model its split would be another one, and a run that goes on in the middle of an epoch would see other batches. Here
each draws from generators of its own, which follow from the seed, the stage and the epoch.
"""

from collections.abc import Callable
from typing import Any

from lightning.pytorch import LightningDataModule, LightningModule
from lightning.pytorch.utilities.combined_loader import CombinedLoader
from lightning.pytorch.utilities.model_helpers import is_overridden
from torch.utils.data import DataLoader

from ..components import build
from ..errors import UserError
from ..metrics.metric_names import MetricNames
from ..settings import Settings
from .generators import APART, Generators
from .seeded_loader import SeededLoader
from .spec import DataSpec

LOADERS = {"train": "train_dataloader", "val": "val_dataloader", "test": "test_dataloader"}


def make_reproducible(data: LightningDataModule, seed: int, names: MetricNames, one_epoch: bool = False) -> None:
    """Let everything that `data` draws follow from `seed`, and each of its stages be set up once.

    `names` learns what the loaders of a stage are called, where it has several: their keys, or numbers. With
    `one_epoch` every epoch has the batches of the first one.
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
        if is_overridden(step, data, LightningDataModule):
            once(step)
    for number, (stage, hook) in enumerate(LOADERS.items()):
        if is_overridden(hook, data, LightningDataModule):
            loaders = seeded(names, stage, getattr(data, hook), seed * APART + number)
            setattr(data, hook, in_one_epoch(loaders) if one_epoch else loaders)


def in_one_epoch(loaders: Callable[[], Any]) -> Callable[[], Any]:
    """Return the hook of a stage so that what it returns stays in its first epoch."""

    def hook() -> Any:
        made = loaders()
        for loader in (made if isinstance(made, CombinedLoader) else CombinedLoader(made)).flattened:
            if hasattr(loader, "set_epoch"):
                loader.set_epoch = lambda epoch: None
        return made

    return hook


def seeded(names: MetricNames, stage: str, loaders: Callable[[], Any], seed: int) -> Callable[[], Any]:
    """Return `loaders`, the hook of a stage, so that all DataLoaders in what it returns are seeded."""

    def hook() -> Any:
        with Generators(seed).in_use():
            made = loaders()
        several = made.iterables if isinstance(made, CombinedLoader) else made
        if isinstance(several, dict):
            names.loaders[stage] = list(map(str, several))
        elif isinstance(several, list | tuple):
            names.loaders[stage] = list(map(str, range(len(several))))
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
    """Build the data module of a run, and let it load what a training needs; `names` learns those of its loaders.

    Raises:
        UserError: it is no data module, or its settings do not go with its data.
    """
    data: LightningDataModule = build(settings.data, seed=settings.seed)
    if not isinstance(data, LightningDataModule):
        raise UserError(f"data: {settings.data.import_path} must be a LightningDataModule")
    make_reproducible(data, settings.seed, names, one_epoch=bool(settings.trainer.overfit_batches))
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
