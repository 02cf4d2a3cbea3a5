"""What every loader starts from: where bytes come from, how they become clean text, how it is laid out."""

from __future__ import annotations

import codecs
import io
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from kedge.errors import InputError, LoadError
from kedge.tools.knowledge_base.records import Block, BlockKind, DocumentKind, Figure, ParsedDocument

__all__ = [
    "Composer",
    "Fields",
    "Limits",
    "Source",
    "clean",
    "humanise",
    "looks_like",
    "one_line",
    "paragraphs",
    "verbalise",
]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may cost before it is refused.

    `bytes` bounds what is read at once: a whole file, or one line of JSON Lines (those files may be of any
    size). `inflated` bounds the bytes that a DOCX unpacks to, `pixels` an image, `pages` a PDF.
    """

    bytes: int = 64 * 2**20
    inflated: int = 256 * 2**20
    pixels: int = 80_000_000
    pages: int = 20_000


@dataclass(frozen=True, slots=True)
class Fields:
    """Which JSON fields or CSV columns hold a row's text, title and id. `None`: guess by common names.

    A field that is named must be there: a row without it is reported.

    Example:
        >>> Fields(text="abstract").text
        'abstract'
    """

    text: str | None = None
    title: str | None = None
    id: str | None = None


_NEWLINES = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ufeff\ufffe\uffff]")
_SURROGATES = re.compile("[\ud800-\udfff]")
_CONTROL_BYTES = bytes([*range(9), *range(14, 27), 28, 29, 30, 31])
_MAX_NAME = 200  # characters of a column's name
_MAX_ROW = 300  # characters of a table's row that are said of a picture in it
_MAX_SPREAD = 4  # times `Limits.bytes` that a table may take when verbalised
_BLANK_LINES = re.compile(r"\n(?:[^\S\n]*\n)+")

_BOMS = (
    # UTF-32 before UTF-16: its little-endian mark begins with that of UTF-16.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

_MAGIC = (
    (b"%PDF-", "a PDF"),
    (b"PK\x03\x04", "a ZIP archive or an Office file"),
    (b"\x89PNG\r\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"II*\x00", "a TIFF image"),
    (b"MM\x00*", "a TIFF image"),
    (b"\xd0\xcf\x11\xe0", "an old or an encrypted Office file"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x7fELF", "a program"),
    (b"SQLite format 3", "an SQLite database"),
)


def looks_like(head: bytes) -> str:
    """What the first bytes of a file say it is, or nothing.

    Example:
        >>> looks_like(b"%PDF-1.7"), looks_like(b"hello")
        ('a PDF', '')
    """
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "a WebP image"
    return next((name for magic, name in _MAGIC if head.startswith(magic)), "")


def clean(text: str) -> str:
    r"""Text without control characters; every kind of line end becomes `\n`. Nothing else is changed.

    Lone surrogates, which no database can store, become U+FFFD.

    Example:
        >>> clean("a\x00b\r\nc\td")
        'ab\nc\td'
    """
    if text.isascii() and text.isprintable():
        return text
    text = _CONTROLS.sub("", _NEWLINES.sub("\n", text))
    return _SURROGATES.sub("\ufffd", text)


def one_line(text: str) -> str:
    r"""Text on one line, for titles and table cells.

    Example:
        >>> one_line(" a\n  b ")
        'a b'
    """
    return " ".join(clean(text).split())


def humanise(name: str) -> str:
    """A readable title made of a file name.

    Example:
        >>> humanise("2024-harbour_plan.final.pdf")
        '2024 harbour plan.final'
    """
    stem = PurePath(name).stem or name
    return one_line(re.sub(r"[_\-]+", " ", stem)) or one_line(name)


def paragraphs(text: str) -> list[Block]:
    r"""The paragraphs of clean text: runs of lines between blank lines, as exact spans.

    Example:
        >>> [(b.start, b.end) for b in paragraphs("one\ntwo\n\n three")]
        [(0, 7), (10, 15)]
    """
    blocks = []
    start = 0
    for end, following in [*((m.start(), m.end()) for m in _BLANK_LINES.finditer(text)), (len(text), 0)]:
        piece = text[start:end]
        if body := piece.strip():
            first = start + len(piece) - len(piece.lstrip())
            blocks.append(Block("paragraph", first, first + len(body)))
        start = following
    return blocks


def verbalise(header: Sequence[str], row: Iterable[str]) -> str:
    """A table row that can be read alone; empty cells are left out.

    Example:
        >>> verbalise(["name", "height", "note"], ["Ben Nevis", "1,345 m", ""])
        'name: Ben Nevis | height: 1,345 m'
    """
    cells = []
    for position, value in enumerate(row):
        column = header[position] if position < len(header) else ""
        if value := one_line(value):
            cells.append(f"{column}: {value}" if column else value)
    return " | ".join(cells)


class Composer:
    r"""Lays blocks out as one text, with a blank line between them, and keeps their spans.

    Example:
        >>> composer = Composer(Source("stdin", "stdin"))
        >>> composer.add("heading", "Tides", level=1)
        >>> composer.add("paragraph", "Twice a day.")
        >>> composer.text
        'Tides\n\nTwice a day.'
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._parts: list[str] = []
        self._length = 0
        self.blocks: list[Block] = []
        self.figures: list[Figure] = []

    def add_figure(
        self,
        text: str,
        *,
        row: str = "",
        data: bytes = b"",
        shows: str = "",
        box: tuple[float, float, float, float] | None = None,
        page: int | None = None,
        time: tuple[float, float] | None = None,
    ) -> None:
        """Append an image block that tells of a picture, for which see `Figure`; none for a blank text.

        Of a picture in a table, `row` is what its row says.
        """
        before = len(self.blocks)
        self.add("image", f"{text}\n{one_line(row)[:_MAX_ROW]}", page=page, time=time)
        if len(self.blocks) > before and (data or shows):
            self.figures.append(Figure(self.blocks[-1].start, data, shows, box))

    def add(
        self,
        kind: BlockKind,
        text: str,
        *,
        level: int = 0,
        page: int | None = None,
        time: tuple[float, float] | None = None,
    ) -> None:
        """Append a block; blank text is left out."""
        text = clean(text).strip()
        if not text:
            return
        if self._parts:
            self._parts.append("\n\n")
            self._length += 2
        self._parts.append(text)
        self.blocks.append(Block(kind, self._length, self._length + len(text), page, level, time))
        self._length += len(text)

    def add_table(self, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Append a table, a row a line; the header itself when there is no row.

        Raises `LoadError` when long column names, said again in each row, make the text too large.
        """
        names = [one_line(name)[:_MAX_NAME] for name in header]
        room = _MAX_SPREAD * self._source.limits.bytes
        lines = []
        for row in rows:
            if line := verbalise(names, row):
                lines.append(line)
                room -= len(line)
                if room < 0:
                    raise self._source.too_large("its text with the column names in each row")
        self.add("table", "\n".join(lines) or verbalise((), header))

    @property
    def text(self) -> str:
        """All blocks so far."""
        return "".join(self._parts)

    @property
    def first_heading(self) -> str:
        """The text of the first heading, or nothing."""
        heading = next((block for block in self.blocks if block.kind == "heading"), None)
        return self.text[heading.start : heading.end] if heading else ""


@dataclass(frozen=True, slots=True)
class Source:
    """One file, or one text from elsewhere, that is being loaded.

    `name` is what the caller called it and what errors say. `container` is what is stored: for a file its
    absolute path, so that two folders' `notes.txt` stay apart.
    """

    name: str
    container: str
    path: Path | None = None
    content: bytes = b""
    encoding: str | None = None
    limits: Limits = field(default_factory=Limits)

    @classmethod
    def of_path(cls, path: Path, *, encoding: str | None, limits: Limits) -> Source:
        """The source for a file on disk. It is not touched yet."""
        return cls(
            name=_printable(str(path)),
            # abspath, not resolve: a link keeps the name that its owner gave it.
            container=_printable(os.path.abspath(path)),  # noqa: PTH100
            path=path,
            encoding=encoding,
            limits=limits,
        )

    def error(self, message: str, *, fix: str) -> LoadError:
        """A `LoadError` on one line that begins with the name of this source."""
        return LoadError(f"{self.name}: {message}", fix=fix)

    @property
    def title(self) -> str:
        """The title that a document has when it does not bring one."""
        return humanise(self.path.name if self.path else self.name)

    def beside(self, reference: str) -> str:
        """The source of a file that this document refers to; nothing for what lies on the web.

        It is only a name, to be compared with those of other documents: nothing is opened.
        """
        path = unquote(urlsplit(reference).path)
        if self.path is None or not path or urlsplit(reference).scheme or reference.startswith("//"):
            return ""
        return _printable(os.path.normpath(os.path.join(os.path.dirname(self.container), path)))  # noqa: PTH118, PTH120

    def open(self) -> BinaryIO:
        """The bytes, to be streamed. Raises `OSError` when they cannot be read."""
        return io.BytesIO(self.content) if self.path is None else self.path.open("rb")

    def read(self) -> bytes:
        """All bytes. Raises `LoadError` for too many of them (before they are all in memory) or none."""
        size = self.path.stat().st_size if self.path else len(self.content)
        if size > self.limits.bytes:
            raise self.too_large("the file")
        with self.open() as stream:
            # Bounded, as a file may grow meanwhile; by its size, as what is asked for is allocated at once.
            data = stream.read(size + 1)
        if not data.strip():
            raise self.error("is empty", fix="add some content or leave it out")
        return data

    def too_large(self, what: str) -> LoadError:
        """The error for something over `limits.bytes`."""
        size = f"{self.limits.bytes / 2**20:,.4g} MB"
        return self.error(f"{what} is larger than the limit of {size}", fix="split it")

    def refuse_binary(self, head: bytes) -> None:
        """Raise `LoadError` when the first bytes of a text format are not text."""
        if self.encoding or declared_by_mark(head):
            return
        guess = looks_like(head)
        controls = len(head) - len(head.translate(None, _CONTROL_BYTES))
        if guess or b"\0" in head or controls * 20 > len(head):
            fix = f"it looks like {guess}: rename it" if guess else "leave it out, or name its --encoding"
            raise self.error("binary content in a text file", fix=fix)

    def decode(self, data: bytes, *, declared: str | None = None, offset: int = 0) -> str:
        """Bytes as text: by the caller's encoding, a byte order mark, what the file declares, or UTF-8.

        Raises:
            LoadError: The bytes are binary or not in that encoding; names the offset of the first bad byte.
            InputError: There is no encoding of that name.
        """
        self.refuse_binary(data[:8192])
        encoding = self.encoding or declared_by_mark(data) or declared or "utf-8"
        try:
            return data.decode(encoding)
        except UnicodeDecodeError as error:
            message = f"byte {offset + error.start:,} is not valid {encoding.upper()}"
            raise self.error(message, fix="name the file's encoding, for example --encoding cp1252") from None
        except (LookupError, UnicodeError):
            message = f"{self.name}: cannot be decoded as {encoding!r}"
            raise InputError(message, fix="name a text encoding such as utf-8 or cp1252") from None

    def document(
        self,
        kind: DocumentKind,
        text: str,
        blocks: Sequence[Block],
        *,
        title: str = "",
        external_id: str | None = None,
        row: int | None = None,
        metadata: Mapping[str, str] | None = None,
        image: bytes | None = None,
        figures: Sequence[Figure] = (),
    ) -> ParsedDocument:
        """A document of this source, titled by the file's name unless it brings a title."""
        return ParsedDocument(
            source=self.container if row is None else f"{self.container}#{row}",
            container=self.container,
            title=one_line(title)[:300] or self.title,
            text=text,
            kind=kind,
            blocks=tuple(blocks),
            external_id=external_id,
            metadata=metadata or {},
            image=image,
            figures=tuple(figures),
        )

    def composed(
        self,
        kind: DocumentKind,
        composer: Composer,
        *,
        title: str = "",
        metadata: Mapping[str, str] | None = None,
    ) -> ParsedDocument:
        """The document that a composer has laid out. Raises `LoadError` when nothing was."""
        if not composer.blocks:
            raise self.error("holds no text", fix="check what is in it, or leave it out")
        title = one_line(title) or composer.first_heading
        return self.document(
            kind, composer.text, composer.blocks, title=title, metadata=metadata, figures=composer.figures
        )


def declared_by_mark(data: bytes) -> str | None:
    """The encoding that a byte order mark at the start declares."""
    return next((encoding for mark, encoding in _BOMS if data.startswith(mark)), None)


def _printable(name: str) -> str:
    """A file name without what could break a line, a terminal or a database."""
    name = os.fsencode(name).decode("utf-8", "replace")
    return "".join(c if c.isprintable() else "\ufffd" for c in name)
