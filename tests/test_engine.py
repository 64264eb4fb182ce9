"""The tests of the engine pass. They run beside the others, in a process of their own: see tests/engine/conftest.py."""

import re

import pytest
from conftest import Pending


@pytest.mark.slow
def test_the_tests_of_the_engine_pass(engine_tests: Pending) -> None:
    said = engine_tests.result().stdout
    passed = re.search(r"(\d+) passed", said)
    assert passed is not None and int(passed[1]) > 1000, said[-2000:]
