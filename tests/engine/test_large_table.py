"""A table on disk: the same rows, split and statistics as in memory, in an order of its own, and what is refused."""

import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars
import pytest
import torch
from hyperplane.data.scaling import moments
from hyperplane.data.tables import chunks, shards, written_table
from hyperplane.data.tables.large_table import LargeTable
from hyperplane.data.tables.shards import ShardBatches, Shards
from hyperplane.data.tables.table import Table
from hyperplane.errors import UserError
from hyperplane.tasks.task import Task

ROWS = 1000


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    """Several shards and chunks for a small table."""
    monkeypatch.setattr(shards, "SHARD_BYTES", 2000)
    monkeypatch.setattr("hyperplane.data.files.table_files.LARGE", 0)
    for module in (written_table, chunks):
        monkeypatch.setattr(module, "CHUNK", 170)


@pytest.fixture
def frame():
    """Houses, sorted by their price, with holes in every column."""
    random = np.random.default_rng(0)
    area = random.uniform(40, 200, ROWS)
    return polars.DataFrame(
        {
            "name": [f"house {row}" for row in range(ROWS)],
            "area": [None if row % 10 == 0 else float(area[row]) for row in range(ROWS)],
            "heating": [None if row % 7 == 0 else ["gas", "oil"][row % 2] for row in range(ROWS)],
            "rooms": [row % 5 for row in range(ROWS)],
            "stars": [["one", "two", "three"][row % 3] for row in range(ROWS)],
            "price": [None if row % 50 == 0 else float(3 * area[row]) for row in range(ROWS)],
        }
    ).sort("price")


@pytest.fixture
def load(frame, tmp_path):
    """`load(LargeTable, "houses.csv", target="price")` returns the data set."""
    frame.write_parquet(tmp_path / "houses.parquet")
    frame.write_csv(tmp_path / "houses.csv")

    def make(kind, name="houses.parquet", **settings):
        own = {"folder": str(tmp_path / "data")} if kind is LargeTable else {}
        loading = {"target": "price", "batch_size": 30, "val_fraction": 0.1, "standardize": True, "seed": 3}
        data = kind(path=str(tmp_path / name), **{**own, **loading, **settings})
        data.setup()
        return data

    return make


def all_rows(batches):
    """The rows of an epoch: inputs and targets side by side."""
    return torch.cat([torch.cat([inputs, targets.reshape(len(inputs), 1)], dim=1) for inputs, targets in batches])


def in_order(rows):
    return rows[np.lexsort(rows.numpy().T)]


@pytest.mark.parametrize("name", ["houses.csv", "houses.parquet"])
@pytest.mark.parametrize("target", ["price", "stars"])
def test_rows_on_disk_are_those_in_memory(load, name, target):
    here, there = load(Table, name, target=target), load(LargeTable, name, target=target)
    assert there.spec == replace(here.spec, ridge=None), "a penalty is looked for in memory alone"
    assert there.encoder.state() == here.encoder.state()
    assert len(there.shards["train"].starts) > 5 and there.validates
    for part in ("train", "val", "test"):
        found = in_order(all_rows(there.evaluation_batches(part)))
        torch.testing.assert_close(found, in_order(all_rows(here.evaluation_batches(part))), rtol=1e-5, atol=1e-6)
    assert [*there.scaling.state_dict()] == [*here.scaling.state_dict()]


def test_a_column_can_say_which_part_a_row_is_for(frame, load, tmp_path):
    part = [["train", "val", "test", "train"][row % 4] for row in range(ROWS)]
    frame.with_columns(part=polars.Series(part)).write_parquet(tmp_path / "own.parquet")
    here, there = (load(kind, "own.parquet", split_column="part") for kind in (Table, LargeTable))
    sizes = {name: len(inputs) for name, (inputs, _) in here.raw.items()}
    assert {name: rows.rows for name, rows in there.shards.items()} == sizes


def test_an_epoch_holds_every_row_once_in_an_order_of_its_own(load):
    data = load(LargeTable)
    batches = data.train_dataloader()
    epochs = []
    for epoch in (0, 1, 0):
        batches.set_epoch(epoch)
        sizes = [len(targets) for _, targets in batches]
        assert len(sizes) == len(batches) and set(sizes) == {29, 30} and sum(sizes) == data.spec.train_size
        epochs.append(all_rows(batches))
    assert torch.equal(epochs[0], epochs[2]) and not torch.equal(epochs[0], epochs[1])
    assert torch.equal(in_order(epochs[0]), in_order(epochs[1]))


@pytest.mark.parametrize("batch_size", [7, 30, 400])
@pytest.mark.parametrize("shuffle", [True, False])
def test_an_epoch_goes_on_where_it_was_left(load, batch_size, shuffle):
    data = load(LargeTable, batch_size=batch_size, shuffle=shuffle)
    whole = list(data.train_dataloader())
    for taken in (0, 1, len(whole) // 2, len(whole)):
        batches = data.train_dataloader()
        batches.load_state_dict({"taken": taken})
        rest = list(batches)
        assert len(rest) == len(whole) - taken
        if rest:
            assert torch.equal(all_rows(rest), all_rows(whole[taken:]))


def test_shards_of_a_sorted_table_are_samples_of_it(tmp_path):
    rows = Shards(tmp_path, "train", rows=40_000, features=1, target_type="int64")
    shards.SHARD_BYTES = 12 * 4000  # ten shards
    for first in range(0, 40_000, 8000):
        order = first + np.random.default_rng(first).permutation(8000)
        rows.write(first, order[:, None].astype(np.float32), order)
    for shard in range(10):
        inputs, targets = rows.read(shard)
        assert torch.equal(inputs[:, 0].long(), targets) and len(targets) == 4000
        assert abs(targets.double().mean() - 20_000) < 4 * 40_000 / np.sqrt(12 * 4000)
    batches = [*ShardBatches(rows, lambda *batch: batch, 67, seed=1)]
    assert not any(tensor.data_ptr() % 64 for batch in batches for tensor in batch), "as one that is drawn by itself"
    seen = torch.cat([targets for _, targets in batches])
    assert torch.equal(seen.sort().values, torch.arange(40_000))


def test_a_table_is_encoded_once(load, tmp_path, monkeypatch):
    first = load(LargeTable)
    made = {path: path.stat().st_mtime_ns for path in (tmp_path / "data").glob("houses-*/*")}
    assert {path.suffix for path in made} == {".inputs", ".targets", ".json"} and len(made) == 7
    monkeypatch.setattr(LargeTable, "write", None)
    again = load(LargeTable)
    assert torch.equal(all_rows(again.train_dataloader()), all_rows(first.train_dataloader()))
    with pytest.raises(TypeError):
        load(LargeTable, seed=4)  # another split
    os.utime(tmp_path / "houses.parquet", (1, 1))
    with pytest.raises(TypeError):
        load(LargeTable)


def test_a_table_that_was_half_encoded_is_encoded_anew(load, tmp_path, monkeypatch):
    monkeypatch.setattr(LargeTable, "moments", None)  # the last step
    with pytest.raises(TypeError):
        load(LargeTable)
    assert not list((tmp_path / "data").glob("houses-*"))
    monkeypatch.undo()
    (folder,) = (path.parent for path in (load(LargeTable), *(tmp_path / "data").glob("houses-*/table.json"))[1:])
    (folder / "table.json").unlink()
    assert load(LargeTable).spec.train_size == 706


def test_a_spread_that_is_small_beside_the_mean_is_one():
    values = 2.0**53 + torch.tensor([[0.0], [200.0], [400.0]], dtype=torch.double)
    assert moments(values)[1].item() == pytest.approx(200 * (2 / 3) ** 0.5)
    assert moments(torch.full((1000, 1), 0.1, dtype=torch.double))[1].item() == 1


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"target": "prise"}, "Did you mean price?"),
        ({"target": "name"}, "too many for classes"),
        ({"ignore": ("area", "heating", "rooms", "stars")}, "no column left"),
        ({"name": "none.parquet"}, "does not exist"),
        ({"name": "bad.parquet"}, "cannot be read"),
    ],
)
def test_a_table_that_makes_no_task_is_refused(load, tmp_path, settings, message):
    (tmp_path / "bad.parquet").write_bytes(b"nonsense")
    with pytest.raises(UserError, match=message.replace("?", r"\?")):
        load(LargeTable, **settings)


def test_no_space_for_the_rows_is_said_before_they_are_written(load, monkeypatch):
    full = shutil.disk_usage("/")._replace(free=100)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    with pytest.raises(UserError, match=r"the encoded rows need .* GiB, 0.0 GiB are free"):
        load(LargeTable)


def test_every_command_serves_a_large_table(frame, train, command, monkeypatch):
    frame.write_csv("houses.csv")
    table = ("data=large_table", "data.path=houses.csv", "data.target=price", "data.batch_size=30")
    whole = train(*table, "trainer.max_epochs=2", "figures=true")
    assert (whole.folder / "figures" / "residuals.png").is_file()
    with monkeypatch.context() as patch:
        steps, step = iter(range(48)), Task.training_step
        stop = lambda: next(steps) == 30 and signal.raise_signal(signal.SIGTERM)  # noqa: E731
        patch.setattr(Task, "training_step", lambda *arguments: (stop(), step(*arguments))[1])
        part = train(*table, "trainer.max_epochs=2", status=143)
    assert part.summary["steps"] == 31
    resumed = command("train", f"resume={part.folder}")
    assert resumed.status == 0, resumed.stderr
    assert part.summary["steps"] == whole.summary["steps"] == 48
    assert part.summary["metrics"] == whole.summary["metrics"]
    done = command("evaluate", f"run={whole.folder}")
    assert done.status == 0 and done.stderr.count("as in summary.json") == 4, done.stderr
    Path("houses.csv").rename("new.csv")
    done = command("predict", f"run={whole.folder}", "input=new.csv", "output=out.csv")
    assert done.status == 0 and polars.read_csv("out.csv").height == ROWS, done.stderr


def test_a_model_that_is_solved_at_once_is_refused(load):
    with pytest.raises(UserError, match="choose data=table"):
        load(LargeTable).training_samples()
