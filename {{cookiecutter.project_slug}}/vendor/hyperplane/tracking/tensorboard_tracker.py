"""What TensorBoard shows of a run beside its metrics."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from .base import Tracker


class TensorBoardTracker(Tracker):
    """Event files; `inner` is Lightning's TensorBoardLogger."""

    def show(self, figures: Mapping[str, Path]) -> None:
        for name, path in figures.items():
            self.attempt(partial(self.add_image, f"figures/{name}", path))

    def add_image(self, name: str, path: Path) -> None:
        from matplotlib.image import imread

        image = imread(path)[..., :3]  # (height, width, 3), floats in [0, 1]
        self.experiment.add_image(name, image, dataformats="HWC")

    def add_text(self, name: str, text: str) -> None:
        """Show a text, if there is one."""
        if text:
            self.attempt(lambda: self.experiment.add_text(name, text))
