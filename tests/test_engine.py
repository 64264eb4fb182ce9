"""The tests of the engine pass. They run beside the others, in processes of their own: see tests/engine/conftest.py."""

import re

import pytest
from in_background import Pending

COLLECTED = re.compile(r"^collected (\d+) items?(?: / (\d+) skipped)?", re.MULTILINE)  # skipped: whole files, by each


@pytest.mark.slow
def test_the_tests_of_the_engine_pass(engine_tests: list[Pending]) -> None:
    said = [part.result().stdout for part in engine_tests]
    collected = [found.groups("0") for text in said for found in COLLECTED.finditer(text)]
    last = " ".join(text.splitlines()[-1] for text in said)
    ran = sum(int(number) for number in re.findall(r"(\d+) (?:passed|skipped|xfailed|xpassed)", last))
    ran -= sum(int(files) for _, files in collected)
    assert {int(tests) for tests, _ in collected} == {ran}, "\n".join(text[-4000:] for text in said)
