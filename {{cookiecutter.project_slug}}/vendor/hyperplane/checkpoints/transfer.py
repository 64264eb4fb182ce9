"""Weights of another run, and parts of a network that stay as they are: `init_from=`, `freeze=`, `unfreeze_epoch=`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from loguru import logger
from torch import Tensor, nn

from ..data.spec import DataSpec
from ..errors import UserError
from ..paths import shown
from ..run_folder.integrity import is_unchanged
from ..run_folder.reading import read_run
from ..tasks.optimizing import matches, named_parameters, parts
from .file import read
from .trained import find_checkpoint

NAMES = {"class_names": "classes", "target_names": "targets", "feature_names": "features"}  # of the data, in a spec
OF_THE_DATA = ("scaling.", "loss.")  # what a task holds besides weights stays that of its own data


def take_weights(task: LightningModule, folder: Path) -> None:
    """Give a new task the weights of another run, wherever name and shape are the same; say which were not.

    The last weights are not taken if they map to other classes.

    Raises:
        UserError: it is no run, it has no checkpoint, or nothing fits.
    """
    _, summary = read_run(folder, "init_from")
    path = find_checkpoint(folder, summary["checkpoint"].get("tested") or "last")
    if not is_unchanged(path, folder, summary):
        raise UserError(f"init_from={folder}: {path} is not the file that the run wrote: damaged, or of another run")
    checkpoint = read(path)
    theirs = {name: value for name, value in checkpoint["state_dict"].items() if not name.startswith(OF_THE_DATA)}
    ours = {name: value for name, value in task.state_dict().items() if not name.startswith(OF_THE_DATA)}
    fitting = {name: value for name, value in theirs.items() if name in ours and value.shape == ours[name].shape}
    spec = getattr(task, "spec", None)
    others = differences(checkpoint.get("spec", {}), spec) if isinstance(spec, DataSpec) else {}
    if "class_names" in others and isinstance(spec, DataSpec):
        for name in head(ours, spec.output_size):
            fitting.pop(name, None)
    if not fitting:
        raise UserError(
            f"init_from={folder}: none of its weights fits. It has {', '.join(list(theirs)[:5])}, ...; "
            f"this network has {', '.join(list(ours)[:5])}, ..."
        )
    task.load_state_dict(fitting, strict=False)
    logger.info("{} of {} weights are those of {}", len(fitting), len(ours), shown(path))
    for name in ours.keys() - fitting.keys():
        there = f"it has {tuple(theirs[name].shape)} there" if name in theirs else "it is not there"
        if name in theirs and theirs[name].shape == ours[name].shape:
            there = f"it is for {others['class_names']} there"
        logger.info("  new: {} {}, {}", name, tuple(ours[name].shape), there)
    for key, names in others.items():
        if key != "class_names":
            logger.warning("{} has other {}: {}. The weights that belong to them are taken", folder, NAMES[key], names)


def differences(theirs: Mapping[str, Any], ours: DataSpec) -> dict[str, str]:
    """Return which names of the data a run was trained on are not ours, where there are as many, as texts of theirs."""
    found = {}
    for key in NAMES:
        before, now = theirs.get(key) or (), getattr(ours, key)
        if before and now and len(before) == len(now) and [*before] != [*now]:
            found[key] = ", ".join([*before][:5]) + (", ..." if len(before) > 5 else "")
    return found


def head(weights: Mapping[str, Tensor], outputs: int) -> list[str]:
    """Return the names of the last weights that have a row for each output, and of what lies beside them."""
    sized = [name for name, value in weights.items() if value.ndim and len(value) == outputs]
    if not sized:
        return []
    module = sized[-1].rpartition(".")[0]
    return [name for name in sized if name.rpartition(".")[0] == module]


BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


class Freeze(Callback):
    """Keeps parts of a network as they are, until an epoch if one is given. Their batch statistics rest as well.

    Patterns name parts, or parameters: body, body.*.bias. Epochs are counted from 0; `until` None: never.
    """

    def __init__(self, patterns: tuple[str, ...], until: int | None) -> None:
        self.patterns = patterns
        self.until = until
        self.parameters: list[nn.Parameter] = []
        self.normalisations: list[nn.Module] = []  # whose statistics rest as well

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Look the parts up, before the optimizer is built: it gets them too, and passes over what has no gradient.

        Raises:
            UserError: a pattern fits nothing, or everything stays as it is for good.
        """
        if stage != "fit":
            return
        names = named_parameters(pl_module)
        for pattern in self.patterns:
            if not any(matches(name, pattern) for name in names):
                raise UserError(f"freeze={pattern} matches no parameter. The parts are: {parts(names)}")
        # What the task itself keeps from being trained, such as a teacher, is left as it is: also later.
        trained = {name: value for name, value in names.items() if value.requires_grad}
        self.parameters = [value for name, value in trained.items() if self.is_named(name)]
        if self.until is None and len(self.parameters) == len(trained):
            raise UserError("freeze leaves nothing to train: name fewer parts, or set unfreeze_epoch")
        self.normalisations = [
            module
            for name, module in pl_module.named_modules()
            if isinstance(module, BATCH_NORMS) and module.training and self.rests(name, module)
        ]

    def is_named(self, name: str) -> bool:
        """Say whether a part or a parameter is one of those that stay as they are."""
        return any(matches(name, pattern) for pattern in self.patterns)

    def rests(self, name: str, module: nn.Module) -> bool:
        """Say whether a module stays as it is: it is named itself, or all of its parameters are."""
        own = {id(parameter) for parameter in module.parameters()}
        return self.is_named(name.removeprefix("network.")) or (bool(own) and own <= set(map(id, self.parameters)))

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Freeze, also where a run goes on within an epoch."""
        self.apply(trainer)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.apply(trainer)

    def apply(self, trainer: Trainer) -> None:
        """Freeze or unfreeze, by the epoch."""
        is_frozen = self.until is None or trainer.current_epoch < self.until
        for parameter in self.parameters:
            parameter.requires_grad_(not is_frozen)
            if is_frozen:
                parameter.grad = None
        for module in self.normalisations:
            module.train(not is_frozen)
