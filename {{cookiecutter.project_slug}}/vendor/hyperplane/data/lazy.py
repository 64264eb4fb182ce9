"""A number that is computed when somebody asks for it, as a field of a frozen dataclass."""

from collections.abc import Callable
from typing import overload


class Lazy:
    """A number of a spec that may be given as a function: it is called when the number is first read.

    So a model that has no use for it does not wait for it.
    """

    def __set_name__(self, owner: type, name: str) -> None:
        self.place = f"_{name}"

    @overload
    def __get__(self, spec: None, owner: type) -> None: ...
    @overload
    def __get__(self, spec: object, owner: type) -> float | None: ...
    def __get__(self, spec: object | None, owner: type) -> float | None:
        """Return the number; of the class its default."""
        if spec is None:
            return None
        value = vars(spec)[self.place]
        if callable(value):
            value = vars(spec)[self.place] = value()
        return value

    def __set__(self, spec: object, value: float | Callable[[], float | None] | None) -> None:
        vars(spec)[self.place] = value

    def is_asked(self, spec: object) -> bool:
        """Say whether the number is known already."""
        return not callable(vars(spec)[self.place])
