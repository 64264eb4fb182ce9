"""Signals of each class."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from .style import CLASS_COLORS, new_figure

DRAWN = 5  # signals of a class
MOST_CLASSES, MOST_CHANNELS = 6, 3


def some_signals(
    inputs: NDArray[Any], targets: NDArray[Any], channels: Sequence[str], class_names: Sequence[str]
) -> Figure:
    """Draw the first signals of each class, or of all if they have none: a row of panels for each channel.

    Inputs are (samples, positions, channels), NaN beyond the end of each signal. Targets that are no class numbers
    (samples,) make no classes.
    """
    has_classes = targets.ndim == 1 and len(class_names) > 0
    kinds = [k for k in range(len(class_names)) if (targets == k).any()][:MOST_CLASSES] if has_classes else [0]
    rows = min(len(channels), MOST_CHANNELS)
    figure = new_figure(1.2 + max(2.6 * len(kinds), 3.6), 0.8 + 1.8 * rows)
    panels = figure.subplots(rows, len(kinds), sharex=True, sharey="row", squeeze=False)
    for column, kind in enumerate(kinds):
        members = np.flatnonzero(targets == kind)[:DRAWN] if has_classes else np.arange(len(inputs))[:DRAWN]
        for row in range(rows):
            axes = panels[row, column]
            axes.plot(inputs[members, :, row].T, color=CLASS_COLORS[kind % len(CLASS_COLORS)], linewidth=0.9, alpha=0.7)
            axes.grid(alpha=0.3)
            if column == 0:
                axes.set_ylabel(channels[row])
        if has_classes:
            panels[0, column].set_title(str(class_names[kind]), fontsize="medium")
        panels[-1, column].set_xlabel("position")
    left_out = [
        f"{shown} of {all_of} {what}"
        for shown, all_of, what in ((len(kinds), len(class_names), "classes"), (rows, len(channels), "channels"))
        if shown < all_of and (what == "channels" or has_classes)
    ]
    of_what = "Training signals of each class" if has_classes else "Training signals"
    figure.suptitle(of_what + (f" ({', '.join(left_out)})" if left_out else ""), fontsize="medium")
    return figure
