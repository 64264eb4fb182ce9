"""predict: predict new samples with a trained model. It needs only the run folder and the new samples.

  predict run=runs/2026-01-31/12-00-00-1a2b input=new.csv output=predictions.csv
  predict run=<folder> input=new.parquet output=out.parquet checkpoint=last
  predict run=<folder> input=photos/
  predict run=<folder> prompt="Once upon a time" temperature=0.8   for data=corpus: print a text

The output has one row for each row of the input, in the same order; blank rows are skipped. The input needs the columns
that the model was trained on, in any order, without the target. The kind of input depends on the data:

  data=table     rows; missing values are treated as in training
  data=text      a table with the text column, or a folder of .txt files; the output then has their names
  data=signals   a file like the training file; the output has one row for each signal
  data=graph     the features of all nodes
  data=images    a folder, one image, or a table of paths as in training. The output has the name of each file; the
                 prediction is empty if the file cannot be read
  data=panel     the last rows of each series, followed by the rows to forecast, with an empty target. The output has
                 groups, time and quantiles
  other data     one column for each number of an input, in order. If each position of an input is classified, the
                 output has one column for each position
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from loguru import logger
from omegaconf import DictConfig, OmegaConf

from ..data.files.access import ENDINGS
from ..data.files.table_files import column_names, write_table
from ..data.lazy_polars import pl
from ..errors import UserError, first_line
from ..run_folder.reading import read_run
from ..run_folder.results import refuse_results

if TYPE_CHECKING:
    from lightning.pytorch import LightningModule
    from numpy.typing import NDArray

    from ..data.new_samples import NewSamples

PREDICTED_AT_ONCE = 1024  # rows
ROW = "hyperplane row"  # a column for the time being
OUTPUT_ENDINGS = (".csv", ".parquet")


def predict(config: DictConfig) -> "pl.DataFrame | str":
    """Write the predictions of `config.run` for `config.input` to `config.output`, and return them.

    With `config.prompt`, print what the run writes after it, and return it.
    """
    if config.prompt is not None and not OmegaConf.is_missing(config, "run"):
        from .prompting import write_on

        return write_on(config)
    if OmegaConf.missing_keys(config):
        raise UserError("Name the run and the rows to predict: predict run=runs/<date>/<time> input=new.csv")
    return predict_file(Path(config.run), Path(config.input), Path(config.output), str(config.checkpoint))


def predict_file(folder: Path, source: Path, output: Path, which: str = "tested") -> "pl.DataFrame":
    """Write the predictions of the run in `folder` for the rows of `source` to `output`, and return them.

    Raises:
        UserError: see `predict_run`; or the output cannot be written.
    """
    if output.suffix.lower() not in OUTPUT_ENDINGS:
        raise UserError(f"output={output}: its name must end in {' or '.join(OUTPUT_ENDINGS)}")
    if output.absolute() == source.absolute():
        raise UserError(f"output={output} would overwrite the input; name another file")
    refuse_results(output, "output")
    predictions = predict_run(folder, source, which)
    write_table(predictions, output)
    made = predictions.height - predictions[:, -1].null_count()  # none for what cannot be read, or is past
    rows = "" if made == predictions.height else f", for that many of {predictions.height} rows,"
    logger.success("{} predictions{} in {}", made, rows, output)
    return predictions


def predict_run(folder: Path, source: Path, which: str = "tested") -> "pl.DataFrame":
    """Return a row of predictions for each row of a file, in the same order.

    Args:
        folder: a run folder.
        source: a table, see `data/files/table_files.py`.
        which: `tested` (the weights behind `summary.json`), `best` or `last`.

    Returns:
        For classification `prediction` and `probability <class>` for each class; for regression the target, in its
        units. For forecasting groups and time of each row, and the quantiles of the steps that follow the last row with
        a target; other rows have none.

    Raises:
        UserError: the run or the file cannot be read, or the file lacks columns that the model needs.
    """
    settings, _ = read_run(folder)  # a mistake is answered before torch is imported
    has_reader = settings.data.states("reads_inputs")
    if not source.exists() or not has_reader or (source.is_file() and source.name.lower().endswith(ENDINGS)):
        column_names(source, "input")

    from ..checkpoints.trained import load_trained
    from ..components import build
    from ..data.new_samples import read_rows
    from ..data.spec import PanelSpec
    from ..tasks.task import Task

    trained = load_trained(folder, which)
    if isinstance(trained.task, Task) and not isinstance(trained.spec, PanelSpec):  # whose inputs are several
        trained.task.require_one_input()
    if not has_reader:
        return predicted(trained.task, read_rows(source, trained.spec))
    data = build(settings.data, seed=settings.seed)
    data.load_state_dict(trained.checkpoint[type(data).__qualname__])
    return predicted(trained.task, data.read_inputs(source, trained.spec))


def predicted(task: "LightningModule", samples: "NewSamples") -> "pl.DataFrame":
    """Return the rows of the output: what stands beside the predictions, and these where there are any."""
    import numpy as np

    tables, rows = [], []
    for inputs, places in samples.pieces:
        tables.append(predict_inputs(task, inputs))
        rows.append(places.reshape(-1))
    table, numbers = pl.concat(tables), np.concatenate(rows)
    if len(numbers) != samples.height or (numbers != np.arange(samples.height)).any():
        placed = table.with_columns(pl.Series(ROW, numbers, pl.Int64))
        every = pl.DataFrame({ROW: pl.arange(samples.height, eager=True)})
        table = every.join(placed, on=ROW, how="left", maintain_order="left").drop(ROW)
    return table if samples.beside is None else samples.beside.hstack(table)


def predict_inputs(task: "LightningModule", inputs: Any) -> "pl.DataFrame":
    """Return a row for each prediction, under their names; those of the steps of a window stand below each other."""
    import torch

    from ..tasks.task import Task

    if isinstance(inputs, tuple):
        with torch.no_grad():
            values = task(*inputs).numpy(force=True)
        return pl.DataFrame(values.reshape(-1, values.shape[-1]), schema=list(task.prediction_names))  # type: ignore[arg-type]
    return task.as_table(task.predict_array(inputs)) if isinstance(task, Task) else predict_steps(task, inputs)


def predict_steps(task: "LightningModule", inputs: "NDArray[Any]") -> "pl.DataFrame":
    """Return what a LightningModule's `predict_step(inputs, batch_idx)` makes of inputs: (B, K), or (B,).

    Raises:
        UserError: it has no such step, or that takes or returns something else.
    """
    import torch
    from lightning.pytorch.utilities.model_helpers import is_overridden

    name = type(task).__name__
    if not (is_overridden("predict_step", task) or is_overridden("forward", task)):
        raise UserError(f"{name} has no predict_step(self, batch, batch_idx): it returns a tensor for inputs (B, ...)")
    rows = torch.from_numpy(inputs)
    with torch.no_grad():
        batches = (rows.float() if rows.is_floating_point() else rows).split(PREDICTED_AT_ONCE)
        try:
            outputs = [task.predict_step(batch, number) for number, batch in enumerate(batches)]
        except Exception as error:
            took = f"inputs {tuple(rows.shape)}, a tensor with a row for each sample"
            raise UserError(
                f"predict_step of {name} cannot take {took}: {type(error).__name__}: {first_line(error)}"
            ) from error
    if not all(isinstance(output, torch.Tensor) for output in outputs):
        raise UserError(f"predict_step of {name} must return a tensor (B, K), not {type(outputs[0]).__name__}")
    values = torch.cat([output.reshape(len(output), -1) for output in outputs]).numpy(force=True)
    if len(values) != len(rows):
        raise UserError(f"predict_step of {name} returned {len(values)} predictions for {len(rows)} samples")
    names = getattr(task, "prediction_names", None) or [f"output{i + 1}" for i in range(values.shape[1])]
    return pl.DataFrame(values, schema=list(names))
