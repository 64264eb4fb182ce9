"""Errors that have a usual remedy name it."""

import pytest
import torch
from hyperplane.tasks.task import Task


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory"),
    ],
)
def test_a_full_memory_names_the_batch_size_and_what_to_lower(train, monkeypatch, error):
    def step(self, batch, batch_idx):
        raise error

    monkeypatch.setattr(Task, "training_step", step)
    done = train("data=moons", "data.batch_size=77", status=1)
    for words in ("Out of memory with data.batch_size=77", "Lower data.batch_size", "hardware.precision=bf16-mixed"):
        assert words in done.summary["error"] and words in done.stderr
