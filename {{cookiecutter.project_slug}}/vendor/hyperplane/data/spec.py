"""What a model must know about data before it can be built.

A kind of data that has more to say extends the base class, in its own module:

    @dataclass(frozen=True, kw_only=True)
    class SoundSpec(DataSpec):
        samples_per_second: int
"""

from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

from ..errors import UserError
from .lazy import Lazy
from .plain_values import plain, with_tuples

PADDING = 0  # the token where a text has none
UNKNOWN = 1  # the token of what is not in the vocabulary


@dataclass(frozen=True)
class DataSpec:
    """The task and the shapes of one sample; it travels with the checkpoint. What data do not state stays empty.

    Input shapes: a row of a table (features,), a signal (positions, channels), an image (height, width, channels), a
    window of a panel (steps, time-varying variables). Fields hold numbers, texts, true and false, and tuples or
    dictionaries of these.
    """

    kinds: ClassVar[dict[str, type["DataSpec"]]] = {}  # this class and all that extend it, by name

    task: str = ""  # classification, multilabel, regression, forecasting, or what a project calls its own
    input_shape: tuple[int, ...] = ()
    output_size: int = 0  # classes, labels, target values, or quantiles; of each place in dense prediction
    class_names: tuple[str, ...] = ()  # of classes or labels; what has no name is numbered
    feature_names: tuple[str, ...] = ()
    target_names: tuple[str, ...] = ()
    train_size: int = 0  # samples that are trained on
    class_counts: tuple[int, ...] = ()  # training targets of each class; multilabel: training samples with each label
    target_means: tuple[float, ...] = ()  # of the training targets of a regression, in their units
    # λ of ridge regression that suits the training samples; None: nobody has looked
    ridge: Lazy = Lazy()  # noqa: RUF009 - a descriptor, which belongs to the class
    num_tokens: int = 0  # inputs are token numbers below this; 0: they are real numbers
    has_mask: bool = False  # batches are (inputs, mask, targets); mask (B, positions): false where inputs are padding
    has_weights: bool = False  # batches are (inputs, targets, weights)

    def __init_subclass__(cls, **options: Any) -> None:
        """Register the kind, so that `from_dict` finds it.

        Raises:
            TypeError: another module has a kind of that name.
        """
        super().__init_subclass__(**options)
        other = DataSpec.kinds.get(cls.__name__)
        if other is not None and other.__module__ != cls.__module__:
            raise TypeError(f"{cls.__module__} and {other.__module__} both have a {cls.__name__}: rename one of them")
        DataSpec.kinds[cls.__name__] = cls

    def __post_init__(self) -> None:
        """Number what has no name: classes or labels, the features of a row of a table, targets."""
        if self.task in ("classification", "multilabel"):
            self.default("class_names", tuple(map(str, range(self.output_size))))
        if len(self.input_shape) == 1:
            self.default("feature_names", tuple(f"x{i + 1}" for i in range(self.input_shape[0])))
        if self.task == "regression":
            self.default("target_names", tuple(f"y{i + 1}" for i in range(self.output_size)))

    def default(self, name: str, value: Any) -> None:
        """Give a field that is empty its value; for `__post_init__`, as fields never change later."""
        if not getattr(self, name):
            object.__setattr__(self, name, value)  # the way to do it in a frozen class

    def __deepcopy__(self, memo: dict[int, Any]) -> "DataSpec":
        """Return the spec itself: it never changes, and a copy of a network does not need one of its own."""
        return self

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled, such as for the workers of a DataLoader: numbers, and not how they are computed."""
        return vars(self) | {"_ridge": self.ridge}

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values, and the name of the class as `kind`.

        Raises:
            TypeError: a field holds something else.
        """
        places = (field.name for field in fields(self))
        known = [name for name in places if name != "ridge" or vars(DataSpec)[name].is_asked(self)]
        kind = type(self).__name__
        return {"kind": kind} | {name: plain(getattr(self, name), f"{kind}.{name}") for name in known}

    @staticmethod
    def from_dict(values: dict[str, Any]) -> "DataSpec":
        """Return the spec that `to_dict` made a dict of, of its own class.

        Raises:
            UserError: there is no class of that name.
        """
        fields = {name: with_tuples(value) for name, value in values.items()}
        kind = fields.pop("kind", None)
        if kind not in DataSpec.kinds:
            raise UserError(
                f"These data are described by a {kind}, which is not known here; there is: {', '.join(DataSpec.kinds)}."
                f"\nThe module with `class {kind}(DataSpec)` must be imported first: is it the one of data._target_?"
            )
        return DataSpec.kinds[kind](**fields)


DataSpec.kinds["DataSpec"] = DataSpec


@dataclass(frozen=True, kw_only=True)
class PanelSpec(DataSpec):
    """Which variables a window of a panel (several time series) holds, and how long it is.

    Known variables are known in advance, so they are inputs in the past and in the future. Observed ones, and the
    target, are inputs in the past alone.
    """

    encoder_length: int  # steps of the past, E
    decoder_length: int  # steps that are forecast, H
    quantiles: tuple[float, ...]  # increasing, in (0, 1)
    target: str
    static_categoricals: tuple[str, ...] = ()
    known_reals: tuple[str, ...] = ()
    known_categoricals: tuple[str, ...] = ()
    observed_reals: tuple[str, ...] = ()
    observed_categoricals: tuple[str, ...] = ()
    cardinalities: dict[str, int] = field(default_factory=dict)  # categories of each categorical variable
    lag: int = 0  # of the naive forecast that outputs are counted from; 0: they are counted from the mean of all rows
    seasons: int = 1  # whose mean this naive forecast is
    by_window: bool = False  # the target is scaled by each window's mean and spread, besides those of all rows

    def __post_init__(self) -> None:
        """State the task, and what follows from the variables."""
        self.default("task", "forecasting")
        self.default("feature_names", (*self.reals, *self.categoricals))
        self.default("input_shape", (self.encoder_length + self.decoder_length, len(self.feature_names)))
        self.default("output_size", len(self.quantiles))
        self.default("target_names", (self.target,))
        super().__post_init__()

    @property
    def reals(self) -> tuple[str, ...]:
        """Real variables of the past, in the order of their columns; those of the future come first."""
        return (*self.known_reals, *self.observed_reals, self.target)

    @property
    def categoricals(self) -> tuple[str, ...]:
        """Categorical variables of the past, in the order of their columns; those of the future come first."""
        return (*self.known_categoricals, *self.observed_categoricals)


@dataclass(frozen=True, kw_only=True)
class GraphSpec(DataSpec):
    """A graph whose nodes are the samples: batches are (features of all nodes, nodes of a part, targets of these)."""

    num_nodes: int
    edges: tuple[tuple[int, int], ...]  # from node to node, in both directions where the graph has none; no self loops


@dataclass(frozen=True, kw_only=True)
class TextSpec(DataSpec):
    """How texts become tokens, see `tokens.py`: at most `input_shape[0]` of them, numbered below `num_tokens`.

    With `has_mask`, token 0 stands behind texts that are shorter than others.
    """

    text: str = ""  # the column of a table
    tokens: str  # words, characters or bpe
    vocabulary: tuple[str, ...]  # a token for each number; 0 is padding, 1 an unknown token
    token_rules: str = ""  # of byte pairs
    characters_per_token: dict[str, float] = field(default_factory=dict)  # of the text of train, val and test

    def __post_init__(self) -> None:
        """Count the tokens."""
        self.default("num_tokens", len(self.vocabulary))
        if self.text:
            self.default("feature_names", (self.text,))
        super().__post_init__()

    def with_mask(self, tokens: Any) -> tuple[Any, ...]:
        """Return what a network takes of tokens (B, L): these, and where they are no padding (B, L)."""
        return (tokens, tokens != PADDING) if self.has_mask else (tokens,)
