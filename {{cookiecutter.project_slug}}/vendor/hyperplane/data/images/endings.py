"""Which files are images, by their names."""

import os
from pathlib import Path

ENDINGS = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".gif", ".tif", ".tiff", ".webp"),
    *(".ppm", ".pgm", ".pbm", ".pnm"),
)


def is_image(name: str) -> bool:
    """Say whether a file has the ending of an image."""
    return name.lower().endswith(ENDINGS)


def is_hidden(name: str) -> bool:
    """Say whether systems keep a file or folder of that name for themselves."""
    return name.startswith((".", "__MACOSX")) or name.lower() in ("thumbs.db", "desktop.ini")


def files_below(folder: Path) -> tuple[list[Path], list[Path]]:
    """Return the images in a folder and in all below it, in order, and the other files; hidden ones are neither.

    Links are followed, into each folder once; not to a folder that they stand in, whose images are of other classes.
    """
    images: list[Path] = []
    others: list[Path] = []
    seen = set()
    for parent, folders, names in os.walk(folder, followlinks=True):
        stat, place = Path(parent).stat(), Path(parent).resolve()
        if (stat.st_dev, stat.st_ino) in seen or place in folder.resolve().parents:
            folders.clear()
            continue
        seen.add((stat.st_dev, stat.st_ino))
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        for name in sorted(name for name in names if not is_hidden(name)):
            (images if is_image(name) else others).append(Path(parent, name))
    return images, others
