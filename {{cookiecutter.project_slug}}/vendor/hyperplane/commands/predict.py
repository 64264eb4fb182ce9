"""predict: let a trained model predict new rows. It needs nothing but the run folder.

  predict run=runs/2026-01-31/12-00-00-1a2b input=new.csv output=predictions.csv
  predict run=<folder> input=new.parquet output=out.parquet checkpoint=last
  predict run=<folder> input=photos/
  predict run=<folder> prompt="Once upon a time" temperature=0.8   for data=corpus: a text, printed

A row of output for each row of input that is not blank, in the same order. The input needs the columns that the model
was trained on, in any order, not the target. For data of one's own (data=table) values may be missing, and are read
as those of training were. Texts (data=text): the column with the texts. Signals (data=signals): a file as those of
the training, and a row of output for each signal. The nodes of a graph (data=graph): the features of all of them.
Images (data=images): a folder, one file, or a table of paths as in training; the name of each file stands beside its
prediction, and none beside a file that cannot be read. Data without a file of their own: a column for each number, in
order; where each place of an input is classified, the output has a column for each place, in order. Time series
(data=panel): for each series its last rows, and below them, with an empty target, the rows of the steps to forecast;
groups and time stand beside the quantiles.
"""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loguru import logger
from omegaconf import DictConfig, OmegaConf

from ..command_line import run_command
from ..data.files.table_files import column_names, read_as, read_table, write_table
from ..data.images.endings import is_image
from ..errors import UserError, nearest, refuse
from ..run_folder.reading import read_run
from ..run_folder.results import refuse_results

if TYPE_CHECKING:
    from lightning.pytorch import LightningModule
    from numpy.typing import NDArray
    from polars import DataFrame

    from ..checkpoints.trained import Trained
    from ..data.spec import DataSpec, PanelSpec

PREDICTED_AT_ONCE = 1024  # rows
IMAGES_AT_ONCE = 256
FILE = "file"  # the column with the names of images
OUTPUT_ENDINGS = (".csv", ".parquet")


def predict(config: DictConfig) -> "DataFrame | str":
    """Write the predictions of `config.run` for `config.input` to `config.output`, and return them.

    With `config.prompt`, print what the run writes after it, and return it.
    """
    if config.prompt is not None and not OmegaConf.is_missing(config, "run"):
        from .prompting import write_on

        return write_on(config)
    if OmegaConf.missing_keys(config):
        refuse("Name the run and the rows to predict: predict run=runs/<date>/<time> input=new.csv")
    try:
        return predict_file(Path(config.run), Path(config.input), Path(config.output), str(config.checkpoint))
    except UserError as error:
        refuse(str(error))


def predict_file(folder: Path, source: Path, output: Path, which: str = "tested") -> "DataFrame":
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
    made = predictions.height - predictions[:, -1].null_count()  # nothing is forecast for the past of a series
    are_rows = made == predictions.height or predictions.columns[0] == FILE
    rows = "predictions" if are_rows else f"forecasts, for that many of {predictions.height} rows,"
    logger.success("{} {} in {}", made, rows, output)
    return predictions


def predict_run(folder: Path, source: Path, which: str = "tested") -> "DataFrame":
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
    are_images = source.is_dir() or is_image(source.name)
    if not (has_reader or are_images):
        column_names(source, "input")

    from ..checkpoints.trained import load_trained
    from ..components import build
    from ..data.columns.encoding import TableEncoder
    from ..data.images.images import Images
    from ..data.spec import PanelSpec, TextSpec
    from ..data.tables.large_table import LargeTable
    from ..data.tables.table import Table
    from ..data.texts.text import TextEncoder
    from ..tasks.task import Task

    trained = load_trained(folder, which)
    if isinstance(trained.spec, PanelSpec):
        return forecast(trained, trained.spec, source)
    if isinstance(trained.task, Task):
        trained.task.require_one_input()
    if Images.__qualname__ in trained.checkpoint:
        return predict_images(trained, trained.checkpoint[Images.__qualname__], source)
    if are_images and not has_reader:
        raise UserError(f"input={source}: this run was not trained on images of data=images; its input is a table")
    if has_reader:
        data = build(settings.data, seed=settings.seed)
        data.load_state_dict(trained.checkpoint[type(data).__qualname__])
        inputs, names, rows = data.read_inputs(source)
        table = predicted(trained.task, inputs)[rows]
        return names.hstack(table) if names.width else table
    state = trained.checkpoint.get(Table.__qualname__) or trained.checkpoint.get(LargeTable.__qualname__)
    if isinstance(trained.spec, TextSpec):
        if not trained.spec.text:
            raise UserError('This run continues a text: predict run=... prompt="..."')
        inputs = TextEncoder.of(trained.spec).encode(read_as(source, {}, "input"), f"the rows of {source}")
    elif state is not None:
        encoder = TableEncoder.from_state(state["encoder"])
        inputs = encoder.encode(read_as(source, encoder.readings, "input"), f"the rows of {source}")
    else:
        inputs = as_inputs(read_table(source, "input"), trained.spec, source)
    return predicted(trained.task, inputs)


def predicted(task: "LightningModule", inputs: "NDArray[Any]") -> "DataFrame":
    """Return what a task makes of inputs, under the names of its predictions."""
    from ..tasks.task import Task

    return task.as_table(task.predict_array(inputs)) if isinstance(task, Task) else predict_steps(task, inputs)


def predict_images(trained: "Trained", state: dict[str, Any], source: Path) -> "DataFrame":
    """Return the name of each image, and its prediction; none stands beside a file that cannot be read.

    Args:
        trained: a run on data=images.
        state: of its data module.
        source: a folder, a file, or a table of paths.

    Raises:
        UserError: there is no image, or none can be read.
    """
    import numpy as np
    import polars

    from ..data.columns.values import listed
    from ..data.images.files import ImageShape, Unreadable, pixels_in
    from ..data.images.listing import new_images
    from ..data.images.reading import for_each

    shape = ImageShape(**state["shape"])
    files, names = new_images(source, state["column"])
    made, read, wrong = [], [], []
    for first in range(0, len(files), IMAGES_AT_ONCE):
        found = list(
            for_each(lambda path: pixels_in(path, shape)[1], files[first : first + IMAGES_AT_ONCE], "Predicting")
        )
        wrong += [f"{names[first + i]} ({one})" for i, one in enumerate(found) if isinstance(one, Unreadable)]
        right = [i for i, one in enumerate(found) if not isinstance(one, Unreadable)]
        if right:
            made.append(predicted(trained.task, np.stack([found[i] for i in right]).astype(np.float32)))
            read += [first + i for i in right]
    if not made:
        raise UserError(f"input={source}: none of {len(files)} images can be read: {listed(wrong, 5)}")
    if wrong:
        logger.warning(
            "{} of {} images cannot be read and have no prediction: {}", len(wrong), len(files), listed(wrong)
        )
    rows = polars.DataFrame({"row": range(len(names)), FILE: names})
    beside = polars.concat(made).with_columns(row=polars.Series(read, dtype=polars.Int64))
    return rows.join(beside, on="row", how="left", maintain_order="left").drop("row")


def predict_steps(task: "LightningModule", inputs: "NDArray[Any]") -> "DataFrame":
    """Return what a LightningModule's `predict_step(inputs, batch_idx)` makes of inputs: (B, K), or (B,).

    Raises:
        UserError: it has no such step, or that returns something else.
    """
    import polars
    import torch
    from lightning.pytorch.utilities.model_helpers import is_overridden

    name = type(task).__name__
    if not (is_overridden("predict_step", task) or is_overridden("forward", task)):
        raise UserError(f"{name} has no predict_step(self, batch, batch_idx): it returns a tensor for inputs (B, ...)")
    rows = torch.from_numpy(inputs)
    with torch.no_grad():
        batches = (rows.float() if rows.is_floating_point() else rows).split(PREDICTED_AT_ONCE)
        outputs = [task.predict_step(batch, number) for number, batch in enumerate(batches)]
    if not all(isinstance(output, torch.Tensor) for output in outputs):
        raise UserError(f"predict_step of {name} must return a tensor (B, K), not {type(outputs[0]).__name__}")
    values = torch.cat([output.reshape(len(output), -1) for output in outputs]).numpy(force=True)
    names = getattr(task, "prediction_names", None) or [f"output{i + 1}" for i in range(values.shape[1])]
    return polars.DataFrame(values, schema=list(names))


def forecast(trained: "Trained", spec: "PanelSpec", source: Path) -> "DataFrame":
    """Return groups, time and quantiles of each row of a panel; quantiles are empty where nothing is forecast.

    Raises:
        UserError: the run was not on data=panel, or see `data/panels/future.py`.
    """
    from ..components import build
    from ..data.panels.future import future_windows, new_rows
    from ..data.panels.panel import Panel

    settings, task, state = trained.settings, trained.task, trained.checkpoint.get(Panel.__qualname__)
    if state is None:
        raise UserError("This run forecasts a generated panel, so there are no new rows; predict is for data=panel")
    panel = build(settings.data, seed=settings.seed)
    panel.load_state_dict(state)
    table = new_rows(panel, source)
    windows, rows = future_windows(table, panel, spec, source)
    names = task.prediction_names
    quantiles = as_rows(task(*windows[:-1]).detach().numpy(), rows, table.height, names)  # type: ignore[arg-type]
    return table.select(*panel.groups, panel.time).hstack(quantiles)


def as_rows(quantiles: "NDArray[Any]", rows: "NDArray[Any]", height: int, names: list[str]) -> "DataFrame":
    """Return a table of `height` rows, with quantiles (B, H, Q) in the rows (B, H) and nothing elsewhere."""
    import numpy as np
    import polars

    values = np.full((height, len(names)), np.nan, quantiles.dtype)
    values[rows] = quantiles
    return polars.DataFrame(values, schema=names).fill_nan(None)


def as_inputs(table: "DataFrame", spec: "DataSpec", source: Path) -> "NDArray[Any]":
    """Return the numbers of a table as inputs (samples, *input_shape) float64; tokens are int64.

    Columns are taken by the names of the features, or, if it has none of them, all numeric ones in order. Where the
    data of the training stated no shape, a sample is its row.

    Raises:
        UserError: a column is not there, or holds something other than numbers, or than tokens.
    """
    import numpy as np
    import polars

    names, size = list(spec.feature_names), math.prod(spec.input_shape)
    missing = [name for name in names if name not in table.columns]
    if len(missing) == len(names):
        names = [series.name for series in table if series.dtype.is_numeric()]
        if spec.input_shape and len(names) != size:
            expected = f" such as {missing[0]!r}" if missing else ""
            raise UserError(
                f"input={source} has {len(names)} numeric columns; this model takes {size}{expected} "
                f"(shape {spec.input_shape})"
            )
    elif missing:
        raise UserError(f"input={source} has no column {missing[0]!r}. {nearest(missing[0], table.columns)}")
    inputs = table[names].cast(polars.Float64, strict=False).to_numpy()
    right, numbers = np.isfinite(inputs), "numbers"
    if spec.num_tokens:
        right = right & (inputs == np.round(inputs)) & (inputs >= 0) & (inputs < spec.num_tokens)
        numbers = f"tokens, whole numbers from 0 to {spec.num_tokens - 1}"
    wrong = np.argwhere(~right)
    if len(wrong):
        row, column = wrong[0]
        raise UserError(
            f"input={source}: column {names[column]!r} must hold {numbers}, but row {row + 1} has "
            f"{table[names[column]][int(row)]!r}"
        )
    inputs = inputs.astype(np.int64) if spec.num_tokens else inputs
    return np.ascontiguousarray(inputs.reshape(len(inputs), *(spec.input_shape or inputs.shape[1:])))


def main() -> None:
    """Run the command."""
    run_command("predict")
