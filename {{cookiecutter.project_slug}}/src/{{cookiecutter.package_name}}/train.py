"""Train one model on one data set, test it, and leave everything in the run folder.

train model=cnn data=mnist1d seed=1
train -m model=linear,mlp,cnn,rnn seed=1,2,3
"""

from functools import partial
from typing import Any

from omegaconf import DictConfig, OmegaConf

from .command_line import run_command
from .components import build
from .run_folder import recorded


def train(config: DictConfig) -> dict[str, Any]:
    """Run what `config` says and return the run's summary, as it stands in `summary.json`."""
    with recorded(config) as run:
        settings = run.settings
        with run.timed("startup"):
            # Imported here, so that help, tab completion and mistakes never wait for torch.
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
