"""Graphs in memory, whose nodes belong to classes: a few nodes are trained on, all of them are computed.

Every batch holds the whole graph: features (N, F), and classes (N,) that are −100, which losses and metrics leave out,
where a node is of another part. A network that looks at edges takes them from its spec.
"""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from lightning.pytorch import LightningDataModule
from loguru import logger
from numpy.typing import NDArray
from pydantic import PositiveInt
from torch import Tensor

from ...errors import UserError
from ...setting_types import ProperFraction
from ..arrays import IGNORED, count_classes
from ..batches import Batches, on_gpu
from ..columns.roles import PARTS
from ..scaling import Scaling
from ..spec import GraphSpec

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_DRAWN = 500  # nodes; more would hide each other, and be laid out for long


class Graph(NamedTuple):
    """Nodes, numbered from 0 to N − 1, and edges between them."""

    edges: NDArray[np.int64]  # (edges, 2), from node to node; undirected ones stand there once
    classes: NDArray[np.int64]  # (N,), −100 where unknown
    class_names: tuple[str, ...]
    features: NDArray[np.float64] | None = None  # (N, F); None: each node is told apart from the others, F = N
    feature_names: tuple[str, ...] = ()
    parts: NDArray[np.str_] | None = None  # (N,) train, val or test; None: drawn with the seed


class GraphDataModule(LightningDataModule, ABC):
    """A graph that fits in memory. A subclass returns it from `load`."""

    def __init__(
        self,
        *,
        labelled: PositiveInt = 20,  # nodes of each class that are trained on, drawn with the seed; at most half
        val_fraction: ProperFraction = 0.2,  # of the other nodes, held out to choose by; the rest is the test
        directed: bool = False,  # an edge leads one way: a node sees those from which one leads to it
        standardize: bool = True,  # features, by all nodes; those that are 0 or 1 stay
        seed: int,
    ) -> None:
        super().__init__()
        self.labelled = labelled
        self.val_fraction = val_fraction
        self.directed = directed
        self.standardize = standardize
        self.seed = seed
        self.parts: dict[str, tuple[Tensor, Tensor]] = {}  # standardised features (N, F), classes (N,)

    @abstractmethod
    def load(self) -> Graph:
        """Return the graph."""

    def setup(self, stage: str | None = None) -> None:
        """Load the graph once, and draw who belongs to which part.

        Raises:
            UserError: a part has no node.
        """
        if self.parts:
            return
        self.graph = graph = self.load()
        nodes = len(graph.classes)
        features = np.eye(nodes) if graph.features is None else graph.features
        edges = self.directed_edges(graph.edges, nodes)
        parts = self.drawn(graph) if graph.parts is None else graph.parts
        self.raw = {part: np.where(parts == part, graph.classes, IGNORED) for part in PARTS}
        sizes = {part: int((classes != IGNORED).sum()) for part, classes in self.raw.items()}
        for part in ("train", "test"):
            if not sizes[part]:
                raise UserError(f"No node of {nodes} is for {part}: {sizes}")
        targets = {part: torch.from_numpy(classes) for part, classes in self.raw.items()}
        self.spec = GraphSpec(
            task="classification",
            input_shape=(features.shape[1],),
            output_size=len(graph.class_names),
            class_names=graph.class_names,
            feature_names=graph.feature_names,
            train_size=sizes["train"],
            num_nodes=nodes,
            edges=tuple(map(tuple, edges.tolist())),
        )
        counts = count_classes(targets["train"], self.spec)
        self.spec = GraphSpec(**vars(self.spec) | {"class_counts": counts})
        self.scaling = Scaling(self.spec)
        self.inputs = torch.from_numpy(features)
        if self.standardize:
            self.fit_scaling()
        self.parts = {part: (self.scaling(self.inputs), classes) for part, classes in targets.items()}
        logger.info(
            "A graph of {} nodes ({} features) and {} {}edges; classes of nodes: {}",
            nodes,
            features.shape[1] if graph.features is not None else "no",
            len(graph.edges),
            "directed " if self.directed else "",
            ", ".join(f"{size} {part}" for part, size in sizes.items()),
        )

    def directed_edges(self, edges: NDArray[np.int64], nodes: int) -> NDArray[np.int64]:
        """Return each edge once, and undirected ones in both directions; self loops and copies are left out."""
        loops = edges[:, 0] == edges[:, 1]
        both = edges[~loops] if self.directed else np.concatenate([edges[~loops], edges[~loops, ::-1]])
        found = np.unique(both, axis=0)
        copies = int((~loops).sum()) - len(found) // (1 if self.directed else 2)
        if loops.any() or copies:
            logger.warning(
                "{} of {} edges lead from a node to itself, and {} are there twice: they are left out",
                int(loops.sum()),
                len(edges),
                copies,
            )
        alone = nodes - len(np.unique(found))
        if alone:
            logger.info("{} of {} nodes have no edge.", alone, nodes)
        return found

    def drawn(self, graph: Graph) -> NDArray[np.str_]:
        """Return the part of each node (N,): of each class as many are trained on, and the same share held out."""
        random = np.random.default_rng(self.seed)
        parts = np.full(len(graph.classes), "none", dtype="<U5")
        for number, name in enumerate(graph.class_names):
            members = random.permutation(np.flatnonzero(graph.classes == number))
            trained = min(self.labelled, len(members) // 2)
            if trained < self.labelled:
                logger.warning("Class {} has {} nodes: {} of them are trained on", name, len(members), trained)
            held_out = trained + round(self.val_fraction * (len(members) - trained))
            parts[members[:trained]], parts[members[trained:held_out]], parts[members[held_out:]] = PARTS
        return parts

    def fit_scaling(self) -> None:
        """Take the statistics of the features of all nodes; those that are 0 or 1 stay as they are."""
        self.scaling.fit(self.inputs, self.inputs.new_zeros(1, dtype=torch.long))
        marks = ((self.inputs == 0) | (self.inputs == 1)).all(dim=0)
        self.scaling.input_mean[marks], self.scaling.input_std[marks] = 0, 1

    def arrays(self, part: str) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return features (nodes, F) and classes (nodes,) of the nodes of a part."""
        classes = self.raw[part]
        return self.inputs.numpy()[classes != IGNORED], classes[classes != IGNORED]

    def training_samples(self) -> tuple[Tensor, Tensor]:
        """Return features and classes of the nodes that are trained on, for a model that sees no edges."""
        features, classes = self.parts["train"]
        return features[classes != IGNORED], classes[classes != IGNORED]

    @property
    def validates(self) -> bool:
        """Whether nodes are held out for validation."""
        return bool((self.raw["val"] != IGNORED).any())

    def evaluation_batches(self, part: str) -> Batches:
        """Return the graph as the only batch, with the classes of a part."""
        return Batches(on_gpu(self.parts[part], self.trainer), self.spec.num_nodes)

    def train_dataloader(self) -> Batches:
        """Return the graph once an epoch."""
        return self.evaluation_batches("train")

    def val_dataloader(self) -> Batches | list[Batches]:
        """Return the graph, or an empty list if no node is held out."""
        return self.evaluation_batches("val") if self.validates else []

    def test_dataloader(self) -> Batches:
        """Return the graph."""
        return self.evaluation_batches("test")

    def figures(self, task: Any) -> dict[str, "Figure"]:
        """Return a picture of the graph with the classes that are predicted."""
        from ...figures.graph import predicted_graph

        if self.spec.num_nodes > MOST_DRAWN:
            logger.info("The graph is not drawn: it has more than {} nodes.", MOST_DRAWN)
            return {}
        predicted = task.predict_array(self.inputs.numpy()).argmax(axis=1)
        is_trained = self.raw["train"] != IGNORED
        edges, names = np.array(self.spec.edges).reshape(-1, 2), self.spec.class_names
        return {"graph": predicted_graph(edges, predicted, self.graph.classes, is_trained, names)}
