"""What goes into the relational store and what comes out of it: rows, changes, and records made of rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import RowMapping

from kedge.tools.encoders._protocol import FloatArray
from kedge.tools.knowledge_base.records import (
    Chunk,
    Document,
    Expansion,
    Extraction,
    ParsedDocument,
    Triple,
    TripleDraft,
)

__all__ = [
    "Change",
    "Delta",
    "MentionRow",
    "NewDocument",
    "Origin",
    "PictureRow",
    "TripleRow",
    "as_chunk",
    "as_document",
    "as_triple",
    "written_out",
]


class Origin(NamedTuple):
    """A file (container), the place in it (source), and the document that stands there."""

    container: str
    source: str
    document_id: str


class TripleRow(NamedTuple):
    """A triple with the keys of its entities; `chunk_id` is `None` when it was not read from a text."""

    id: int
    document_id: str
    chunk_id: int | None
    subject: str
    relation: str
    object: str
    subject_key: str
    object_key: str
    confidence: float


class MentionRow(NamedTuple):
    """A chunk that names an entity."""

    chunk_id: int
    name: str
    entity: str


class PictureRow(NamedTuple):
    """The picture that a chunk tells of: a file of its own, or the one that the document `shows` has."""

    chunk_id: int
    file: str | None
    shows: str
    box: tuple[float, float, float, float] | None


@dataclass(frozen=True, slots=True)
class NewDocument:
    """A document ready to be stored. `extractions` and `vectors` go with `chunks`, one for one.

    `triples` belong to the document as a whole and to none of its chunks.
    """

    id: str
    parsed: ParsedDocument
    chunks: tuple[Chunk, ...] = ()
    vectors: FloatArray | None = None
    extractions: tuple[Extraction, ...] = ()
    triples: Sequence[TripleDraft] = ()
    image: str | None = None
    pictures: Sequence[PictureRow] = ()

    @property
    def expansions(self) -> dict[int, Expansion]:
        """Other words for its chunks, by their ids, where there are any."""
        pairs = zip(self.chunks, self.extractions, strict=False)
        return {c.id: e.expansion for c, e in pairs if e.expansion is not None and e.expansion.texts}


@dataclass(frozen=True, slots=True)
class Change:
    """What one commit changes. Documents that no file holds any more go with it.

    `journal` lists the first ids of ranges that this commit completes.
    """

    documents: Sequence[NewDocument] = ()
    hold: Sequence[Origin] = ()
    release: Sequence[Origin] = ()
    extractions: Mapping[int, Extraction] = field(default_factory=dict)
    journal: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Delta:
    """What a commit has changed: what indexes, graph and reports need to follow it.

    `journal` holds the entries to settle once the indexes have let go of the removed chunks.
    """

    revision: int
    removed_documents: tuple[str, ...] = ()
    removed_chunks: tuple[int, ...] = ()
    removed_images: tuple[str, ...] = ()
    added_triples: Sequence[TripleRow] = ()
    removed_triples: Sequence[TripleRow] = ()
    added_mentions: Sequence[MentionRow] = ()
    removed_mentions: Sequence[MentionRow] = ()
    journal: Sequence[int] = ()


def as_document(row: RowMapping) -> Document:
    """A document from a row of its table, without its text."""
    return Document(**{name: row[name] for name in Document.__dataclass_fields__})


def as_chunk(row: RowMapping) -> Chunk:
    """A chunk from a row of its table joined with its document's source and title, and with its moments."""
    fields = {name: row[name] for name in Chunk.__dataclass_fields__}
    return Chunk(**fields | {"times": row["times"] or ()})


def as_triple(row: TripleRow) -> Triple:
    """A triple; one that was read from no text names itself as its chunk, as a negative number."""
    chunk_id = -row.id if row.chunk_id is None else row.chunk_id
    return Triple(row.id, row.subject, row.relation, row.object, chunk_id, row.confidence)


def written_out(row: RowMapping) -> Chunk:
    """The chunk that stands for a triple read from no text: its row, joined as that of a chunk."""
    text = f"{row['subject']} {row['relation']} {row['object']}"
    return Chunk(-row["id"], row["document_id"], row["source"], row["title"], "", text, 0, len(text))
