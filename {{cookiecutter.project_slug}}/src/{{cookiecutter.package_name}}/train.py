"""train: one model on one data set, or many of them in a multirun (-m).

Everything is a setting, changed by name=value:

  train model=cnn data=mnist1d seed=1             choose a file from a group
  train optimizer.lr=0.01 trainer.max_epochs=50   change a single setting
  train -m model=linear,mlp,cnn seed=1,2,3        every combination, one after the other
  train -m seed=1,2,3,4 hydra/launcher=joblib     the same side by side, on all cores
  train -m model=mlp,cnn sweep=depth              named: the same command again goes on with it
  train -m hydra/sweeper=optuna 'optimizer.lr=interval(0.001,0.1)'   a search by Optuna
  train hardware=auto                             on the GPUs of this machine, or its CPU, as it finds them
  train hardware=ddp hardware.devices=2           on two GPUs that share every batch; ddp_cpu tries it out on the CPU
  train tracking=none                             without a tracker
  train find=lr                                   try learning rates and name one; find=batch_size: the same for sizes
  train resume=runs/<date>/<time>                 go on with a run that was stopped

A run leaves its results in runs/<date>/<time>, a multirun in runs/sweeps/<name>; `report <folder>` makes a table.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from hyperplane.command_line import run_command

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from hyperplane.run_folder.run import Run


def train(config: "DictConfig") -> dict[str, Any]:
    """Run what `config` says and return the run's summary, as it stands in `summary.json`."""
    from hyperplane.devices.ranks import on_all_devices  # imported here, so that help does not wait for them
    from hyperplane.run_folder.recording import record

    return record(config, on_all_devices(as_asked))


def as_asked(run: "Run") -> None:
    """Train and test, or only look for a good learning rate or batch size."""
    if run.settings.find is None:
        fit_and_test(run)
    else:
        from hyperplane.finding import find

        find(run)


def fit_and_test(run: "Run") -> None:
    """Train the model, test the weights that were chosen, and draw what explains them."""
    from hyperplane.training.imports import quick_imports
    from hyperplane.run_folder.run import read_run

    settings = run.settings
    if settings.init_from is not None and not run.checkpoints.exists():  # a run that goes on has its weights
        read_run(Path(settings.init_from), "init_from")  # a mistake is answered before torch is imported
    with run.timed("startup"):
        with quick_imports():  # here, so that mistakes never wait for torch
            from hyperplane.data.reproducible import has_batches
            from hyperplane.training.assembly import assemble
            from hyperplane.checkpoints.trained import chosen_weights, whole
            from hyperplane.training.directions import directions
            from hyperplane.training.testing import test
            from hyperplane.tasks.drawing import draw
            from hyperplane.tracking.tracker import import_tracker, log_figures

            import_tracker(settings.tracking)
        data, spec, task, trainer, start, names, metrics, tracker, state, last = assemble(run)

    with run.timed("fit"), run.stop.patiently():
        trainer.fit(task, data, ckpt_path=start, weights_only=True)
        last.write_final(trainer, state)
    with run.timed("test"):
        checkpoint, values = chosen_weights(trainer, settings.checkpoint, run.checkpoints, metrics.rows)
        task = whole(task, settings, spec)
        tested = test(trainer, task, data, settings.seed, checkpoint, names) if has_batches(data, task, "test") else {}

    run.conclude(checkpoint, values, tested, directions(settings, task, trainer, names, [*values, *tested]))
    if settings.figures or (settings.figures is None and not run.is_job):
        log_figures(tracker, draw(whole(task, settings, spec, checkpoint), data, metrics.rows, run.folder))


def main() -> None:
    """Run the command."""
    run_command("train")


if __name__ == "__main__":
    main()
