"""What the texts of a CSV file say: numbers, dates and missing values in the ways in which people write them."""

import csv
import gzip
import io
import re
import sys
from datetime import UTC, date, datetime

import numpy as np
import polars
import pytest
from hyperplane.data.files import progress
from hyperplane.data.files import table_files as files
from hyperplane.data.files.progress import with_progress
from hyperplane.data.files.readings import Reading
from hyperplane.data.files.survey import ColumnSurvey, Fit, Spelling
from hyperplane.data.files.table_files import read_as, read_columns, read_table
from hyperplane.errors import UserError


@pytest.fixture
def read(tmp_path):
    """`read(["1", "?"])` writes a column `x`, beside one that is never empty, and returns its values."""

    def column(values, separator=",", others=(), **spelling):
        text = io.StringIO()
        writer = csv.writer(text, delimiter=separator)
        writer.writerow(["row", "x", *(f"y{i}" for i in range(len(others)))])
        writer.writerows(["a", *row] for row in zip(values, *others, strict=True))
        (tmp_path / "x.csv").write_text(text.getvalue(), encoding="utf-8")
        return read_columns(tmp_path / "x.csv", None, Spelling(**spelling))[0]["x"].to_list()

    return column


@pytest.mark.parametrize(
    "written, meant",
    [
        (["1", "2.5", "-3"], [1, 2.5, -3]),
        ([" 12.5", "3 ", "\t4"], [12.5, 3, 4]),
        (["?", "1", "N/A", "n/a", "NA", "-", ".", "NULL", "2"], [None, 1, None, None, None, None, None, None, 2]),
        (["1", "unknown", "Missing", " ? ", ""], [1, None, None, None, None]),
        (["1,234.5", "12"], [1234.5, 12]),
        (["1.234,5", "12"], [1234.5, 12]),
        (["0,123", "4,567"], [0.123, 4.567]),
        (["1,234,567", "1,000"], [1234567, 1000]),
        (["1.234.567", "1.000"], [1234567, 1000]),
        (["1,23,456", "12,34,567.5", "1,000"], [123456, 1234567.5, 1000]),  # as in India
        (["912 34 567", "12 34 567"], ["912 34 567", "12 34 567"]),
        (["12'34'567", "13'35'568"], ["12'34'567", "13'35'568"]),
        (["123,45,678", "124,46,679"], ["123,45,678", "124,46,679"]),
        (["12.34.567", "13.35.568"], ["12.34.567", "13.35.568"]),
        (["10,20,300", "5,6,7", "8,15,20"], ["10,20,300", "5,6,7", "8,15,20"]),
        (["1 234", "12\u00a0345", "7"], [1234, 12345, 7]),
        (["1'234.50", "2"], [1234.5, 2]),
        (["$1,200", "$5.5", "?"], [1200, 5.5, None]),
        (["1.200,00 €", "5 €"], [1200, 5]),
        (["12%", "7.5 %"], [12, 7.5]),
        (["EUR 5", "EUR 1,200.5"], [5, 1200.5]),
        (["R$ 5,5", "-R$ 1.200"], [5.5, -1200]),
        (["($4.00)", "$(1,234.50)", "-$7", "$8.5"], [-4, -1234.5, -7, 8.5]),
        (["(1.234,50 €)", "5,00- €", "6,00 €-", "7€"], [-1234.5, -5, -6, 7]),
        (["(4)", "1,200.5", "12.50-"], [-4, 1200.5, -12.5]),
        (["2-", "1", "(3", "4)"], ["2-", "1", "(3", "4)"]),
        (["1,200-", "350"], ["1,200-", "350"]),  # or 1.2
        (["1,200-", "3.5-"], [-1200, -3.5]),
        (["1,200–", "3.5–"], ["1,200–", "3.5–"]),  # from there on
        (["1.500-", "2.250,50"], [-1500, 2250.5]),
        (["(1)", "(2)", "(555)"], ["(1)", "(2)", "(555)"]),
        (["(1)", "2"], [-1, 2]),
        (["10 May", "11 May"], ["10 May", "11 May"]),
        (["10 A", "12 A"], ["10 A", "12 A"]),
        (["−5", "+3", "–7.5"], [-5, 3, -7.5]),
        (["1e3", "2E-1"], [1000, 0.2]),
        (["1,5e3", "2,7E2"], [1500, 270]),
        (["1,0e2", "2,0e2", "?"], [100, 200, None]),
        (["1,234.5e3", "2,345.5e3"], [1234500, 2345500]),
        (["−1.5e3", "2.5e3"], [-1500, 2500]),
        (["true", "FALSE", "?", "1.0"], [True, False, None, True]),
        (["2024-01-31", "2024-2-1"], [date(2024, 1, 31), date(2024, 2, 1)]),
        (["5 Jan 2024", "17 March 2024"], [date(2024, 1, 5), date(2024, 3, 17)]),
        (["05-JAN-24", "17-Mar-24"], [date(2024, 1, 5), date(2024, 3, 17)]),
        (["Jan 5, 2024", "May 17, 2024"], [date(2024, 1, 5), date(2024, 5, 17)]),
        (["12.5 kg", "1,200 kg", "?"], [12.5, 1200, None]),
        (["3D", "2D"], ["3D", "2D"]),
        (["180cm", "95.5cm"], [180, 95.5]),
        (["120 m2", "95.5 m2"], [120, 95.5]),
        (["24.5 kg/m2", "25.1 kg/m2"], [24.5, 25.1]),
        (["10 B2", "12 B2"], ["10 B2", "12 B2"]),
        (["10 A3", "12 A3"], ["10 A3", "12 A3"]),
        (["10x2", "12x2"], ["10x2", "12x2"]),
        (["5", r"\N"], [5, None]),
        (["#VALUE!", "5", "1.#QNAN", "-nan"], [None, 5, None, None]),
        (["2024-01-31", "NaT"], [date(2024, 1, 31), None]),
        (
            ["2024-01-31 10:11:12 UTC", "2024-01-31 10:11:12.5 UTC"],
            [datetime(2024, 1, 31, 10, 11, 12, m) for m in (0, 500000)],
        ),
        (
            ["2024-01-31 10:11:12+00", "2024-01-31 10:11:12-02"],
            [datetime(2024, 1, 31, h, 11, 12, tzinfo=UTC) for h in (10, 12)],
        ),
        (["2024-01-31 10:11:12.5+00"], [datetime(2024, 1, 31, 10, 11, 12, 500000, tzinfo=UTC)]),
        (["2024-01-31 10:00-02:00"], [datetime(2024, 1, 31, 12, tzinfo=UTC)]),
        (["2024-01-31 10:00-12", "2024-01-31 11:00-13"], ["2024-01-31 10:00-12", "2024-01-31 11:00-13"]),
        (["1/31/2024 9:00 AM -11"], ["1/31/2024 9:00 AM -11"]),
        (["02/01/2024", "31/01/2024"], [date(2024, 1, 2), date(2024, 1, 31)]),
        (["02/01/2024", "01/31/2024"], [date(2024, 2, 1), date(2024, 1, 31)]),
        (["2.1.2024", "3.1.2024"], [date(2024, 1, 2), date(2024, 1, 3)]),
        (["2. 1. 2024", "13. 1. 2024"], [date(2024, 1, 2), date(2024, 1, 13)]),
        (["1/2/24", "1/13/24"], [date(2024, 1, 2), date(2024, 1, 13)]),
        (["1/2/2024 1:05 PM", "1/13/2024 11:00 AM"], [datetime(2024, 1, 2, 13, 5), datetime(2024, 1, 13, 11)]),
        (["2024-01-31T10:11:12", "2024-01-31T10:11:12.5"], [datetime(2024, 1, 31, 10, 11, 12, m) for m in (0, 500000)]),
        (["a", "?", "-", "NA", " b"], ["a", "?", "-", None, "b"]),
        (["1.2.3", "4.5.6"], ["1.2.3", "4.5.6"]),
        (["12/13", "14/15"], ["12/13", "14/15"]),
    ],
)
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_a_column_is_read_as_what_all_of_its_values_are(read, written, meant, separator):
    assert read(written, separator) == meant


def test_a_reading_without_a_unit_goes_before_one_with_a_unit():
    fits = {Reading("number", ",", unit): Fit(fits=2) for unit in ("%", "", "€")}
    assert ColumnSurvey("x", fits=fits, has_mark=True).numbers() == {",": Reading("number", ",")}


@pytest.mark.parametrize(
    "written, named",
    [
        (["1", "2", "3 kg"], "x: 2 of 3 values are numbers, but '3 kg' is not"),
        (["1", "2", "oops", "?"], "x: 2 of 4 values are numbers, but 'oops' is not"),
        (["12%", "0.5", "13%"], "but '0.5' is not"),
        (["$1", "2 €", "$3"], "but '2 €' is not"),
        (["01/31/2024", "31/01/2024"], "are dates in the order"),
        (["1,234", "5,678"], "x: in numbers such as '1,234' the mark may separate decimals or thousands"),
    ],
)
def test_what_is_nearly_a_number_is_named_in_a_warning(read, messages, written, named):
    assert next(type(value) for value in read(written) if value is not None) is str
    (said,) = (message for message in messages if "WARNING" in message)
    assert named in said and ("data.missing=" in said or "data.decimal=" in said)


def test_warnings_name_no_setting_that_a_data_set_lacks(read, messages):
    for values, separator in ((["1", "2", "kg"], ","), (["1,234", "5,678"], ","), (["1.234", "5.678"], ";")):
        read(values, separator, settings=())
    said = [message for message in messages if "WARNING" in message]
    assert len(said) == 3 and not any("data." in one.partition("WARNING")[2].partition(" - ")[2] for one in said)
    assert "units, a total or a source" in said[0]


def test_columns_without_a_name_are_counted_where_they_hold_something(tmp_path, messages):
    (tmp_path / "x.csv").write_text("Q1,,Q2,,,\n1,2,3,4,,\n5,6,7,8,,\n", encoding="utf-8")
    assert read_table(tmp_path / "x.csv").columns == ["Q1", "", "Q2"]
    assert ["columns without a name are left out (1)" in message for message in messages] == [True]


@pytest.mark.parametrize(("first", "warns"), [("0.5,1,-2", True), ("0,1,2", False), ("1,2,3", False), ("1,a,2", False)])
def test_a_first_line_of_numbers_is_pointed_at_unless_it_counts_columns(tmp_path, messages, first, warns):
    (tmp_path / "x.csv").write_text(f"{first}\n4,5,6\n", encoding="utf-8")
    assert read_table(tmp_path / "x.csv").rows() == [(4, 5, 6)]
    assert any("first line holds numbers alone" in message for message in messages) == warns


def test_what_settings_say_decides_where_the_file_does_not(read, messages):
    assert read(["1,234", "5,678"], decimal="point") == [1234, 5678]
    assert read(["1,234", "5,678"], decimal="comma") == [1.234, 5.678]
    assert read(["1.234", "5.678"], decimal="comma") == [1234, 5678]
    assert read(["1", "oops"], missing=("oops",)) == [1, None]
    assert read(["a", "oops"], missing=("oops",)) == ["a", None]
    assert read(["02/01/2024"], day_first=True) == [date(2024, 1, 2)]
    assert read(["02/01/2024"], day_first=False) == [date(2024, 2, 1)]
    assert not any("WARNING" in message for message in messages)


def test_the_mark_of_decimals_is_that_of_other_columns(read, messages):
    assert read(["1,234", "5,678"], others=[["1.5", "2"]]) == [1234, 5678]
    assert read(["1,234", "5,678"], others=[["1,5", "2"]]) == [1.234, 5.678]
    assert read(["1.234", "5.678"], others=[["1,5", "2"]]) == [1234, 5678]
    assert read(["1.234", "5.678"]) == [1.234, 5.678]
    assert "x (numbers with a decimal comma, such as '1.234')" in "".join(messages)


def test_points_that_may_be_between_thousands_are_pointed_at_where_semicolons_speak_for_decimal_commas(read, messages):
    assert read(["999", "1.234", "12.500"], ";") == [999, 1.234, 12.5]
    (said,) = (message for message in messages if "WARNING" in message)
    assert "x: 1.234 is read with a decimal point" in said and "data.decimal=comma" in said
    messages.clear()
    assert read(["999", "1.234"], ";", decimal="point") == read(["999", "1.234"], ",") == [999, 1.234]
    assert read(["0.234", "1.234"], ";") == [0.234, 1.234]
    assert read(["1.234", "2"], ";", [["1.5", "2"]]) == [1.234, 2]
    assert not any("WARNING" in message for message in messages)


def test_codes_with_zeros_in_front_are_pointed_at(read, messages):
    assert read(["870", "0871", "0872"]) == [870, 871, 872]
    assert "x (numbers with leading zeros, such as '0871'; data.categorical" in "".join(messages)
    messages.clear()
    assert read(["0", "0.5", "-0.25", "00"], others=[["0", "10", "20", "7"]])[1] == 0.5
    assert "such as '00'" in "".join(messages) and "y0 (" not in "".join(messages)


def test_nothing_that_tells_the_day_from_the_month_is_asked_for(read, messages):
    with pytest.raises(UserError, match=r"column 'x' of data.path=.*'02/01/2024'.*data.day_first=true.*=false"):
        read(["02/01/2024", "03/04/2024"])
    read(["02/01/2024", "03/14/2024"])
    assert "x (dates in the order month-day-year)" in "".join(messages)


@pytest.mark.parametrize("rows", [3, 2000])  # in one look, and typed by the parser
def test_years_of_two_digits_that_would_run_from_2069_to_1970_are_refused(tmp_path, read, rows):
    dates = ["13/5/99"] * rows
    with pytest.raises(UserError, match="of which 70 would be 1970 and 69 2069: write years of four digits"):
        read([*dates, "13/5/70", "13/5/69"])
    (tmp_path / "x.csv").write_text("t\n" + "\n".join([*dates, "13/5/70", "13/5/69"]))
    with pytest.raises(UserError, match="would be 1970"):
        read_as(tmp_path / "x.csv", {"t": Reading("date", "%d/%m/%y")}, "input")
    assert read(["13/5/99", "13/5/07"]) == [date(1999, 5, 13), date(2007, 5, 13)]


def test_a_value_decides_wherever_it_stands(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "CHUNK", 500)
    monkeypatch.setattr(files, "LARGE", 0)
    for last, kind in (("2.5", polars.Float64), ("7", polars.Int64), ("1,234.5", polars.Float64), ("x", polars.String)):
        (tmp_path / "late.csv").write_text("a;b\n" + "1;2\n" * 3000 + f"{last};3\n")
        column = read_table(tmp_path / "late.csv")["a"]
        assert column.dtype == kind and column.len() == 3001
    (tmp_path / "late.csv").write_text("a;b\n" + "?;2\n" * 3000 + "5;3\n")
    assert read_table(tmp_path / "late.csv")["a"].to_list() == [None] * 3000 + [5]


@pytest.mark.parametrize(
    "header, place",
    [("size,b,size", "1 and 3"), ("b,size, size", "2 and 3"), ('b,"size",size ', "2 and 3")],
)
def test_a_name_that_stands_twice_is_refused(tmp_path, header, place):
    (tmp_path / "twice.csv").write_text(f"{header}\n1,2,3\n2,3,4\n")
    with pytest.raises(UserError, match=f"two columns named 'size', at positions {place}"):
        read_table(tmp_path / "twice.csv")
    polars.DataFrame({"a": [1], "a ": [2]}).write_parquet(tmp_path / "twice.parquet")
    with pytest.raises(UserError, match="two columns named 'a', at positions 1 and 2"):
        read_table(tmp_path / "twice.parquet")


def test_a_line_with_too_many_fields_is_named(tmp_path):
    (tmp_path / "long.csv").write_text('a,b\n1,2\n"x\ny",2\n1,5,3\n')
    with pytest.raises(UserError, match=r"long\.csv cannot be read: line 5 has 3 fields, and the line of names has 2"):
        read_table(tmp_path / "long.csv")


def test_a_line_that_only_excel_understands_is_refused(tmp_path):
    (tmp_path / "excel.csv").write_text("\ufeffsep=;\r\na;b\r\n1;2\r\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"excel\.csv begins with the line sep=;, which only Excel reads: delete it"):
        read_table(tmp_path / "excel.csv")


@pytest.mark.parametrize("separator, name", [(";", "semicolons"), ("\t", "tabs"), ("|", "vertical bars")])
def test_the_separator_is_found_and_said(tmp_path, messages, separator, name):
    lines = [["a, b", "c"], ["1", "x, y"], ["2", "z"]]
    (tmp_path / "own.csv.gz").write_bytes(gzip.compress("\n".join(map(separator.join, lines)).encode("utf-8-sig")))
    table = read_table(tmp_path / "own.csv.gz")
    assert table.to_dict(as_series=False) == {"a, b": [1, 2], "c": ["x, y", "z"]}
    assert f"its columns are separated by {name}" in "".join(messages)


@pytest.mark.parametrize(
    "lines", ["a,b\n\n1,2\n\n3,4\n\n", "a,b\n1,2\n   \n3,4\n,\n \n", "\na,b\r\n1,2\r\n\r\n\r\n\n3,4\r\n"]
)
def test_blank_lines_are_left_out_and_said(tmp_path, messages, lines):
    (tmp_path / "blank.csv").write_bytes(lines.encode())
    assert read_table(tmp_path / "blank.csv").rows() == [(1, 2), (3, 4)]
    assert read_as(tmp_path / "blank.csv", {"b": Reading("number")}, "input")["b"].to_list() == [2, 4]
    said = [message for message in messages if "left out" in message]
    assert len(said) == 2 and ("3 blank lines are" in said[0] or "2 blank lines are" in said[0])


def test_new_rows_are_read_as_the_old_ones_were(tmp_path):
    path = tmp_path / "new.csv"
    readings = {
        "zip": Reading("text"),
        "size": Reading("number"),
        "price": Reading("number", ",", "€"),
        "day": Reading("date", "%d/%m/%Y"),
        "sold": Reading("boolean"),
    }
    path.write_text('day,zip,price,size,sold,more\n02/01/2024,01069,"1.234,5 €",?,true,x\n12/12/2024,1e5,- ,7,,y\n')
    assert read_as(path, readings, "input").select(*readings, "more").to_dict(as_series=False) == {
        "zip": ["01069", "1e5"],
        "size": [None, 7],
        "price": [1234.5, None],
        "day": [date(2024, 1, 2), date(2024, 12, 12)],
        "sold": [True, None],
        "more": ["x", "y"],
    }
    for name, value, kind in [
        ("size", "7 kg", "numbers"),
        ("size", "1,5", "numbers"),
        ("price", "12", "numbers with a decimal comma and € beside them"),
        ("day", "12/25/2024", r"dates in the order day-month-year \(%d/%m/%Y\)"),
        ("day", "02/01/24", r"dates in the order day-month-year \(%d/%m/%Y\)"),
        ("sold", "maybe", "true and false"),
    ]:
        path.write_text(f'{name}\n?\n"{value}"\n')
        with pytest.raises(
            UserError, match=f"input=.*: column '{name}' holds {kind}, as in training, but row 2 has '{value}'"
        ):
            read_as(path, readings, "input")


@pytest.mark.parametrize(("rest", "is_told"), [("2", True), ("0,5", False)])
def test_a_point_in_a_new_number_is_told_where_only_training_shows_that_it_is_between_thousands(
    tmp_path, messages, rest, is_told
):
    path = tmp_path / "new.csv"
    path.write_text(f"x;y\n1.500;a\n{rest};b\n")
    assert read_as(path, {"x": Reading("number", ",")}, "input")["x"][0] == 1500
    assert ("x '1.500' is read as 1500: numbers had a decimal comma" in "".join(messages)) is is_told


@pytest.mark.parametrize(
    ("trained", "written", "meant"),
    [
        ("%Y-%m-%d", "2024-01-02 00:00:00", datetime(2024, 1, 2)),
        ("%Y-%m-%d %H:%M:%S%.f", "2024/1/2", date(2024, 1, 2)),
        ("%Y-%m-%d", "2024-01-02T00:00Z", None),  # of another clock
        ("%Y-%m-%d", "1/22/2024", None),
    ],
)
def test_new_dates_that_begin_with_the_year_may_go_on_in_another_way(tmp_path, trained, written, meant):
    path = tmp_path / "new.csv"
    path.write_text(f"day,more\n{written},x\n-,y\n")
    readings = {"day": Reading("datetime" if "H" in trained else "date", trained)}
    if meant is None:
        with pytest.raises(UserError, match=f"as in training, but row 1 has '{written}'"):
            read_as(path, readings, "input")
    else:
        assert read_as(path, readings, "input")["day"].to_list() == [meant, None]


def test_a_large_file_is_read_once_and_that_is_said(tmp_path, messages, monkeypatch):
    monkeypatch.setattr(files, "LARGE", 1000)
    monkeypatch.setattr(files, "CHUNK", 2000)
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.0)
    looked_at = []
    monkeypatch.setattr(files, "surveyed", lambda rows, *_: looked_at.append(rows) or [rows.collect()])
    random = np.random.default_rng(0)
    numbers = {f"x{i}": random.normal(size=20_000).round(4) for i in range(4)}
    texts = {f"c{i}": random.choice(["a", "b", "c"], 20_000) for i in range(2)}
    frame = polars.DataFrame(numbers | texts | {"empty": [None, 1, 2, 3] * 5000})
    frame.write_csv(tmp_path / "large.csv")
    assert read_table(tmp_path / "large.csv").equals(frame)
    assert not looked_at, "no column is read as texts: the parser has typed all of them"
    assert any("Reading" in message and "MB" in message for message in messages)
    assert any(re.search(r"Reading large.csv: [\d,]+ rows of about [12]\d,\d{3}", message) for message in messages)


def test_work_on_a_terminal_has_a_bar(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(progress, "SECONDS_BEFORE_BAR", 0.0)
    pieces = [polars.DataFrame({"a": range(3)})] * 2
    assert sum(piece.height for piece in with_progress(pieces, "Reading x.csv", 6)) == 6
    assert "Reading x.csv" in capsys.readouterr().err
