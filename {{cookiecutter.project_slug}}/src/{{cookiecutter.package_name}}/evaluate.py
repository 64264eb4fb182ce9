"""evaluate: test the weights of a run again, and compare with its summary.json.

evaluate run=runs/2026-01-31/12-00-00-1a2b             the weights that the run tested
evaluate run=runs/sweeps/depth/<job> checkpoint=last   those of its last step
evaluate run=<folder> part=val                         on another part of the data: test, val or train
"""

from pathlib import Path

from loguru import logger
from omegaconf import DictConfig, OmegaConf

from .command_line import run_command
from .mistakes import UserMistake, nearest, refuse
from .running.run_folder import read_run

PARTS = ("test", "val", "train")


def evaluate(config: DictConfig) -> dict[str, float]:
    """Return the metrics of the weights of `config.run` on a part of its data."""
    if OmegaConf.is_missing(config, "run"):
        refuse("Name the run to evaluate: evaluate run=runs/<date>/<time>")
    try:
        return evaluate_run(Path(config.run), str(config.checkpoint), str(config.part))
    except UserMistake as mistake:
        refuse(str(mistake))


def evaluate_run(folder: Path, which: str = "tested", part: str = "test") -> dict[str, float]:
    """Evaluate a checkpoint of the run in `folder`.

    Args:
        folder: a run folder.
        which: `tested` (the weights behind `summary.json`), `best` or `last`.
        part: of the data: test, val or train.

    Raises:
        UserMistake: the folder, the checkpoint or the part does not exist.
    """
    read_run(folder)  # a mistake is answered before torch is imported
    if part not in PARTS:
        raise UserMistake(f"part={part} is not known. {nearest(part, PARTS)} part can be: {', '.join(PARTS)}")

    from .components import build
    from .logs import adopt_lightning
    from .running.checkpoints import load_trained
    from .running.detection import choose
    from .running.trainer import trainer_on

    adopt_lightning()
    task, settings, summary, saved, checkpoint = load_trained(folder, which)
    data = build(settings.data, seed=settings.seed)
    data.setup()
    state = saved.get(type(data).__qualname__)
    if state is not None:
        data.load_state_dict(state)
    if (data.spec.input_shape, data.spec.class_names) != (task.spec.input_shape, task.spec.class_names):
        raise UserMistake(f"run={folder}: its data have changed since, so it cannot be tested on them again")
    # The same number of threads sums in the same order: the metrics then agree to the last digit.
    hardware = choose(settings).model_copy(update={"threads": summary["hardware"].get("threads", 0)})
    trainer = trainer_on(
        hardware,
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=False,
    )
    if part == "val" and not data.validates:
        raise UserMistake("part=val: this run held nothing out for validation (data.val_fraction=0)")
    batches = data.evaluation_batches(part)
    trainer.test(task, batches, verbose=False)
    metrics = {name.replace("test/", f"{part}/"): float(value) for name, value in trainer.callback_metrics.items()}
    is_tested = checkpoint.stem == summary["checkpoint"].get("tested")
    report(metrics, summary["metrics"] if is_tested else {}, checkpoint)
    return metrics


def report(metrics: dict[str, float], recorded: dict[str, float], checkpoint: Path) -> None:
    """Print the metrics, and how they compare with what the run recorded."""
    logger.info("{}:", checkpoint)
    for name, value in metrics.items():
        if name not in recorded or name.startswith("train/"):  # train/ was recorded while the weights changed
            logger.info("  {:<16} {:.6f}", name, value)
        elif value == recorded[name]:
            logger.success("  {:<16} {:.6f}  as in summary.json", name, value)
        else:
            logger.warning(
                "  {:<16} {:.6f}  summary.json says {!r}, here {!r}",
                name,
                value,
                recorded[name],
                value,
            )


def main() -> None:
    """Run the command."""
    run_command("evaluate")


if __name__ == "__main__":
    main()
