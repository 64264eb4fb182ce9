"""Cross-validation in `report` and `runs`: folds repeat a setting, are paired with each other, and are no setting."""

import csv
import json

import pytest
from hyperplane.commands import runs as listing
from hyperplane.commands.report import main

import synthetic_runs

write_run = synthetic_runs.write_run


def write_fold(folder, fold, accuracy, seed=0, **changes):
    """Write the run of one of five folds."""
    name = "-".join(map(str, [changes.get("model", "mlp"), seed, fold, *changes.get("settings", {}).values()]))
    settings = {"data.folds": 5, "data.fold": fold, **changes.pop("settings", {})}
    return write_run(folder / name, seed, accuracy, settings=settings, **changes)


def rows_of(folder, name="table.csv"):
    with (folder / "report" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_folds_of_a_setting_are_one_row_and_the_report_says_that_they_are_not_independent(tmp_path, capsys):
    for model, gain in (("mlp", 0.0), ("cnn", 0.1)):
        for seed in (1, 2):
            for fold in range(5):
                write_fold(tmp_path, fold, 0.5 + fold / 100 + gain, seed, model=model)
    assert main([str(tmp_path)]) == 0
    cnn, mlp = rows_of(tmp_path)
    assert "data.fold" not in cnn and "data.folds" not in cnn and (cnn["model"], cnn["runs"]) == ("cnn", "10")
    assert float(mlp["test/accuracy_mean"]) == pytest.approx(0.52)
    assert float(mlp["test/accuracy_std"]) == pytest.approx((2 * 2 * (0.02**2 + 0.01**2) / 9) ** 0.5)
    assert 0.5 <= float(mlp["test/accuracy_low"]) < 0.52 < float(mlp["test/accuracy_high"]) <= 0.54
    printed = capsys.readouterr().out
    assert "A mean is over 5 folds × 2 seeds. Folds are not independent, as they share training data" in printed
    assert "Bengio & Grandvalet 2004" in printed and "data.folds=5" in printed
    assert "missing fold" not in printed and "more than once" not in printed and "No run has fold" not in printed


def test_without_cross_validation_nothing_is_said_of_folds(tmp_path, capsys):
    write_run(tmp_path / "a", 0, 0.5, val=0.5)
    write_run(tmp_path / "b", 0, 0.6, val=0.6, model="cnn")
    assert main([str(tmp_path)]) == 0
    assert "old" not in capsys.readouterr().out


def test_settings_are_compared_in_pairs_of_one_seed_and_fold(tmp_path, capsys):
    gains = {(seed, fold): 0.01 * (fold + 1) + 0.1 * seed for seed in (0, 1) for fold in range(5)}
    for (seed, fold), gain in gains.items():
        write_fold(tmp_path, fold, 0.5 + fold / 10, seed)
        if (seed, fold) != (1, 4):
            write_fold(tmp_path, fold, 0.5 + fold / 10 + gain, seed, model="cnn")
    assert main([str(tmp_path), "--compare", "model=cnn", "model=mlp"]) == 0
    (line,) = rows_of(tmp_path, "comparison.csv")
    shared = [gain for pair, gain in gains.items() if pair != (1, 4)]
    assert float(line["difference"]) == pytest.approx(sum(shared) / 9)
    assert float(line["p_value"]) == pytest.approx(2 / 2**9)
    assert (line["shared"], line["only_a"], line["only_b"]) == ("0/0 0/1 0/2 0/3 0/4 1/0 1/1 1/2 1/3", "", "1/4")
    printed = capsys.readouterr().out
    assert "9 pairs of one seed and fold each" in printed and "9 pairs cannot give less than 0.00391" in printed
    assert "Only model=mlp has fold 4 of seed 1." in printed


def test_folds_and_runs_without_any_make_no_pair(tmp_path, capsys):
    write_fold(tmp_path, 0, 0.5)
    write_run(tmp_path / "whole", 0, 0.5, model="cnn")
    assert main([str(tmp_path), "--compare", "model=mlp", "model=cnn"]) == 0
    said = "no seed and fold that both have completed. Only model=cnn has seed 0. Only model=mlp has fold 0 of seed 0."
    assert said in capsys.readouterr().out


def test_missing_folds_are_named_with_what_became_of_them(tmp_path, capsys):
    for model in ("mlp", "cnn"):
        for fold in range(4):  # nobody runs the fifth
            lost = {("cnn", 1): "failed", ("cnn", 3): None}.get((model, fold), "completed")
            accuracy = 0.5 if lost == "completed" else None
            write_fold(tmp_path, fold, accuracy, 3, model=model, status=lost, val=0.9 if model == "cnn" else 0.5)
    assert main([str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "1 with a missing fold, so that their mean is over the others:\n- model=cnn: fold 1 of" in printed
    assert "- model=cnn: fold 1 of seed 3 (failed), fold 3 of seed 3 (unfinished)\n" in printed
    assert "No run has fold 4, out of data.folds=5." in printed
    assert "A mean is over 2 to 4 folds × 1 seed." in printed
    assert "Best of the 1 with every fold, by the highest mean val/accuracy: model=mlp (4 runs)" in printed
    assert "1 of 2 settings lack a fold that others have completed, and are not called the best" in printed


def test_a_fold_that_runs_twice_is_repeated_and_another_one_is_not(tmp_path, capsys):
    write_fold(tmp_path, 0, 0.5)
    write_fold(tmp_path, 1, 0.5)
    assert main([str(tmp_path)]) == 0
    assert "more than once" not in capsys.readouterr().out
    write_fold(tmp_path / "again", 1, 0.5)
    assert main([str(tmp_path)]) == 0
    assert "- model=mlp data.folds=5 data=mnist1d seed=0 data.fold=1: 2 runs\n" in capsys.readouterr().out


def test_a_nested_search_reports_what_each_fold_chose_by_its_validation_alone(tmp_path, capsys):
    """The easiest fold has the best validation of all, and its setting is not called the best."""
    found = {}
    for fold in range(5):
        for trial, (val, test) in enumerate([(0.9 - fold / 10, 0.8 - fold / 10), (0.8 - fold / 10, 0.99)]):
            rate = f"0.{fold}{trial + 1}"
            write_fold(tmp_path / str(fold), fold, test, val=val, settings={"optimizer.lr": rate})
            found[fold] = found.get(fold) or f"- fold {fold}: optimizer.lr={rate} (of 2): val/accuracy {val:.3f}, "
            found[fold] += f"test/accuracy {test:.3f}\n" if trial == 0 else ""
    assert main([str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "No best setting: no setting has every fold that another has" in printed
    said = "Nested: chosen in each fold alone by the highest val/accuracy, which its test part has no say in: "
    assert said + "test/accuracy 0.600 ± 0.158, 95 % interval [" in printed
    for line in found.values():
        assert line in printed


@pytest.mark.parametrize(
    "changes", [{"higher_is_better": {}}, {"val": None}], ids=["nobody says what is better", "no validation"]
)
def test_no_fold_chooses_without_a_validation_metric_whose_direction_is_known(tmp_path, capsys, changes):
    for model in ("mlp", "cnn"):
        for fold in range(2):
            write_fold(tmp_path, fold, 0.5, model=model, **({"val": 0.5} | changes))
    assert main([str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "Nested" not in printed and "No best setting" in printed and "Bengio" in printed


def test_runs_list_shows_the_fold_as_a_column_that_filters_and_sorts(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for fold in (1, 0):
        for model in ("mlp", "cnn"):
            write_fold(tmp_path / "runs", fold, 0.5, 7, model=model)
    write_fold(tmp_path / "runs", 3, None, 7, status=None)
    assert listing.main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["status", "model", "data.fold", "seed", "test/accuracy", "folder"]
    assert lines[1].split() == ["completed", "cnn", "0", "7", "0.5", "runs/cnn-7-0"]
    assert lines[5].split() == ["unfinished", "mlp", "3", "7", "runs/mlp-7-3"]
    assert listing.main(["list", "--where", "data.fold=1", "--where", "model=cnn", "--json"]) == 0
    (run,) = json.loads(capsys.readouterr().out)
    assert (run["fold"], run["seed"], run["folder"]) == (1, 7, "runs/cnn-7-1") and "data.fold" not in run["settings"]
    assert listing.main(["list", "--sort", "data.fold", "--json"]) == 0
    assert [run["fold"] for run in json.loads(capsys.readouterr().out)] == [0, 0, 1, 1, 3]
    assert listing.main(["list", "--where", "data.fold=4"]) == 2
    assert "no run has the data.fold 4." in capsys.readouterr().err


def test_rows_can_be_the_folds_and_then_none_is_called_the_best(tmp_path, capsys):
    for fold in range(3):
        write_fold(tmp_path, fold, 0.5 + fold / 10, val=0.5 + fold / 10)
    assert main([str(tmp_path), "--group-by", "data.fold"]) == 0
    assert [(row["data.fold"], row["runs"]) for row in rows_of(tmp_path)] == [("0", "1"), ("1", "1"), ("2", "1")]
    assert "No best setting: no setting has every fold that another has" in capsys.readouterr().out
