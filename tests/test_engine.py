"""The tests of the engine pass. They run beside the others, in processes of their own: see tests/engine/conftest.py."""

import re

import pytest
from conftest import Pending


@pytest.mark.slow
def test_the_tests_of_the_engine_pass(engine_tests: list[Pending]) -> None:
    said = "".join(part.result().stdout for part in engine_tests)
    assert sum(int(passed) for passed in re.findall(r"(\d+) passed", said)) > 3000, said[-4000:]
