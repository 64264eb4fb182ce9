"""Optimizers that torch does not have as they are needed here. Those of torch.optim need a config alone."""
