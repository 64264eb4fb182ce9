"""Columns of a table as numbers: what each is taken for, and what the training rows say about it."""
