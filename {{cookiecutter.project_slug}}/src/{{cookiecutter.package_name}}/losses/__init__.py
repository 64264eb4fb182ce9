"""Losses, each with its equation. All take outputs, targets and, if samples are weighted, their weights (B,).

t is the target of a sample, o its outputs. For classification t is a class number and o are logits. They return the
mean over the batch (), with weights w the mean Σᵢ wᵢ lᵢ / Σᵢ wᵢ of the losses lᵢ of the samples.
"""
