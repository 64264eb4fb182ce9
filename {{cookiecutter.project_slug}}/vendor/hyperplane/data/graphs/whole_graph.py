"""A graph in memory, and as a batch: all of its nodes are computed in every step."""

from typing import Any, NamedTuple

import numpy as np
from loguru import logger
from numpy.typing import NDArray
from torch import Tensor

from ..arrays import IGNORED, Samples
from ..batches import Batches


class Graph(NamedTuple):
    """Nodes, numbered from 0 to N − 1, edges between them, and what is predicted of nodes."""

    edges: NDArray[np.int64]  # (edges, 2), from node to node; undirected ones stand there once
    targets: NDArray[Any]  # class numbers (N,), −100 where unknown; labels or values (N, K), NaN where unknown
    class_names: tuple[str, ...] = ()  # of classes or labels
    features: NDArray[np.float64] | None = None  # (N, F); None: each node is told apart from the others, F = N
    feature_names: tuple[str, ...] = ()
    parts: NDArray[np.str_] | None = None  # (N,) train, val or test; None: drawn with the seed
    task: str = "classification"  # or multilabel, regression
    target_names: tuple[str, ...] = ()  # of values

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which nodes have a target (N,)."""
        return self.targets != IGNORED if self.targets.ndim == 1 else np.isfinite(self.targets).all(axis=1)


class WholeGraph(Batches):
    """The graph as the only batch.

    `features` are those of all nodes (N, F), `nodes` the numbers of those of a part (n,), `targets` theirs (n, ...).
    """

    def __init__(self, features: Tensor, nodes: Tensor, targets: Tensor) -> None:
        super().__init__((nodes, targets), len(nodes))
        self.features = features

    def complete(self, batch: Samples) -> Samples:
        return self.features, *batch


def directed_edges(edges: NDArray[np.int64], nodes: int, directed: bool) -> NDArray[np.int64]:
    """Return each edge once, and undirected ones in both directions; self loops and copies are left out."""
    loops = edges[:, 0] == edges[:, 1]
    both = edges[~loops] if directed else np.concatenate([edges[~loops], edges[~loops, ::-1]])
    found = np.unique(both, axis=0)
    copies = int((~loops).sum()) - len(found) // (1 if directed else 2)
    if loops.any() or copies:
        logger.warning(
            "{} of {} edges lead from a node to itself, and {} are there twice: they are left out",
            int(loops.sum()),
            len(edges),
            copies,
        )
    if alone := nodes - len(np.unique(found)):
        logger.info("{} of {} nodes have no edge.", alone, nodes)
    return found
