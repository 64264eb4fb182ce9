"""What a model must know about data before it can be built."""

from dataclasses import dataclass, field
from typing import Any, Literal, Self


@dataclass(frozen=True)
class PanelSpec:
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

    @property
    def reals(self) -> tuple[str, ...]:
        """Real variables of the past, in the order of their columns; those of the future come first."""
        return (*self.known_reals, *self.observed_reals, self.target)

    @property
    def categoricals(self) -> tuple[str, ...]:
        """Categorical variables of the past, in the order of their columns; those of the future come first."""
        return (*self.known_categoricals, *self.observed_categoricals)


@dataclass(frozen=True)
class DataSpec:
    """The task and the shapes of one sample; it travels with the checkpoint.

    Input shapes: a row of a table (features,), a signal (positions, channels), an image (height, width, channels), a
    window of a panel (steps, time-varying variables).
    """

    task: Literal["classification", "regression", "forecasting"]
    input_shape: tuple[int, ...]
    output_size: int  # classes, target values, or quantiles
    class_names: tuple[str, ...] = ()  # what has no name is numbered
    feature_names: tuple[str, ...] = ()
    target_names: tuple[str, ...] = ()
    train_size: int = 0  # samples that are trained on
    class_counts: tuple[int, ...] = ()  # of them, in each class
    panel: PanelSpec | None = None  # of forecasting

    def __post_init__(self) -> None:
        """Number what has no name: classes, the features of a row of a table, targets."""
        names = {}
        if self.task == "classification" and not self.class_names:
            names["class_names"] = tuple(map(str, range(self.output_size)))
        if len(self.input_shape) == 1 and not self.feature_names:
            names["feature_names"] = tuple(f"x{i + 1}" for i in range(self.input_shape[0]))
        if self.task == "regression" and not self.target_names:
            names["target_names"] = tuple(f"y{i + 1}" for i in range(self.output_size))
        for field_name, value in names.items():
            object.__setattr__(self, field_name, value)  # the way to do it in a frozen class

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Return the spec that `dataclasses.asdict` made a dict of."""
        fields = with_tuples(values)
        if fields.get("panel") is not None:
            fields["panel"] = PanelSpec(**with_tuples(fields["panel"]))
        return cls(**fields)


def with_tuples(values: dict[str, Any]) -> dict[str, Any]:
    """Return a copy whose lists are tuples."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
