"""The training loop, made lean: Lightning's own, without what a plain step does not need."""
