"""A language model: which token comes next, for every token of a text."""

from pathlib import Path

import torch
from torch import Tensor

from .classification import Classification

SAMPLED = 500  # characters


class LanguageModel(Classification):
    """Is trained as any classification of places is, and writes a text of its own after the test."""

    def to_predictions(self, outputs: Tensor) -> Tensor:
        """Return the probability of each token (B, V) to come next after the last."""
        return outputs[:, :, -1].softmax(dim=1)

    def on_test_end(self) -> None:
        """Write a text, one character after the other, each drawn with its probability."""
        tokens = torch.zeros(1, 1, dtype=torch.long, device=self.device)  # the first of the vocabulary: a new line
        for _ in range(SAMPLED):
            probabilities = self(tokens[:, -self.spec.input_shape[0] :])
            tokens = torch.cat([tokens, probabilities.multinomial(1)], dim=1)
        text = "".join(self.spec.vocabulary[token] for token in tokens[0])
        Path(self.trainer.default_root_dir, "sample.txt").write_text(text, encoding="utf-8")
