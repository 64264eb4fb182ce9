"""Images that a classifier got wrong."""

import math
from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from .style import new_figure

MOST = 24  # images
COLUMNS = 6
AT_ONCE = 256  # images that are predicted


def misclassified(
    predict: Callable[[NDArray[np.generic]], NDArray[np.floating]],
    images: NDArray[np.generic],
    classes: NDArray[np.integer],
    class_names: Sequence[str],
) -> Figure | None:
    """Draw the images whose class is another than the predicted one, those first of which the model is surest.

    `predict` returns the probability of each class (N, K) of images (N, H, W, C). Of these 1 channel is grey, 3 are
    red, green and blue, of others the first is drawn.

    Returns:
        The figure; None where all images are right, or a place of an image has a class of its own.
    """
    if classes.ndim != 1 or not len(classes):
        return None
    probabilities = np.concatenate([predict(images[i : i + AT_ONCE]) for i in range(0, len(images), AT_ONCE)])
    predicted, surest = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = np.flatnonzero((predicted != classes) & (classes >= 0))
    if not len(wrong):
        return None
    shown = wrong[np.argsort(-surest[wrong], kind="stable")][:MOST]
    columns = min(COLUMNS, len(shown))
    rows = math.ceil(len(shown) / columns)
    figure = new_figure(max(4.8, 1.7 * columns), 1.9 * rows + 0.9)
    axes = np.atleast_1d(figure.subplots(rows, columns, squeeze=False)).ravel()
    for axis in axes:
        axis.set_axis_off()
    white = shade_of_white(images)
    for axis, number in zip(axes, shown, strict=False):
        pixels = np.clip(images[number] / white, 0, 1)
        axis.imshow(pixels if pixels.shape[-1] == 3 else pixels[..., 0], cmap="gray", vmin=0, vmax=1)
        true, taken = (shortened(class_names[k]) for k in (classes[number], predicted[number]))
        axis.set_title(f"{true}\ntaken for {taken}\nwith {surest[number]:.0%}", fontsize=8)
    which = f"the {len(shown)} surest of {len(wrong)}" if len(wrong) > len(shown) else f"all {len(wrong)}"
    figure.suptitle(f"Misclassified: {which}, of {len(classes)} test images", fontsize="medium")
    return figure


def shade_of_white(images: NDArray[np.generic]) -> float:
    """Return the value that is drawn in white: 1, 255, or the largest that occurs."""
    highest = float(images.max())
    return 255.0 if images.dtype == np.uint8 else 1.0 if highest <= 1 else highest


def shortened(name: str) -> str:
    """Return a name that fits above an image; a dollar sign would begin a formula."""
    name = name.replace("$", r"\$")
    return name if len(name) <= 16 else f"{name[:15]}…"
