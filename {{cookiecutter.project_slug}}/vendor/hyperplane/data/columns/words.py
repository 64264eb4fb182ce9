"""The words of a column of free text: how often each occurs in a row.

The words are those that occur most often in the training rows, in small letters, as scikit-learn's CountVectorizer
finds them: two letters or digits at least. A word that is not among them counts nothing.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..lazy_polars import pl
from .features import Column, Remarks
from .values import as_text


@dataclass(frozen=True, kw_only=True)
class Words(Column):
    """Free text."""

    taken_for = "words"

    words: list[str]  # in the order of the alphabet

    @property
    def outputs(self) -> list[str]:
        return [f"{self.name}={word}" for word in self.words]

    def encode(self, series: "pl.Series", rows: str, remarks: Remarks) -> NDArray[np.float64]:
        return counts(series, self.words)


def counts(texts: "pl.Series", words: Sequence[str]) -> NDArray[np.float64]:
    """Return how often each word occurs in each text (samples, words)."""
    from sklearn.feature_extraction.text import CountVectorizer

    vectorizer = CountVectorizer(vocabulary=list(words), dtype=np.float64)
    return vectorizer.transform(as_text(texts).fill_null("").to_list()).toarray()


def occurrences(texts: "pl.Series") -> Counter[str]:
    from sklearn.feature_extraction.text import CountVectorizer

    split = CountVectorizer().build_analyzer()
    found: Counter[str] = Counter()
    for text in as_text(texts).drop_nulls().to_list():
        found.update(split(text))
    return found


def most_frequent(found: Counter[str], most: int) -> list[str]:
    """Return the words that occur most often, in the order of the alphabet; of equals the first in that order."""
    ranked = sorted(found, key=lambda word: (-found[word], word))
    return sorted(ranked[:most])
