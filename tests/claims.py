"""What several processes do together: each takes the next piece of work that no other has taken."""

from collections.abc import Iterable, Iterator
from pathlib import Path


def unclaimed(names: Iterable[str], folder: Path) -> Iterator[str]:
    """Yield the names that no other process has claimed in a folder, and claim each when it is asked for."""
    for name in names:
        try:
            (folder / name).touch(exist_ok=False)
        except FileExistsError:
            continue
        yield name
