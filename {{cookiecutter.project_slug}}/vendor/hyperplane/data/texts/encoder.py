"""A column of texts as tokens, as the checkpoint of a run knows it."""

from dataclasses import dataclass

import numpy as np
from loguru import logger
from numpy.typing import NDArray

from ..columns.names import require_in_rows
from ..columns.values import as_text
from ..lazy_polars import pl
from ..spec import PADDING, UNKNOWN, TextSpec
from .tokens import Tokenizer

MANY_UNKNOWN = 0.2  # of the tokens: that much is worth a hint


@dataclass(frozen=True)
class TextEncoder:
    """Encodes a column of texts with a tokenizer."""

    column: str
    tokenizer: Tokenizer
    length: int  # tokens after which a text is cut

    @classmethod
    def of(cls, spec: TextSpec) -> "TextEncoder":
        return cls(spec.text, Tokenizer.of(spec), spec.input_shape[0])

    def encode(self, table: "pl.DataFrame", rows: str) -> NDArray[np.int64]:
        """Return the tokens (texts, longest) of `rows`; say how many texts were cut, how many tokens are unknown."""
        require_in_rows([self.column], table, rows)
        numbers, cut = self.tokenizer.encode_all(texts_of(table, self.column), self.length)
        if cut:
            logger.warning(
                "In {}: {} of {} texts are cut after {} tokens (data.length)", rows, cut, len(numbers), self.length
            )
        unknown = float((numbers == UNKNOWN).sum() / max(1, (numbers != PADDING).sum()))
        if unknown > MANY_UNKNOWN:
            logger.warning(
                "In {}: {:.0%} of the tokens are not in the vocabulary. data.vocabulary=... may hold more of them; "
                "data.tokens=characters or bpe knows parts of words",
                rows,
                unknown,
            )
        return numbers


def texts_of(table: "pl.DataFrame", column: str) -> list[str]:
    """Return the texts of a column, empty where one is missing."""
    return as_text(table[column]).fill_null("").to_list()
