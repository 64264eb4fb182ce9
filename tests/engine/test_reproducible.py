"""Where every epoch is to have the same few batches, it has."""

import pytest
import torch
from hyperplane.data.datamodule import ArrayDataModule
from hyperplane.tasks.task import Task
from torch.utils.data import DataLoader, TensorDataset


def loader_of_torch(data):
    return DataLoader(TensorDataset(*data.parts["train"]), 10, shuffle=True)


@pytest.mark.parametrize("loader", [ArrayDataModule.train_dataloader, loader_of_torch])
def test_overfitting_sees_the_same_few_batches_in_each_epoch(train, monkeypatch, loader):
    seen = []
    training_step = Task.training_step

    def step(self, batch, batch_idx):
        seen.append(batch[0].clone())
        return training_step(self, batch, batch_idx)

    monkeypatch.setattr(ArrayDataModule, "train_dataloader", loader)
    monkeypatch.setattr(Task, "training_step", step)
    done = train("data=moons", "trainer.overfit_batches=2", "trainer.max_epochs=3")
    assert len(seen) == 6 and "shuffling" not in done.stderr
    first, second = seen[:2]
    assert not torch.equal(first, second)
    for epoch in (seen[2:4], seen[4:]):
        assert torch.equal(epoch[0], first) and torch.equal(epoch[1], second)
