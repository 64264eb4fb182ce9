"""Settings are compared by value, however they are spelled, and shown in the shortest spelling that was typed."""

import csv
import json

import pytest
from hyperplane.commands import runs as listing
from hyperplane.commands.report import main
from hyperplane.reporting.comparison import compare
from hyperplane.reporting.results import Results
from hyperplane.reporting.spelling import value_of
from hyperplane.reporting.summaries import find_runs

import synthetic_runs

write_run = synthetic_runs.write_run

SPELLINGS = [
    ["0.01", "1e-2", "0.010", "1E-02", ".01", "+0.01", "10e-3", "'0.01'"[1:-1]],
    ["1", "1.0", "1e0", "1.", "+1", "1.00"],
    ["-0.5", "-.5", "-5e-1"],
    ["1000", "1_000", "1e3"],
    ["false", "False", "FALSE"],
    ["true", "True"],
    ["null", "Null", "NULL"],
    ["inf", "+inf", "Inf"],
    ["nan", "NaN"],
    ["mlp", "'mlp'", '"mlp"'],
    ["[50,100]", "[50, 100]", "[50.0,1e2]", "[ 50 , 100 ]"],
    ["{lr: 0.01}", "{lr:1e-2}", "{'lr': 0.010}"],
    ["[[1,true],[2,null]]", "[[1, True], [2.0, NULL]]"],
    ["", "''"],
    ["12345678901234567891"],
    ["12345678901234567890"],
    ["0.1"],
    ["007"],
    ["7"],
    ["1.2.3"],
    ["01:00:00"],
    ["[50]"],
    ["50"],
    ["'a,b'"],
    ["[a,b]"],
    ["a b"],
    ["none"],
    ["default"],
    ["-inf"],
    ["e5"],
    ["it's"],
    [5000 * "["],
]


@pytest.mark.parametrize("spellings", SPELLINGS, ids=lambda spellings: spellings[0][:20])
def test_all_spellings_of_a_value_are_one_value_and_no_other(spellings):
    assert len({value_of(text) for text in spellings}) == 1
    others = {value_of(text) for other in SPELLINGS if other is not spellings for text in other}
    assert value_of(spellings[0]) not in others


@pytest.mark.parametrize(
    "spellings", [spellings for spellings in SPELLINGS if len(spellings) > 1], ids=lambda spellings: spellings[0]
)
def test_runs_that_spell_a_setting_differently_are_one_row_in_the_shortest_spelling(tmp_path, capsys, spellings):
    for seed, text in enumerate(spellings):
        write_run(tmp_path / str(seed), seed, 0.5, settings={"x": text})
    write_run(tmp_path / "other", 0, 0.7, settings={"x": "42"})
    for group_by in ([], ["x"]):
        results = Results(find_runs(tmp_path), ["test/accuracy"], group_by=group_by)
        rows = {row.settings["x"]: row for row in results.rows}
        (shown,) = rows.keys() - {"42"}
        assert len(rows["42"].runs) == 1 and len(rows[shown].runs) == len(spellings)
        assert shown in spellings and len(shown) == min(map(len, spellings))
    for text in spellings:
        (comparison,) = compare(results, (f"x={text}", "x=4.2e1"))
        assert comparison.pairs == ((0, None),)
        assert listing.main(["list", str(tmp_path), "--where", f"x={text}", "--json"]) == 0
        assert len(json.loads(capsys.readouterr().out)) == len(spellings)


@pytest.mark.parametrize(
    ("one", "other", "shown"), [("1e-2", "0.01", "0.01"), ("0.010", "1e-2", "1e-2"), ("0.01", "0.010", "0.01")]
)
def test_a_run_that_is_repeated_in_another_spelling_is_pointed_out(tmp_path, capsys, one, other, shown):
    write_run(tmp_path / "a", 7, 0.5, settings={"optimizer.lr": one})
    write_run(tmp_path / "b", 7, 0.5, settings={"optimizer.lr": other})
    write_run(tmp_path / "c", 7, 0.5, settings={"optimizer.lr": "0.1"})
    assert main([str(tmp_path)]) == 0
    assert f"- model=mlp optimizer.lr={shown} data=mnist1d seed=7: 2 runs\n" in capsys.readouterr().out


def test_a_line_of_a_reference_is_found_by_value(tmp_path):
    runs = tmp_path / "runs"
    for lr in ("1e-2", "0.1"):
        write_run(runs / lr, 0, 0.5, settings={"optimizer.lr": lr})
    published = tmp_path / "published.csv"
    published.write_text("optimizer.lr,published\n0.010,0.9\n1e-1,0.8\n")
    assert main([str(runs), "--reference", str(published)]) == 0
    with (runs / "report" / "table.csv").open(encoding="utf-8", newline="") as file:
        assert {row["optimizer.lr"]: row["published"] for row in csv.DictReader(file)} == {"1e-2": "0.9", "0.1": "0.8"}


def test_a_difference_in_spelling_is_none_between_two_runs(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, lr in (("one", "1e-2"), ("same", "0.010"), ("more", "0.011")):
        write_run(tmp_path / "runs" / name, 0, 0.5, settings={"optimizer.lr": lr})
    assert listing.main(["diff", "one", "same"]) == 0
    assert capsys.readouterr().out.endswith("\nno difference\n")
    assert listing.main(["diff", "one", "more", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["differences"] == {"overrides": {"optimizer.lr": ["1e-2", "0.011"]}}
