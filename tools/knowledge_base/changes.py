"""How one change is written to the tables, within the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeVar

import numpy as np
from sqlalchemy import Connection, bindparam, delete, insert, select, update

from kedge.tools.knowledge_base import tables as t
from kedge.tools.knowledge_base.records import Extraction, TripleDraft, entity_key
from kedge.tools.knowledge_base.rows import Change, Delta, MentionRow, NewDocument, Origin, TripleRow

__all__ = ["apply", "parts", "settle", "take"]

_T = TypeVar("_T")
_IN = 500  # values in one `IN (...)`, below every database's limit


class _Facts(NamedTuple):
    """Triples and mentions that came or went."""

    triples: list[TripleRow]
    mentions: list[MentionRow]


class _Owner(NamedTuple):
    """Where facts belong: a chunk of a document, or the document as a whole."""

    document_id: str
    chunk_id: int | None


def apply(connection: Connection, change: Change) -> Delta:
    """Write a change and say what came of it."""
    revision = take(connection, "revision", 1) + 1
    keys = _Keys()
    outdated = _remove_facts(connection, "chunk_id", list(change.extractions))
    _insert_documents(connection, change.documents)
    owned = [*_owned_by_documents(change.documents), *_owned_by_chunks(connection, change.extractions)]
    added = _insert_facts(connection, owned, keys)
    touched = _move_origins(connection, change)
    lost = _unheld(connection, touched)
    chunks = _column(connection, t.chunks.c.id, t.chunks.c.document_id, lost)
    images = _column(connection, t.documents.c.image, t.documents.c.id, lost)
    images += _column(connection, t.pictures.c.file, t.pictures.c.chunk_id, chunks)
    dropped = _remove_facts(connection, "document_id", lost)
    _each(connection, delete(t.documents).where(t.documents.c.id == bindparam("k")), lost)
    settle(connection, change.journal)
    runs = _runs(chunks)
    if runs:
        connection.execute(insert(t.journal), [{"first": first, "last": last} for first, last in runs])
    return Delta(
        revision=revision,
        removed_documents=tuple(lost),
        removed_chunks=tuple(chunks),
        removed_images=tuple(n for n in dict.fromkeys(images) if n and not _image_used(connection, n)),
        added_triples=added.triples,
        added_mentions=added.mentions,
        removed_triples=outdated.triples + dropped.triples,
        removed_mentions=outdated.mentions + dropped.mentions,
        journal=tuple(first for first, _ in runs),
    )


def take(connection: Connection, name: str, count: int) -> int:
    """Move a counter on and return where it stood."""
    column = t.counters.c
    connection.execute(update(t.counters).where(column.name == name).values(value=column.value + count))
    return int(connection.execute(select(column.value).where(column.name == name)).scalar_one()) - count


def settle(connection: Connection, firsts: Sequence[int]) -> None:
    """Strike out the journal's ranges that begin with these ids."""
    _each(connection, delete(t.journal).where(t.journal.c.first == bindparam("k")), firsts)


def parts(values: Sequence[_T]) -> Iterator[Sequence[_T]]:
    """Cut a long list into pieces that fit into one `IN (...)`."""
    for start in range(0, len(values), _IN):
        yield values[start : start + _IN]


# --- documents ----------------------------------------------------------------------------------------------


def _insert_documents(connection: Connection, documents: Sequence[NewDocument]) -> None:
    if not documents:
        return
    number = take(connection, "document", len(documents))
    now = datetime.now(UTC).isoformat(timespec="seconds")
    rows = [_document_row(document, number + i, now) for i, document in enumerate(documents)]
    connection.execute(insert(t.documents), rows)
    chunks = [
        {name: getattr(chunk, name) for name in t.chunks.c.keys()}  # noqa: SIM118  (not a dict)
        for document in documents
        for chunk in document.chunks
    ]
    vectors = [
        {"chunk_id": chunk.id, "vector": np.asarray(vector, dtype=np.float32).tobytes()}
        for document in documents
        if document.vectors is not None
        for chunk, vector in zip(document.chunks, document.vectors, strict=True)
    ]
    moments = [
        {"chunk_id": chunk.id, "times": chunk.times}
        for document in documents
        for chunk in document.chunks
        if chunk.times
    ]
    if chunks:
        connection.execute(insert(t.chunks), chunks)
    if moments:
        connection.execute(insert(t.moments), moments)
    if vectors:
        connection.execute(insert(t.embeddings), vectors)
    if pictures := [row._asdict() for document in documents for row in document.pictures]:
        connection.execute(insert(t.pictures), pictures)
    if expansions := list(_expansion_rows(documents)):
        connection.execute(insert(t.expansions), expansions)


def _expansion_rows(documents: Sequence[NewDocument]) -> Iterator[dict[str, Any]]:
    for document in documents:
        for number, expansion in document.expansions.items():
            text = "\n".join(expansion.texts)
            yield {"chunk_id": number, "text": text, "made_by": expansion.made_by[:80]}


def _document_row(document: NewDocument, number: int, now: str) -> dict[str, Any]:
    parsed = document.parsed
    return {
        "id": document.id,
        "number": number,
        "source": parsed.source,
        "container": parsed.container,
        "title": parsed.title,
        "kind": parsed.kind,
        "external_id": parsed.external_id,
        "metadata": dict(parsed.metadata),
        "added_at": now,
        "image": document.image,
        "characters": len(parsed.text),
        "chunks": len(document.chunks),
        "text": parsed.text,
    }


def _move_origins(connection: Connection, change: Change) -> list[str]:
    """Let files hold and release documents; returns the documents that were released."""
    o = t.origins.c
    same = (o.container == bindparam("a")) & (o.source == bindparam("b")) & (o.document_id == bindparam("c"))
    gone = [dict(zip("abc", origin, strict=True)) for origin in {*change.release, *change.hold}]
    if gone:
        connection.execute(delete(t.origins).where(same), gone)
    if change.hold:
        connection.execute(insert(t.origins), [origin._asdict() for origin in dict.fromkeys(change.hold)])
    return list(dict.fromkeys(origin.document_id for origin in change.release))


def _unheld(connection: Connection, document_ids: Sequence[str]) -> list[str]:
    """Those of these documents that no file holds now; the others take on the name of one that does."""
    holders: dict[str, Origin] = {}
    for part in parts(document_ids):
        for row in connection.execute(select(t.origins).where(t.origins.c.document_id.in_(part))):
            holders.setdefault(row.document_id, Origin(row.container, row.source, row.document_id))
    if holders:
        named = update(t.documents).where(t.documents.c.id == bindparam("c"))
        named = named.values(container=bindparam("a"), source=bindparam("b"))
        connection.execute(named, [dict(zip("abc", origin, strict=True)) for origin in holders.values()])
    return [number for number in document_ids if number not in holders]


def _image_used(connection: Connection, name: str) -> bool:
    queries = (
        select(t.documents.c.id).where(t.documents.c.image == name),
        select(t.pictures.c.chunk_id).where(t.pictures.c.file == name),
    )
    return any(connection.execute(query.limit(1)).first() is not None for query in queries)


# --- triples and mentions -----------------------------------------------------------------------------------


def _owned_by_documents(documents: Sequence[NewDocument]) -> Iterator[tuple[_Owner, Extraction]]:
    for document in documents:
        for chunk, extraction in zip(document.chunks, document.extractions, strict=False):
            yield _Owner(document.id, chunk.id), extraction
        if document.triples:
            yield _Owner(document.id, None), Extraction(tuple(document.triples))


def _owned_by_chunks(
    connection: Connection, extractions: Mapping[int, Extraction]
) -> Iterator[tuple[_Owner, Extraction]]:
    for part in parts(list(extractions)):
        query = select(t.chunks.c.id, t.chunks.c.document_id).where(t.chunks.c.id.in_(part))
        for row in connection.execute(query):
            yield _Owner(row.document_id, row.id), extractions[row.id]


def _insert_facts(connection: Connection, owned: Iterable[tuple[_Owner, Extraction]], keys: _Keys) -> _Facts:
    owned = list(owned)
    facts = _Facts([], [])
    if not owned:
        return facts
    number = take(connection, "triple", sum(len(extraction.triples) for _, extraction in owned))
    for owner, extraction in owned:
        for draft in extraction.triples:
            if row := _triple_row(number, owner, draft, keys):
                facts.triples.append(row)
                number += 1
        if owner.chunk_id is not None:
            facts.mentions.extend(_mention_rows(owner.chunk_id, extraction.mentions, keys))
    if facts.triples:
        connection.execute(insert(t.triples), [row._asdict() for row in facts.triples])
    if facts.mentions:
        connection.execute(insert(t.mentions), [row._asdict() for row in facts.mentions])
    return facts


def _triple_row(number: int, owner: _Owner, draft: TripleDraft, keys: _Keys) -> TripleRow | None:
    subject, target = keys[draft.subject], keys[draft.object]
    if not subject or not target:
        return None
    texts = (draft.subject.strip(), draft.relation.strip(), draft.object.strip())
    return TripleRow(number, *owner, *texts, subject, target, draft.confidence)


def _mention_rows(chunk_id: int, names: Iterable[str], keys: _Keys) -> Iterator[MentionRow]:
    for name in dict.fromkeys(name.strip() for name in names):
        if key := keys[name]:
            yield MentionRow(chunk_id, name, key)


def _remove_facts(connection: Connection, column: str, values: Sequence[Any]) -> _Facts:
    """Delete the triples and mentions of these chunks or documents, and return them."""
    facts = _Facts([], [])
    for part in parts(values):
        ours = t.triples.c[column].in_(part)
        query = select(*(t.triples.c[name] for name in TripleRow._fields)).where(ours)
        facts.triples.extend(TripleRow(*row) for row in connection.execute(query))
        chunk_ids = (
            part if column == "chunk_id" else select(t.chunks.c.id).where(t.chunks.c.document_id.in_(part))
        )
        named = t.mentions.c.chunk_id.in_(chunk_ids)
        mentions = select(*(t.mentions.c[name] for name in MentionRow._fields)).where(named)
        facts.mentions.extend(MentionRow(*row) for row in connection.execute(mentions))
        connection.execute(delete(t.triples).where(ours))
        connection.execute(delete(t.mentions).where(named))
    return facts


class _Keys(dict[str, str]):
    """Entity keys, each computed once."""

    def __missing__(self, name: str) -> str:
        self[name] = key = entity_key(name)
        return key


# --- small things -------------------------------------------------------------------------------------------


def _column(connection: Connection, column: Any, where: Any, values: Sequence[Any]) -> list[Any]:
    return [
        value
        for part in parts(values)
        for value in connection.execute(select(column).where(where.in_(part))).scalars()
    ]


def _each(connection: Connection, statement: Any, values: Sequence[object]) -> None:
    """Run a statement with one parameter, `k`, for each value."""
    if values:
        connection.execute(statement, [{"k": value} for value in values])


def _runs(ids: Sequence[int]) -> list[tuple[int, int]]:
    """Neighbouring numbers together: `[1, 2, 3, 7]` gives `[(1, 3), (7, 7)]`."""
    runs: list[tuple[int, int]] = []
    for number in sorted(ids):
        if runs and runs[-1][1] == number - 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs
