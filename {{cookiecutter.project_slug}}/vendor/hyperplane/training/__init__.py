"""A run from its start to its end: the folder it writes, the steps it takes, and how it goes on after a stop."""
