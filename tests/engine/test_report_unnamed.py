"""Runs with the same overrides whose defaults or data files differ are told apart, and not pooled without a word."""

import csv
import tracemalloc

import pytest
from hyperplane.commands.report import main
from hyperplane.reporting.summaries import find_runs, read_reported_run
from hyperplane.reporting.unnamed import add_unnamed
from omegaconf import OmegaConf

import synthetic_runs

write_run, write_summary = synthetic_runs.write_run, synthetic_runs.write_summary


def config(seed, rate=0.01, fold=None, **more):
    """What Hydra records of a run."""
    data = {"path": "houses.csv", **({} if fold is None else {"folds": 5, "fold": fold})}
    values = {"model": {"width": 10}, "data": data, "optimizer": {"lr": rate}, "seed": seed, "sweep": "${now:%H}"}
    return OmegaConf.to_yaml(OmegaConf.create({**values, "tracking": {"tags": [str(seed)]}, **more}))


def rows_of(folder):
    with (folder / "report" / "table.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_default_that_was_edited_between_seeds_is_a_column_of_the_report(tmp_path, capsys):
    for seed, rate in ((1, 0.01), (2, 0.01), (3, 1e-4)):
        write_run(tmp_path / str(seed), seed, 0.5 + seed / 10, config=config(seed, rate))
    write_run(tmp_path / "typed", 4, 0.6, settings={"optimizer.lr": "1e-2"}, config=config(4, 0.01))
    write_run(tmp_path / "cnn", 1, 0.9, model="cnn", config=config(1, 0.5))
    assert main([str(tmp_path)]) == 0
    rows = {(row["model"], row["optimizer.lr"]): row for row in rows_of(tmp_path)}
    assert {key: row["runs"] for key, row in rows.items()} == {
        ("mlp", "0.01"): "3",
        ("mlp", "0.0001"): "1",
        ("cnn", "0.5"): "1",
    }
    assert float(rows["mlp", "0.01"]["test/accuracy_mean"]) == pytest.approx((0.6 + 0.7 + 0.6) / 3)
    said = "Runs with the same overrides differ in optimizer.lr, as a file under configs/ was changed between them"
    assert said in capsys.readouterr().out
    assert main([str(tmp_path), "--group-by", "model"]) == 0
    assert "mean over runs that also differ in optimizer.lr." in capsys.readouterr().out


def test_seeds_and_folds_of_one_configuration_stay_one_row(tmp_path, capsys):
    for seed in (1, 2):
        for fold in (0, 1):
            settings = {"data.folds": 5, "data.fold": fold}
            write_run(tmp_path / f"{seed}{fold}", seed, 0.5, settings=settings, config=config(seed, fold=fold))
    assert main([str(tmp_path)]) == 0
    (row,) = rows_of(tmp_path)
    assert row["runs"] == "4" and "same overrides differ" not in capsys.readouterr().out


def test_a_value_that_only_some_configurations_have_is_named_and_splits_nothing(tmp_path, capsys):
    write_run(tmp_path / "1", 1, 0.5, config=config(1))
    write_run(tmp_path / "2", 2, 0.5, config=config(2, checkpoint={"mode": None, "test": "best"}))
    assert main([str(tmp_path)]) == 0
    (row,) = rows_of(tmp_path)
    said = "Runs with the same overrides differ in checkpoint.mode, checkpoint.test, which only some of them have"
    assert row["runs"] == "2" and said in capsys.readouterr().out


def test_a_data_file_that_was_changed_is_a_column_of_the_report(tmp_path, capsys):
    """As the issue met it: half of the lines of a file were deleted between seeds."""
    for seed, digest in ((1, "aaaaaaaa11"), (2, "aaaaaaaa11"), (3, "bbbbbbbb22")):
        digests = {"some where/houses.csv": digest}
        write_run(tmp_path / str(seed), seed, seed / 10, model="linear", data_files=digests)
    write_run(tmp_path / "other", 1, 0.5, model="linear", data="moons", data_files={"else.csv": "cc"})
    write_run(tmp_path / "running", 4, None, model="linear", status=None)
    assert main([str(tmp_path)]) == 0
    rows = [(row["data"], row["houses.csv"], row["runs"], row["unfinished"]) for row in rows_of(tmp_path)]
    assert rows == [
        ("mnist1d", "aaaaaaaa", "2", "0"),
        ("mnist1d", "bbbbbbbb", "1", "0"),
        ("mnist1d", "unknown", "0", "1"),
        ("moons", "none", "1", "0"),
    ]
    assert "some where/houses.csv was changed between runs: houses.csv is a setting" in capsys.readouterr().out


@pytest.mark.parametrize(
    "text", ["", "[", "- 1\n", "a: &a [*a]\n", "a: " + 3000 * "[", "!!python/object/apply:os.system ['true']", "\x00"]
)
def test_a_configuration_that_cannot_be_read_is_passed_over(tmp_path, text):
    write_run(tmp_path / "1", 1, 0.5, config=config(1))
    write_run(tmp_path / "2", 2, 0.5, config=text)
    assert main([str(tmp_path)]) == 0
    assert [row["runs"] for row in rows_of(tmp_path)] == ["2"]


def test_a_configuration_without_end_is_passed_over(tmp_path):
    lines = ["a0: &a0 [1, 2]", *(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 40))]
    for seed in (1, 2):
        write_run(tmp_path / str(seed), seed, 0.5, config="\n".join([*lines, f"b: {seed}"]))
    assert main([str(tmp_path)]) == 0
    assert [row["runs"] for row in rows_of(tmp_path)] == ["2"]


def test_ten_thousand_runs_fit_in_memory(tmp_path):
    digests = {f"{name}.yaml": 64 * "0" for name in ("config", "hydra", "overrides", "best", "last")}
    for width in range(20):
        settings = {"model.width": width, "optimizer.lr": 0.1, "data.batch_size": 10}
        write_run(tmp_path / str(width), 1, 0.5, settings=settings, files=digests, config=f"text: {100_000 * 'a'}\n")
    tracemalloc.start()
    try:
        add_unnamed(find_runs(tmp_path))
        assert tracemalloc.get_traced_memory()[1] < 1_000_000  # the texts of all are 2 MB
        before = tracemalloc.get_traced_memory()[0]
        kept = [read_reported_run(tmp_path / "3" / "summary.json") for _ in range(50)]
        each = (tracemalloc.get_traced_memory()[0] - before) / len(kept)
        assert each < 2_000  # it is 1,300; with digests that nobody reads, and sets of its own, 3,500
    finally:
        tracemalloc.stop()
