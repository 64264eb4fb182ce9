"""Weights of another run, and parts of a network that stay as they are: `init_from=`, `freeze=`, `unfreeze_epoch=`."""

from pathlib import Path

from lightning.pytorch import Callback, LightningModule, Trainer
from loguru import logger
from torch import nn

from ..mistakes import UserMistake
from ..tasks.optimizing import matches, named_parameters, parts
from .checkpoint_file import read
from .checkpoints import find_checkpoint
from .run_folder import read_run, shown

OF_THE_DATA = ("scaling.", "loss.")  # what a task holds besides weights stays that of its own data


def take_weights(task: LightningModule, folder: Path) -> None:
    """Give a new task the weights of another run, wherever name and shape are the same; say which were not.

    Raises:
        UserMistake: it is no run, it has no checkpoint, or nothing fits.
    """
    _, summary = read_run(folder, "init_from")
    path = find_checkpoint(folder, summary["checkpoint"].get("tested") or "last")
    theirs = {name: value for name, value in read(path)["state_dict"].items() if not name.startswith(OF_THE_DATA)}
    ours = {name: value for name, value in task.state_dict().items() if not name.startswith(OF_THE_DATA)}
    fitting = {name: value for name, value in theirs.items() if name in ours and value.shape == ours[name].shape}
    if not fitting:
        raise UserMistake(
            f"init_from={folder}: none of its weights fits. It has {', '.join(list(theirs)[:5])}, ...; "
            f"this network has {', '.join(list(ours)[:5])}, ..."
        )
    task.load_state_dict(fitting, strict=False)
    logger.info("{} of {} weights are those of {}", len(fitting), len(ours), shown(path))
    for name in ours.keys() - fitting.keys():
        there = f"it has {tuple(theirs[name].shape)} there" if name in theirs else "it is not there"
        logger.info("  new: {} {}, {}", name, tuple(ours[name].shape), there)


BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


class Freeze(Callback):
    """Keeps parts of a network as they are, until an epoch if one is given. Their batch statistics rest as well.

    Args:
        patterns: names of parts, or of parameters: body, body.*.bias.
        until: the epoch, counted from 0, from which on they are trained; None: never.
    """

    def __init__(self, patterns: tuple[str, ...], until: int | None) -> None:
        self.patterns = patterns
        self.until = until
        self.parameters: list[nn.Parameter] = []

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Look the parts up, before the optimizer is built: it gets them too, and passes over what has no gradient.

        Raises:
            UserMistake: a pattern fits nothing, or everything stays as it is for good.
        """
        if stage != "fit":
            return
        names = named_parameters(pl_module)
        for pattern in self.patterns:
            if not any(matches(name, pattern) for name in names):
                raise UserMistake(f"freeze={pattern} fits no parameter. The parts are: {parts(names)}")
        self.parameters = [value for name, value in names.items() if any(matches(name, p) for p in self.patterns)]
        if self.until is None and len(self.parameters) == len(names):
            raise UserMistake("freeze leaves nothing to train: name fewer parts, or set unfreeze_epoch")

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Freeze, also where a run goes on within an epoch."""
        self.apply(trainer, pl_module)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Freeze, or unfreeze when it is time."""
        self.apply(trainer, pl_module)

    def apply(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Freeze or unfreeze, by the epoch."""
        is_frozen = self.until is None or trainer.current_epoch < self.until
        for parameter in self.parameters:
            parameter.requires_grad_(not is_frozen)
            if is_frozen:
                parameter.grad = None
        frozen = {id(parameter) for parameter in self.parameters} if is_frozen else set()
        for module in pl_module.modules():
            own = list(module.parameters())
            if isinstance(module, BATCH_NORMS) and own:
                module.train(not all(id(parameter) in frozen for parameter in own))
