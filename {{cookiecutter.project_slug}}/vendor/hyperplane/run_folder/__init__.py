"""The run folder: what a run leaves, how it is recognised, and how it goes on. Imports no torch."""
