"""Images, by Pillow."""

from __future__ import annotations

import io
from collections.abc import Iterator

from PIL import ExifTags, Image

from kedge.errors import LoadError
from kedge.tools.images import FORMATS, UNREADABLE, can_read, opened, read_text
from kedge.tools.knowledge_base.loaders._source import Composer, Source, one_line
from kedge.tools.knowledge_base.records import ParsedDocument

__all__ = ["load_image"]

_EXIF = {
    "taken": ExifTags.Base.DateTimeOriginal,
    "changed": ExifTags.Base.DateTime,
    "artist": ExifTags.Base.Artist,
    "copyright": ExifTags.Base.Copyright,
}


def load_image(source: Source) -> Iterator[ParsedDocument]:
    """The one document of an image: its bytes, and a text with its name, description and what OCR reads."""
    data = source.read()
    try:
        width, height, kind, exif = _inspect(source, data)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_many_pixels(source) from None
    except UNREADABLE:
        raise source.error("is not an image that can be read", fix="check the file, or its suffix") from None
    description = one_line(exif.pop("description", ""))
    composer = Composer(source)
    seen = read_text(opened(data, source.name, pixels=source.limits.pixels)) if can_read() else ""
    composer.add("image", f"Image: {source.title} ({width} × {height} pixels)\n{description}\n{seen}")
    metadata = {"format": kind, "width": str(width), "height": str(height), **exif}
    yield source.document("image", composer.text, composer.blocks, metadata=metadata, image=data)


def _inspect(source: Source, data: bytes) -> tuple[int, int, str, dict[str, str]]:
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        if image.width * image.height > source.limits.pixels:
            raise _too_many_pixels(source)
        image.verify()
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        exif = image.getexif()
        details = exif.get_ifd(ExifTags.IFD.Exif)
        found = {name: details.get(tag, exif.get(tag)) for name, tag in _EXIF.items()}
        found["description"] = exif.get(ExifTags.Base.ImageDescription)
        size, kind = image.size, image.format or ""
        # Some formats verify nothing: decode, JPEG at a fraction of its size, to see that all of it is there.
        image.draft("L", (64, 64))
        image.load()
    return *size, kind, {name: one_line(value) for name, value in found.items() if isinstance(value, str)}


def _too_many_pixels(source: Source) -> LoadError:
    message = f"has more than the limit of {source.limits.pixels:,} pixels"
    return source.error(message, fix="make it smaller")
