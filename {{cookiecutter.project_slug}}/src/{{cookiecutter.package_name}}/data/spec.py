"""What a model must know about data before it can be built."""

from dataclasses import dataclass
from typing import Any, Literal, Self


@dataclass(frozen=True)
class DataSpec:
    """The task and the shapes of one sample; it travels with the checkpoint.

    Input shapes: a row of a table (features,), a signal (positions, channels), an image (height, width, channels).
    """

    task: Literal["classification", "regression", "forecasting"]
    input_shape: tuple[int, ...]
    output_size: int  # classes, target values, or quantiles
    class_names: tuple[str, ...] = ()
    feature_names: tuple[str, ...] = ()
    target_names: tuple[str, ...] = ()
    train_size: int = 0  # samples that are trained on
    class_counts: tuple[int, ...] = ()  # of them, in each class

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Return the spec that `dataclasses.asdict` made a dict of."""
        fields: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
        return cls(**fields)
