"""Learning rate schedules that torch does not have. Those of torch.optim.lr_scheduler need a config alone."""
