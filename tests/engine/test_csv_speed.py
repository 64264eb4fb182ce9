"""A CSV file is typed by its parser where that is right: the same values, types and readings as by way of its texts."""

import csv
import io

import pytest
from hyperplane.data.files import csv_table
from hyperplane.data.files.survey import Spelling
from hyperplane.data.files.table_files import read_columns
from hyperplane.errors import UserError
from loguru import logger

pytest.importorskip("hypothesis")  # of constraints.txt
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

few = settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
cells = some.one_of(
    some.integers(-9, 9).map(str),
    some.floats(-10, 10).map(lambda number: f"{number:.2f}"),
    some.sampled_from(
        ["", "NA", "nan", "NAN", "?", " 7 ", "+5", "007", "1e3", "inf", "1.234", "1,5", "9007199254740993"]
    ),
    some.sampled_from(["9223372036854775808", "x", "true", "2024-01-31", "−5", "1_0", '"', "\u00a08", "1.0"]),
)
kinds = some.sampled_from(
    [["1", "2"], ["0.5", "2"], ["a", "b"], ["1", "NA"], ["2.5", ""], ["1.234", "2.345"], ["?", "1"]]
)


def both_ways(path, monkeypatch, columns=None, **spelling):
    """Return what is read if the first rows are few, and if they are all rows: values and readings, or the refusal."""
    found = []
    for first in (2, 10**6):
        monkeypatch.setattr(csv_table, "FIRST_ROWS", first)
        try:
            table, readings = read_columns(path, columns, Spelling(**spelling))
        except UserError as mistake:
            found.append(str(mistake))
        else:
            found.append((table.schema, table.rows(), readings))
    return found


@few
@given(some.data(), some.sampled_from([(), ("x",), ("2",)]), some.sampled_from([None, "comma"]))
def test_the_first_rows_decide_nothing_that_others_contradict(tmp_path, monkeypatch, data, missing, decimal):
    logger.remove()
    monkeypatch.setattr("hyperplane.data.files.survey.SAMPLE", 2)
    text = io.StringIO()
    writer = csv.writer(text)
    begin = data.draw(some.lists(kinds, min_size=2, max_size=3))
    rows = data.draw(some.lists(some.tuples(*[cells] * len(begin)), max_size=6))
    writer.writerows([[f"c{i}" for i in range(len(begin))], *zip(*begin, strict=True), *rows])
    path = tmp_path / "x.csv"
    path.write_text(text.getvalue(), encoding="utf-8", newline="")
    few_first, all_first = both_ways(path, monkeypatch, missing=missing, decimal=decimal)
    assert few_first == all_first


NUMBERS = "a,b\n1,0.5\n2,1.5\n"


@pytest.mark.parametrize(
    "text, values, options",
    [
        (f"{NUMBERS}3,2\n", [(1, 0.5), (2, 1.5), (3, 2)], {}),
        (f"{NUMBERS}9007199254740993,1\n", [(1, 0.5), (2, 1.5), (9007199254740993, 1)], {}),
        (f"{NUMBERS}1e3,1e3\n", [(1.0, 0.5), (2, 1.5), (1000, 1000)], {}),
        (f"{NUMBERS}NA,NA\n-,?\n", [(1, 0.5), (2, 1.5), (None, None), (None, None)], {}),
        (f'{NUMBERS} 3 ,"4"\n"",x\n', [(1, "0.5"), (2, "1.5"), (3, "4"), (None, "x")], {}),
        (f"{NUMBERS}\n3,4\n,\n\n", [(1, 0.5), (2, 1.5), (3, 4)], {}),
        (f"{NUMBERS}NA,\n,NA\n", [(1, 0.5), (2, 1.5), (None, None), (None, None)], {}),
        (f"{NUMBERS},3\n\n,4\n", [(1,), (2,), (None,), (None,)], {"columns": ["a"]}),
        (f"{NUMBERS}2,3\n", [(1, 0.5), (None, 1.5), (None, 3)], {"missing": ("2",)}),
        (f'{NUMBERS}"1,234",2\n', [(1.0, 0.5), (2, 1.5), (1234, 2)], {}),
        ('a,b\n1.234,0.5\n2.345,1.5\n"1,5",2\n', [(1234.0, 0.5), (2345, 1.5), (1.5, 2)], {}),
        ("a;b\n1.234;2\n2.345;3\n3.456;1,5\n", [(1234.0, 2.0), (2345, 3), (3456, 1.5)], {}),
        ('a, "b"\n1, "0.5"\n2, "1.5"\n3, "x"\n', [(1, "0.5"), (2, "1.5"), (3, "x")], {}),
        ("a,b\n01,2\n1,3\n2,4\n", [("01", "2"), ("1", "3"), ("2", "4")], {"texts": ("a", "b")}),  # edges of a graph
    ],
)
def test_what_later_rows_say_counts(tmp_path, monkeypatch, text, values, options):
    monkeypatch.setattr("hyperplane.data.files.survey.SAMPLE", 2)
    (tmp_path / "x.csv").write_text(text)
    few_first, all_first = both_ways(tmp_path / "x.csv", monkeypatch, **options)
    assert few_first == all_first and few_first[1] == values
    assert [type(value) for value in few_first[1][0]] == [type(value) for value in values[0]]


@pytest.mark.parametrize("last", ["3,4,5", '3,"4', '"3,4', '3,"4" x'])
def test_a_line_that_does_not_fit_is_named_wherever_it_stands(tmp_path, monkeypatch, last):
    (tmp_path / "x.csv").write_text(f"{NUMBERS}{last}\n")
    few_first, all_first = both_ways(tmp_path / "x.csv", monkeypatch)
    assert few_first == all_first and "cannot be read" in few_first
