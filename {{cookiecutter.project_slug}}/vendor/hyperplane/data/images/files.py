"""Images in files: which of them there are, and how one is decoded. Pillow reads them.

PNG, JPEG, BMP, GIF, TIFF, WebP and PPM of any size and mode. Palettes and CMYK become RGB, what is transparent is laid
on white, the orientation that a camera noted (EXIF) is applied, and of several frames the first is taken. Grey values
of more than 8 bits keep them: then all pixels are float32 from 0 to 65535, or as the file has them where it holds
floating-point numbers; otherwise they are uint8.

Dimensions: N images, H × W rows and columns, C channels (1 grey, 3 red, green and blue).
"""

import errno
import hashlib
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from ...errors import first_line

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")  # of Pillow's: others start programs, such as EPS
GREY = ("1", "L", "LA", "La", "I", "F")  # modes of Pillow without colours, besides I;16 and its like
LARGEST = 128  # pixels of the longer side of images whose size nobody stated
PER_8_BITS = 257  # 16-bit values in an 8-bit one: 255 · 257 = 65535
TURNED = (5, 6, 7, 8)  # EXIF orientations that swap height and width
ORIENTATION = 0x0112  # the number of that entry
OF_THE_MACHINE = (errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM)  # errors that say nothing of the file


class Unreadable(Exception):
    """A file that holds no image, or a damaged one."""


class Header(NamedTuple):
    """What a file says about its image."""

    height: int
    width: int
    is_grey: bool
    is_deep: bool  # more than 8 bits for each value
    frames: int


class Pixels(NamedTuple):
    """An image as it is trained on, and what the data set wants to know of it."""

    values: NDArray[Any]  # (H, W, C)
    mean: NDArray[np.float64]  # of each channel (C,)
    variance: NDArray[np.float64]  # the same
    digest: str  # of the file


@dataclass(frozen=True)
class ImageShape:
    """What all images are brought to; it travels with the checkpoint."""

    height: int
    width: int
    channels: int  # 1 or 3
    is_deep: bool = False  # float32 instead of uint8

    @property
    def kind(self) -> type[np.generic]:
        """The type of a value."""
        return np.float32 if self.is_deep else np.uint8

    @property
    def size(self) -> tuple[int, int, int]:
        """Height, width and channels."""
        return self.height, self.width, self.channels

    @property
    def bytes(self) -> int:
        return int(np.prod(self.size)) * np.dtype(self.kind).itemsize

    @property
    def white(self) -> float:
        """The largest value."""
        return 65535.0 if self.is_deep else 255.0


def header_of(path: Path) -> Header:
    """Return what a file says about its image, without decoding it.

    Raises:
        Unreadable: it says nothing that is understood.
    """
    with pillow(path), Image.open(path, formats=FORMATS) as image:
        width, height = image.size
        if image.getexif().get(ORIENTATION) in TURNED:
            width, height = height, width
        deep = is_deep(image.mode)
        return Header(height, width, deep or image.mode in GREY, deep, getattr(image, "n_frames", 1))


def is_deep(mode: str) -> bool:
    """Say whether a mode of Pillow has more than 8 bits for each value."""
    return mode in ("I", "F") or mode.startswith("I;16")


def common_shape(headers: Sequence[Header], size: tuple[int, int] | None, channels: int | None) -> ImageShape:
    """Return what images are brought to.

    `size` None: the median of height and width, made smaller where the longer one is above 128. `channels` None: 3 if
    any image has colours.
    """
    sides = np.median([(header.height, header.width) for header in headers], axis=0)
    scale = min(1.0, LARGEST / float(sides.max()))
    height, width = size or (max(1, round(float(side) * scale)) for side in sides)
    channels = channels or (1 if all(header.is_grey for header in headers) else 3)
    return ImageShape(height, width, channels, any(header.is_deep for header in headers))


def read_image(path: Path, shape: ImageShape) -> Pixels:
    """Return the image in a file, and what is measured of it; see `pixels_in`."""
    content, values = pixels_in(path, shape)
    places = values.reshape(-1, shape.channels)
    digest = hashlib.sha256(content).hexdigest()
    return Pixels(values, places.mean(axis=0, dtype=np.float64), places.var(axis=0, dtype=np.float64), digest)


def pixels_in(path: Path, shape: ImageShape) -> tuple[bytes, NDArray[Any]]:
    """Return the content of a file, and the image in it (H, W, C).

    Raises:
        Unreadable: it is damaged, or holds something else.
    """
    with pillow(path):
        content = path.read_bytes()
        return content, decode(content, shape)


def decode(content: bytes, shape: ImageShape) -> NDArray[Any]:
    """Return the image (H, W, C) that a file holds: bilinear, each new pixel a mean over all that it covers.

    Of a file that is damaged Pillow says so in many ways.
    """
    with Image.open(io.BytesIO(content), formats=FORMATS) as file:
        longer = 2 * max(shape.height, shape.width)
        file.draft(None, (longer, longer))  # a large JPEG is decoded at a half, a quarter or an eighth of its size
        image: Image.Image = ImageOps.exif_transpose(file)
        if is_deep(image.mode):
            return deep_values(image, shape)
        if image.has_transparency_data:
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
        image = image.convert("L" if shape.channels == 1 else "RGB")
        values = np.array(resized(image, shape)).reshape(shape.size)
    return values.astype(np.float32) * PER_8_BITS if shape.is_deep else values


def deep_values(image: Image.Image, shape: ImageShape) -> NDArray[Any]:
    """Return a grey image of more than 8 bits (H, W, C).

    Raises:
        ValueError: a value is no number.
    """
    values = np.asarray(image, np.float32)
    if not np.isfinite(values).all():
        raise ValueError("it holds values that are no numbers")
    grey = np.asarray(resized(Image.fromarray(values), shape))
    if not shape.is_deep:
        grey = np.clip(np.rint(grey / PER_8_BITS), 0, 255)
    return np.repeat(grey[..., None], shape.channels, axis=2).astype(shape.kind)


def resized(image: Image.Image, shape: ImageShape) -> Image.Image:
    """Return an image of that height and width; its sides are stretched, so that nothing is cut off."""
    return image.resize((shape.width, shape.height), Image.Resampling.BILINEAR)


@contextmanager
def pillow(path: Path) -> Iterator[None]:
    """Say what is wrong with a file that is decoded inside.

    Raises:
        Unreadable: anything is.
        OSError, MemoryError: this machine cannot read it now: the file is not to blame.
    """
    try:
        yield
    except MemoryError:
        raise
    except FileNotFoundError:
        raise Unreadable("there is no such file") from None
    except UnidentifiedImageError:
        raise Unreadable("it is empty" if not path.stat().st_size else "it is no image that Pillow knows") from None
    except Exception as error:  # struct.error, SyntaxError, OSError, ...: each format has errors of its own
        if isinstance(error, OSError) and error.errno in OF_THE_MACHINE:
            raise
        raise Unreadable(first_line(error)) from None
