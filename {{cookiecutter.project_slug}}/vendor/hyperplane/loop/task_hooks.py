"""What a `Task` does in hooks, also where a subclass has hooks of its own that call no `super()`: none need to."""

from collections.abc import Callable
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from ..tasks.measuring import Measuring
from ..tasks.task import Task


def hook(name: str, always: bool = False) -> Callable[..., None]:
    """Return the hook of a callback that does what the hook `name` of `Measuring` does.

    Unless `always`, it leaves that to the task if its class has no such hook of its own. Twice does no harm.
    """
    done: Any = getattr(Measuring, name)

    def call(callback: Callback, trainer: Trainer, pl_module: LightningModule) -> None:
        if isinstance(pl_module, Measuring) and (always or getattr(type(pl_module), name) is not done):
            done(pl_module)

    return call


class TaskHooks(Callback):
    """The first callback of a run: as with `self.log`, the others find the metrics of the epoch that ends."""

    on_train_epoch_end = hook("on_train_epoch_end", always=True)
    on_validation_start = hook("on_validation_start")
    on_validation_epoch_start = hook("on_validation_epoch_start")
    on_validation_epoch_end = hook("on_validation_epoch_end", always=True)
    on_test_start = hook("on_test_start")
    on_test_epoch_end = hook("on_test_epoch_end", always=True)

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if isinstance(pl_module, Task):
            pl_module.solve_at_once()
