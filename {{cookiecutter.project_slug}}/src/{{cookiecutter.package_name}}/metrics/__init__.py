"""Metrics of your own: classes of torchmetrics, which task.metrics names by their `_target_`."""
