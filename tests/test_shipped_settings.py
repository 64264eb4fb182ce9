"""The settings that ship are stated once: in a signature, with a type, a default and a comment, and in a file."""

from pathlib import Path

from conftest import package_of, python

SCRIPT = Path(__file__).parent / "shipped_settings.py"


def test_every_setting_that_ships_has_a_type_a_meaning_and_a_place(
    project: Path, clean_environment: dict[str, str]
) -> None:
    done = python(project, str(SCRIPT), package_of(project), check=False, env=clean_environment)
    assert (done.stdout, done.returncode) == ("", 0), done.stderr
