"""train: one model on one data set, or many of them in a multirun (-m).

Everything is a setting, changed by name=value:

  train model=cnn data=mnist1d seed=1             choose a file from a group
  train optimizer.lr=0.01 trainer.max_epochs=50   change a single setting
  train -m model=linear,mlp,cnn seed=1,2,3        every combination, one after the other
  train -m seed=1,2,3,4 hydra/launcher=joblib     the same side by side, on all cores
  train -m model=mlp,cnn sweep=depth              named: the same command again goes on with it
  train tracking=none                             without a tracker

A run leaves its results in runs/<date>/<time>, a multirun in runs/sweeps/<name>; `report <folder>` makes a table.
"""

from functools import partial
from typing import TYPE_CHECKING, Any

from .command_line import run_command

if TYPE_CHECKING:
    from omegaconf import DictConfig


def train(config: "DictConfig") -> dict[str, Any]:
    """Run what `config` says and return the run's summary, as it stands in `summary.json`."""
    # Imported here, so that help does not wait for them.
    from omegaconf import OmegaConf

    from .components import build
    from .run_folder import recorded

    with recorded(config) as run:
        settings = run.settings
        with run.timed("startup"):
            # Imported here, so that mistakes never wait for torch.
            from lightning.pytorch import seed_everything

            from .checkpoints import chosen_weights
            from .logs import adopt_lightning
            from .metrics_file import MetricsFile
            from .tasks import make_task
            from .tracking import conclude, log_figures, make_tracker
            from .trainer import make_trainer

            adopt_lightning()
            seed_everything(settings.seed, verbose=False)
            data = build(settings.data, seed=settings.seed)
            data.setup()
            task = make_task(settings, data.spec, data.scaling)

            metrics = MetricsFile(run.folder)
            plain_config: Any = OmegaConf.to_container(config, resolve=True)
            tracker = make_tracker(settings.tracking, run.folder, name=run.name, group=run.group, config=plain_config)
            run.at_end(partial(conclude, tracker))
            trainer = make_trainer(settings, run, task, [metrics, tracker], validates=data.validates)
        run.begin(trainer, task)

        with run.timed("fit"):
            trainer.fit(task, data, weights_only=True)
            trainer.save_checkpoint(run.folder / "checkpoints" / "last.ckpt", weights_only=False)
        with run.timed("test"):
            checkpoint, values = chosen_weights(trainer, settings.checkpoint, metrics.rows)
            trainer.test(task, data, ckpt_path=checkpoint, weights_only=True, verbose=False)

        run.conclude(trainer, checkpoint, values)
        if settings.figures:
            log_figures(tracker, task.draw(data, metrics.rows, run.folder))
    return run.summary


def main() -> None:
    """Run the command."""
    run_command("train")


if __name__ == "__main__":
    main()
