"""Checkpoint files: written whole or not at all, checked before they are believed, and never unpickled."""

import os
import shutil
import zipfile
from pathlib import Path
from pickle import UnpicklingError
from threading import Thread
from typing import Any, BinaryIO

import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO

from ..errors import UserError

LAST, PREVIOUS, BEST = "last.ckpt", "previous.ckpt", "best.ckpt"

PLAIN = (torch.Tensor, int, float, complex, str, bytes, type(None), torch.dtype, torch.device, torch.Size)

LATER = "later"  # of Lightning's storage options: who writes a checkpoint waits for the disk by himself


class Flush:
    """Brings `last.ckpt` and `best.ckpt` to the disk while the run goes on, which is not completed before `wait`.

    Until then a power cut may damage both, which a checksum tells; the run goes on from `previous.ckpt`, or if
    there is none from its start.
    """

    def __init__(self, last: Path) -> None:
        self.paths = last, last.with_name(BEST)
        self.error: OSError | None = None
        self.thread = Thread(target=self.run)
        self.thread.start()

    def run(self) -> None:
        try:
            for path in self.paths:
                flush(path)
        except OSError as error:
            self.error = error

    def wait(self) -> None:
        """Wait until they are on the disk; raise the OSError if they cannot be."""
        self.thread.join()
        if self.error is not None:
            raise self.error


class DamagedCheckpoint(UserError):
    """A checkpoint that is not what was written, or that holds more than tensors and plain values."""


class AtomicCheckpoints(TorchCheckpointIO):
    """Lightning's door to checkpoint files, in front of `write` and `read`."""

    def __init__(self) -> None:
        super().__init__()
        self.at_hand: tuple[Path, dict[str, Any]] | None = None  # what a file holds, which no step changes

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        if self.at_hand is not None and self.at_hand[0] == Path(path):
            self.at_hand = None
        write(checkpoint, Path(path), waits=storage_options is not LATER)

    def load_checkpoint(self, path: str | Path, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Read a checkpoint, see `read`, unless what was written there is at hand: once, so that it is not kept on."""
        (there, checkpoint), self.at_hand = self.at_hand or (None, {}), None
        return checkpoint if there == Path(path) else read(Path(path))


def write(checkpoint: dict[str, Any], path: Path, waits: bool = True) -> None:
    """Write a checkpoint beside and rename it: a kill in the middle leaves the last good one.

    The `last.ckpt` before stays as `previous.ckpt`. Only `last.ckpt` waits for the disk, and for `best.ckpt` too, whose
    score it holds: a power cut then loses what came after it, and nothing else.

    Unless it `waits` for the disk, see `Flush`.

    Raises:
        OSError: the disk is full, or the folder cannot be written; the old files are untouched.
        UserError: a callback keeps something else than tensors and plain values.
    """
    for name in ("callbacks", "state_dict"):
        require_plain(checkpoint.get(name), name)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    try:
        with partial.open("wb") as unfinished:
            save(checkpoint, unfinished)
        if path.name == LAST:
            for file in (partial, path.with_name(BEST)) if waits else ():
                flush(file)
            if path.exists():
                path.replace(path.with_name(PREVIOUS))
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def link(path: Path, other: Path) -> None:
    """Give a checkpoint a second name; it is copied where the disk knows no second names."""
    partial = other.with_name(f"{other.name}.partial")
    partial.unlink(missing_ok=True)
    try:
        os.link(path, partial)
    except OSError:
        shutil.copyfile(path, partial)
    partial.replace(other)


def require_plain(value: Any, where: str) -> None:
    """Look through what a checkpoint would hold.

    Raises:
        UserError: something is neither a tensor nor a plain value, so that it could not be read back.
    """
    if isinstance(value, dict):
        for key, item in value.items():
            require_plain(item, f"{where}.{key}")
    elif isinstance(value, list | tuple | set):
        for item in value:
            require_plain(item, where)
    elif not isinstance(value, PLAIN):
        kind = f"{type(value).__module__}.{type(value).__qualname__}"
        raise UserError(
            f"{where} holds a {kind}: a checkpoint holds tensors and plain values (numbers, texts, lists, "
            "dictionaries), so that reading one runs no code. Keep a tensor, or float(...), in its place"
        )


def save(checkpoint: dict[str, Any], file: BinaryIO) -> None:
    """Write a checkpoint into an open file.

    Raises:
        OSError: what the system said; torch would hide it behind an error of its own.
    """
    try:
        torch.save(checkpoint, file)
    except RuntimeError as error:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, OSError):
            cause = cause.__context__
        raise cause or error from None


def flush(path: Path) -> None:
    """Wait until a file, if it exists, is on the disk."""
    if path.exists():
        with path.open("rb") as file:
            os.fsync(file.fileno())


def read(path: Path, lazily: bool = False) -> dict[str, Any]:
    """Return what a checkpoint holds.

    It is a zip archive with a checksum for each of its members. `lazily` leaves tensors in the file until they are
    needed.

    Raises:
        DamagedCheckpoint: it is cut off, a bit has flipped, or it holds more than tensors and plain values.
        OSError: it cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            broken = archive.testzip()
        if broken is not None:
            raise DamagedCheckpoint(f"{path} is damaged: the checksum of {broken} does not fit")
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=lazily)
    except UnpicklingError as error:
        reason = str(error).strip().splitlines()[-1]
        raise DamagedCheckpoint(
            f"{path} holds more than tensors and plain values, so it is not loaded: {reason}"
        ) from None
    except (zipfile.BadZipFile, RuntimeError, EOFError, ValueError, KeyError, NotImplementedError) as error:
        raise DamagedCheckpoint(f"{path} is damaged: {str(error).partition(chr(10))[0]}") from None
    if not isinstance(content, dict):
        raise DamagedCheckpoint(f"{path} is not a checkpoint of this project")
    return content
