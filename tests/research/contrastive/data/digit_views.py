"""Two random views of each digit, as a dictionary."""

from typing import Any

import torch
from hyperplane import DataSpec
from lightning.pytorch import LightningDataModule
from pydantic import NonNegativeFloat, PositiveInt
from sklearn.datasets import load_digits
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, random_split


class Views(Dataset[dict[str, Tensor]]):
    """Shifts each image (8, 8, 1) by up to a pixel and adds noise, twice."""

    def __init__(self, images: Tensor, digits: Tensor, noise: float) -> None:
        self.images, self.digits, self.noise = images, digits, noise

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        image = self.images[index]
        return {"first": self.view(image), "second": self.view(image), "digit": self.digits[index]}

    def view(self, image: Tensor) -> Tensor:
        shift = torch.randint(-1, 2, (2,)).tolist()
        return image.roll(shift, (0, 1)) + self.noise * torch.randn_like(image)


class DigitViews(LightningDataModule):
    """A fifth of the digits validates, a fifth tests. What a network makes of a view has `embedding_size` values."""

    def __init__(
        self,
        batch_size: PositiveInt = 64,
        noise: NonNegativeFloat = 0.1,  # standard deviation of what is added to pixels in [0, 1]
        embedding_size: PositiveInt = 8,  # values
    ) -> None:
        super().__init__()
        self.batch_size = batch_size
        self.noise = noise
        self.spec = DataSpec("contrastive", (8, 8, 1), embedding_size)

    def setup(self, stage: str) -> None:
        pixels, digits = map(torch.from_numpy, load_digits(return_X_y=True))
        images = (pixels / 16).float().reshape(-1, 8, 8, 1)
        parts = random_split(range(len(images)), [0.6, 0.2, 0.2])
        self.train, self.val, self.test = (Views(images[part], digits[part], self.noise) for part in parts)

    def train_dataloader(self) -> Any:
        return DataLoader(self.train, self.batch_size, shuffle=True, drop_last=True)

    def val_dataloader(self) -> Any:
        return DataLoader(self.val, self.batch_size)

    def test_dataloader(self) -> Any:
        return DataLoader(self.test, self.batch_size)
