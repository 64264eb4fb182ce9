"""Data sets: made by a formula or bundled with a library, and yours."""
