"""train: one model on one data set, or many of them in a multirun (-m).

Everything is a setting, changed by name=value:

  train model=linear data=wine seed=1             choose a file from a group
  train optimizer.lr=0.01 trainer.max_epochs=50   change a single setting
  train data=table data.path=houses.csv data.target=price   your own file
  train -m model=linear,mlp seed=1,2,3            every combination, one after the other
  train -m seed=1,2,3,4 hydra/launcher=joblib     the same side by side, on all cores
  train -m model=linear,mlp sweep=depth           named: the same command again goes on with it
  train -m hydra/sweeper=optuna 'optimizer.lr=interval(0.001,0.1)'   a search by Optuna
  train hardware=auto                             on the GPUs of this machine, or its CPU, as it finds them
  train hardware=ddp hardware.devices=2           on two GPUs that share every batch; ddp_cpu tries it out on the CPU
  train tracking=none                             without a tracker
  train find=lr                                   try learning rates and name one; find=batch_size: the same for sizes
  train resume=runs/<date>/<time>                 go on with a run that was stopped

A run leaves its results in runs/<date>/<time>, a multirun in runs/sweeps/<name>; `report <folder>` makes a table.
"""

from typing import TYPE_CHECKING, Any

from hyperplane.command_line import run_command

if TYPE_CHECKING:
    from hyperplane import Run
    from omegaconf import DictConfig


def fit_and_test(run: "Run") -> None:
    """Train the model, test the weights that were chosen, and draw what explains them."""
    data = run.make_data()
    task = run.make_task(data)
    trainer = run.make_trainer(task, data)
    run.fit(trainer, task, data)
    run.test(trainer, task, data)
    run.draw(task, data)


def train(config: "DictConfig") -> dict[str, Any]:
    """Run `fit_and_test` in a run folder and return the summary."""
    from hyperplane import record  # here, so that help does not wait for it

    return record(config, fit_and_test)


def main() -> None:
    """Run the command."""
    run_command("train")


if __name__ == "__main__":
    main()
