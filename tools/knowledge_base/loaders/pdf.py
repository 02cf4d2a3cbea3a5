"""PDF, by pypdfium2."""

from __future__ import annotations

import hashlib
import itertools
import re
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from statistics import median
from typing import NamedTuple

import pypdfium2  # type: ignore[import-untyped]

from kedge.tools.images import Box
from kedge.tools.knowledge_base.loaders._figures import caption_of, figures, mentions
from kedge.tools.knowledge_base.loaders._source import Composer, Source, one_line
from kedge.tools.knowledge_base.records import ParsedDocument

__all__ = ["PDFIUM", "digest", "load_pdf"]

PDFIUM = threading.Lock()
"""PDFium is not safe to use from two threads at once, whatever documents they read."""

_PASSWORD_ERROR = 4
_CUT_WORD = re.compile("([^\\W\\d_]+)(?:[\ufffe\x02\u00ad]|-\n)([^\\W\\d_]+)")
_MARKS = re.compile("[\ufffe\x02\u00ad]")
_NO_TITLE = re.compile(r"untitled.*|microsoft \w+ - .*|.*\.(docx?|pptx?|indd|qxd|tex|dvi|pdf)", re.IGNORECASE)
_MAX_RUNNING = 3  # lines of a running head or foot
_MAX_CAPTION = 400  # characters
_ITEM = re.compile(r"(?:[•●▪◦‣–*-]|\(?\d{1,3}[.)]|\(?[a-z]\))\s")


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    height: float  # of its first character, in points; 0 where unknown
    bottom: float  # of its first character, in points from the foot of the page

    @property
    def rows(self) -> int:
        """PDFium joins a line that ends in a hyphen with the next, and leaves a mark."""
        return 1 + len(_MARKS.findall(self.text))


class _Figure(NamedTuple):
    data: bytes
    box: Box
    labels: str
    caption: str


def load_pdf(source: Source) -> Iterator[ParsedDocument]:
    """The one document of a PDF: its text page by page, lines put together to paragraphs.

    Larger type makes headings. Words cut at a line end are joined. Lines that head or foot most pages are
    left out. Pages that are pictures only are named in the metadata, as is the digest of the file, by which
    its pages can be shown later. After the text of a page come its figures, each with its caption, what is
    written in it, and the sentences of the page that name it.
    """
    data = source.read()
    if b"%PDF-" not in data[:1024]:
        raise source.error("is not a PDF", fix="check the file, or its suffix")
    try:
        with PDFIUM:
            title, pages, pictures = _read(source, data)
    except pypdfium2.PdfiumError as error:
        if error.err_code == _PASSWORD_ERROR:
            raise source.error("is encrypted", fix="save it without a password") from None
        raise source.error("is a broken PDF", fix="open it in a viewer and save it again") from None
    silent = [str(number) for number, lines in enumerate(pages, start=1) if not lines]
    if len(silent) == len(pages) and not any(figure.labels for figure in chain(*pictures)):
        message = f"has no text on any of its {len(pages)} pages (scanned?)"
        raise source.error(message, fix="run text recognition first, for example ocrmypdf")
    metadata = {"pages": str(len(pages)), "digest": digest(data)}
    if silent:
        metadata["pages_without_text"] = ", ".join(silent)
    pages = _without_running_lines(pages)
    composer = Composer(source)
    _compose(pages, composer, pictures)
    yield source.composed("pdf", composer, title=title or _largest(pages), metadata=metadata)


def digest(data: bytes) -> str:
    """A short name for these bytes and no others.

    Example:
        >>> digest(b"%PDF-1.7") == digest(b"%PDF-1.4")
        False
    """
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def _read(source: Source, data: bytes) -> tuple[str, list[list[_Line]], list[list[_Figure]]]:
    pages: list[list[_Line]] = []
    pictures: list[list[_Figure]] = []
    size = seen = 0
    with pypdfium2.PdfDocument(data) as pdf:
        if len(pdf) > source.limits.pages:
            raise source.error(f"has {len(pdf):,} pages, more than {source.limits.pages:,}", fix="split it")
        title = one_line(pdf.get_metadata_value("Title"))
        for number in range(len(pdf)):
            page = pdf[number]
            text_page = page.get_textpage()
            try:
                lines = _lines(text_page)
                # Beyond the limit a book goes on without its pictures.
                shown = figures(page, text_page) if seen < source.limits.bytes else []
                places = [(line.text, 1 - line.bottom / page.get_height()) for line in lines]
            finally:
                text_page.close()
                page.close()
            size += sum(len(line.text) for line in lines)
            if size > source.limits.bytes:
                raise source.too_large("its text")
            pages.append(lines)
            seen += sum(len(figure.data) for figure in shown)
            pictures.append([_Figure(*figure, caption_of(figure.box, places)) for figure in shown])
    return "" if _NO_TITLE.fullmatch(title) else title, pages, pictures


def _lines(page: pypdfium2.PdfTextPage) -> list[_Line]:
    raw = page.get_text_range()
    # PDFium counts characters in UTF-16: beyond the basic plane the positions no longer agree.
    located = max(raw, default="") <= "\uffff"
    lines: list[_Line] = []
    for match in re.finditer(r"[^\r\n]+", raw):
        if not (text := " ".join(match[0].split())):
            continue
        height = bottom = 0.0
        if located:
            # Of a letter where there is one: bullets are often set in another type.
            letter = re.search(r"\w", match[0]) or re.search(r"\S", match[0])
            first = match.start() + (letter.start() if letter else 0)
            try:
                _, bottom, _, top = page.get_charbox(first, loose=True)
            except pypdfium2.PdfiumError:
                top = bottom
            height = top - bottom
        lines.append(_Line(text, height, bottom))
    return lines


def _without_running_lines(pages: list[list[_Line]]) -> list[list[_Line]]:
    """Pages without the lines at their head and foot that, but for numbers, stand on most of them."""

    def shape(line: _Line) -> str:
        return re.sub(r"\d+", "#", line.text)

    for _ in range(_MAX_RUNNING):
        edges = Counter(edge for lines in pages if lines for edge in {shape(lines[0]), shape(lines[-1])})
        running = {text for text, count in edges.items() if count >= 3 and count > 0.5 * len(pages)}
        if not running:
            break
        pages = [
            [
                line
                for i, line in enumerate(lines)
                if i not in (0, len(lines) - 1) or shape(line) not in running
            ]
            for lines in pages
        ]
    return pages


def _body_height(pages: list[list[_Line]]) -> float:
    heights: Counter[float] = Counter()
    for lines in pages:
        for line in lines:
            heights[round(line.height, 1)] += len(line.text)
    return max(heights, key=heights.__getitem__, default=0.0)


def _largest(pages: list[list[_Line]]) -> str:
    """What is set in the largest type on the first page with text, if that is larger than the rest."""
    lines = next((lines for lines in pages if lines), [])
    height = max((line.height for line in lines), default=0.0)
    if height < 1.15 * _body_height(pages):
        return ""
    return " ".join(line.text for line in lines if line.height > 0.95 * height)


def _compose(pages: list[list[_Line]], composer: Composer, pictures: list[list[_Figure]]) -> None:
    body = _body_height(pages)
    everything = "\n".join(line.text for lines in pages for line in lines)
    words = set(re.findall(r"[\w-]+", everything.casefold()))

    def joined(cut: re.Match[str]) -> str:
        # A hyphen at a line end is the word's own when the document has the word with it elsewhere only.
        whole, kept = cut[1] + cut[2], f"{cut[1]}-{cut[2]}"
        return kept if kept.casefold() in words and whole.casefold() not in words else whole

    def read(lines: list[str]) -> str:
        return one_line(_MARKS.sub("", _CUT_WORD.sub(joined, "\n".join(lines))))

    for number, lines in enumerate(pages, start=1):
        paragraphs = list(_paragraphs(lines, body))
        texts = [read(paragraph) for _, paragraph in paragraphs]
        for (level, _), text in zip(paragraphs, texts, strict=True):
            composer.add("heading" if level else "paragraph", text, level=level, page=number)
        for figure in pictures[number - 1]:
            first = figure.caption  # line of it
            rest = (paragraph[paragraph.index(first) :] for _, paragraph in paragraphs if first in paragraph)
            caption = read(next(rest, [first]))[:_MAX_CAPTION]
            told = f"Picture on page {number}\n{caption}\n{mentions(caption, texts)}\n{figure.labels}"
            composer.add_figure(told, data=figure.data, box=figure.box, page=number)


def _paragraphs(lines: list[_Line], body: float) -> Iterator[tuple[int, list[str]]]:
    """Lines put together to headings (level 1-3) and paragraphs (level 0), by size and distance."""
    gaps = [(above.bottom - line.bottom) / above.rows for above, line in itertools.pairwise(lines)]
    gaps = [gap for (above, gap) in zip(lines, gaps, strict=False) if gap > 0.7 * above.height]
    # On a page of few lines the median gap may well be that between paragraphs.
    spacing = 0.0 if not gaps else median(gaps) if len(gaps) > 8 else min(gaps)
    level, texts = 0, list[str]()
    previous: _Line | None = None
    for line in lines:
        own = _level(line, body)
        if previous is not None and texts:
            gap = (previous.bottom - line.bottom) / previous.rows
            finished = previous.text.endswith((".", "!", "?", ":", '"', "”"))
            # Upwards is the next column: a sentence may go on there.
            parted = gap > 1.35 * spacing or (gap < 0 and finished) if spacing else finished
            far = gap > 2.5 * max(line.height, spacing)
            if own != level or (parted and not own) or far or _ITEM.match(line.text):
                yield level, texts
                texts = []
        level, previous = own, line
        texts.append(line.text)
    if texts:
        yield level, texts


def _level(line: _Line, body: float) -> int:
    if not body or len(line.text) > 150 or line.text.endswith((".", ",", ";")):
        return 0
    if sum(map(str.isalpha, line.text)) < 3 or line.height < 1.15 * body:
        return 0
    return 1 if line.height >= 1.6 * body else 2 if line.height >= 1.3 * body else 3
