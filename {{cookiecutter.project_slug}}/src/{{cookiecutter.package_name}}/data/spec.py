"""What a model must know about data before it can be built."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class DataSpec:
    """The task and the shapes of one sample.

    The input shape of a row of a table is (features,), that of a signal (positions, channels).
    """

    task: Literal["classification", "regression", "forecasting"]
    input_shape: tuple[int, ...]
    output_size: int  # classes, or target values
    class_names: tuple[str, ...] = ()
    feature_names: tuple[str, ...] = ()
