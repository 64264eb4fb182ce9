"""The graph convolution is its formula, and needs a graph."""

import pytest
import torch
from hyperplane import DataSpec, GraphSpec, UserError

from {{ cookiecutter.package_name }}.models.graph_convolution import GraphConvolution


def test_it_is_its_formula():
    spec = GraphSpec("classification", (3,), 2, num_nodes=4, edges=((0, 1), (1, 0), (1, 2), (2, 1)))
    network, x = GraphConvolution(spec, hidden_sizes=(5,)).eval(), torch.randn(4, 3)
    a = torch.eye(4) + torch.tensor([[0, 1, 0, 0], [1, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 0]])
    a = a / (a.sum(0) * a.sum(1)[:, None]).sqrt()
    w1, b1, w, b = network.parameters()
    assert torch.allclose(network(x), a @ (a @ x @ w1.T + b1).relu() @ w.T + b, atol=1e-6)
    with pytest.raises(UserError, match="needs the edges of a graph"):
        GraphConvolution(DataSpec("classification", (3,), 2))
