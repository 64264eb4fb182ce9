"""Graphs in memory, of whose nodes something is predicted: a few nodes are trained on, all of them are computed.

Every batch holds the whole graph: features (N, F), the numbers of the nodes of a part (n,), and the targets of these. A
network maps the features of all nodes to as many outputs; one that looks at edges takes them from its spec.
"""

from abc import abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from loguru import logger
from numpy.typing import NDArray
from pydantic import PositiveInt
from torch import Tensor

from ...errors import UserError
from ...setting_types import ProperFraction
from ..arrays import Samples, count_classes, means_of
from ..batches import on_gpu
from ..folds import strata
from ..part_loaders import PartLoaders
from ..parts import PARTS, sizes
from ..scaling import Scaling
from ..spec import GraphSpec
from .whole_graph import Graph as Graph  # where data sets look for it
from .whole_graph import WholeGraph, directed_edges

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_DRAWN = 500  # nodes; more would hide each other, and be laid out for long
LABELLED = 20  # nodes of each class that are trained on, if nothing else is said
MOST_TARGETS = 4  # that are drawn
SHARE = 0.6  # of the nodes that are trained on where there are no classes


class GraphDataModule(PartLoaders):
    """A graph that fits in memory. A subclass returns it from `load`."""

    def __init__(
        self,
        *,
        # Nodes of each class that are trained on, drawn with the seed; at most half. Null: 20; of labels or values,
        # which are no classes, three in five of all nodes
        labelled: PositiveInt | None = None,
        val_fraction: ProperFraction = 0.2,  # of the other nodes, held out to choose by; the rest is the test
        directed: bool = False,  # an edge leads one way: a node sees those from which one leads to it
        standardize: bool = True,  # values to predict; features, by all nodes, but those that are 0 or 1
        seed: int,
    ) -> None:
        super().__init__()
        self.labelled = labelled
        self.val_fraction = val_fraction
        self.directed = directed
        self.standardize = standardize
        self.seed = seed
        self.parts: dict[str, Samples] = {}  # standardised features (N, F), nodes (n,), targets (n, ...)

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
        count = len(graph.targets)
        self.inputs = torch.from_numpy(np.eye(count) if graph.features is None else graph.features)
        parts = self.drawn(graph) if graph.parts is None else graph.parts
        self.nodes = {part: np.flatnonzero((parts == part) & graph.known) for part in PARTS}
        for part in ("train", "test"):
            if not len(self.nodes[part]):
                raise UserError(f"None of the {count} nodes is for {part}: {sizes(self.nodes)}")
        targets = {part: torch.from_numpy(graph.targets[nodes]) for part, nodes in self.nodes.items()}
        self.state_spec(graph, targets["train"])
        self.scaling = Scaling(self.spec)
        if self.standardize:
            self.fit_scaling(targets["train"])
        scaled = self.scaling(self.inputs)
        self.parts = {
            part: (scaled, torch.from_numpy(self.nodes[part]), self.scaling.scale_targets(values))
            for part, values in targets.items()
        }
        features = "no" if graph.features is None else self.inputs.shape[1]
        joined = len(self.spec.edges)  # without loops and copies
        edges = f"{joined} directed edges" if self.directed else f"{joined // 2} edges"
        told = "A graph of {} nodes ({} features) and {}; {} of nodes: {}"
        logger.info(told, count, features, edges, graph.task, sizes(self.nodes))

    def state_spec(self, graph: Graph, trained: Tensor) -> None:
        """State what there is to predict; `trained` are the targets of training."""
        edges = directed_edges(graph.edges, len(graph.targets), self.directed)
        spec = GraphSpec(
            task=graph.task,
            input_shape=(self.inputs.shape[1],),
            output_size=len(graph.class_names) or graph.targets.shape[1],
            class_names=graph.class_names,
            feature_names=graph.feature_names,
            target_names=graph.target_names,
            train_size=len(trained),
            num_nodes=len(graph.targets),
            edges=tuple(map(tuple, edges.tolist())),
        )
        self.spec = replace(spec, class_counts=count_classes(trained, spec), target_means=means_of(trained, spec))

    def drawn(self, graph: Graph) -> NDArray[np.str_]:
        """Return the part of each node (N,): of each class as many are trained on, and the same share held out."""
        random = np.random.default_rng(self.seed)
        parts = np.full(len(graph.targets), "none", dtype="<U5")
        known = np.flatnonzero(graph.known)
        has_classes = graph.task == "classification"
        kinds = strata(graph.targets[known], graph.task) if has_classes else np.zeros(len(known), np.int64)
        for kind in np.unique(kinds):
            members = random.permutation(known[kinds == kind])
            trained = self.trained_of(len(members), graph.class_names[graph.targets[members[0]]] if has_classes else "")
            held_out = trained + round(self.val_fraction * (len(members) - trained))
            parts[members[:trained]], parts[members[trained:held_out]], parts[members[held_out:]] = PARTS
        return parts

    def trained_of(self, members: int, name: str) -> int:
        """Return how many nodes of a class are trained on; without a name they are all nodes there are."""
        if self.labelled is None and not name:
            return round(SHARE * members)
        wanted = self.labelled or LABELLED
        trained = min(wanted, members // 2)
        if trained < wanted:
            of = f"Class {name} has" if name else "There are"
            say = logger.warning if self.labelled else logger.info
            say("{} {} nodes: {} of them are trained on", of, members, trained)
        return trained

    def fit_scaling(self, targets: Tensor) -> None:
        """Take the statistics of the targets of training, and of the features of all nodes, but those of 0 and 1."""
        self.scaling.fit(self.inputs, targets)
        marks = ((self.inputs == 0) | (self.inputs == 1)).all(dim=0)
        self.scaling.input_mean[marks], self.scaling.input_std[marks] = 0, 1

    def training_samples(self) -> Samples:
        """Return features and targets of the nodes that are trained on, for a model that sees no edges."""
        features, nodes, targets = self.parts["train"]
        return features[nodes], targets

    @property
    def validates(self) -> bool:
        return len(self.nodes["val"]) > 0

    def evaluation_batches(self, part: str) -> WholeGraph:
        """Return the graph as the only batch, with the targets of a part."""
        return WholeGraph(*on_gpu(self.parts[part], self.trainer))

    def train_dataloader(self) -> WholeGraph:
        return self.evaluation_batches("train")

    def figures(self, task: Any) -> dict[str, "Figure"]:
        """Return a picture of the graph with the classes that are predicted, or the residuals of the test."""
        predicted = task.predict_array(self.inputs.numpy())
        if self.spec.task == "regression":
            return self.residuals(predicted)
        if self.spec.task != "classification" or self.spec.num_nodes > MOST_DRAWN:
            logger.info("The graph is not drawn: it has labels, or more than {} nodes.", MOST_DRAWN)
            return {}
        from ...figures.graph import predicted_graph

        is_trained = np.isin(np.arange(self.spec.num_nodes), self.nodes["train"])
        edges, names = np.array(self.spec.edges, np.int64).reshape(-1, 2), self.spec.class_names
        return {"graph": predicted_graph(edges, predicted.argmax(axis=1), self.graph.targets, is_trained, names)}

    def residuals(self, predicted: NDArray[Any]) -> dict[str, "Figure"]:
        """Return the residuals of the nodes of the test, in a picture for each of the first targets."""
        from ...figures import residuals

        nodes, names = self.nodes["test"], self.spec.target_names[:MOST_TARGETS]
        return {
            f"residuals{f'_{k + 1}' if len(self.spec.target_names) > 1 else ''}": residuals(
                predicted[nodes, k], self.graph.targets[nodes, k], name
            )
            for k, name in enumerate(names)
        }
