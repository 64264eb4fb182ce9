"""Zachary's karate club, 1977: 34 members, their 78 friendships, and the two clubs that they parted into.

The whole graph is one batch; masks say which members belong to a part. Dimensions: N members.
"""

import networkx
import torch
from hyperplane import DataSpec
from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader


class KarateClub(LightningDataModule):
    """A few members of each club are trained on, eight are validated on, the others are tested."""

    spec = DataSpec("classification", (34,), 2, class_names=("Mr. Hi", "Officer"))

    def __init__(
        self,
        labelled: int = 2,  # members of each club that are trained on
        has_edges: bool = True,  # without, each member has only itself as a neighbour
    ) -> None:
        super().__init__()
        self.labelled = labelled
        self.has_edges = has_edges

    def setup(self, stage: str | None = None) -> None:
        """Normalise the adjacency matrix, and draw who belongs to which part."""
        self.graph = networkx.karate_club_graph()
        self.clubs = torch.tensor([int(club == "Officer") for _, club in self.graph.nodes(data="club")])
        edges = torch.tensor(networkx.to_numpy_array(self.graph, weight=None)).float() * self.has_edges
        with_itself = edges + torch.eye(34)
        scale = with_itself.sum(dim=1).rsqrt()
        self.adjacency = scale[:, None] * with_itself * scale  # D^-1/2 (A + I) D^-1/2
        order = torch.randperm(34)
        train = torch.cat([order[self.clubs[order] == club][: self.labelled] for club in (0, 1)])
        rest = order[~torch.isin(order, train)]
        self.masks = {"train": train, "val": rest[:8], "test": rest[8:]}

    def loader(self, part: str) -> DataLoader:
        """Return the graph as the only batch: features (N, N), adjacency (N, N), clubs (N,), members of the part."""
        return DataLoader([(torch.eye(34), self.adjacency, self.clubs, self.masks[part])], batch_size=None)

    def train_dataloader(self) -> DataLoader:
        return self.loader("train")

    def val_dataloader(self) -> DataLoader:
        return self.loader("val")

    def test_dataloader(self) -> DataLoader:
        return self.loader("test")
