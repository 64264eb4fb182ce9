"""A path is a path: no character in the name of a file or a folder has a meaning of its own."""

import gzip

import polars
import pytest
from hyperplane.data.files.access import digest_of
from hyperplane.data.files.survey import Spelling
from hyperplane.data.files.table_files import in_chunks, read_table, scan_table, write_table
from hyperplane.data.tables.large_table import LargeTable
from hyperplane.errors import UserError

NAMES = ["houses[1]", "houses*", "houses?", "houses{1}", "[!a]", "**", "~houses", "a b%20", "year=2020", "100%"]
ENDINGS = [".csv", ".csv.gz", ".parquet"]


def write(path, rows):
    """Write a file without the code that is tested."""
    frame = polars.DataFrame({"size": rows, "price": [2.5 * row for row in rows]})
    path.parent.mkdir(exist_ok=True)
    if path.suffix == ".parquet":
        path.write_bytes(b"")
        with path.open("wb") as file:
            frame.write_parquet(file)
    else:
        content = frame.write_csv().encode()
        path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_no_pattern(tmp_path, monkeypatch, name, ending):
    monkeypatch.setattr("hyperplane.data.files.table_files.LARGE", 0)  # rows of a small file need no folder
    for folder in (tmp_path / "plain", tmp_path / name):
        monkeypatch.chdir(tmp_path)
        path = folder / f"{name}{ending}"
        for other in ("houses1", "housesX", "a"):  # what patterns would find
            write(folder / f"{other}{ending}", [7, 8, 9])
        write(path, [1, 2])
        for asked in (path, path.relative_to(tmp_path)):
            assert read_table(asked)["size"].to_list() == [1, 2]
            lazy, _ = scan_table(asked, None, Spelling(), scratch=folder / "rows[1]*")
            assert [row for chunk in in_chunks(lazy, 1, asked) for row in chunk["size"]] == [1, 2]
        monkeypatch.chdir(folder)
        assert read_table(path.relative_to(folder)).height == 2 and len(digest_of(path.relative_to(folder))) == 64


def test_a_name_that_would_match_another_file_does_not_exist(tmp_path):
    write(tmp_path / "houses1.csv", [1])
    for name in ("houses[1].csv", "houses*.csv", "houses?.csv"):
        with pytest.raises(UserError, match="does not exist"):
            read_table(tmp_path / name)


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
@pytest.mark.parametrize("name", NAMES)
def test_what_is_written_has_the_name_that_was_asked_for(tmp_path, name, ending):
    write_table(polars.DataFrame({"a": [1]}), tmp_path / name / f"{name}{ending}")
    assert [path.name for path in (tmp_path / name).iterdir()] == [f"{name}{ending}"]


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_a_large_table_and_its_folder_may_have_any_name(tmp_path, ending):
    write(tmp_path / f"houses[1]{ending}", list(range(40)))
    write(tmp_path / f"houses1{ending}", list(range(9)))
    data = LargeTable(
        path=str(tmp_path / f"houses[1]{ending}"), target="price", folder=str(tmp_path / "data[1]*"), seed=0
    )
    data.setup()
    assert sum(part.rows for part in data.shards.values()) == 40
