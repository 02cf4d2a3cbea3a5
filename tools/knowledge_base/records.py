"""The records of a knowledge base: what loaders give, what the store keeps, what search returns."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

__all__ = [
    "Block",
    "Chunk",
    "Document",
    "DocumentKind",
    "Evidence",
    "Expansion",
    "Extraction",
    "Figure",
    "ParsedDocument",
    "Picture",
    "Triple",
    "TripleDraft",
    "entity_key",
]

DocumentKind = Literal["text", "markdown", "html", "pdf", "docx", "table", "record", "image"]
BlockKind = Literal["paragraph", "heading", "list", "table", "code", "image"]


def entity_key(name: str) -> str:
    """The identity of an entity: its name without case, accents and extra white space.

    Example:
        >>> entity_key("  Éva   Löwe ")
        'eva lowe'
    """
    if name.isascii():  # nothing to take apart, and by far the quickest
        return " ".join(name.lower().split())
    decomposed = unicodedata.normalize("NFKD", name.casefold())
    return " ".join("".join(c for c in decomposed if not unicodedata.combining(c)).split())


@dataclass(frozen=True, slots=True)
class Block:
    """One structural unit of a document: `text[start:end]` of its `ParsedDocument`.

    A `table` block is a header and rows verbalised one a line, `column: value | column: value`, so that each
    row can be read alone. `level` is 1-6 for headings, else 0. `page` counts from 1.
    """

    kind: BlockKind
    start: int
    end: int
    page: int | None = None
    level: int = 0


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture in a document, told of by the image block at character `start`.

    `data` is an image file of its own; or `shows` is the source of another document, an image, which this
    one only points to. `box` are the edges left, top, right, bottom of the picture on its page, as fractions.
    """

    start: int
    data: bytes = b""
    shows: str = ""
    box: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """What a loader makes of a file, a row or a string; nothing is stored yet.

    `container` is the file it came from: a file's documents are replaced together. `source` names this
    document alone (`path`, or `path#row`). `external_id` is an id that the data brought along.
    `image` holds the encoded image when the document is one; `figures` are the pictures inside a document.
    """

    source: str
    container: str
    title: str
    text: str
    kind: DocumentKind
    blocks: tuple[Block, ...]
    external_id: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    image: bytes | None = None
    figures: tuple[Figure, ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """A stored document. `id` is a hash of its content: equal content, equal id."""

    id: str
    source: str
    container: str
    title: str
    kind: DocumentKind
    characters: int
    chunks: int
    added_at: str
    external_id: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Chunk:
    """What is searched: `text` is characters `start:end` of its document's text.

    `id` grows and is never used twice, so an index can never mistake a new chunk for an old one.
    `heading` is the path of headings above it, joined with ` > `.
    """

    id: int
    document_id: str
    source: str
    title: str
    heading: str
    text: str
    start: int
    end: int
    kind: BlockKind = "paragraph"
    page: int | None = None

    @property
    def indexed_text(self) -> str:
        """The text that indexes see: the title and headings give a passage its context."""
        return "\n".join(part for part in (self.title, self.heading, self.text) if part)


@dataclass(frozen=True, slots=True)
class Picture:
    """What a chunk tells of: a file that the knowledge base keeps, and its box on the chunk's page."""

    chunk_id: int
    file: str
    box: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class TripleDraft:
    """Subject, relation and object as read from a text, before they are stored."""

    subject: str
    relation: str
    object: str
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Expansion:
    """Other words under which full text finds a chunk, such as questions it answers; and who made them."""

    texts: tuple[str, ...]
    made_by: str


@dataclass(frozen=True, slots=True)
class Extraction:
    """What was read from one chunk: its triples, and the names it mentions even where no triple was found.

    An `expansion` is taken in when the chunk is added, and not afterwards.
    """

    triples: tuple[TripleDraft, ...] = ()
    mentions: tuple[str, ...] = ()
    expansion: Expansion | None = None


@dataclass(frozen=True, slots=True)
class Triple:
    """A stored triple and the chunk it was read from."""

    id: int
    subject: str
    relation: str
    object: str
    chunk_id: int
    confidence: float = 1.0

    def __str__(self) -> str:
        return f"{self.subject} — {self.relation} → {self.object}"


@dataclass(frozen=True, slots=True)
class Evidence:
    """A chunk, or a triple with its chunk, that supports an answer: how strongly, and why it was found."""

    chunk: Chunk
    score: float
    reason: str
    triple: Triple | None = None
