"""polars, imported when something of it is first used: that takes a third of a second, and many runs read no table."""

from typing import TYPE_CHECKING, Any

__all__ = ["pl"]


class Later:
    """Stands for the module."""

    def __getattr__(self, name: str) -> Any:
        import polars

        return getattr(polars, name)


if TYPE_CHECKING:
    import polars as pl
else:
    pl = Later()
