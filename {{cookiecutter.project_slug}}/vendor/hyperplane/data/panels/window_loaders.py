"""Loaders of the windows of a panel."""

from lightning.pytorch import LightningDataModule
from torch import Tensor

from ..batches import evaluation_batch, on_gpu
from ..spec import PanelSpec
from .windows import Rows, WindowBatches, Windows, windows_at

EVALUATION_BATCH = 1024  # windows; evaluation keeps no gradients, so it takes large batches


class WindowLoaders(LightningDataModule):
    """Gives out the windows of each part in batches, once a subclass has found them."""

    spec: PanelSpec
    rows: Rows  # in the units of the data
    scaled: Rows  # standardised
    starts: dict[str, Tensor]  # of the windows of each part: train, val, test
    batch_size: int
    val_fraction: float
    shuffle: bool
    seed: int

    def raw_windows(self, starts: Tensor) -> Windows:
        """Return the windows at `starts`, in the units of the data."""
        return windows_at(starts, self.rows, self.spec)

    @property
    def validates(self) -> bool:
        """Whether time steps are held out for validation."""
        return self.val_fraction > 0

    def train_dataloader(self) -> WindowBatches:
        """Return the training batches, in an order that follows from seed and epoch."""
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

    def val_dataloader(self) -> WindowBatches | list[WindowBatches]:
        """Return the validation batches in order, or an empty list if there are none."""
        return self.evaluation_batches("val") if self.validates else []

    def test_dataloader(self) -> WindowBatches:
        """Return the test batches in order."""
        return self.evaluation_batches("test")
