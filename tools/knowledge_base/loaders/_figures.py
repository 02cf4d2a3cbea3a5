"""Figures on the pages of a PDF: where images and drawings stand, with their captions and labels."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pypdfium2  # type: ignore[import-untyped]
import pypdfium2.raw as pdfium  # type: ignore[import-untyped]
from scipy.ndimage import find_objects, label

from kedge.tools.images import WHOLE, Box, can_read, read_text

__all__ = ["PageFigure", "caption_of", "figures", "mentions"]

_CELLS = 96  # along each side of the page's raster, on which objects that touch become one figure
_LEAST, _MOST = 0.03, 0.9  # of the page's area; what is larger is a background
_RULE = 0.004  # of a side: what is thinner is a line, and a long line alone is no figure
_PER_PAGE = 4
_LONGEST = 1_200  # pixels of a rendered page
_QUALITY = 88
_DEPTH = 4  # forms within forms
_LABELS, _MENTIONS = 600, 400  # characters
_NEAR = 0.15  # of the page's height between a figure and its caption
# "Figure 3 shows" begins a sentence, and no caption.
_CAPTION = re.compile(
    r"((?i:fig(?:ure)?|table|chart|exhibit|graph|map|image|plate|box))\.?\s*"
    r"([A-Z]?\d+(?:\.\d+)*|[A-Z]\b)(?![\w,;)]|\s+[a-z])"
)
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")
_DRAWN = (pdfium.FPDF_PAGEOBJ_PATH, pdfium.FPDF_PAGEOBJ_IMAGE, pdfium.FPDF_PAGEOBJ_SHADING)


class PageFigure(NamedTuple):
    """A figure as a JPEG file, its place on the page, and the text that stands in it."""

    data: bytes
    box: Box
    labels: str


def figures(page: pypdfium2.PdfPage, text_page: pypdfium2.PdfTextPage) -> list[PageFigure]:
    """The figures of a page from top to bottom; of a page without any text, the page itself."""
    boxes = _boxes(page) if text_page.count_chars() else [WHOLE]
    if not boxes:
        return []
    width, height = page.get_size()
    image = page.render(scale=_LONGEST / max(width, height)).to_pil().convert("RGB")
    found = []
    for box in boxes:
        crop = box.crop(image)
        edges = box.left * width, (1 - box.bottom) * height, box.right * width, (1 - box.top) * height
        inside = " ".join(text_page.get_text_bounded(*edges).split())[:_LABELS]
        buffer = io.BytesIO()
        crop.save(buffer, "JPEG", quality=_QUALITY)
        labels = inside or (read_text(crop) if can_read() else "")
        found.append(PageFigure(buffer.getvalue(), box, labels))
    return found


def caption_of(box: Box, lines: Sequence[tuple[str, float]]) -> str:
    """The line nearest to a figure that begins like a caption; lines come with their height, 0 at the top.

    Example:
        >>> lines = [("Figure 1: Catches by year.", 0.52), ("Table 2. Tolls.", 0.95)]
        >>> caption_of(Box(0.1, 0.2, 0.9, 0.5), lines)
        'Figure 1: Catches by year.'
    """
    captions = [(text, height) for text, height in lines if _CAPTION.match(text)]
    near = [
        (max(box.top - height, height - box.bottom, 0.0), text)
        for text, height in captions
        if box.top - _NEAR < height < box.bottom + _NEAR
    ]
    return min(near, default=(0.0, ""))[1]


def mentions(caption: str, paragraphs: Sequence[str]) -> str:
    """The sentences that name a figure as its caption does, captions left out.

    Example:
        >>> mentions("Fig. 3: Catches.", ["Boats came. Figure 3 says why. More came.", "Fig. 3: Catches."])
        'Figure 3 says why.'
    """
    named = _CAPTION.match(caption)
    if named is None:
        return ""
    kind = named[1].lower().removesuffix("ure")
    name = re.compile(rf"(?i)\b{kind}\w*\.?\s*{re.escape(named[2])}\b(?!\.\d)")
    sentences = (sentence for paragraph in paragraphs for sentence in _SENTENCE_END.split(paragraph))
    return " ".join(s for s in sentences if name.search(s) and not _CAPTION.match(s))[:_MENTIONS]


def _boxes(page: pypdfium2.PdfPage) -> list[Box]:
    """What is drawn and not written, put together where it touches, on a coarse raster of the page."""
    width, height = page.get_size()
    raster = np.zeros((_CELLS, _CELLS), bool)
    for edges in _drawn(page):
        left, bottom, right, top = (
            min(max(e, 0.0), s) for e, s in zip(edges, (width, height) * 2, strict=True)
        )
        box = Box(left / width, 1 - top / height, right / width, 1 - bottom / height)
        thin = min(box.right - box.left, box.bottom - box.top) < _RULE
        long = max(box.right - box.left, box.bottom - box.top) > 0.5
        if box.area > _MOST or (thin and long):
            continue
        rows = slice(int(box.top * _CELLS), int(np.ceil(box.bottom * _CELLS)) + 1)
        raster[rows, int(box.left * _CELLS) : int(np.ceil(box.right * _CELLS)) + 1] = True
    places = find_objects(label(raster, np.ones((3, 3)))[0])
    boxes = [Box(x.start / _CELLS, y.start / _CELLS, x.stop / _CELLS, y.stop / _CELLS) for y, x in places]
    large = sorted((box for box in boxes if _LEAST < box.area < _MOST), key=lambda box: -box.area)
    return sorted(large[:_PER_PAGE], key=lambda box: (box.top, box.left))


def _drawn(page: pypdfium2.PdfPage) -> Iterator[tuple[float, float, float, float]]:
    """Left, bottom, right and top of what is drawn, in points; PDFium tells them as inside their form."""
    forms = [pypdfium2.PdfMatrix()]
    for item in page.get_objects(max_depth=_DEPTH):
        if item.type == pdfium.FPDF_PAGEOBJ_FORM:
            forms[item.level + 1 :] = [item.get_matrix().multiply(forms[item.level])]
        elif item.type in _DRAWN:
            yield forms[item.level].on_rect(*item.get_bounds())
