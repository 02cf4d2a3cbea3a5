"""Pages of PDFs as they look, and where on them a text stands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pypdfium2  # type: ignore[import-untyped]
import pypdfium2.raw as pdfium  # type: ignore[import-untyped]
from PIL import Image

from kedge.tools.images import Box
from kedge.tools.knowledge_base.loaders._source import Limits, Source
from kedge.tools.knowledge_base.loaders.pdf import PDFIUM, digest
from kedge.tools.knowledge_base.records import Chunk, Document

__all__ = ["DrawnPage", "drawn_page"]

_LONGEST = 1_600  # pixels of a page's longer side


class DrawnPage(NamedTuple):
    """A page as an image, and the boxes of the lines on it that were asked for."""

    image: Image.Image
    boxes: tuple[Box, ...]


def drawn_page(document: Document, chunk: Chunk, start: int = 0, end: int = 0) -> DrawnPage:
    """The page that a chunk of a PDF stands on, and where characters `start:end` of the chunk stand there.

    The page comes from the file that was added, as long as that is still what it was: nothing else is shown.
    There are no boxes where the text is not found on the page as it was read.

    Raises:
        LoadError: it is no PDF, or its file is gone or has changed since it was added.

    Example:
        >>> from kedge import KnowledgeBase
        >>> with KnowledgeBase.open(tmp / "base", create=True) as base:
        ...     report = base.add("examples/world/guides/averrin-on-foot.pdf", triples=False)
        ...     [document] = base.documents()
        ...     chunk = base.chunks_of(document.id)[0]
        ...     page = drawn_page(document, chunk, 0, 15)
        >>> chunk.page, page.image.height, len(page.boxes)
        (1, 1600, 1)
    """
    source = Source.of_path(Path(document.container), encoding=None, limits=Limits())
    if chunk.page is None or "digest" not in document.metadata:
        raise source.error("is no PDF, or was added by an older Kedge", fix="remove it and add it again")
    data = _unchanged(source, document.metadata["digest"])
    with PDFIUM, pypdfium2.PdfDocument(data) as pdf:
        page = pdf[chunk.page - 1]
        text_page = page.get_textpage()
        try:
            bitmap = page.render(scale=_LONGEST / max(page.get_size()))
            image = bitmap.to_pil().convert("RGB")
            convert = bitmap.get_posconv(page)
            rectangles = list(_rectangles(text_page, chunk.text, start, end))
            corners = [
                (*convert.to_bitmap(left, top), *convert.to_bitmap(right, bottom))
                for left, bottom, right, top in rectangles
            ]
        finally:
            text_page.close()
            page.close()
    return DrawnPage(image, tuple(_box(image, *edges) for edges in corners))


def _unchanged(source: Source, kept: str) -> bytes:
    """The bytes of a file, if they are those that were added."""
    assert source.path is not None  # noqa: S101 - it was made of one
    try:
        data = source.read() if source.path.is_file() else b""
    except OSError:
        data = b""
    if digest(data) != kept:
        raise source.error("is gone, or has changed since it was added", fix="add it again")
    return data


def _rectangles(
    page: pypdfium2.PdfTextPage, text: str, start: int, end: int
) -> Iterator[tuple[float, float, float, float]]:
    """Left, bottom, right and top, line by line, of `text[start:end]` on a page: by its letters alone, as
    hyphens and line ends were taken out when it was read.
    """
    raw = page.get_text_range()
    places = [place for place, sign in enumerate(raw) if sign.isalnum()]
    written, wanted = "".join(raw[place] for place in places), _letters(text[start:end])
    whole = written.find(_letters(text))
    first = whole + len(_letters(text[:start])) if whole >= 0 else written.find(wanted)
    # PDFium counts characters in UTF-16: beyond the basic plane the positions no longer agree.
    if not wanted or first < 0 or max(raw) > "\uffff":
        return
    at, last = (
        pdfium.FPDFText_GetCharIndexFromTextIndex(page, places[place])
        for place in (first, first + len(wanted) - 1)
    )
    for number in range(page.count_rects(at, last + 1 - at)):
        yield page.get_rect(number)


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text))


def _box(image: Image.Image, left: int, top: int, right: int, bottom: int) -> Box:
    across, down = sorted((left, right)), sorted((top, bottom))  # a page may be turned
    edges = across[0] / image.width, down[0] / image.height, across[1] / image.width, down[1] / image.height
    return Box(*(min(max(edge, 0.0), 1.0) for edge in edges))
