"""Checkpoints: which are kept, what is in them, how a run goes on from one."""
