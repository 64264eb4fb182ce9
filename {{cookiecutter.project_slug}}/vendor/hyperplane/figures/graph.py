"""A graph whose nodes were sorted into classes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from numpy.typing import NDArray

from .style import CLASS_COLORS, new_figure

STEPS = 300  # of the layout
WRONG = "#D00000"


def predicted_graph(
    edges: NDArray[np.int64],
    predicted: NDArray[Any],
    classes: NDArray[Any],
    is_trained: NDArray[np.bool_],
    class_names: Sequence[str],
) -> Figure:
    """Draw a graph: colours are predictions, squares were trained on, a red rim says that the class is another.

    Edges are (edges, 2) numbers of nodes. Predicted and true classes and `is_trained` are (N,); a true class is
    negative where it is unknown.
    """
    places = laid_out(edges, len(classes))
    figure = new_figure(6.4, 4.8)
    axes = figure.add_subplot()
    axes.add_collection(LineCollection(list(places[edges]), colors="0.8", linewidths=0.8, zorder=0))
    is_wrong = (classes >= 0) & (classes != predicted)
    size = max(12, min(90, 6000 / len(classes)))
    for number, name in enumerate(class_names):
        color, label = CLASS_COLORS[number % len(CLASS_COLORS)], str(name)
        for trained, marker in ((False, "o"), (True, "s")):
            chosen = (predicted == number) & (is_trained == trained)
            rims = np.where(is_wrong[chosen], WRONG, "black")
            widths = np.where(is_wrong[chosen], 2.0, 0.6).tolist()
            x, y = places[chosen].T
            axes.scatter(x, y, size, color, marker=marker, edgecolors=list(rims), linewidths=widths)
        axes.scatter([], [], s=60, c=color, label=label)
    axes.scatter([], [], s=60, c="white", edgecolors="black", marker="s", label="trained on")
    axes.scatter([], [], s=60, c="white", edgecolors=WRONG, linewidths=2, label="wrong")
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    counted = (classes >= 0) & ~is_trained
    right = int((counted & ~is_wrong).sum())
    axes.set_title(f"Predicted classes: {right} of {int(counted.sum())} unlabelled nodes are correct")
    axes.set_axis_off()
    return figure


def laid_out(edges: NDArray[np.int64], nodes: int) -> NDArray[np.float64]:
    """Return a place (N, 2) for each node: edges pull their ends together, all others push each other away.

    Source: Fruchterman & Reingold 1991, "Graph Drawing by Force-directed Placement".
    """
    joined = np.zeros((nodes, nodes))
    joined[edges[:, 0], edges[:, 1]] = joined[edges[:, 1], edges[:, 0]] = 1
    places, ideal = np.random.default_rng(0).uniform(-0.5, 0.5, (nodes, 2)), 1 / np.sqrt(max(nodes, 1))
    for step in range(STEPS):
        apart = places[:, None] - places
        distance = np.maximum(np.linalg.norm(apart, axis=-1, keepdims=True), 1e-3)
        forces = apart / distance * (ideal**2 / distance - joined[..., None] * distance**2 / ideal)
        moves = forces.sum(axis=1) - ideal * places  # and a weak pull to the middle, or what has no edge leaves
        length = np.maximum(np.linalg.norm(moves, axis=-1, keepdims=True), 1e-9)
        places = places + moves / length * np.minimum(length, 0.1 * (1 - step / STEPS))
    return places
