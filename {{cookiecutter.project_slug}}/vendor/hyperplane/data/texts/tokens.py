"""Texts as token numbers, and back. What there is to number is learned from training texts.

words        in lower case; what is neither a word nor a blank is a token by itself: Don't stop! → don't, stop, !
characters   each by itself, as it is written
bpe          byte pairs that often stand together, from single bytes on: any text can be spelled. Sennrich et al. 2016,
             "Neural Machine Translation of Rare Words with Subword Units", by the library tokenizers

All texts are in Unicode's composed form (NFC), so that é is one character however a file spells it.
"""

import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from ...errors import UserError
from ..spec import PADDING, UNKNOWN, TextSpec

Kind = Literal["words", "characters", "bpe"]
SPECIAL = ("[padding]", "[unknown]")  # by their numbers; no word, and too long for a character
BYTES = 256  # what byte pairs begin with


@dataclass(frozen=True)
class Tokenizer:
    """A vocabulary, and how texts are taken apart."""

    kind: str  # words, characters or bpe
    vocabulary: tuple[str, ...]  # a token for each number
    rules: str = ""  # how byte pairs are joined, as the library tokenizers writes it (JSON)

    @classmethod
    def fit(cls, texts: Sequence[str], kind: Kind, size: int) -> Self:
        """Return the tokenizer with the `size` most frequent tokens of some texts, padding and unknown among them.

        Raises:
            UserError: tokenizers is not installed, or `size` is too small for byte pairs.
        """
        if kind == "bpe":
            rules = byte_pairs(texts, size - len(SPECIAL))
            numbers = library(rules).get_vocab()
            return cls(kind, (*SPECIAL, *sorted(numbers, key=numbers.__getitem__)), rules)
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(split(text, kind))
        frequent = sorted(counts, key=lambda token: (-counts[token], token))
        return cls(kind, (*SPECIAL, *frequent[: size - len(SPECIAL)]))

    @classmethod
    def of(cls, spec: TextSpec) -> Self:
        return cls(spec.tokens, spec.vocabulary, spec.token_rules)

    def encode(self, text: str) -> NDArray[np.int32]:
        """Return the numbers of a text's tokens (tokens,)."""
        if self.kind == "bpe":
            ids = self.library.encode(composed(text), add_special_tokens=False).ids
            return np.array(ids, np.int32) + np.int32(len(SPECIAL))
        if self.kind == "characters":
            return self.by_character[np.frombuffer(composed(text).encode("utf-32-le", "surrogatepass"), np.uint32)]
        return np.array([self.numbers.get(token, UNKNOWN) for token in split(text, self.kind)], np.int32)

    def encode_all(self, texts: Iterable[str], length: int) -> tuple[NDArray[np.int64], int]:
        """Return texts (texts, longest of them) that are cut after `length` tokens, and how many were cut.

        A text without tokens is an unknown one: a network has to look at something.
        """
        rows = [self.encode(text) for text in texts]
        longest = min(length, max((len(row) for row in rows), default=1))
        numbers = np.full((len(rows), max(1, longest)), PADDING, np.int64)
        for place, row in zip(numbers, rows, strict=True):
            kept = row[:length]
            place[: max(1, len(kept))] = kept if len(kept) else UNKNOWN
        return numbers, sum(len(row) > length for row in rows)

    def decode(self, numbers: Iterable[int]) -> str:
        """Return the text of token numbers; of words, with blanks between them. Unknown ones are marked with �."""
        known = [int(number) for number in numbers if number != PADDING]
        if self.kind == "bpe":
            return self.library.decode([n - len(SPECIAL) for n in known if n >= len(SPECIAL)])
        separator = " " if self.kind == "words" else ""
        return separator.join("�" if number == UNKNOWN else self.vocabulary[number] for number in known)

    def shown(self, numbers: Iterable[int]) -> list[str]:
        """Return what each token stands for, for readers."""
        if self.kind == "bpe":
            return [self.library.decode([int(n) - len(SPECIAL)]) if n >= len(SPECIAL) else "�" for n in numbers]
        return ["�" if number == UNKNOWN else self.vocabulary[int(number)] for number in numbers]

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The number of each token."""
        return {token: number for number, token in enumerate(self.vocabulary)}

    @cached_property
    def by_character(self) -> NDArray[np.int32]:
        """The number of each character that there can be."""
        found = np.full(sys.maxunicode + 1, UNKNOWN, np.int32)
        for number, token in enumerate(self.vocabulary[len(SPECIAL) :], len(SPECIAL)):
            found[ord(token)] = number
        return found

    @cached_property
    def library(self) -> Any:
        return library(self.rules)


def composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def split(text: str, kind: str) -> Sequence[str]:
    """Return the words or the characters of a text."""
    return composed(text) if kind == "characters" else pattern_of_words().findall(composed(text).lower())


@cache
def pattern_of_words() -> re.Pattern[str]:
    """Return what finds words; marks belong to the letter before, which Python's own `\\w` ends a word at."""
    marks = "".join(mark for mark in map(chr, range(sys.maxunicode)) if unicodedata.category(mark)[0] == "M")
    letters = rf"[\w{marks}]+"
    return re.compile(rf"{letters}(?:['’]{letters})*|[^\w\s][{marks}\u200d]*")


def byte_pairs(texts: Iterable[str], size: int) -> str:
    """Return the rules of byte pairs that are learned from texts, as JSON."""
    if size <= BYTES:
        raise UserError(
            f"data.vocabulary={size + len(SPECIAL)} is too small: data.tokens=bpe begins with {BYTES} bytes"
        )
    tokenizers = import_tokenizers()
    made = tokenizers.Tokenizer(tokenizers.models.BPE())
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = tokenizers.decoders.ByteLevel()
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    trainer = tokenizers.trainers.BpeTrainer(vocab_size=size, initial_alphabet=alphabet, show_progress=False)
    made.train_from_iterator(map(composed, texts), trainer)
    return made.to_str()


def library(rules: str) -> Any:
    return import_tokenizers().Tokenizer.from_str(rules)


def import_tokenizers() -> Any:
    try:
        import tokenizers
    except ImportError:
        raise UserError(
            "data.tokens=bpe needs tokenizers: pip install tokenizers (this project's extra `text`). "
            "data.tokens=characters needs nothing more."
        ) from None
    return tokenizers
