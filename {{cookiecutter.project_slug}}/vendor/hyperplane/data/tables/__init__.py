"""Your own tables, in memory or larger."""
