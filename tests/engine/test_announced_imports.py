"""Imports that take a moment are announced on a terminal, and nowhere else."""

import sys

import pytest
from hyperplane.training import imports


@pytest.mark.parametrize("shows", [True, False])
@pytest.mark.parametrize("on_terminal", [True, False])
def test_what_takes_long_is_said_on_a_terminal_by_one_process(monkeypatch, messages, on_terminal, shows):
    timers = []

    class Timer(imports.Timer):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            timers.append(self)

    monkeypatch.setattr(imports, "Timer", Timer)
    monkeypatch.setattr(imports, "MOMENT", 0)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: on_terminal, raising=False)
    with imports.announced(shows):
        if on_terminal and shows:
            timers[0].join()  # as long as the import takes
    assert len([message for message in messages if "Importing torch" in message]) == int(on_terminal and shows)


def test_what_takes_no_time_is_not_announced(monkeypatch, messages):
    monkeypatch.setattr(imports, "MOMENT", 1000)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with imports.announced(True):
        pass
    assert messages == []
