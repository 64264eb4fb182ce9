"""train: train one model on one data set, or many of them in a multirun (-m).

Change any setting with name=value:

  train model=linear data=wine seed=1             choose a file from a group
  train optimizer.lr=0.01 trainer.max_epochs=50   change a single setting
  train data=table data.path=houses.csv data.target=price   use your own file
  train -m model=linear,mlp seed=1,2,3            run every combination, one after the other
  train -m seed=1,2,3,4 hydra/launcher=joblib     run them in parallel, on all cores
  train -m model=linear,mlp sweep=depth           name the multirun; the same command again resumes it
  train -m hydra/sweeper=optuna 'optimizer.lr=interval(0.001,0.1)'   search with Optuna
  train hardware=auto                             use the GPUs of this machine, if any, else its CPU
  train hardware=ddp hardware.devices=2           use two GPUs that share every batch; ddp_cpu: the same on the CPU
  train tracking=none                             use no tracker
  train find=lr                                   find a learning rate; find=batch_size finds a batch size
  train resume=runs/<date>/<time>                 resume a stopped run

Results are in runs/<date>/<time>, those of a multirun in runs/sweeps/<name>; `report <folder>` makes a table of them.
"""

from typing import TYPE_CHECKING, Any

from hyperplane.command_line import run_command

if TYPE_CHECKING:
    from hyperplane import Run
    from omegaconf import DictConfig


def fit_and_test(run: "Run") -> None:
    """Train the model, test the chosen weights, and draw figures."""
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
