"""Pictures in folders, a folder for each class; workers read and augment them."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from hyperplane import DataSpec
from hyperplane.setting_types import Folder
from lightning.pytorch import LightningDataModule
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from pydantic import NonNegativeFloat, NonNegativeInt, PositiveInt
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, random_split

SIZE = 16  # pixels, height and width
CLASSES = ("circle", "cross", "square")


class Pictures(Dataset[tuple[Tensor, int]]):
    """Grey pictures (height, width, 1) in [0, 1] and their class numbers; `noise` augments them, None leaves them."""

    def __init__(self, files: list[Path], noise: float | None) -> None:
        self.files = files
        self.noise = noise

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        file = self.files[index]
        picture = torch.from_numpy(np.array(Image.open(file).convert("L"), np.float32) / 255)[..., None]
        if self.noise is not None:
            picture = picture.flip(1) if torch.rand(()) < 0.5 else picture
            picture = picture + self.noise * torch.randn_like(picture)
        return picture, CLASSES.index(file.parent.name)


class PictureFolder(LightningDataModule):
    """A fifth of the pictures validates, a fifth tests."""

    def __init__(
        self,
        folder: Folder = "data/pictures",
        batch_size: PositiveInt = 16,
        noise: NonNegativeFloat = 0.1,  # standard deviation of what is added to the pixels of a training picture
        workers: NonNegativeInt = 2,  # processes that read
    ) -> None:
        super().__init__()
        self.folder = Path(folder)
        self.batch_size = batch_size
        self.noise = noise
        self.workers = workers
        self.spec = DataSpec("classification", (SIZE, SIZE, 1), len(CLASSES), CLASSES)

    def prepare_data(self) -> None:
        """Draw the pictures, where others would download them."""
        random = np.random.default_rng(0)
        for name in CLASSES if not self.folder.exists() else ():
            (self.folder / name).mkdir(parents=True)
            for number in range(100):
                draw(name, random).save(self.folder / name / f"{number}.png")

    def setup(self, stage: str) -> None:
        files = sorted(self.folder.glob("*/*.png"))
        train, val, test = (list(part) for part in random_split(files, [0.6, 0.2, 0.2]))  # type: ignore[arg-type]
        self.train, self.val, self.test = Pictures(train, self.noise), Pictures(val, None), Pictures(test, None)

    def train_dataloader(self) -> Any:
        return self.loader(self.train, shuffle=True)

    def val_dataloader(self) -> Any:
        return self.loader(self.val)

    def test_dataloader(self) -> Any:
        return self.loader(self.test)

    def loader(self, pictures: Pictures, shuffle: bool = False) -> Any:
        workers = {"num_workers": self.workers, "persistent_workers": self.workers > 0}
        return DataLoader(pictures, self.batch_size, shuffle, **workers)


def draw(name: str, random: np.random.Generator) -> Image.Image:
    """Return a picture with a shape of random size, place and brightness on a noisy ground."""
    ground: NDArray[np.uint8] = random.integers(0, 60, (SIZE, SIZE), np.uint8)
    picture = Image.fromarray(ground)
    x, y, size = *random.integers(1, 7, 2), random.integers(5, 9)
    box, light, pen = (x, y, x + size, y + size), int(random.integers(160, 256)), ImageDraw.Draw(picture)
    if name == "circle":
        pen.ellipse(box, outline=light)
    elif name == "square":
        pen.rectangle(box, outline=light)
    else:
        pen.line(box, fill=light)
        pen.line((x, y + size, x + size, y), fill=light)
    return picture
