"""Your own texts: with a target, or one to go on writing."""
