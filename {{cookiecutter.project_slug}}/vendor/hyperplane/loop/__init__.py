"""The loops of a training, without what nobody listens to, and what accompanies them."""
