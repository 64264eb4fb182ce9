"""How a command gets its configuration: Hydra composes, what it composed is checked, and nothing else is run."""
