"""polars, imported when something of it is first used: that takes a third of a second, and many runs read no table."""

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

__all__ = ["pl"]


class LazyModule(ModuleType):
    """Stands for the module of its name."""

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module(self.__name__), name)


if TYPE_CHECKING:
    import polars as pl
else:
    pl = LazyModule("polars")
