"""A text as tokens, one for each character: what comes next is to be predicted at every place."""

from dataclasses import dataclass
from pathlib import Path

import torch
from hyperplane import DataSpec
from lightning.pytorch import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset


@dataclass(frozen=True, kw_only=True)
class CharacterSpec(DataSpec):
    """The characters, in the order of their tokens."""

    vocabulary: str


class Text(LightningDataModule):
    """The first 80 % of a text to train on, then 10 % for validation, then 10 % for the test.

    Args:
        path: the file.
        length: characters that a sample has, T.
        batch_size: samples in a batch.
    """

    def __init__(self, path: str, length: int = 32, batch_size: int = 32) -> None:
        super().__init__()
        self.path = path
        self.length = length
        self.batch_size = batch_size

    def setup(self, stage: str) -> None:
        text = Path(self.path).read_text(encoding="utf-8")
        vocabulary = "".join(sorted(set(text)))
        tokens = torch.tensor([vocabulary.index(character) for character in text])
        self.train, self.val, self.test = tokens.split([len(text) - 2 * (len(text) // 10), *[len(text) // 10] * 2])
        self.spec = CharacterSpec(
            task="classification",
            input_shape=(self.length,),
            output_size=len(vocabulary),
            class_names=tuple(repr(character) for character in vocabulary),
            num_tokens=len(vocabulary),
            vocabulary=vocabulary,
        )

    def samples(self, tokens: Tensor, step: int) -> TensorDataset:
        """Return stretches of T characters, `step` apart, and for each character the one that comes next."""
        stretches = tokens.unfold(0, self.length + 1, step)
        return TensorDataset(stretches[:, :-1], stretches[:, 1:])

    def train_dataloader(self) -> DataLoader:
        return DataLoader(self.samples(self.train, step=2), self.batch_size, shuffle=True)

    def val_dataloader(self) -> DataLoader:
        return DataLoader(self.samples(self.val, step=self.length), self.batch_size)

    def test_dataloader(self) -> DataLoader:
        return DataLoader(self.samples(self.test, step=self.length), self.batch_size)
