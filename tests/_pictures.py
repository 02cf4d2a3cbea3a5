"""Pictures for tests: painted, saved, and as documents with what is said of them."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from kedge.tools.images import as_png
from kedge.tools.knowledge_base import ParsedDocument

__all__ = ["painted", "saved", "sheet", "told"]


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    """An image as a file of some kind."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)  # type: ignore[arg-type]
    return buffer.getvalue()


def sheet(colour: str) -> Image.Image:
    """Nothing but a colour."""
    return Image.new("RGB", (60, 40), colour)


def painted(path: Path, colour: str) -> Path:
    """A file that shows a colour over a strip of another."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = sheet(colour)
    image.paste("grey" if colour != "grey" else "white", (0, 30, 60, 40))
    image.save(path)
    return path


def told(name: str, image: Image.Image | bytes, words: str) -> ParsedDocument:
    """The document of an image, of which something is said."""
    data = image if isinstance(image, bytes) else as_png(image)
    return ParsedDocument(
        f"{name}.png", f"{name}.png", name, f"Image: {name}\n{words}", "image", (), image=data
    )
