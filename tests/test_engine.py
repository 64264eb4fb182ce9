"""The tests of the engine pass. They run beside the others, in processes of their own: see tests/engine/conftest.py."""

import re

import pytest
from conftest import Pending


@pytest.mark.slow
def test_the_tests_of_the_engine_pass(engine_tests: list[Pending]) -> None:
    for half in engine_tests:
        said = half.result().stdout
        passed = re.search(r"(\d+) passed", said)
        assert passed is not None and int(passed[1]) > 1000, said[-2000:]
