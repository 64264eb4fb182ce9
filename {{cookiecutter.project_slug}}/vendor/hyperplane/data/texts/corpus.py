"""A text whose next token is predicted: one file, or all .txt files of a folder, one after the other.

Its beginning is trained on, then comes what validates, then the test. An epoch goes through the training text once, in
windows that begin elsewhere in each epoch. The text, and four bytes for each of its tokens, are in memory.
"""

import hashlib
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
from loguru import logger
from numpy.typing import NDArray
from pydantic import Field, PositiveInt
from torch import Tensor

from ...errors import UserError
from ...paths import must_exist
from ...setting_types import InnerFraction, ProperFraction
from ..batches import Batches, evaluation_batch, on_gpu, values_of_tokens
from ..datamodule import EVALUATION_BATCH
from ..part_loaders import PartLoaders
from ..parts import PARTS, sizes
from ..scaling import Scaling
from ..spec import UNKNOWN, TextSpec
from .bigrams import Bigrams
from .files import content_of, texts_below
from .tokens import Tokenizer


class Windows(Batches):
    """Batches of windows of a text (B, T), and at each place the token that comes next (B, T).

    With a `seed` they are in a new order in every epoch, and begin elsewhere; without one they follow each other.
    """

    def __init__(self, tokens: Tensor, length: int, batch_size: int, seed: int | None = None) -> None:
        places = len(tokens) - 1  # that have a next token
        windows = max(1, (places if seed is None else places + 1 - length) // length)
        super().__init__((torch.arange(windows) * length,), batch_size, seed)
        self.text = tokens
        self.steps = torch.arange(length + 1, device=tokens.device)
        self.offsets = 1 if seed is None else min(length, places - windows * length + 1)

    def complete(self, batch: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Return the windows that begin at the places that were drawn."""
        first = 0
        if self.seed is not None:
            generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
            first = int(torch.randint(self.offsets, (), generator=generator))
        starts = batch[0].to(self.text.device) + first
        window = self.text[starts[:, None] + self.steps].long()
        return window[:, :-1], window[:, 1:]


class Corpus(PartLoaders):
    """A text as tokens; the vocabulary is that of the training part."""

    spec: TextSpec
    file_settings = ("path",)

    def __init__(
        self,
        *,
        path: str,  # a text file in UTF-8, or a folder with .txt files, which are read in the order of their names
        tokens: Literal["characters", "bpe"] = "characters",  # bpe: byte pairs, which needs the library tokenizers
        # Tokens that are told apart at most: the most frequent ones of the training part; others are unknown
        vocabulary: Annotated[int, Field(ge=3)] = 10_000,
        length: PositiveInt = 128,  # T, tokens of a window: so far back a model can look
        batch_size: PositiveInt = 32,  # windows in a training batch, at most
        val_fraction: ProperFraction = 0.1,  # of the text, between those of training and test
        test_fraction: InnerFraction = 0.1,  # of the text, its end
        shuffle: bool = True,  # draw windows in a new order in every epoch, and let them begin elsewhere
        seed: int,  # of the draws
    ) -> None:
        super().__init__()
        if val_fraction + test_fraction >= 1:
            raise UserError(f"data.val_fraction={val_fraction} and data.test_fraction={test_fraction} leave no text")
        self.path = Path(path)
        self.tokens: Literal["characters", "bpe"] = tokens
        self.vocabulary = vocabulary
        self.length = length
        self.batch_size = batch_size
        self.val_fraction = val_fraction
        self.test_fraction = test_fraction
        self.shuffle = shuffle
        self.seed = seed
        self.digest = ""
        self.parts: dict[str, Tensor] = {}  # tokens (tokens,) int32

    def setup(self, stage: str | None = None) -> None:
        """Read the text once, and number its tokens."""
        if self.parts:
            return
        text = read_text(self.path)
        self.digest = hashlib.sha256(text.encode()).hexdigest()
        test = len(text) - round(self.test_fraction * len(text))
        val = test - round(self.val_fraction * len(text))
        texts = {"train": text[:val], "val": text[val:test], "test": text[test:]}
        tokenizer = Tokenizer.fit([texts["train"]], self.tokens, self.vocabulary)
        self.parts = {part: torch.from_numpy(tokenizer.encode(some)) for part, some in texts.items()}
        self.require_length()
        windows = len(self.windows("train", self.batch_size, self.seed).tensors[0])
        self.spec = TextSpec(
            task="next_token",
            input_shape=(self.length,),
            output_size=len(tokenizer.vocabulary),
            train_size=windows,
            tokens=self.tokens,
            vocabulary=tokenizer.vocabulary,
            token_rules=tokenizer.rules,
            characters_per_token={part: len(texts[part]) / len(self.parts[part]) for part in PARTS if texts[part]},
        )
        self.scaling = Scaling(self.spec)
        self.describe()

    def require_length(self) -> None:
        """Refuse a text that leaves too few tokens for a part."""
        for part, least in (("train", self.length + 1), ("val", 2 * self.validates), ("test", 2)):
            if len(self.parts[part]) < least:
                raise UserError(
                    f"data.path={self.path}: {len(self.parts[part])} tokens for {part} are too few; it takes a longer "
                    f"text, or another data.length={self.length} or data.{part if part != 'train' else 'test'}_fraction"
                )

    def describe(self) -> None:
        """Say what was read, and what is reached by counting alone."""
        logger.info("{}: {} {}, {} different ones", self.path, sizes(self.parts), self.tokens, self.spec.num_tokens - 2)
        numbers: dict[str, NDArray[np.int32]] = {part: tokens.numpy() for part, tokens in self.parts.items()}
        unknown = sum(int((tokens == UNKNOWN).sum()) for tokens in numbers.values())
        if unknown:
            logger.warning("{} of the tokens are not in the vocabulary of the training part", unknown)
        bigrams = Bigrams(numbers["train"], self.spec.num_tokens, numbers["val"] if self.validates else None)
        self.bigram_loss = bigrams.loss(numbers["test"])
        logger.info(
            "Baselines on the test tokens, in nats per token: unigrams {:.4f}, bigrams {:.4f}. A model should be below "
            "both",
            bigrams.unigram_loss(numbers["test"]),
            self.bigram_loss,
        )

    def windows(self, part: str, batch_size: int, seed: int | None) -> Windows:
        """Return the windows of a part; those of a short one are as long as it is."""
        (tokens,) = on_gpu((self.parts[part],), self.trainer)
        return Windows(tokens, min(self.length, len(tokens) - 1), batch_size, seed)

    def train_dataloader(self) -> Windows:
        return self.windows("train", self.batch_size, self.seed if self.shuffle else None)

    def evaluation_batches(self, part: str) -> Windows:
        """Return the windows of a part in order; what is left at its end, shorter than a window, is left out."""
        values = values_of_tokens(self.spec) + self.length * self.spec.output_size
        return self.windows(part, evaluation_batch(EVALUATION_BATCH, 4 * values), None)

    def state_dict(self) -> dict[str, Any]:
        """Return which text it was; the vocabulary is in the spec."""
        return {"digest": self.digest}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Refuse a text that has changed since the training."""
        if self.digest and self.digest != state_dict["digest"]:
            raise UserError(f"{self.path} has changed since this run was trained: its parts would differ")


def read_text(path: Path) -> str:
    """Return the text of a file, or of all .txt files of a folder.

    Raises:
        UserError: there is none, or it is not in UTF-8.
    """
    path = must_exist(path, "data.path")
    files = texts_below(path, "data.path") if path.is_dir() else [path]
    return "\n".join(content_of(file, "data.path") for file in files)
