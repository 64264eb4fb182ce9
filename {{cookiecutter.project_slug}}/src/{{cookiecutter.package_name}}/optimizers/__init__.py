"""Optimizers that torch does not have in this form. Those of torch.optim need only a config."""
