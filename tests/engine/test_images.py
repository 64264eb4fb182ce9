"""What models reach on images, and how they lay them out for torch."""

import pytest
import torch
from hyperplane import DataSpec

from my_research.models.cnn import CNN

# Chosen on validation samples: the mean over four splits was 0.981.
CHOSEN = ("model.channels=[16,32]", "model.kernel_sizes=[3,3]", "model.stride=1", "model.dropout=0.3")


def test_a_cnn_reads_digits(train):
    options = ("trainer.max_epochs=40", "optimizer.lr=0.005", "scheduler=cosine")
    assert train("data=digits", "model=cnn", *CHOSEN, *options).summary["metrics"]["test/accuracy"] > 0.97


@pytest.mark.parametrize(("shape", "strides"), [((40, 1), (40, 1)), ((17, 2), (17, 1)), ((8, 9, 3), (1, 27, 3))])
def test_signals_are_convolved_with_channels_first_and_images_with_channels_last(shape, strides):
    network, seen = CNN(DataSpec("classification", shape, 10)), []
    network.convolutions.register_forward_pre_hook(lambda module, arguments: seen.append(arguments[0]))
    network(torch.zeros(5, *shape))
    assert [h.stride()[1:] for h in seen] == [strides], "torch tells the layout by them, and takes longer in the other"


# Chosen on a fifth of the training samples: the mean over three seeds was 0.987, the best of eight recipes.
RESNET = ("model.blocks=[2,2]", "model.width=16", "trainer.max_epochs=12", "optimizer.lr=0.01")


def test_a_resnet_is_right_on_more_than_99_of_100_digits(train):
    runs = [train("data=digits", "model=resnet", *RESNET, f"seed={seed}") for seed in range(3)]
    assert sum(run.summary["metrics"]["test/accuracy"] for run in runs) / 3 > 0.99
