"""A stream to train on, which has no length, and two sets to validate on, as Lightning's documentation returns them."""

from collections.abc import Iterator

import numpy as np
import torch
from lightning.pytorch import LightningDataModule
from sklearn.datasets import load_digits
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, TensorDataset, get_worker_info

Sample = tuple[Tensor, Tensor]


class Stream(IterableDataset[Sample]):
    """Images (64,) and digits, one after the other, with noise that is drawn anew; workers take turns."""

    def __init__(self, images: Tensor, digits: Tensor, noise: float) -> None:
        self.images, self.digits, self.noise = images, digits, noise

    def __iter__(self) -> Iterator[Sample]:
        worker = get_worker_info()
        first, step = (worker.id, worker.num_workers) if worker else (0, 1)
        for image, digit in zip(self.images[first::step], self.digits[first::step], strict=True):
            yield image + self.noise * torch.randn(64), digit


class LitStreams(LightningDataModule):
    def __init__(self, batch_size: int = 32, noise: float = 0.2, num_workers: int = 2) -> None:
        super().__init__()
        self.batch_size = batch_size
        self.noise = noise
        self.num_workers = num_workers

    def setup(self, stage: str) -> None:
        images, digits = load_digits(return_X_y=True)
        images, digits = torch.from_numpy((images / 16).astype(np.float32)), torch.from_numpy(digits)
        self.train_set = Stream(images[:1200], digits[:1200], self.noise)
        noisy = images + self.noise * torch.randn(images.shape)
        self.val_sets = {
            part: TensorDataset(x[1200:1500], digits[1200:1500]) for part, x in (("clean", images), ("noisy", noisy))
        }
        self.test_set = TensorDataset(images[1500:], digits[1500:])

    def train_dataloader(self) -> DataLoader:
        return DataLoader(self.train_set, self.batch_size, num_workers=self.num_workers)

    def val_dataloader(self) -> dict[str, DataLoader]:
        return {name: DataLoader(samples, self.batch_size) for name, samples in self.val_sets.items()}

    def test_dataloader(self) -> DataLoader:
        return DataLoader(self.test_set, self.batch_size)
