"""Notices that one job of a multirun gives for all."""

from pathlib import Path


def is_first_to_say(what: str, folder: Path, group: str | None) -> bool:
    """Return whether no other job of the multirun `group` has said it yet; a single run always says it."""
    if group is None:
        return True
    try:
        (folder.parent / f".{what}").touch(exist_ok=False)
    except OSError:
        return False
    return True
