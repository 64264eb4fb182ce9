"""A training of a few steps that leaves nothing."""

from typing import Any

from lightning.pytorch import seed_everything
from lightning.pytorch.loggers.logger import DummyLogger

from ..data.reproducible import spec_of
from ..errors import UserError
from ..loop.lean_loop import LeanEpochLoop, Listener
from ..run_folder.record import RunRecord
from ..tasks.building import asks_for_network, make_task
from ..tasks.task import Task
from ..training.trainer import trainer_on

STEP_SETTINGS = {"accumulate_grad_batches", "gradient_clip_val", "gradient_clip_algorithm"}  # as in the real training


def train_shortly(run: RunRecord, data: Any, listener: Listener, max_steps: int) -> None:
    """Train a new network for a few steps at a constant learning rate, without validation, test or checkpoints.

    Raises:
        UserError: it is trained by hand.
    """
    settings = run.settings.model_copy(update={"scheduler": None})
    seed_everything(settings.seed, verbose=False)
    spec = spec_of(data)
    task = make_task(settings, spec, getattr(data, "scaling", None))
    if not task.automatic_optimization:
        name = type(task).__name__
        raise UserError(f"find={settings.find} follows the loss of each step, and {name} steps its optimizers itself")
    if isinstance(task, Task):
        task.train_metrics.must_be_finite = False  # a loss that is no longer a number is what ends the search
    trainer = trainer_on(
        settings.hardware,
        **settings.trainer.model_dump(include=STEP_SETTINGS),
        max_epochs=-1,
        max_steps=max_steps,
        limit_val_batches=0,
        callbacks=[listener],
        logger=DummyLogger(),  # the task may show it something
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer._signal_connector.register_signal_handlers = lambda: None  # type: ignore[method-assign]  # see signals.py
    trainer.fit_loop.epoch_loop = LeanEpochLoop(trainer, lambda: None)
    if run.trainer is None:
        run.begin(trainer, task, spec, start=None, uses_model=asks_for_network(settings))
    trainer.fit(task, data)
