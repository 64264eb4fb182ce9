"""What counting alone reaches on a text: how often each token follows the one before it.

    p(b | a) = (n(ab) + α p(b)) / (n(a) + α),    p(b) = (n(b) + 1) / (N + V)

n counts in the training text of N tokens; α, by how much the single tokens smooth the pairs, is the best of a few on
the text that validates. Source: MacKay & Peto 1995, "A Hierarchical Dirichlet Language Model".
"""

import numpy as np
from numpy.typing import NDArray

STRENGTHS = (0.1, 1.0, 10.0, 100.0, 1000.0)  # α that are tried

Tokens = NDArray[np.int32]


class Bigrams:
    """Counts of a training text.

    α is chosen on the text `chosen_on`; None: it is 1.
    """

    def __init__(self, tokens: Tokens, num_tokens: int, chosen_on: Tokens | None) -> None:
        self.num_tokens = num_tokens
        self.singles = np.bincount(tokens, minlength=num_tokens)
        self.firsts = np.bincount(tokens[:-1], minlength=num_tokens)
        self.pairs, self.counts = np.unique(self.pairs_of(tokens), return_counts=True)
        self.strength = 1.0
        if chosen_on is not None:
            self.strength = min(STRENGTHS, key=lambda strength: self.loss(chosen_on, strength))

    def pairs_of(self, tokens: Tokens) -> NDArray[np.int64]:
        """Return a number for each pair of neighbours (tokens − 1,)."""
        return tokens[:-1].astype(np.int64) * self.num_tokens + tokens[1:]

    def unigrams(self, tokens: Tokens) -> NDArray[np.float64]:
        """Return p(b) of each token but the first."""
        return (self.singles[tokens[1:]] + 1) / (self.singles.sum() + self.num_tokens)

    def unigram_loss(self, tokens: Tokens) -> float:
        """Return the mean of −log p(b) over all tokens of a text but the first, in nats."""
        return float(-np.log(self.unigrams(tokens)).mean())

    def loss(self, tokens: Tokens, strength: float | None = None) -> float:
        """Return the mean of −log p(b | a) over all tokens of a text but the first, in nats."""
        alpha = self.strength if strength is None else strength
        wanted = self.pairs_of(tokens)
        places = np.searchsorted(self.pairs, wanted).clip(max=len(self.pairs) - 1)
        counts = np.where(self.pairs[places] == wanted, self.counts[places], 0)
        p = (counts + alpha * self.unigrams(tokens)) / (self.firsts[tokens[:-1]] + alpha)
        return float(-np.log(p).mean())
