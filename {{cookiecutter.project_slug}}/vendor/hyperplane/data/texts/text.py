"""Your own texts: a column of a CSV or Parquet file with one or several to predict, or .txt files in folders."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import numpy as np
from loguru import logger
from numpy.typing import NDArray
from pydantic import Field, PositiveInt
from torch import Tensor

from ...errors import UserError
from ...paths import expanded
from ...setting_types import Refused
from ..batches import Batches
from ..columns.names import require_columns
from ..columns.target import Targets
from ..columns.values import as_text, listed
from ..files.readings import Reading
from ..files.table_files import read_as
from ..lazy_polars import pl
from ..new_samples import NewSamples
from ..parts import PARTS, Parts, refuse_changed
from ..spec import PADDING, DataSpec, TextSpec
from ..tables.table import Table
from .encoder import TextEncoder, texts_of
from .explaining import figures_of_texts
from .files import CLASS, PART, TEXT, new_texts, table_of_folder
from .tokens import Kind, Tokenizer

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Unread = Annotated[tuple[str, ...] | None, Refused("data=text reads one column, the one that data.text names")]


class TextBatches(Batches):
    """Batches of tokens (B, L), what is no padding (B, L), and targets; L is the length of the longest text in each."""

    def complete(self, batch: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Cut off the columns that hold padding alone, and put the mask behind the tokens."""
        tokens, *others = batch
        mask = tokens != PADDING
        longest = int(mask.any(dim=0).sum())
        return tokens[:, :longest], mask[:, :longest], *others


class Text(Table):
    """Texts of a column, or of files, as tokens.

    How they are taken apart is learned from the training rows, and kept in the spec. Batches are (tokens, mask,
    targets), as `TextBatches` says. A text that is missing is one unknown token.
    """

    batches = TextBatches
    column_settings = ("text", "target", "weights", "group", "split_column")
    reads_folders = True

    def __init__(
        self,
        *,
        # A file, or a list of them, or a folder with a folder for each class, above which may be train, val and test
        path: str | Annotated[tuple[str, ...], Field(min_length=1)],
        text: str | None = None,  # the column of a file that is predicted from
        # The column of a file to predict, or a list of several; rows without them are left out
        target: str | Annotated[tuple[str, ...], Field(min_length=1)] | None = None,
        # What a text is taken apart into: words in lower case, characters, or bpe: byte pairs, which needs tokenizers
        tokens: Literal["words", "characters", "bpe"] = "words",
        # Tokens that are told apart at most: the most frequent ones of the training rows; others are unknown
        vocabulary: Annotated[int, Field(ge=3)] = 10_000,
        length: PositiveInt = 256,  # tokens after which a text is cut
        ignore: Unread = (),
        categorical: Unread = (),  # categories; not here
        numeric: Unread = (),  # numbers; not here
        dates: Unread = (),  # dates; not here
        # Words of free text beside; not here
        max_words: Annotated[int | None, Refused("data.vocabulary limits the number of tokens")] = None,
        # Categories; not here
        max_categories: Annotated[int | None, Refused("data=text has no categories; use data=table")] = None,
        **options: Any,
    ) -> None:
        super().__init__(path=path, target=target or (), **options)
        self.text = text or ""
        self.tokens: Kind = tokens
        self.vocabulary = vocabulary
        self.length = length
        told = ("day_first", "decimal", "missing")
        self.spelling = replace(self.spelling, texts=(self.text,), settings=told)
        self.files: Sequence[str] = ()  # of a folder

    def read(self) -> tuple[list[str], "pl.DataFrame", dict[str, Reading]]:
        """Return the columns of the file, or those of a folder."""
        folder = expanded(self.path)
        if self.pattern is not None or not isinstance(self.given, str) or not folder.is_dir():
            return super().read()
        columns = {"text": self.text or None, "target": self.targets or None, **self.other_roles}
        table, self.files, self.digest = table_of_folder(folder, columns, self.task)
        if PART in table.columns:
            if self.folds is not None:
                raise UserError(f"{folder} has folders that say which texts are the test: data.folds must be null")
            self.split_column = PART
        self.text, self.targets = TEXT, (CLASS,)
        return [TEXT], table, {}

    def features_of(self, columns: Any) -> list[str]:
        """Return the name of the column with the texts.

        Raises:
            UserError: it is not there, or has another role.
        """
        for key, named, what in (("text", self.text, "texts"), ("target", self.target, "values to predict")):
            if not named:
                raise UserError(
                    f"data.{key}= names the column of {self.path} with the {what}. It has: {listed(columns)}"
                )
        require_columns([("text", self.text)], columns, self.path)
        if self.text not in super().features_of(columns):
            raise UserError(f"data.text={self.text} has another role already: choose another column")
        return [self.text]

    def targets_of(self, table: "pl.DataFrame") -> Targets:
        """Return the encoded targets, and say which texts are missing."""
        missing = as_text(table[self.text]).is_null().arg_true().to_list()
        if len(missing) == table.height:
            raise UserError(f"data.text={self.text}: all {table.height} rows have no text there")
        if missing:
            which = [self.files[row] if self.files else str(row + 1) for row in missing]
            logger.warning(
                "{} of {} {}: each becomes one unknown token. {}: {}",
                len(missing),
                table.height,
                "files are empty" if self.files else f"rows have no {self.text}",
                "They are" if self.files else "Rows, counted among those with a target",
                listed(which, 5),
            )
        return super().targets_of(table)

    def encode_parts(self, features: "pl.DataFrame", parts: Parts) -> NDArray[Any]:
        """Return the tokens (texts, longest) of all parts, one after the other; padding is behind shorter texts."""
        encoded = [self.encoder.encode(features[parts[part]], f"the {part} rows") for part in PARTS]
        longest = max(tokens.shape[1] for tokens in encoded)
        widths = [((0, 0), (0, longest - tokens.shape[1])) for tokens in encoded]
        return np.concatenate([np.pad(*one, constant_values=PADDING) for one in zip(encoded, widths, strict=True)])

    def fit_encoder(self, table: "pl.DataFrame", readings: Mapping[str, Reading], numbered: Mapping[str, str]) -> Any:
        """Return what encodes texts with the vocabulary of the training rows."""
        tokenizer = Tokenizer.fit(texts_of(table, self.text), self.tokens, self.vocabulary)
        return TextEncoder(self.text, tokenizer, self.length)

    def state_spec(self, encoded: Targets) -> None:
        """State what there is to predict, and the vocabulary."""
        tokenizer = self.encoder.tokenizer
        self.spec = TextSpec(
            input_shape=(self.length,),
            has_mask=True,
            text=self.text,
            tokens=self.tokens,
            vocabulary=tokenizer.vocabulary,
            token_rules=tokenizer.rules,
            **encoded.of_spec(self.targets),
        )

    def described_features(self) -> str:
        """Say how texts are taken apart."""
        return f"{self.text} becomes {self.tokens}; vocabulary: {self.spec.num_tokens}, with padding and unknown"

    def keep_marks(self, mean: Tensor, std: Tensor) -> None:
        """Leave tokens as they are: they are no measurements."""

    def training_samples(self) -> NoReturn:
        raise UserError("This model does not train in steps, and takes no texts. model=linear is a bag-of-words model")

    def figures(self, task: Any) -> dict[str, "Figure"]:
        return figures_of_texts(task, self)

    def read_inputs(self, source: Path, spec: DataSpec) -> NewSamples:
        """Return the texts of a table, a folder or a .txt file as tokens; beside those of files stand their names."""
        assert isinstance(spec, TextSpec)
        found = new_texts(source, spec.text)
        rows, names = found or (read_as(source, {}, "input"), None)
        tokens = TextEncoder.of(spec).encode(rows, f"the {'texts' if found else 'rows'} of {source}")
        return NewSamples.of(tokens, names)

    def state_dict(self) -> dict[str, Any]:
        """Return which file the texts are from; the vocabulary is in the spec."""
        return {"digest": self.digest}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Refuse a file that has changed since the training."""
        refuse_changed(self.digest, state_dict["digest"], f"{self.path} has", "rows")
