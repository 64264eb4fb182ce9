"""Classification of the nodes of a graph: all are computed, those of a part count."""

import networkx
import torch
from hyperplane.figures import CLASS_COLORS, new_figure
from matplotlib.figure import Figure
from torch import Tensor

from ..data.karate_club import KarateClub
from .classification import Classification


class Nodes(Classification):
    """Batches are features, adjacency, classes, and the numbers of the nodes that count."""

    def step(self, batch: tuple[Tensor, ...]) -> tuple[Tensor, Tensor, Tensor]:
        features, adjacency, classes, counted = batch
        outputs, targets = self.network(features, adjacency)[counted], classes[counted]
        return self.loss(outputs, targets), outputs, targets

    @torch.no_grad()
    def figures(self, data: KarateClub) -> dict[str, Figure]:
        """Draw the graph: colours are predictions, squares were trained on, mistakes are red."""
        features, adjacency, classes, _ = next(iter(data.test_dataloader()))
        predicted = self.network(features, adjacency).argmax(dim=1)
        figure, places = new_figure(5, 4), networkx.spring_layout(data.graph, seed=0)
        axes = figure.subplots()
        for one, other in data.graph.edges:
            axes.plot(*zip(places[one], places[other], strict=True), color="0.8", linewidth=0.8, zorder=0)
        for node, (x, y) in places.items():
            edge = "black" if predicted[node] == classes[node] else "red"
            marker = "s" if node in data.masks["train"] else "o"
            axes.scatter(x, y, 90, CLASS_COLORS[predicted[node]], marker, edgecolors=edge, linewidths=1.5)
        axes.set_title("Predicted clubs\nsquares: trained on, red rims: wrong")
        axes.set_axis_off()
        return super().figures(data) | {"graph": figure}
