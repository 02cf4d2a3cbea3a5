"""The records of a knowledge base: what loaders give, what the store keeps, what search returns."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

__all__ = [
    "Block",
    "Chunk",
    "Document",
    "DocumentKind",
    "Evidence",
    "Expansion",
    "Extraction",
    "Figure",
    "Moment",
    "ParsedDocument",
    "Picture",
    "Triple",
    "TripleDraft",
    "clock",
    "during",
    "entity_key",
]

DocumentKind = Literal[
    "text", "markdown", "html", "pdf", "docx", "table", "record", "image", "subtitles", "video"
]
BlockKind = Literal["paragraph", "heading", "list", "table", "code", "image"]


def entity_key(name: str) -> str:
    """The identity of an entity: its name without case, accents and extra white space.

    Example:
        >>> entity_key("  Éva   Löwe ")
        'eva lowe'
    """
    if name.isascii():  # as most are: there is nothing to take apart
        return " ".join(name.lower().split())
    decomposed = unicodedata.normalize("NFKD", name.casefold())
    return " ".join("".join(c for c in decomposed if not unicodedata.combining(c)).split())


def clock(seconds: float) -> str:
    """A moment of a recording as people write it: minutes and seconds, and hours where there are any.

    Example:
        >>> clock(65.9), clock(3_661)
        ('1:05', '1:01:01')
    """
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class Moment(NamedTuple):
    """Between which seconds of a recording the text from this character on is said, or its picture shown."""

    at: int
    start: float
    end: float


def during(moments: Sequence[Moment], start: int, end: int) -> tuple[Moment, ...]:
    """Those of a document's moments, first to last, that its characters `start:end` belong to.

    Example:
        >>> during([Moment(0, 1.0, 2.0), Moment(6, 4.0, 5.0), Moment(9, 5.0, 6.0)], 7, 9)
        (Moment(at=6, start=4.0, end=5.0),)
    """
    begun = [moment for moment in moments if moment.at < max(end, start + 1)]
    last = len(begun) - 1
    return tuple(m for i, m in enumerate(begun) if i == last or begun[i + 1].at > start)


@dataclass(frozen=True, slots=True)
class Block:
    """One structural unit of a document: `text[start:end]` of its `ParsedDocument`.

    A `table` block is a header and rows verbalised one a line, `column: value | column: value`, so that each
    row can be read alone. `level` is 1-6 for headings, else 0. `page` counts from 1. `time` are the seconds
    of a recording between which it is said or shown.
    """

    kind: BlockKind
    start: int
    end: int
    page: int | None = None
    level: int = 0
    time: tuple[float, float] | None = None


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
    `heading` is the path of headings above it, joined with ` > `. `times` say when its parts are said or
    shown in a recording, first to last.
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
    times: tuple[Moment, ...] = ()

    def __post_init__(self) -> None:
        # A checkpoint, or a row of JSON, has lists.
        object.__setattr__(self, "times", tuple(Moment(*moment) for moment in self.times))

    @property
    def indexed_text(self) -> str:
        """The text that indexes see: the title and headings give a passage its context."""
        return "\n".join(part for part in (self.title, self.heading, self.text) if part)

    def time(self, start: int = 0, end: int | None = None) -> tuple[float, float] | None:
        """The seconds of a recording between which `text[start:end]` is said or shown, if it is of one.

        Example:
            >>> times = Moment(0, 1, 2), Moment(6, 4, 5)
            >>> said = Chunk(1, "d", "a.srt", "a", "", "Ahoy. Who?", 0, 10, times=times)
            >>> said.time(), said.time(6, 10)
            ((1, 5), (4, 5))
        """
        said = during(self.times, self.start + start, self.end if end is None else self.start + end)
        return (said[0].start, max(moment.end for moment in said)) if said else None


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
