"""Data sets: one file per family. Each loads its arrays and states a DataSpec."""
