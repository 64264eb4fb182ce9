"""evaluate: test the weights of a run again, and compare the metrics with its summary.json.

evaluate run=runs/2026-01-31/12-00-00-1a2b             the weights that the run tested
evaluate run=runs/sweeps/depth/<job> checkpoint=last   the weights of the last step
evaluate run=<folder> part=val                         use another part of the data: test, val or train
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from loguru import logger
from omegaconf import DictConfig, OmegaConf

from ..errors import UserError, with_nearest
from ..metrics.metric_names import naive_name
from ..run_folder.reading import read_run

if TYPE_CHECKING:
    from lightning.pytorch import LightningModule

PARTS = ("test", "val", "train")


def evaluate(config: DictConfig) -> dict[str, float]:
    """Return the metrics of the weights of `config.run` on a part of its data."""
    if OmegaConf.is_missing(config, "run"):
        raise UserError("Name the run to evaluate: evaluate run=runs/<date>/<time>")
    return evaluate_run(Path(config.run), str(config.checkpoint), str(config.part))


def evaluate_run(folder: Path, which: str = "tested", part: str = "test") -> dict[str, float]:
    """Evaluate a checkpoint of the run in `folder`.

    Args:
        folder: a run folder.
        which: `tested` (the weights behind `summary.json`), `best` or `last`.
        part: of the data: test, val or train.

    Raises:
        UserError: the folder, the checkpoint or the part does not exist.
    """
    read_run(folder)  # a mistake is answered before torch is imported
    if part not in PARTS:
        says = with_nearest(f"part={part} is not known.", part, PARTS)
        raise UserError(f"{says} part can be: {', '.join(PARTS)}")

    from lightning.pytorch.loggers.logger import DummyLogger

    from ..checkpoints.trained import load_trained
    from ..data.reproducible import make_data, spec_of
    from ..devices.detection import choose
    from ..logs import adopt_lightning
    from ..metrics.metric_names import MetricNames
    from ..training.testing import test
    from ..training.trainer import trainer_on

    adopt_lightning()
    task, settings, summary, saved, checkpoint, spec = load_trained(folder, which)
    if settings.hardware.precision == "64-true":
        task.double().load_state_dict(saved["state_dict"])  # the digits that 32 bits lost
    names = MetricNames()
    data = make_data(settings, names)
    state = saved.get(type(data).__qualname__)
    if state:
        data.load_state_dict(state)
    now = spec_of(data)
    if (now.input_shape, now.class_names) != (spec.input_shape, spec.class_names):
        raise UserError(f"run={folder}: its data have changed since, so it cannot be tested on them again")
    batches = batches_of(part, data, task)
    validates = part == "val" and batches is data
    if part != "test":
        names.loaders["test"] = names.loaders.get(part, [])
    limits = {"test": settings.trainer.limit_test_batches, "val": settings.trainer.limit_val_batches}
    # The same number of threads sums in the same order: the metrics then agree to the last digit.
    hardware = choose(settings).model_copy(update={"threads": summary["hardware"].get("threads", 0)})
    trainer = trainer_on(
        hardware,
        default_root_dir=folder,
        logger=DummyLogger(),  # the task may show it something
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=False,
        inference_mode=settings.trainer.inference_mode,
        limit_test_batches=limits.get(part),
    )
    # A task may weight its loss by these: a run tests after all epochs, and validates after that of the checkpoint.
    epochs, steps = (summary["epochs"], summary["steps"]) if part == "test" else (saved["epoch"], saved["global_step"])
    trainer.fit_loop.epoch_progress.current.completed = epochs
    trainer.fit_loop.epoch_loop.automatic_optimization.optim_progress.optimizer.step.total.completed = steps
    trainer.fit_loop.epoch_loop.manual_optimization.optim_step_progress.total.completed = steps
    tested = test(trainer, task, batches, settings.seed, None, names, validates=validates)
    metrics = {name.replace("test/", f"{part}/", 1): value for name, value in tested.items()}
    if part != "test":  # floors are those of the test
        metrics = {name: value for name, value in metrics.items() if "/naive_" not in name}
    is_tested = checkpoint.stem == summary["checkpoint"].get("tested")
    print_metrics(metrics, summary["metrics"] if is_tested else {}, checkpoint)
    return metrics


def batches_of(part: str, data: Any, task: "LightningModule") -> Any:
    """Return what a test takes: loaders of a part, or the data module, whose part is the one that is asked for."""
    from ..data.reproducible import has_batches
    from ..tasks.task import Task

    if part == "val" and not has_batches(data, task, "val"):
        raise UserError("part=val: this run held nothing out for validation (data.val_fraction=0)")
    if part == "val" and not isinstance(task, Task):
        return data  # by a step of its own, which may differ from that of the test
    if not has_batches(data, task, "test"):
        lacks = "its task has no test_step" if has_test_data(data) else "its data have no test part"
        raise UserError(f"part={part}: this run cannot be tested: {lacks}")
    if part == "test":
        return data
    if hasattr(data, "evaluation_batches"):
        return data.evaluation_batches(part)
    if part == "train":
        raise UserError(f"part=train needs evaluation_batches(part), which {type(data).__name__} does not have")
    return data.val_dataloader()


def has_test_data(data: Any) -> bool:
    """Say whether a data module has a test part."""
    from lightning.pytorch import LightningDataModule

    return type(data).test_dataloader is not LightningDataModule.test_dataloader


def print_metrics(metrics: dict[str, float], recorded: dict[str, float], checkpoint: Path) -> None:
    """Print the metrics, and how they compare with what the run recorded."""
    logger.info("{}:", checkpoint)
    floors = {naive_name(name): name for name in metrics if naive_name(name) in metrics}
    for name, value in metrics.items():
        floor = metrics.get(naive_name(name))
        beside = "" if floor is None else f"  (naive {floor:.6f})"
        if name in floors:
            continue
        if name not in recorded or name.startswith("train/"):  # train/ was recorded while the weights changed
            logger.info("  {:<16} {:.6f}{}", name, value, beside)
        elif value == recorded[name]:
            logger.success("  {:<16} {:.6f}  as in summary.json{}", name, value, beside)
        else:
            logger.warning("  {:<16} {:.6f}  summary.json says {!r}, here {!r}", name, value, recorded[name], value)
