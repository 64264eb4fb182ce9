"""What a step of time is follows from the times: months, business days, days of 23 hours, years with decimals."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars
import pytest
from hyperplane.data.columns.time_axis import recognise
from hyperplane.data.columns.times import read_times
from hyperplane.data.panels.future import following
from hyperplane.data.panels.panel import Panel
from hyperplane.errors import UserError
from loguru import logger

FIRST, STEPS = date(2023, 1, 2), 120  # a Monday
UTC = ZoneInfo("UTC")


def months(every=1, day=1):
    firsts = [date(1949 + every * i // 12, 1 + every * i % 12, 1) for i in range(STEPS + 1)]
    return [first + timedelta(day - 1) for first in (firsts[:-1] if day > 0 else firsts[1:])]


def days(weekdays=range(7), every=1):
    every_day = [FIRST + timedelta(i) for i in range(7 * every * STEPS)]
    return [day for day in every_day[::every] if day.weekday() in weekdays][:STEPS]


def at_midnight(dates, zone):
    return [datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC) for day in dates]


def written(form, every=1):
    return [day.strftime(form).replace("?", str((day.month + 2) // 3)) for day in months(every)]


def hours(form):
    return [(datetime(2024, 1, 31) + timedelta(hours=i)).strftime(form) for i in range(STEPS)]


def week_numbers():
    return [int(day.strftime("%G%V")) for day in days(every=7)]


REGULAR = [
    (days(), "1 day"),
    (days(every=7), "1 week"),
    (days(every=28), "28 days"),
    (days(range(5)), "business days (Monday, Tuesday, Wednesday, Thursday, Friday)"),
    (days((0, 2, 4)), "days (Monday, Wednesday, Friday)"),
    (months(), "months"),
    (months(day=0), "months"),  # their last days
    (months(3), "quarters"),
    (months(12), "years"),
    ([np.busday_offset(np.datetime64(day, "M"), 0, roll="forward").astype(object) for day in months()], "months"),
    ([datetime(2024, 1, 1) + timedelta(hours=i) for i in range(STEPS)], "1 hour"),
    ([datetime(2024, 1, 1) + timedelta(minutes=15 * i) for i in range(STEPS)], "15 minutes"),
    (written("%Y-%m"), "months"),
    (written("%YM%m"), "months"),
    (written("%m/%Y"), "months"),
    (written("%b %Y"), "months"),
    (written("%YQ?", 3), "quarters"),
    (written("Q? %Y", 3), "quarters"),
    ([f"{day.isocalendar()[0]}-W{day.isocalendar()[1]:02}" for day in days(every=7)], "1 week"),
    ([int(text) for text in written("%Y%m")], "months"),
    ([int(day.strftime("%Y%m%d")) for day in days()], "1 day"),
    (week_numbers(), "1 week"),
    (written("%b-%y"), "months"),
    ([int(day.strftime("%d%m%Y")) for day in days()], "1 day"),
    ([int(day.strftime("%m%d%Y")) for day in days()], "1 day"),
    ([int(day.strftime("%y%m%d")) for day in days()], "1 day"),
    ([int(day.strftime("%Y%j")) for day in days()], "1 day"),
    ([day.strftime("KW%V/%G") for day in days(every=7)], "1 week"),
    ([str(day) for day in days()], "1 day"),  # of a Parquet file
    ([np.float32(text) for text in written("%Y.%m")], "months"),
    ([float(text) for text in written("%Y.?", 3)], "quarters"),
    (written("%Y:?", 3), "quarters"),
    ([f"{day.year}:{day.month}" for day in months()], "months"),
    (written("FY%Y", 12), "years"),
    (written("?Q FY%Y", 3), "quarters"),
    ([f"{1949 + i // 2}-H{1 + i % 2}" for i in range(STEPS)], "half-years"),
    ([day.strftime("%G-W%V-%u") for day in days()], "1 day"),
    (hours("%Y%m%dT%H%M%S"), "1 hour"),
    (hours("%Y-%m-%d %H"), "1 hour"),
    ([int(text) for text in hours("%Y%m%d%H")], "1 hour"),
    ([int(text) for text in hours("%Y%m%d%H%M")], "1 hour"),
    ([1_700_000_000_000_000_000 + i for i in range(STEPS)], "1"),  # nanoseconds: a float64 tells no two apart
    (list(range(1700, 1700 + STEPS)), "1"),
    (list(range(200001, 200001 + STEPS)), "1"),  # a counter that passes 200013 counts no months
    ([round(1949 + i / 12, 2) for i in range(STEPS)], "0.0833333"),
    ([0.1 * i for i in range(STEPS)], "0.1"),
]


@pytest.mark.parametrize(("times", "step"), REGULAR, ids=lambda value: value if isinstance(value, str) else "")
def test_one_row_a_step_whatever_the_step_is(times, step):
    column = polars.Series("t", times)
    for rows in ([*range(STEPS)], [*range(50), *range(60, STEPS)]):
        part = read_times(column[rows], "data.time=t")
        axis = recognise(part, np.zeros(len(rows), np.int64))
        assert str(axis) == step
        numbers, fits = axis.place(part)
        assert fits.all() and (numbers - numbers[0]).tolist() == rows


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
@pytest.mark.parametrize(
    ("dates", "step"),
    [(days(), "1 day"), (days(every=7), "1 week"), (days(range(5)), "business days"), (months(), "months")],
    ids=["days", "weeks", "business days", "months"],
)
def test_local_midnights_are_even_where_clocks_change(dates, step, zone):
    times = read_times(polars.Series("t", at_midnight([day for day in dates if day.year > 1948], zone)), "t")
    assert len(np.unique(np.diff(times.values))) > 1, "days of 23 and 25 hours, on Lord Howe Island of 23.5 and 24.5"
    axis = recognise(times, np.zeros(STEPS, np.int64))
    assert str(axis).startswith(step)
    assert np.diff(axis.place(times)[0]).tolist() == [1] * (STEPS - 1)


def test_an_axis_of_winter_goes_on_in_summer():
    dates = days()
    winter = read_times(polars.Series("t", at_midnight(dates[:60], "Europe/Berlin")), "t")
    axis = recognise(winter, np.zeros(60, np.int64))
    numbers, fits = axis.place(read_times(polars.Series("t", at_midnight(dates, "Europe/Berlin")), "t"))
    assert fits.all() and numbers.tolist() == list(range(STEPS))


@pytest.mark.parametrize(
    ("trained", "new"),
    [
        ([int(text) for text in written("%Y%m")], [196002, 196003, 196004]),  # no year ends between them
        ([int(day.strftime("%Y%m%d")) for day in days()], [20230602, 20230603, 20230604]),  # no month
        (week_numbers(), [202602, 202603, 202604]),  # no months
        ([int(day.strftime("%y%m%d")) for day in days()], [230602, 230603, 230604]),  # no month
        ([float(text) for text in written("%Y.%m")], [1960.1, 1960.11, 1960.12]),  # with a point
        (list(range(200001, 200001 + STEPS)), [200201, 200202, 200203]),  # a counter
        ([int(text) for text in hours("%Y%m%d%H")], [2024020508, 2024020509, 2024020510]),  # no day
    ],
    ids=["months", "days", "weeks", "short years", "with a point", "counter", "hours"],
)
def test_new_whole_numbers_go_on_as_those_of_training_did(trained, new):
    axis = recognise(read_times(polars.Series("t", trained), "t"), np.zeros(STEPS, np.int64))
    times = read_times(polars.Series("t", new), "t", lambda times: following(times, axis))
    numbers, fits = axis.place(times)
    assert fits.all() and np.diff(numbers).tolist() == [1, 1] and numbers[0] > STEPS


@pytest.mark.parametrize(
    "times",  # those of six hours are off by an hour, as clocks are, but too often
    [
        [datetime(2024, 1, 1) + timedelta(days=i, hours=7 * (i == 7)) for i in range(STEPS)],
        [datetime(2024, 1, 1) + timedelta(hours=6 * i + (i % 3 == 0)) for i in range(STEPS)],
        [i + 0.3 * (i == 9) for i in range(STEPS)],
        [2 * i + (i > 50) for i in range(STEPS)],
    ],
    ids=["days", "six hours", "decimal", "whole"],
)
def test_uneven_times_have_no_axis(times):
    assert recognise(read_times(polars.Series("t", times), "t"), np.zeros(STEPS, np.int64)) is None


def test_years_of_two_digits_are_read_alike_whatever_rows_there_are():
    years = [1995, 2000, 2024]
    for some in (years, years[:1], years[2:]):
        values = read_times(polars.Series("t", [f"Jan-{year % 100:02}" for year in some]), "t").values
        assert (values.astype("datetime64[us]").astype("datetime64[Y]").astype(int) + 1970).tolist() == some


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (["2026-01", "2026-02", "soon"], "such as 'soon'"),
        (["2026Q1", "2026Q5"], "such as '2026Q5'"),
        ([1.0, None], "1 of 2 are missing"),
        ([1.0, float("nan")], "such as nan"),
        ([True, False], "Boolean such as True"),
        ([1012024, 1022024, 1032024], "dates such as 1012024, in which day and month cannot be told apart"),
        ([f"Jan-{year % 100:02}" for year in range(1958, 2018)], "'Jan-68' would be in 2068 and 'Jan-69' in 1969"),
    ],
)
def test_what_is_no_time_is_named(column, message):
    with pytest.raises(UserError, match=message):
        read_times(polars.Series("t", column), "data.time=t")


@pytest.fixture
def panel(tmp_path):
    def load(table, **settings):
        table.write_csv(tmp_path / "t.csv")
        lengths = dict(batch_size=50, encoder_length=8, decoder_length=2, seed=0)
        data = Panel(path=str(tmp_path / "t.csv"), time="t", target="y", **lengths, **settings)
        said = []
        sink = logger.add(said.append, format="{message}")
        try:
            data.setup()
        finally:
            logger.remove(sink)
        return data, "".join(said)

    return load


def test_the_log_names_the_step_and_rows_are_in_the_order_of_time_not_of_text(panel):
    texts = written("%b %Y")
    shuffled = np.random.default_rng(0).permutation(STEPS)
    table = polars.DataFrame({"t": [texts[i] for i in shuffled], "y": shuffled.astype(float)})
    data, said = panel(table)
    assert "a step of t is months" in said
    assert data.rows.reals[:, 0].tolist() == list(range(STEPS))


def test_local_midnights_of_a_file_with_offsets_are_days(panel):
    local = [datetime.combine(day, time(), ZoneInfo("Europe/Berlin")).isoformat() for day in days()]
    assert {text[-6:] for text in local} == {"+01:00", "+02:00"}
    data, said = panel(polars.DataFrame({"t": local, "y": np.arange(STEPS, dtype=float)}))
    assert "a step of t is 1 day" in said and data.rows.time.tolist() == list(range(STEPS))


def test_the_uneven_step_is_named_with_an_example(panel):
    times = [datetime(2024, 1, 1) + timedelta(days=i % STEPS, hours=7 * (i == 7)) for i in range(2 * STEPS)]
    shops = ["north"] * STEPS + ["south"] * STEPS
    table = polars.DataFrame({"t": times, "shop": shops, "y": np.arange(2.0 * STEPS)})
    example = "in north 2024-01-08 07:00:00 follows 2024-01-07 00:00:00, 31 hours later"
    with pytest.raises(UserError, match=f"Most are 1 day, but {example}"):
        panel(table, groups=("shop",))
