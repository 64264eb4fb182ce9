"""Metrics have one name everywhere, whatever a LightningModule calls them."""

import pytest
from hyperplane.metrics.metric_names import MetricNames, find, written


@pytest.mark.parametrize(
    ("logged", "kept"),
    [
        ("val_loss", "val/loss"),
        ("val/loss", "val/loss"),
        ("valid_f1", "val/f1"),
        ("validation_loss", "val/loss"),
        ("train_loss_epoch", "train/loss_epoch"),
        ("test_acc", "test/acc"),
        ("val_loss/dataloader_idx_1", "val/noisy/loss"),
        ("val_loss/dataloader_idx_7", "val/7/loss"),
        ("epoch", "epoch"),
        ("lr-Adam", "lr-Adam"),
        ("value_loss", "value_loss"),  # no stage
        ("test", "test"),
    ],
)
def test_a_name(logged, kept):
    names = MetricNames()
    names.loaders["val"] = ["clean", "noisy"]
    assert names(logged) == kept == names(kept)


def test_a_metric_is_found_under_both_names():
    names = MetricNames()
    assert find("val/loss", {"val_loss": 1.0}, names) == find("val_loss", {"val/loss": 1.0}, names) == 1.0
    assert find("val/loss", {"val/f1": 1.0}, names) is None


def test_metrics_of_any_size_are_written_with_digits_that_say_something():
    values = [0.529, 1.14637, 0.0, 2.5e-6, -153246966480896.0, float("nan")]
    assert [written(value) for value in values] == ["0.5290", "1.1464", "0.0000", "2.5e-06", "-1.532e+14", "nan"]
