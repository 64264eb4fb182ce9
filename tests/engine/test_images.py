"""What models reach on images."""

# Chosen on validation samples: the mean over four splits was 0.981.
CHOSEN = ("model.channels=[16,32]", "model.kernel_sizes=[3,3]", "model.stride=1", "model.dropout=0.3")


def test_a_cnn_reads_digits(train):
    options = ("trainer.max_epochs=40", "optimizer.lr=0.005", "scheduler=cosine")
    assert train("data=digits", "model=cnn", *CHOSEN, *options).summary["metrics"]["test/accuracy"] > 0.97


# Chosen on a fifth of the training samples: the mean over three seeds was 0.987, the best of eight recipes.
RESNET = ("model.blocks=[2,2]", "model.width=16", "trainer.max_epochs=12", "optimizer.lr=0.01")


def test_a_resnet_is_right_on_more_than_99_of_100_digits(train):
    runs = [train("data=digits", "model=resnet", *RESNET, f"seed={seed}") for seed in range(3)]
    assert sum(run.summary["metrics"]["test/accuracy"] for run in runs) / 3 > 0.99
