"""What models reach on images."""

# Chosen on validation samples: the mean over four splits was 0.981.
CHOSEN = ("model.channels=[16,32]", "model.kernel_sizes=[3,3]", "model.stride=1", "model.dropout=0.3")


def test_a_cnn_reads_digits(train):
    options = ("trainer.max_epochs=40", "optimizer.lr=0.005", "scheduler=cosine")
    assert train("data=digits", "model=cnn", *CHOSEN, *options).summary["metrics"]["test/accuracy"] > 0.97
