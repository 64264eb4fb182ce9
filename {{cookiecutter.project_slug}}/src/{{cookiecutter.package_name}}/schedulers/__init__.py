"""Learning rate schedules that torch does not have. Those of torch.optim.lr_scheduler need only a config."""
