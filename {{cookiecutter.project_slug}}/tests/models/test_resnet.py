"""The residual network is its formula, and grows with its settings."""

import pytest
import torch
from hyperplane import DataSpec

from {{ cookiecutter.package_name }}.models.resnet import ResNet


@pytest.mark.parametrize("shape", [(8, 8, 1), (64, 80, 3)], ids=["small", "large"])
def test_it_is_its_formula(outputs_of, shape):
    spec = DataSpec("classification", shape, 10)
    network = ResNet(spec, blocks=(1, 1), width=4)
    torch.nn.init.ones_(network.blocks[0].residual[-1].weight)  # 0 at the start
    assert outputs_of(network, spec).shape == (5, 10)
    x = torch.randn(5, *shape)
    h = network.stem(x.permute(0, 3, 1, 2))
    h = network.blocks[1]((h + network.blocks[0].residual(h)).clamp(min=0))
    assert h.shape[1:] == ((8, 4, 4) if shape[0] == 8 else (8, 8, 10))
    assert torch.allclose(network(x), network.output(h.mean(dim=(2, 3))), atol=1e-6)


def test_it_can_be_resnet_18():
    spec = DataSpec("classification", (224, 224, 3), 1000)
    size = sum(map(torch.numel, ResNet(spec, blocks=(2, 2, 2, 2), width=64).parameters()))
    assert size == 11_689_512  # as it was published
