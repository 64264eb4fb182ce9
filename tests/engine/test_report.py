"""`report` groups runs by setting, averages over seeds, and names what is missing."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest
from hyperplane.commands.report import main
from hyperplane.project import current
from hyperplane.reporting.summaries import load_summary
from hyperplane.run_folder.integrity import seal

import synthetic_runs

write_run, write_summary = synthetic_runs.write_run, synthetic_runs.write_summary

PUBLISHED = current().folder.parents[1] / "references" / "mnist1d_published.csv"


def table(folder: Path) -> list[dict[str, str]]:
    with (folder / "table.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_row_is_mean_and_sample_std_over_the_seeds_of_one_setting(tmp_path: Path) -> None:
    for seed, accuracy in enumerate((0.6, 0.7, 0.8)):
        write_run(tmp_path / f"mlp{seed}", seed, accuracy)
    write_run(tmp_path / "cnn", 0, 0.9, model="cnn")

    assert main([str(tmp_path)]) == 0

    cnn, mlp = table(tmp_path / "report")
    assert list(mlp) == [
        "model",
        "runs",
        "test/accuracy_mean",
        "test/accuracy_std",
        "test/accuracy_low",
        "test/accuracy_high",
        "failed",
        "interrupted",
        "pruned",
        "unfinished",
    ]
    assert (mlp["model"], mlp["runs"]) == ("mlp", "3")
    assert float(mlp["test/accuracy_mean"]) == pytest.approx(0.7)
    assert float(mlp["test/accuracy_std"]) == pytest.approx(0.1)  # sqrt((0.01 + 0 + 0.01) / 2)
    assert [float(mlp[f"test/accuracy_{end}"]) for end in ("low", "high")] == pytest.approx([0.6, 0.8])
    assert [cnn[f"test/accuracy_{part}"] for part in ("mean", "std", "low", "high")] == ["0.9", "", "", ""]
    assert cnn["runs"] == "1"


def test_what_all_runs_were_told_to_monitor_is_shown_and_chooses_the_best(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for rate, f1 in (("0.1", 0.6), ("0.01", 0.8)):
        metrics = {"val/f1": f1, "test/f1": f1 - 0.1, "val/accuracy": 1 - f1, "test/accuracy": 1 - f1}
        overrides = [f"optimizer.lr={rate}", "checkpoint.monitor=val/f1"]
        write_run(
            tmp_path / rate,
            0,
            None,
            metrics=metrics,
            overrides=overrides,
            higher_is_better={"f1": True, "accuracy": True},
        )
    assert main([str(tmp_path)]) == 0
    assert [key for key in table(tmp_path / "report")[0] if key.endswith("_mean")] == ["test/f1_mean"]
    assert "Best by the highest mean val/f1: optimizer.lr=0.01" in capsys.readouterr().out
    for trials, best in (("val/accuracy,maximize", "0.1"), ("val/accuracy,val/f1,maximize", "0.01"), ("", "0.01")):
        metric, _, direction = trials.rpartition(",")
        (tmp_path / "trials.csv").write_text(f"trial,state,{metric},direction,epochs\n" * bool(direction))
        assert main([str(tmp_path)]) == 0
        assert f": optimizer.lr={best} (1 run)" in capsys.readouterr().out
    (tmp_path / "trials.csv").write_text("trial,state,val/accuracy,direction,epochs\n")
    main([str(tmp_path)])
    columns = [key for key in table(tmp_path / "report")[0] if key.endswith("_mean")]
    assert columns == ["test/accuracy_mean"] and "by the highest mean val/accuracy" in capsys.readouterr().out


def test_a_row_per_override_that_varies_and_none_for_what_does_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for i, (rate, seed) in enumerate([("0.1", 1), ("0.01", 1), ("0.1", 2)]):
        overrides = [f"optimizer.lr={rate}", "+trainer.x=1", f"seed={seed}", f"sweep=s{i}"]
        write_run(tmp_path / str(i), seed, 0.5, overrides=overrides)
    write_run(tmp_path / "plain", 1, 0.5, overrides=["+trainer.x=1"])

    assert main([str(tmp_path)]) == 0

    rows = table(tmp_path / "report")
    assert [(row["optimizer.lr"], row["runs"]) for row in rows] == [
        ("0.01", "1"),
        ("0.1", "2"),
        ("default", "1"),
    ]
    assert "model" not in rows[0]
    assert "The same in every run: trainer.x=1 model=mlp data=mnist1d" in capsys.readouterr().out


def test_what_a_model_chose_is_not_called_the_same_in_every_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for model, scheduler in (("mlp", "none"), ("resnet", "cosine")):
        choices = {"model": model, "data": "digits", "scheduler": scheduler}
        write_run(tmp_path / model, 0, 0.5, choices=choices, overrides=[f"model={model}", "data=digits"])
    assert main([str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "The same in every run: data=digits\n" in said and "scheduler" not in said


def test_failed_interrupted_unfinished_and_broken_runs_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(tmp_path / "good", 0, 0.5)
    error = "ValueError: [bad] shape\nmore lines"
    failed = write_run(tmp_path / "bad", 1, None, status="failed", error=error)
    write_run(tmp_path / "stopped", 2, 0.1, status="interrupted", error="Ctrl-C")
    (tmp_path / "running" / ".hydra").mkdir(parents=True)
    for name, text in {"cut": '{"status": "comp', "list": "[]", "other": '{"status": 1}'}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "summary.json").write_text(text)
    write_run(tmp_path / "good" / "wandb" / "copy", 3, 0.1)

    assert main([str(tmp_path)]) == 0

    (row,) = table(tmp_path / "report")
    assert (row["runs"], row["failed"], row["interrupted"]) == ("1", "1", "1")
    assert float(row["test/accuracy_mean"]) == 0.5
    printed = capsys.readouterr().out
    markdown = (tmp_path / "report" / "table.md").read_text(encoding="utf-8")
    for text in (printed, markdown):
        assert f"- {failed} (failed): ValueError: [bad] shape\n" in text
        assert "(interrupted): Ctrl-C" in text
        assert f"1 still running, or killed (no summary.json):\n- {tmp_path / 'running'}\n" in text
        assert "3 left out, cannot be read:" in text
        assert str(tmp_path / "cut" / "summary.json") in text


def test_a_summary_that_was_changed_is_named_and_no_number_of_it_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for seed, accuracy in enumerate((0.5, 0.6)):
        folder = write_run(tmp_path / str(seed), seed, accuracy)
        (folder / "summary.json").write_text(seal(load_summary(folder / "summary.json"), folder))
    path = folder / "summary.json"
    path.write_text(path.read_text().replace("0.6", "0.9"))
    assert main([str(tmp_path)]) == 0
    assert [(row["runs"], row["test/accuracy_mean"]) for row in table(tmp_path / "report")] == [("1", "0.5")]
    assert f"1 left out, cannot be read:\n- {path}: was changed after the run wrote it" in capsys.readouterr().out


def test_the_same_seed_twice_is_pointed_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(tmp_path / "a", 7, 0.5)
    write_run(tmp_path / "b", 7, 0.5)
    assert main([str(tmp_path)]) == 0
    assert "- model=mlp data=mnist1d seed=7: 2 runs" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("metrics", "shown"),
    [
        ([["loss", "accuracy"], ["loss", "accuracy", "f1"]], ["test/accuracy"]),
        ([["loss", "rmse", "mae", "r2"]], ["test/r2", "test/mae"]),
        ([["loss", "mae"]], ["test/mae"]),
        ([["loss", "quantile_loss"]], ["test/quantile_loss"]),
        ([["elbo", "loss"]], ["test/loss"]),
        ([["elbo"]], ["test/elbo"]),
        ([["loss", "accuracy"], ["loss", "mae", "r2"], []], ["test/accuracy", "test/r2", "test/mae"]),
        (
            [["loss", "mae", "r2"], ["quantile_loss", "mae", "mase"]],
            ["test/quantile_loss", "test/mae", "test/mase", "test/r2"],
        ),
        ([["accuracy"], ["loss"]], ["test/accuracy", "test/loss"]),
        ([[]], ["test/accuracy"]),
    ],
)
def test_the_metrics_shown_are_those_that_say_most_of_the_runs(
    tmp_path: Path, metrics: list[list[str]], shown: list[str]
) -> None:
    for seed, names in enumerate(metrics):
        values = {f"{stage}/{name}": 0.5 for stage in ("train", "val", "test") for name in names}
        write_run(tmp_path / str(seed), seed, None, metrics=values)
    assert main([str(tmp_path)]) == 0
    (row,) = table(tmp_path / "report")
    assert [key.removesuffix("_mean") for key in row if key.endswith("_mean")] == shown


def test_the_metrics_of_a_validation_are_shown_where_nothing_was_tested(tmp_path: Path) -> None:
    write_run(tmp_path / "a", 0, None, metrics={"val/r2": 0.5, "val/mae": 2.0, "val/loss": 0.1, "train/loss": 0.1})
    assert main([str(tmp_path)]) == 0
    (row,) = table(tmp_path / "report")
    assert [key for key in row if key.endswith("_mean")] == ["val/r2_mean", "val/mae_mean"]


def test_a_diverged_run_shows_as_nan_and_does_not_break_the_chart(tmp_path: Path) -> None:
    write_run(tmp_path / "a", 0, 0.5, metrics={"test/loss": None})
    write_run(tmp_path / "b", 0, 0.5, metrics={"test/loss": 2.0}, model="cnn")
    assert main([str(tmp_path)]) == 0
    assert [row["test/loss_mean"] for row in table(tmp_path / "report")] == ["2.0", "nan"]


def test_published_figures_stand_beside_ours_with_note_and_source(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for model in ("cnn", "mlp", "linear"):
        write_run(tmp_path / model, 0, 0.5, model=model)
        write_run(tmp_path / f"{model}_shuffled", 0, 0.5, model=model, data="mnist1d_shuffled")

    assert main([str(tmp_path), "--reference", str(PUBLISHED)]) == 0

    rows = table(tmp_path / "report")
    assert [(row["model"], row["published"]) for row in rows] == [  # in the order of the file
        ("linear", "0.32"),
        ("mlp", "0.68"),
        ("cnn", "0.94"),
        ("linear", "0.32"),
        ("mlp", "0.68"),
        ("cnn", "0.56"),
    ]
    assert rows[4]["authors_code_step_6000"] == "0.633"
    printed = capsys.readouterr().out
    assert printed.count("0.68 [1]") == 2
    assert printed.count("[1] The published 0.68") == 1
    assert "Source: Greydanus & Kobak 2024" in printed


def test_output_is_plain_in_a_pipe_and_ends_with_the_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(tmp_path / "runs" / "a", 0, 0.25)
    output = tmp_path / "elsewhere" / "deep"

    assert main([str(tmp_path / "runs"), "--output", str(output), "--metric", "test/loss"]) == 0

    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    files = ["table.csv", "table.md", "table.tex", "report.html", "chart.png"]
    assert printed.splitlines()[-5:] == [f"Written: {output / name}" for name in files]
    assert sorted(path.name for path in output.iterdir()) == sorted(files)  # nothing half-written
    assert (output / "chart.png").read_bytes().startswith(b"\x89PNG")
    assert "| mlp | mnist1d | 1 | 1 | 0 |" in (output / "table.md").read_text(encoding="utf-8")


def test_a_running_sweep_counts_what_is_unfinished_by_its_setting(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(tmp_path / "done", 0, 0.5)
    write_run(tmp_path / "running", 1, None, status=None)
    write_run(tmp_path / "other", 1, None, status=None, model="cnn")
    (tmp_path / "just begun" / ".hydra").mkdir(parents=True)

    assert main([str(tmp_path)]) == 0

    rows = [(row["model"], row["runs"], row["unfinished"]) for row in table(tmp_path / "report")]
    assert rows == [("cnn", "0", "1"), ("mlp", "1", "1")]
    assert "3 still running, or killed" in capsys.readouterr().out


def test_pruned_trials_are_counted_apart_and_in_no_mean(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(tmp_path / "a", 0, 0.5)
    for seed, status in ((1, "completed"), (2, "interrupted")):
        write_run(tmp_path / str(seed), seed, 0.9, status=status, pruned=True)
    assert main([str(tmp_path)]) == 0
    (row,) = table(tmp_path / "report")
    assert (row["runs"], row["test/accuracy_mean"], row["interrupted"], row["pruned"]) == ("1", "0.5", "0", "2")
    printed = capsys.readouterr().out
    assert "2 pruned by the search before their end" in printed and "failed or interrupted:" not in printed


def test_rows_can_be_grouped_by_any_setting_and_say_what_they_are_a_mean_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for i, (model, rate, seed) in enumerate([("mlp", "0.1", 0), ("mlp", "0.2", 1), ("cnn", "0.1", 0)]):
        write_run(tmp_path / str(i), seed, 0.1 * (i + 1), model=model, settings={"optimizer.lr": rate})

    assert main([str(tmp_path), "--group-by", "model"]) == 0
    rows = table(tmp_path / "report")
    assert [(row["model"], row["runs"]) for row in rows] == [("cnn", "1"), ("mlp", "2")]
    assert float(rows[1]["test/accuracy_mean"]) == pytest.approx(0.15)
    assert "Each row is a mean over runs that also differ in optimizer.lr." in capsys.readouterr().out

    assert main([str(tmp_path), "--group-by", "seed", "--group-by", "optimizer.lr"]) == 0
    rows = [(row["seed"], row["optimizer.lr"], row["runs"]) for row in table(tmp_path / "report")]
    assert rows == [("0", "0.1", "2"), ("1", "0.2", "1")]


def test_the_best_setting_is_chosen_on_validation_data_and_shown_with_its_test_value(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for i, (rate, val, test) in enumerate([("0.1", 0.8, 0.5), ("0.2", 0.7, 0.9)]):
        write_run(tmp_path / str(i), 0, test, val=val, settings={"optimizer.lr": rate})
    assert main([str(tmp_path)]) == 0
    best = "Best by the highest mean val/accuracy: optimizer.lr=0.1 (1 run): val/accuracy 0.800, test/accuracy 0.500\n"
    assert best in capsys.readouterr().out

    metrics = {"test/loss": 1.0, "val/loss": 0.1}
    write_run(tmp_path / "low", 0, None, metrics=metrics, settings={"optimizer.lr": "0.3"})
    write_run(tmp_path / "lost", 1, None, status="failed", settings={"optimizer.lr": "0.3"})
    write_run(tmp_path / "high", 0, None, metrics=metrics | {"val/loss": 0.2}, settings={"optimizer.lr": "0.4"})
    assert main([str(tmp_path), "--metric", "test/loss"]) == 0
    printed = capsys.readouterr().out
    assert "Best by the lowest mean val/loss: optimizer.lr=0.3 (1 run, 1 more not completed): val/loss 0.1," in printed


@pytest.mark.parametrize(
    ("metric", "direction", "best"),
    [
        ("accuracy", True, "0.95"),
        ("f1", True, "0.95"),
        ("loss", False, "0.1"),
        ("perplexity", False, "0.1"),
        ("my_own", True, "0.95"),
        ("my_own", False, "0.1"),
        ("night/my_own", False, "0.1"),  # of a second validation loader
    ],
)
def test_what_is_best_follows_from_the_direction_that_the_runs_state(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], metric: str, direction: bool, best: str
) -> None:
    stated = {metric.rpartition("/")[2]: direction}
    for value in (0.1, 0.5, 0.95):
        metrics = {f"test/{metric}": value, f"val/{metric}": value}
        settings = {"optimizer.lr": value}
        write_run(tmp_path / str(value), 0, None, metrics=metrics, settings=settings, higher_is_better=stated)
    assert main([str(tmp_path), "--metric", f"test/{metric}"]) == 0
    word = "highest" if direction else "lowest"
    assert f"Best by the {word} mean val/{metric}: optimizer.lr={best} (1 run)" in capsys.readouterr().out
    latex = (tmp_path / "report" / "table.tex").read_text(encoding="utf-8")
    assert r"    \textbf{" + best + r"} & \textbf{1} &" in latex and latex.count(r"\textbf") == 3


@pytest.mark.parametrize(
    ("stated", "why"),
    [
        ([{}, {}, {}], "no run states whether a higher or a lower val/f1 is better. State it with the metric"),
        ([{"f1": None}, {"f1": "yes"}, {"loss": False}], "no run states whether a higher or a lower val/f1 is better"),
        (
            [{"f1": True}, {"f1": False}, {"f1": True}],
            "runs disagree whether a higher val/f1 is better (2 say yes, 1 say",
        ),
    ],
)
def test_there_is_no_best_where_runs_do_not_state_what_is_better(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], stated: list[dict[str, object]], why: str
) -> None:
    for i, directions in enumerate(stated):
        metrics = {"test/f1": i / 10, "val/f1": i / 10, "val/loss": 1.0 - i / 10}
        directions = directions | {"loss": False}
        write_run(tmp_path / str(i), 0, None, metrics=metrics, model=f"m{i}", higher_is_better=directions)
    assert main([str(tmp_path), "--metric", "test/f1"]) == 0
    printed = capsys.readouterr().out
    assert f"No best setting: {why}" in printed and "Best" not in printed
    assert "--metric chooses by another one: val/loss." in printed
    assert r"\textbf" not in (tmp_path / "report" / "table.tex").read_text(encoding="utf-8")
    assert 'class="best"' not in (tmp_path / "report" / "report.html").read_text(encoding="utf-8")

    assert main([str(tmp_path), "--metric", "val/loss", "--metric", "test/f1"]) == 0
    assert "Best by the lowest mean val/loss: model=m2 (1 run)" in capsys.readouterr().out


def test_several_validation_loaders_are_named_where_none_was_chosen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for model, day, night in (("mlp", 0.9, 0.5), ("cnn", 0.8, 0.7)):
        metrics = {"test/accuracy": 0.5, "val/day/accuracy": day, "val/night/accuracy": night}
        write_run(tmp_path / model, 0, None, metrics=metrics, model=model)
    assert main([str(tmp_path)]) == 0
    said = "No best setting: no completed run has val/accuracy, and test data must not choose. "
    assert said + "--metric chooses by another one: val/day/accuracy, val/night/accuracy." in capsys.readouterr().out
    for loader, best in (("day", "mlp"), ("night", "cnn")):
        assert main([str(tmp_path), "--metric", f"val/{loader}/accuracy"]) == 0
        assert f"Best by the highest mean val/{loader}/accuracy: model={best}" in capsys.readouterr().out


def test_a_best_setting_that_others_equal_is_said_to_be_one_of_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for i, val in enumerate((1.0, 1.0, 0.9, 1.0)):
        write_run(tmp_path / str(i), 0, 0.5, val=val, settings={"optimizer.lr": i})
    assert main([str(tmp_path)]) == 0
    assert "optimizer.lr=0 (1 run, 2 others as good): val/accuracy 1.000" in capsys.readouterr().out


def test_targets_have_a_best_setting_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for target, val in (("price", 0.9), ("rent", 0.5)):
        for rate in (0.1, 0.2):
            settings = {"data.target": target, "optimizer.lr": rate}
            write_run(tmp_path / f"{target}{rate}", 0, 0.5, val=val + rate, settings=settings)
    assert main([str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    for target in ("price", "rent"):
        best = f"Best on data.target={target} by the highest mean val/accuracy: data.target={target} optimizer.lr=0.2"
        assert best in printed


def test_data_sets_have_a_best_setting_each_and_without_validation_there_is_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for data, better in (("a", "mlp"), ("b", "cnn")):
        for model in ("mlp", "cnn"):
            write_run(tmp_path / (data + model), 0, 0.5, val=0.7 if model == better else 0.6, data=data, model=model)
    write_run(tmp_path / "c", 0, None, data="c", metrics={"test/r2": 0.3})
    assert main([str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    best = "model=mlp data=a (1 run): val/accuracy 0.700, test/accuracy 0.500\n"
    assert f"Best on a by the highest mean val/accuracy: {best}" in printed, "and no r2, which it lacks"
    assert "Best on b by the highest mean val/accuracy: model=cnn data=b" in printed

    for folder, model in (("x", "mlp"), ("y", "cnn")):
        write_run(tmp_path / "tested only" / folder, 0, 0.5, model=model)
    assert main([str(tmp_path / "tested only")]) == 0
    assert "No best setting: no completed run has val/accuracy" in capsys.readouterr().out


def test_what_a_stranger_wrote_cannot_steer_the_terminal_or_stop_the_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(tmp_path / "a", 0, 0.5, settings={"x": "\x1b[2J\ud800"}, status="failed", error="\x1b]0;title\x07")
    write_run(tmp_path / "b", 0, 0.5, settings={"x": "<script>alert(1)</script> $_ & `|`"})
    broken = {"number": '{"status": "completed", "metrics": {"test/loss": 1%s}}' % (400 * "0"), "deep": 5000 * "["}
    for name, text in {**broken, "kind": '{"status": "completed", "versions": 3}'}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "summary.json").write_text(text)
    assert main([str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "\x1b" not in printed and "\x07" not in printed
    assert "3 left out, cannot be read:" in printed and "versions are not a mapping" in printed
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert "&lt;script&gt;alert(1)" in page and "<script>alert" not in page


def test_what_the_engine_was_is_said_where_runs_differ_or_it_was_edited(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for seed in range(2):
        write_run(tmp_path / f"a{seed}", seed, 0.5, engine={"version": "0.1.0", "edited": []})
    assert main([str(tmp_path)]) == 0
    assert "the engine" not in capsys.readouterr().out
    write_run(tmp_path / "b", 3, 0.5, engine={"version": "0.2.0", "edited": ["hyperplane/logs.py"]})
    write_run(tmp_path / "c", 4, 0.5, engine={"version": None, "edited": 3})
    assert main([str(tmp_path)]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "Trained by several versions of the engine: 0.1.0, 0.2.0, unknown." in printed
    assert "1 of 4 trained by an engine edited by hand: hyperplane/logs.py." in printed


def test_long_lists_are_cut_on_the_terminal_and_whole_in_the_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for seed in range(15):
        write_run(tmp_path / f"run{seed}", seed, None, status="failed", error="no luck")
    assert main([str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert printed.count("no luck") == 10
    assert f"- … 5 more, see {tmp_path / 'report' / 'table.md'}" in printed
    assert (tmp_path / "report" / "table.md").read_text(encoding="utf-8").count("no luck") == 15


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["runs", "--group-by", "modle"], "no run has the setting modle. Did you mean model?"),
        (["runs", "--compare", "model=mlp", "modle=mlp"], "no column modle. Did you mean model?"),
        (["runs", "--compare", "model=mlp", "model=cnn"], "no run has model=cnn"),
        (["runs", "--compare", "model=mlp", "data=mnist1d"], "name the same runs"),
        (["runs", "--compare", "model=mlp", "cnn"], "'cnn' names no setting. Write it like an override"),
        (["rums"], "no folder rums. Did you mean runs?"),
        (["runs/a/summary.json"], "is a file, not a folder of runs"),
        (["empty"], "no finished run (no summary.json) under empty"),
        (["runs", "--metric", "test/acuracy"], "Did you mean test/accuracy?\nKnown: test/accuracy"),
        (["runs", "--metrics", "x"], "unknown option --metrics. Did you mean --metric?"),
        (["runs", "--reference", "figurs.csv"], "no file figurs.csv. Did you mean figures.csv?"),
        (["runs", "--reference", "figures.csv"], "figures.csv has more than one line for data=a"),
        (["runs", "--output", "figures.csv"], "cannot write to figures.csv"),
        ([], "folder"),
    ],
)
def test_a_mistake_is_one_message_and_exit_status_2(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    write_run(Path("runs/a"), 0, 0.5)
    Path("empty").mkdir()
    Path("figures.csv").write_text("data,accuracy\na,0.1\na,0.2\n")

    assert main(arguments) == 2

    streams = capsys.readouterr()
    assert streams.out == ""
    assert message in streams.err
    assert len(streams.err.splitlines()) <= 4
    assert not Path("runs/report").exists()


def test_report_never_imports_torch(tmp_path: Path) -> None:
    write_run(tmp_path / "a", 0, 0.5)
    code = (
        "import sys; from hyperplane.commands.report import main; "
        f"main([{str(tmp_path)!r}]); "
        "sys.exit(any(name in sys.modules for name in ('torch', 'lightning', 'pandas')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
