"""Your own signals."""
