"""Values that checkpoints and JSON have."""

from typing import Any


def plain(value: Any, name: str) -> Any:
    """Return a value that checkpoints and JSON have: numpy's scalars are numbers.

    Raises:
        TypeError: it is something else; `name` says what.
    """
    if isinstance(value, tuple | list):
        return tuple(plain(item, name) for item in value)
    if isinstance(value, dict):
        return {key: plain(item, name) for key, item in value.items()}
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"{name} holds {value!r:.80}: a spec may hold numbers, texts, and tuples or dictionaries of them")


def with_tuples(value: Any) -> Any:
    """Return a copy whose lists, which JSON makes of tuples, are tuples."""
    if isinstance(value, tuple | list):
        return tuple(map(with_tuples, value))
    if isinstance(value, dict):
        return {key: with_tuples(item) for key, item in value.items()}
    return value
