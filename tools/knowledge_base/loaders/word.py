"""DOCX, by python-docx."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

import docx
from docx.document import Document as WordDocument
from docx.oxml.ns import qn
from docx.text.paragraph import Paragraph
from lxml import etree  # type: ignore[import-untyped]

from kedge.errors import LoadError
from kedge.tools.images import can_read, opened, read_text
from kedge.tools.knowledge_base.loaders._source import Composer, Source, one_line
from kedge.tools.knowledge_base.records import ParsedDocument

__all__ = ["load_word"]

_PLAIN_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_MAX_ENTRIES = 10_000
_WRAPPERS = tuple(map(qn, ("w:sdt", "w:sdtContent", "w:ins", "w:customXml")))
_TEXTS = {"w:p": "\n", "w:t": "", "w:tab": "\t", "w:br": "\n", "w:cr": "\n", "w:noBreakHyphen": "-"}
_TEXT_TAGS = {qn(name): text for name, text in _TEXTS.items()}
_HEADING = re.compile(r"heading (\d)", re.IGNORECASE)
_IMAGE_DATA = "{urn:schemas-microsoft-com:vml}imagedata"
_OFFICE_TITLE = "{urn:schemas-microsoft-com:office:office}title"


def load_word(source: Source) -> Iterator[ParsedDocument]:
    """The one document of a DOCX: headings, paragraphs, lists, tables and pictures in the order of the page.

    A picture has its alternative text and its caption. Headers, footers, footnotes and comments are left out;
    tracked insertions are in, deletions out.
    """
    data = source.read()
    _refuse_bomb(source, data)
    try:
        word = docx.Document(io.BytesIO(data))
        composer = Composer(source)
        _compose(word, composer, _Pictures(source, word))
        title = word.core_properties.title
    except (KeyError, ValueError, AttributeError, zipfile.BadZipFile, zlib.error, etree.LxmlError):
        # What python-docx lets through for a package that lacks parts or holds malformed XML.
        raise source.error("is a broken DOCX", fix="open it in a word processor and save it again") from None
    yield source.composed("docx", composer, title=title)


def _refuse_bomb(source: Source, data: bytes) -> None:
    """Look at the archive's list before anything is unpacked.

    `zipfile` never inflates an entry past the size that the list declares, so the declared sizes are bounds
    on the real ones; a list that lies fails its checksum.
    """
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        raise source.error("is encrypted or an old .doc", fix="save it as .docx without a password")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        raise source.error("is not a DOCX", fix="check the file, or its suffix") from None
    if any(entry.flag_bits & 1 for entry in entries):
        raise source.error("is encrypted", fix="save it without a password")
    inflated = sum(entry.file_size for entry in entries)
    markup = sum(entry.file_size for entry in entries if entry.filename.endswith((".xml", ".rels")))
    odd = any(entry.compress_type not in _PLAIN_METHODS for entry in entries) or len(entries) > _MAX_ENTRIES
    if odd or inflated > source.limits.inflated or markup > source.limits.bytes:
        message = f"unpacks to {inflated / 2**20:,.0f} MB in {len(entries):,} parts, more than is safe"
        raise source.error(message, fix="save its text in another format")


class _Pictures:
    """The pictures of a document; of those over the limit, or that cannot be read, only what is said."""

    def __init__(self, source: Source, word: WordDocument) -> None:
        self._source = source
        self._parts = word.part.related_parts
        self._room = source.limits.bytes

    def of(self, element: Any) -> Iterator[tuple[str, str, bytes]]:
        """What is said of each picture of a paragraph or table, its row in a table, and its file."""
        if element.tag != qn("w:tbl"):
            yield from ((words, "", data) for words, data in self._inside(element))
            return
        for row in element.iterchildren(qn("w:tr")):
            yield from ((words, _text(row), data) for words, data in self._inside(row))

    def _inside(self, element: Any) -> Iterator[tuple[str, bytes]]:
        for drawing in element.iter(qn("w:drawing")):
            about: Any = next(drawing.iter(qn("wp:docPr")), {})
            words = about.get("descr") or about.get("title")
            for blip in drawing.iter(qn("a:blip")):
                yield self._told(words, blip.get(qn("r:embed")))
        for image in element.iter(_IMAGE_DATA):  # as files have it that older versions of Word can read
            if not _is_fallback(image):
                words = image.getparent().get("alt") or image.get(_OFFICE_TITLE)
                yield self._told(words, image.get(qn("r:id")))

    def _told(self, words: str | None, name: str | None) -> tuple[str, bytes]:
        data = self._file(name)
        seen = read_text(opened(data)) if data and can_read() else ""
        return f"{one_line(words or '')}\n{seen}", data

    def _file(self, name: str | None) -> bytes:
        part = self._parts.get(name or "")
        data: bytes = part.blob if part is not None else b""
        if not data or len(data) > self._room:
            return b""
        try:
            opened(data, pixels=self._source.limits.pixels)
        except LoadError:
            return b""
        self._room -= len(data)
        return data


def _compose(word: WordDocument, composer: Composer, pictures: _Pictures) -> None:
    items: list[str] = []
    elements = list(_content(word.element.body))
    for element, following in zip(elements, [*elements[1:], None], strict=True):
        table = element.tag == qn("w:tbl")
        text = _text(element)
        style = "table" if table else _style(Paragraph(element, word))
        found = list(pictures.of(element))
        listed = style == "list" and bool(text.strip())
        if listed:
            items.append(f"- {one_line(text)}")
        if items and (found or (text.strip() and not listed)):
            composer.add("list", "\n".join(items))
            items.clear()
        if table:
            header, *body = _rows(element) or [[]]
            composer.add_table(header, body)
        elif heading := _HEADING.match(style):
            composer.add("heading", one_line(text), level=min(int(heading[1]), 6))
        elif not listed:
            composer.add("paragraph", text)
        title = _text(following) if found and _is_caption(following, word) else ""
        for words, row, data in found:
            composer.add_figure(f"Picture in the text\n{title}\n{words}", row=row, data=data)
    composer.add("list", "\n".join(items))


def _is_caption(element: Any, word: WordDocument) -> bool:
    if element is None or element.tag == qn("w:tbl"):
        return False
    style = Paragraph(element, word).style
    return style is not None and (style.name or "").casefold() == "caption"


def _content(parent: Any) -> Iterator[Any]:
    """Paragraphs and tables in order, also those inside content controls, which python-docx passes over."""
    for child in parent:
        if child.tag in (qn("w:p"), qn("w:tbl")):
            yield child
        elif child.tag in _WRAPPERS:
            yield from _content(child)


def _style(paragraph: Paragraph) -> str:
    """`heading N`, `list`, or nothing: by the paragraph's numbering, its style, or what that is based on."""
    properties = paragraph.paragraph_format.element.pPr
    style = paragraph.style
    while style is not None:
        name = (style.name or "").casefold()
        if _HEADING.match(name):
            return name
        if name == "title":
            return "heading 1"
        if name.startswith("list"):
            return "list"
        style = style.base_style
    return "list" if properties is not None and properties.numPr is not None else ""


def _text(element: Any) -> str:
    """The text of a paragraph or cell, tracked insertions and text boxes with it."""
    parts = []
    for node in element.iter(*_TEXT_TAGS):
        if _is_fallback(node):
            continue
        parts.append(_TEXT_TAGS[node.tag] or node.text or "")
    return "".join(parts).strip()


def _is_fallback(node: Any) -> bool:
    """Whether it is there a second time, for old readers, as text boxes and pictures in them are."""
    return any(True for _ in node.iterancestors("{*}Fallback"))


def _rows(table: Any) -> list[list[str]]:
    rows = []
    for row in table.iterchildren(qn("w:tr")):
        cells: list[str] = []
        for cell in row.iterchildren(qn("w:tc")):
            cells.append(one_line(_text(cell)))
            # A cell over several columns is said once; the others stay empty, so that columns stay in step.
            span = cell.find(f"{qn('w:tcPr')}/{qn('w:gridSpan')}")
            wide = span.get(qn("w:val"), "1") if span is not None else "1"
            cells.extend([""] * (min(int(wide), 100) - 1))
        rows.append(cells)
    return rows
