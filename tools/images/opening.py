"""Opening an image that comes from anywhere: within limits, upright, in plain RGB."""

from __future__ import annotations

import io
import struct

import numpy as np
from PIL import Image, ImageOps

from kedge.errors import LoadError

__all__ = ["FORMATS", "UNREADABLE", "as_png", "opened", "shrunk"]

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
"""What is looked for in the bytes, whatever a file is called."""

UNREADABLE = (OSError, ValueError, SyntaxError, EOFError, LookupError, TypeError, struct.error, UserWarning)
"""What Pillow's decoders let through for bytes that are cut off or not an image at all."""

PIXELS = 80_000_000
_SENT = 2**18  # bytes of an image file that is sent as it is
_LOOKED_AT = 1_280  # pixels of a longer side; models look at fewer
_QUALITY = 85
_DEEP = {"I", "F", "I;16", "I;16B", "I;16L", "I;16N"}


def opened(data: bytes, name: str = "the image", *, pixels: int = PIXELS) -> Image.Image:
    """The image in these bytes, as RGB, turned as its EXIF says; of an animation, the first picture.

    Transparency becomes white, CMYK is converted, and more than 8 bits a channel are scaled down.

    Raises:
        LoadError: it is no image that can be read, is a drawing in SVG, or has more than `pixels` pixels.

    Example:
        >>> data = as_png(Image.new("RGBA", (3, 2)))
        >>> image = opened(data)
        >>> image.mode, image.size, image.getpixel((0, 0))
        ('RGB', (3, 2), (255, 255, 255))
    """
    if b"<svg" in data[:1024].lower():
        raise LoadError(f"{name}: is an SVG drawing, which is not rendered", fix="save it as PNG")
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            if image.width * image.height > pixels:
                raise _too_many(name, pixels)
            image.load()
            return _plain(ImageOps.exif_transpose(image))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_many(name, pixels) from None
    except UNREADABLE:
        raise LoadError(f"{name}: is not an image that can be read", fix="check the file") from None


def as_png(image: Image.Image, *, longest: int | None = None) -> bytes:
    """The image as a PNG file, made smaller where a side is longer than `longest` pixels."""
    if longest is not None and max(image.size) > longest:
        image = image.copy()
        image.thumbnail((longest, longest))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def shrunk(data: bytes) -> bytes:
    """An image file that can be sent to a model: PNG or JPEG, and not large.

    What is so already stays as it is; all else becomes a JPEG of at most 1,280 pixels a side.

    Raises:
        LoadError: as `opened`.

    Example:
        >>> small = as_png(Image.new("RGB", (9, 9)))
        >>> shrunk(small) == small
        True
    """
    if len(data) <= _SENT and data.startswith((b"\x89PNG", b"\xff\xd8")):
        return data
    image = opened(data)
    image.thumbnail((_LOOKED_AT, _LOOKED_AT))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()


def _plain(image: Image.Image) -> Image.Image:
    if image.mode in _DEEP:
        values = np.asarray(image, np.float64)
        low, high = float(values.min()), float(values.max())
        levels = (values - low) * (255 / (high - low) if high > low else 0)
        return Image.fromarray(levels.astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        paper = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(paper, layer).convert("RGB")
    return image.convert("RGB")


def _too_many(name: str, pixels: int) -> LoadError:
    return LoadError(f"{name}: has more than the limit of {pixels:,} pixels", fix="make it smaller")
