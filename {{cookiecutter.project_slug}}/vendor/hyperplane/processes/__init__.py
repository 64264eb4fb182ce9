"""The processes of this machine: cores and GPUs for each, signals, workers, and what ranks tell each other."""
