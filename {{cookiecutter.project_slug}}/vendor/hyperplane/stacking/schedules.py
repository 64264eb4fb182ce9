"""The schedules of a member that move with each step, as Lightning moves them, without its way to them.

Lightning takes twenty calls for each; with the steps of all members, they would take longer than the steps.
"""

from typing import Any

from lightning.pytorch import LightningModule
from torch.optim.lr_scheduler import LambdaLR

from ..loop.lean_validation import overrides


class StepSchedules:
    """Moves schedules after each step.

    Args:
        trainer: of the member.
    """

    def __init__(self, trainer: Any) -> None:
        self.configs = [config for config in trainer.lr_scheduler_configs if config.interval == "step"]
        self.moves = 0  # that Lightning has not counted

    def __bool__(self) -> bool:
        """Say whether there are any."""
        return bool(self.configs)

    def move(self, batches: int) -> None:
        """Move those whose time it is, after so many batches of the epoch."""
        for config in self.configs:
            if batches % config.frequency == 0:
                self.moves += 1
                if type(config.scheduler) is LambdaLR:
                    move_lambda(config.scheduler)
                else:
                    config.scheduler.step()


def move_lambda(scheduler: LambdaLR) -> None:
    """Do what `scheduler.step()` comes to."""
    scheduler.last_epoch += 1
    scheduler._step_count += 1
    groups = scheduler.optimizer.param_groups
    rates = [
        base * function(scheduler.last_epoch)
        for base, function in zip(scheduler.base_lrs, scheduler.lr_lambdas, strict=True)
    ]
    for group, rate in zip(groups, rates, strict=True):
        group["lr"] = rate
    scheduler._last_lr = rates


def watches_steps(trainer: Any) -> bool:
    """Say whether a schedule looks at a metric after each step."""
    return any(config.interval == "step" and config.reduce_on_plateau for config in trainer.lr_scheduler_configs)


def are_own(trainer: Any) -> bool:
    """Say whether a task moves its schedules in a way of its own."""
    return bool(trainer.lr_scheduler_configs) and overrides(
        trainer.lightning_module, LightningModule, "lr_scheduler_step"
    )
