"""A worker of a DataLoader that hangs: the first Ctrl-C says what is waited for, the second ends the run."""

import os
import signal
import subprocess
import sys
import time

import pytest

MODULE = """
import time
from pathlib import Path

import torch
from hyperplane import DataSpec
from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader, Dataset


class Samples(Dataset):
    def __len__(self):
        return 32

    def __getitem__(self, number):
        if number >= 8:
            Path("hangs").touch()
            time.sleep(1000)
        return torch.randn(4), torch.tensor(number % 2)


class Hangs(LightningDataModule):
    def __init__(self, num_workers: int = 1):
        super().__init__()
        self.num_workers = num_workers
        self.spec = DataSpec(task="classification", input_shape=(4,), output_size=2, class_names=("a", "b"))

    def train_dataloader(self):
        return DataLoader(Samples(), batch_size=8, num_workers=self.num_workers)
"""
# Says that the second batch is waited for: while the worker hangs, the run may still be busy with the first.
START = """
import sys
from multiprocessing import parent_process
from multiprocessing.queues import Queue
from pathlib import Path

import my_research
import my_research.data
my_research.__path__.append("added")
my_research.data.__path__.append("added/data")
from my_research.__main__ import train

get, received = Queue.get, []


def noted(queue, *options, **more):
    if parent_process() is None and received:
        Path("waits").touch()
    received.append(get(queue, *options, **more))
    return received[-1]


Queue.get = noted
sys.argv[0] = "train"
train()
"""


def until(is_so, seconds=1800):
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.mark.parametrize("workers", [0, 1])
def test_ctrl_c_says_what_is_waited_for_and_ends_without_a_traceback(tmp_path, workers):
    for name, text in {
        "added/data/hangs.py": MODULE,
        "more/data/hangs.yaml": f"_target_: my_research.data.hangs.Hangs\nnum_workers: {workers}\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(text)
    words = ["--config-dir=more", "data=hangs", "model=linear", "checkpoint.test=last", "tracking=none"]
    with (tmp_path / "said").open("wb") as said:
        run = subprocess.Popen(
            [sys.executable, "-c", START, *words, "hardware=cpu"], cwd=tmp_path, stderr=said, start_new_session=True
        )

    def text():
        return (tmp_path / "said").read_text()

    try:
        until((tmp_path / ("waits" if workers else "hangs")).exists)
        os.killpg(run.pid, signal.SIGINT)
        until(lambda: "Ctrl-C: waiting for the next batch of the data, and then a checkpoint is written." in text())
        assert run.poll() is None
        os.killpg(run.pid, signal.SIGINT)
        assert run.wait(1800) == 130
    finally:
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)
    assert "Traceback" not in text() and "train resume=runs/" in text()
