"""Who is told about a run: its own `metrics.csv`, Weights & Biases, TensorBoard."""
