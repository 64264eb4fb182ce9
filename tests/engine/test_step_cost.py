"""What a step costs, in what can be counted: calls, writes, waits for the device. Seconds would depend on the day.

An epoch has 72 batches here, and metrics are brought up to date after 64 of them.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hyperplane.loop.fused_step import ONE
from hyperplane.loop.lean_loop import LeanEpochLoop
from torch.utils._python_dispatch import TorchDispatchMode

STEPS = 72
PLAIN = ("model=mlp", "data=mnist1d", "data.batch_size=50", "trainer.max_epochs=1")
MOST_CALLS = 150  # of Python functions in a plain step of an MLP, PyTorch's own included; it was 128


@pytest.fixture
def count_in_steps(train, monkeypatch):
    """`count_in_steps(start, stop)` trains, calls both around every step, and returns how `stop` answered."""

    def run(start: Callable[[], None], stop: Callable[[], int]) -> list[int]:
        counts = []
        advance = LeanEpochLoop.advance

        def counted(self, data_fetcher):
            start()
            try:
                advance(self, data_fetcher)
            finally:
                counts.append(stop())

        monkeypatch.setattr(LeanEpochLoop, "advance", counted)
        train(*PLAIN)
        assert len(counts) == STEPS
        return counts

    return run


def test_a_step_is_few_calls(count_in_steps):
    calls = 0

    def called(frame, event, argument):
        nonlocal calls
        calls += event == "call"

    def start():
        nonlocal calls
        calls = 0
        sys.setprofile(called)

    def stop():
        sys.setprofile(None)
        return calls

    counts = sorted(count_in_steps(start, stop))
    assert 50 < counts[STEPS // 2] <= MOST_CALLS
    assert sum(counts[2:-4]) <= 1.1 * MOST_CALLS * (STEPS - 6), "all but the first steps and the updates of the metrics"


class Waits(TorchDispatchMode):
    """Counts the operations whose result Python waits for."""

    count = 0

    def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
        of_device = function is torch.ops.aten._local_scalar_dense.default and arguments[0] is not ONE  # on the CPU
        self.count += of_device
        return function(*arguments, **(keywords or {}))


def test_a_step_never_waits_for_the_device(count_in_steps):
    waits = Waits()

    def start():
        waits.count = 0
        waits.__enter__()

    def stop():
        waits.__exit__(None, None, None)
        return waits.count

    counts = count_in_steps(start, stop)
    updates = [step for step, count in enumerate(counts) if count]
    assert updates == [63] and max(counts) <= 3, "64 losses are looked at together"


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="only Linux counts the writes of a process")
def test_a_step_writes_nothing(count_in_steps):
    before = 0

    def writes():
        return int(Path("/proc/self/io").read_text().partition("syscw: ")[2].split()[0])

    def start():
        nonlocal before
        before = writes()

    assert sum(count_in_steps(start, lambda: writes() - before)) == 0
