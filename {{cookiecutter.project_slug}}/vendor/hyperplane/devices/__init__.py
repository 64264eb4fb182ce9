"""Cores, GPUs and processes of a run."""
