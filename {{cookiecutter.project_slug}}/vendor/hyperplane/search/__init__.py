"""`hydra/sweeper=optuna`: settings chosen from the results so far."""
