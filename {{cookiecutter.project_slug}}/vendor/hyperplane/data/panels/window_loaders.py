"""Loaders of the windows of a panel."""

from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from ..batches import evaluation_batch, on_gpu
from ..part_loaders import PartLoaders
from ..spec import PanelSpec
from .windows import Rows, WindowBatches, Windows, windows_at

EVALUATION_BATCH = 1024  # windows; evaluation keeps no gradients, so it takes large batches


class WindowLoaders(PartLoaders):
    """Gives out the windows of each part in batches, once a subclass has found them."""

    spec: PanelSpec
    rows: Rows  # in the units of the data
    scaled: Rows  # standardised
    starts: dict[str, Tensor]  # of the windows of each part: train, val, test
    moments: NDArray[Any] | None = None  # (rows,) dates or numbers, if the rows have some besides their steps
    batch_size: int
    shuffle: bool
    seed: int

    def raw_windows(self, starts: Tensor) -> Windows:
        """Return the windows at `starts`, in the units of the data."""
        return windows_at(starts, self.rows, self.spec)

    def train_dataloader(self) -> WindowBatches:
        return self.batches("train", self.batch_size, self.seed if self.shuffle else None)

    def evaluation_batches(self, part: str) -> WindowBatches:
        """Return a part in order, in large batches."""
        stored = sum(tensor.nbytes for tensor in self.raw_windows(self.starts[part][:1]))
        outputs = self.spec.decoder_length * self.spec.output_size
        return self.batches(part, evaluation_batch(EVALUATION_BATCH, stored + 4 * outputs))

    def batches(self, part: str, batch_size: int, seed: int | None = None) -> WindowBatches:
        """Return a part in batches; without a seed in order."""
        self.scaled = Rows(*on_gpu(self.scaled, self.trainer))  # once: all parts share the rows
        starts = self.starts[part].to(self.scaled.time.device)
        return WindowBatches(starts, self.scaled, self.spec, batch_size, seed)

    def last_test_windows(self, most: int) -> Tensor:
        """Return where the last test window of each series starts, for up to `most` series spread over all."""
        series = self.rows.series[self.starts["test"]]
        ends = torch.cat([series[1:] != series[:-1], torch.ones(1, dtype=torch.bool)])
        last = self.starts["test"][ends]
        return last[torch.linspace(0, len(last) - 1, min(most, len(last))).round().long()]

    def moments_of(self, start: int) -> NDArray[Any] | None:
        """Return the dates or numbers of the steps (E + H,) of the window at `start`, if there are some."""
        if self.moments is None:
            return None
        return self.moments[start : start + self.spec.encoder_length + self.spec.decoder_length]
