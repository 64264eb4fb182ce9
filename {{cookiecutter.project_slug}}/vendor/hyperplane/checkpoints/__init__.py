"""Checkpoints: written whole, read without unpickling, kept where a run goes on, or was best, from."""
