"""MiniROCKET tells shapes apart wherever they are, and sees nothing beyond the end of a signal."""

import pytest
import torch
from hyperplane import DataSpec, UserError

from {{ cookiecutter.package_name }}.models.rocket import KERNELS, Rocket


def test_it_tells_frequencies_apart(unequal):
    y = torch.arange(40) % 2
    x = torch.sin(torch.arange(50) * (0.4 + 0.2 * y[:, None]) + 6 * torch.rand(40, 1)) + torch.randn(40, 50) / 3
    x = x[..., None]
    network = Rocket(DataSpec("classification", (50, 1), 2))
    network.solve(x[:20], y[:20])
    assert KERNELS.sum(dim=1).tolist() == [0] * 84 and (network(x).argmax(dim=1) == y)[20:].float().mean() > 0.9
    spec, (x, mask), longer = unequal
    network = Rocket(spec)
    network.solve(x, torch.arange(5) % 3, mask)
    assert torch.allclose(network(*longer), network(x, mask), atol=1e-6)


def test_data_without_positions_are_refused_in_a_sentence():
    with pytest.raises(UserError, match="needs signals"):
        Rocket(DataSpec("classification", (7,), 4))
