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


def test_a_dictionary_that_the_task_cannot_take_apart_is_refused_with_what_to_write(train, monkeypatch):
    monkeypatch.setattr(Task, "training_step", lambda self, batch, _: self.step(dict(zip("xy", batch, strict=True))))
    said = train("data=moons", status=2).stderr
    assert "Batches are dictionaries with x, y here, and Classification takes tuples" in said and "adding.md" in said


@pytest.mark.parametrize("order, model", [((0, 1, 1), "MLP"), ((0, 0, 1), "Transformer"), ((0,), "MLP")])
def test_a_batch_of_another_form_than_inputs_and_target_is_named_as_such(train, monkeypatch, order, model):
    step = Task.step
    monkeypatch.setattr(Task, "step", lambda self, batch: step(self, [batch[place] for place in order]))
    said = train("data=moons", f"model={model.lower()}", status=1).stderr
    assert f"Of the {len(order)} items of a batch, the last is the target" in said and f"what {model} takes" in said


def test_a_metric_that_cannot_take_the_outputs_is_named(train):
    said = train("data=moons", "task.metrics=[{_target_: torchmetrics.retrieval.RetrievalMAP}]", status=1).stderr
    assert "missing 1 required positional argument: 'indexes'. Of task.metrics: retrieval_map took outputs" in said
