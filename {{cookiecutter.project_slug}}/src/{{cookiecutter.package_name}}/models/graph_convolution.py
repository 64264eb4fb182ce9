"""The graph convolutional network.

    h₀ = x,    hₗ = σ(Â hₗ₋₁ Wₗ + bₗ),    ŷ = Â h_L W + b,    Â = D^-½ (A + I) D^-½

A has a 1 for each edge, and D holds the degrees of A + I: Â takes a mean over a node and its neighbours. Without edges
this is a multilayer perceptron. In a directed graph, D on the left and on the right are the in- and out-degrees.
Source: Kipf & Welling 2017, "Semi-Supervised Classification with Graph Convolutional Networks",
https://arxiv.org/abs/1609.02907.

Dimensions: N nodes, F features, H hidden units, K outputs, E edges.
"""

from itertools import pairwise
from typing import cast

import torch
from hyperplane import DataSpec, GraphSpec, UserError
from hyperplane.setting_types import Dropout
from pydantic import PositiveInt
from torch import Tensor, nn

from .activations import ACTIVATIONS, Activation


class GraphConvolution(nn.Module):
    """Graph convolutions: with each layer, a node sees one edge further.

    Raises:
        UserError: the data are not a graph.
    """

    ends: Tensor
    shares: Tensor

    def __init__(
        self,
        spec: DataSpec,
        hidden_sizes: tuple[PositiveInt, ...] = (16,),  # H of each hidden layer
        activation: Activation = "relu",  # σ
        dropout: Dropout = 0.5,  # probability that an input of a layer is set to zero in training
    ) -> None:
        super().__init__()
        if not isinstance(spec, GraphSpec):
            raise UserError("model=graph_convolution needs the edges of a graph: data=karate or data=graph")
        self.num_nodes, nodes = spec.num_nodes, torch.arange(spec.num_nodes)
        begins, ends = torch.cat([torch.tensor(spec.edges, dtype=torch.long).view(-1, 2).T, nodes.expand(2, -1)], dim=1)
        degrees = torch.bincount(begins)[begins] * torch.bincount(ends)[ends]
        for name, values in (("begins", begins), ("ends", ends), ("shares", degrees.float().rsqrt()[:, None])):
            self.register_buffer(name, values, persistent=False)  # E + N entries of Â, which follow from the spec
        sizes = [spec.input_shape[0], *hidden_sizes, spec.output_size]
        self.layers = nn.ModuleList(nn.Linear(c_in, c_out) for c_in, c_out in pairwise(sizes))
        self.activation, self.dropout = ACTIVATIONS[activation](), nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Map the features of all nodes (N, F) to outputs (N, K)."""
        if len(x) != self.num_nodes:
            raise UserError(f"model=graph_convolution takes all {self.num_nodes} nodes at once, on one device")
        for number, layer in enumerate(self.layers):
            h = self.dropout(self.activation(x) if number else x) @ layer.weight.T
            x = torch.zeros_like(h).index_add(0, self.ends, self.shares * h[self.begins]) + cast(Tensor, layer.bias)
        return x
