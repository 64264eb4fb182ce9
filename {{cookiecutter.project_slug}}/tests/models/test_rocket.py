"""MiniROCKET tells shapes apart, wherever they are."""

import pytest
import torch
from hyperplane import DataSpec, UserError

from {{ cookiecutter.package_name }}.models.rocket import KERNELS, Rocket


def test_it_tells_frequencies_apart():
    y, x = torch.arange(40) % 2, torch.arange(50) + 20 * torch.rand(40, 1)
    x = (((0.4 + 0.2 * y[:, None]) * x).sin()[..., None] + torch.randn(40, 50, 1) / 3).double()
    network = Rocket(DataSpec("classification", (50, 1), 2)).double()
    network.solve(x[:20].float(), y[:20])
    assert KERNELS.sum(dim=1).tolist() == [0] * 84 and (network(x).argmax(dim=1) == y)[20:].float().mean() > 0.9
    with pytest.raises(UserError, match="needs signals"):
        Rocket(DataSpec("classification", (7,), 4))
