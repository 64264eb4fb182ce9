"""A data module as Lightning's documentation structures one: prepared once, split for each stage, read by workers."""

from pathlib import Path

import numpy as np
import torch
from lightning.pytorch import LightningDataModule
from sklearn.datasets import load_digits
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, random_split


class DigitsDataset(Dataset[tuple[Tensor, Tensor]]):
    """Images (64,) of handwritten digits, from a file."""

    def __init__(self, path: Path, train: bool) -> None:
        arrays = np.load(path)
        part = slice(0, 1500) if train else slice(1500, None)
        self.images = torch.from_numpy(arrays["images"][part])
        self.digits = torch.from_numpy(arrays["digits"][part])

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.images[index], self.digits[index]


class LitDigits(LightningDataModule):
    def __init__(self, data_dir: str = "data", batch_size: int = 32, num_workers: int = 2) -> None:
        super().__init__()
        self.path = Path(data_dir) / "lit_digits.npz"
        self.batch_size = batch_size
        self.num_workers = num_workers

    def prepare_data(self) -> None:
        """Write the file, as another data set would be downloaded."""
        if not self.path.exists():
            images, digits = load_digits(return_X_y=True)
            self.path.parent.mkdir(parents=True, exist_ok=True)
            np.savez(self.path, images=(images / 16).astype("float32"), digits=digits)

    def setup(self, stage: str) -> None:
        if stage == "fit":
            self.train_set, self.val_set = random_split(DigitsDataset(self.path, train=True), [0.8, 0.2])
        if stage == "test":
            self.test_set = DigitsDataset(self.path, train=False)

    def train_dataloader(self) -> DataLoader:
        return DataLoader(self.train_set, self.batch_size, shuffle=True, num_workers=self.num_workers)

    def val_dataloader(self) -> DataLoader:
        return DataLoader(self.val_set, self.batch_size, num_workers=self.num_workers)

    def test_dataloader(self) -> DataLoader:
        return DataLoader(self.test_set, self.batch_size, num_workers=self.num_workers)
