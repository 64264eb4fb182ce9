"""The confusion matrix of a classifier."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from .style import new_figure


def confusion_matrix(counts: np.ndarray, class_names: Sequence[str]) -> Figure:
    """How often each true class was taken for which.

    Rows of the counts (C, C) are true classes, columns are predictions. Colours are fractions of the row; the counts
    are written into the cells up to 20 classes.
    """
    num_classes = len(counts)
    total = int(counts.sum())
    right = int(np.trace(counts))
    fractions = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = min(10.0, max(4.4, 1.8 + 0.42 * num_classes))
    figure = new_figure(side + 0.8, side)
    axes = figure.add_subplot()
    image = axes.imshow(fractions, cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(image, ax=axes, label="fraction of the true class", shrink=0.8)
    if num_classes <= 20:
        for (i, j), fraction in np.ndenumerate(fractions):
            color = "white" if fraction > 0.5 else "black"
            axes.text(j, i, str(int(counts[i, j])), ha="center", va="center", color=color, fontsize=8)
    every = math.ceil(num_classes / 40)  # with very many classes, name only some
    ticks = range(0, num_classes, every)
    names = [str(class_names[i]) for i in ticks]
    long = max(map(len, names), default=0) > max(3, 36 // max(num_classes, 1))  # characters that fit under a column
    axes.set_xticks(ticks, names, rotation=45 if long else 0, ha="right" if long else "center")
    axes.set_yticks(ticks, names)
    axes.set(xlabel="predicted class", ylabel="true class")
    title = f"Confusion matrix: {right} of {total} right ({right / max(total, 1):.1%})"
    figure.suptitle(title, fontsize="medium")  # of the whole figure, or it would run into the colours
    return figure
