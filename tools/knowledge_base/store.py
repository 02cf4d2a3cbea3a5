"""The relational store: the truth about what is in a knowledge base.

Indexes are derived from it, and what they find is looked up here, so a document is in or out at the moment
this store commits. Works on SQLite (a path) and on any database that SQLAlchemy knows (a URL).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import (
    BindParameter,
    Connection,
    Engine,
    RowMapping,
    Select,
    bindparam,
    create_engine,
    delete,
    event,
    exists,
    func,
    insert,
    inspect,
    or_,
    select,
)
from sqlalchemy.exc import SQLAlchemyError

from kedge.errors import MissingExtra, StoreError
from kedge.tools.encoders._protocol import FloatArray
from kedge.tools.knowledge_base import tables as t
from kedge.tools.knowledge_base.changes import apply, parts, settle, take
from kedge.tools.knowledge_base.records import (
    Chunk,
    Document,
    DocumentKind,
    Expansion,
    Picture,
    Triple,
    entity_key,
)
from kedge.tools.knowledge_base.rows import (
    Change,
    Delta,
    MentionRow,
    Origin,
    TripleRow,
    as_chunk,
    as_document,
    as_triple,
    written_out,
)

__all__ = ["FORMAT", "Store"]

FORMAT = 1


class Store:
    """Documents, chunks, vectors, triples and mentions in a relational database.

    Args:
        location: A SQLite file, or a database URL.
        create: Make the tables if they are missing.

    Raises:
        StoreError: It is not there, cannot be opened, or was made by a newer Kedge.
    """

    def __init__(self, location: Path | str, *, create: bool = False) -> None:
        self.location = str(location)
        self._engine = _engine(location)
        with _errors(self.location):
            if not inspect(self._engine).has_table("meta"):
                if not create:
                    raise StoreError(f"no knowledge base at {location}", fix="kedge add FILE makes one")
                self._create()
            self._check_format()
            for table in (t.expansions, t.moments, t.pictures, t.picture_vectors):  # older bases have none
                table.create(self._engine, checkfirst=True)
            for index in t.documents.indexes:
                index.create(self._engine, checkfirst=True)

    def close(self) -> None:
        """Let go of all connections."""
        self._engine.dispose()

    # --- what it is -----------------------------------------------------------------------------------------

    def meta(self, key: str) -> str | None:
        """A fact about the whole base, such as the encoder it was made with."""
        return self._text(select(t.meta.c.value).where(t.meta.c.key == key))

    def set_meta(self, key: str, value: str) -> None:
        """Write down a fact about the whole base."""
        with self._writing() as connection:
            connection.execute(delete(t.meta).where(t.meta.c.key == key))
            connection.execute(insert(t.meta).values(key=key, value=value))

    def revision(self) -> int:
        """Grows with every commit of any process."""
        with _errors(self.location), self._engine.connect() as connection:
            return int(connection.exec_driver_sql(_REVISION).scalar_one())

    def counts(self) -> dict[str, int]:
        """How many documents, chunks, triples, entities and images there are."""
        entities = (
            select(t.triples.c.subject_key.label("entity"))
            .union(select(t.triples.c.object_key), select(t.mentions.c.entity))
            .subquery()
        )
        images = select(func.count()).select_from(t.documents).where(t.documents.c.image.is_not(None))
        wanted = {
            "documents": select(func.count()).select_from(t.documents),
            "chunks": select(func.count()).select_from(t.chunks),
            "triples": select(func.count()).select_from(t.triples),
            "entities": select(func.count()).select_from(entities),
            "images": images,
        }
        return {name: int(self._scalar(query)) for name, query in wanted.items()}

    # --- documents ------------------------------------------------------------------------------------------

    def documents(
        self, ids: Iterable[str] | None = None, *, offset: int = 0, limit: int | None = None
    ) -> list[Document]:
        """Documents in the order they were added: those with these ids, or `limit` of all from `offset` on.

        Texts are not read.
        """
        page = _DOCUMENTS.offset(offset).limit(limit)
        rows = self._rows(page) if ids is None else self._among(_DOCUMENTS_BY_ID, list(ids))
        return [as_document(row) for row in rows]

    def documents_like(self, words: str, offset: int, limit: int) -> tuple[list[Document], int]:
        """Some of the documents with these words in title or source, and how many there are in all."""
        columns = t.documents.c
        like = or_(
            columns.title.icontains(words, autoescape=True), columns.source.icontains(words, autoescape=True)
        )
        query = select(*_DOCUMENT_COLUMNS).where(like).order_by(columns.number).offset(offset).limit(limit)
        count = select(func.count()).select_from(t.documents).where(like)
        return [as_document(row) for row in self._rows(query)], int(self._scalar(count))

    def holds(self, kind: DocumentKind) -> bool:
        """Whether there is a document of this kind."""
        return bool(self._scalar(select(exists().where(t.documents.c.kind == kind))))

    def document_count(self) -> int:
        """How many documents there are."""
        return int(self._scalar(select(func.count()).select_from(t.documents)))

    def text(self, document_id: str) -> str | None:
        """The whole text of a document."""
        return self._text(select(t.documents.c.text).where(t.documents.c.id == document_id))

    def image(self, document_id: str) -> str | None:
        """The file name of a document's image."""
        return self._text(select(t.documents.c.image).where(t.documents.c.id == document_id))

    def pictures(self, chunk_ids: Sequence[int] | None = None) -> list[Picture]:
        """The pictures that these chunks tell of, or all; those whose file is not there are left out."""
        shown = (
            select(t.origins.c.source, func.min(t.documents.c.image).label("image"))
            .join(t.documents, t.documents.c.id == t.origins.c.document_id)
            .where(t.documents.c.image.is_not(None))
            .group_by(t.origins.c.source)
            .subquery()
        )
        file = func.coalesce(t.pictures.c.file, shown.c.image).label("file")
        query = (
            select(t.pictures.c.chunk_id, file, t.pictures.c.box)
            .outerjoin(shown, shown.c.source == t.pictures.c.shows)
            .where(file.is_not(None))
            .order_by(t.pictures.c.chunk_id)
        )
        ids = [None] if chunk_ids is None else parts(list(chunk_ids))
        return [
            Picture(row["chunk_id"], row["file"], None if row["box"] is None else tuple(row["box"]))
            for part in ids
            for row in self._rows(query if part is None else query.where(t.pictures.c.chunk_id.in_(part)))
        ]

    def picture_vectors(self, encoder: str) -> tuple[list[int], FloatArray]:
        """Chunk ids, and what this encoder made of their pictures, shape `(len(ids), dimension)`."""
        columns = t.picture_vectors.c
        query = select(columns.chunk_id, columns.vector).where(columns.encoder == encoder)
        rows = self._rows(query.order_by(columns.chunk_id))
        flat = np.frombuffer(b"".join(row["vector"] for row in rows), dtype=np.float32)
        vectors = flat.reshape(len(rows), -1) if rows else np.empty((0, 0), np.float32)
        return [row["chunk_id"] for row in rows], vectors

    def keep_picture_vectors(self, encoder: str, chunk_ids: Sequence[int], vectors: FloatArray) -> None:
        """Store what this encoder made of these chunks' pictures; chunks that are gone are passed over."""
        stored = self.chunk_ids([range(number, number + 1) for number in chunk_ids])
        rows = [
            {"chunk_id": number, "encoder": encoder, "vector": vector.tobytes()}
            for number, vector in zip(chunk_ids, vectors, strict=True)
            if number in stored
        ]
        if rows:
            with self._writing() as connection:
                connection.execute(insert(t.picture_vectors), rows)

    def held(self, container: str) -> list[Origin]:
        """What a file held when it was last added."""
        return self._origins(t.origins.c.container == container)

    def holders(self, document_ids: Sequence[str]) -> list[Origin]:
        """Every place that holds one of these documents."""
        return [
            origin
            for part in parts(document_ids)
            for origin in self._origins(t.origins.c.document_id.in_(part))
        ]

    def named(self, name: str) -> list[Origin]:
        """The places meant by a document id, container, source, external id or start of an id (4 or more)."""
        documents = select(t.documents.c.id)
        prefix = documents.where(t.documents.c.id.startswith(name, autoescape=True))
        for condition in (
            t.origins.c.document_id == name,
            t.origins.c.container == name,
            t.origins.c.source == name,
            t.origins.c.document_id.in_(documents.where(t.documents.c.external_id == name)),
            t.origins.c.document_id.in_(prefix) if len(name) >= 4 else None,
        ):
            found = [] if condition is None else self._origins(condition)
            if found:
                return found
        return []

    def known(self, document_ids: Sequence[str]) -> set[str]:
        """Which of these documents are stored."""
        return {row["id"] for row in self._among(_DOCUMENTS_BY_ID, document_ids)}

    # --- chunks ---------------------------------------------------------------------------------------------

    def chunks(self, ids: Sequence[int]) -> list[Chunk]:
        """These chunks in the order asked; those that are gone are left out.

        A negative id stands for the triple of that number that was read from no text: its chunk is the
        triple, written out.
        """
        read = map(as_chunk, self._among(_CHUNKS_BY_ID, [number for number in ids if number >= 0]))
        facts = map(written_out, self._among(_WRITTEN_OUT, [-number for number in ids if number < 0]))
        found = {chunk.id: chunk for chunk in (*read, *facts)}
        return [found[number] for number in ids if number in found]

    def chunks_of(self, document_id: str) -> list[Chunk]:
        """The chunks of a document, in reading order."""
        query = _CHUNKS.where(t.chunks.c.document_id == document_id).order_by(t.chunks.c.id)
        return [as_chunk(row) for row in self._rows(query)]

    def chunk_ids(self, ranges: Sequence[range]) -> set[int]:
        """The ids of the chunks in these ranges."""
        column = t.chunks.c.id
        queries = (select(column).where(column.between(r.start, r.stop - 1)) for r in ranges)
        return {row["id"] for query in queries for row in self._rows(query)}

    def titles(self, after: int = 0) -> list[tuple[int, str, str]]:
        """Id, document and title of each chunk that came after a chunk, oldest first."""
        query = (
            select(t.chunks.c.id, t.chunks.c.document_id, t.documents.c.title)
            .join(t.documents, t.documents.c.id == t.chunks.c.document_id)
            .where(t.chunks.c.id > after)
            .order_by(t.chunks.c.id)
        )
        return [(row["id"], row["document_id"], row["title"]) for row in self._rows(query)]

    def chunk_count(self) -> int:
        """How many chunks there are."""
        return int(self._scalar(_CHUNK_COUNT))

    def batches(self, size: int = 1_000) -> Iterator[tuple[list[Chunk], FloatArray]]:
        """All chunks with their vectors, to build indexes anew from."""
        last = 0
        while True:
            query = _CHUNKS.where(t.chunks.c.id > last).order_by(t.chunks.c.id).limit(size)
            found = [as_chunk(row) for row in self._rows(query)]
            if not found:
                return
            yield found, self.embeddings([chunk.id for chunk in found])
            last = found[-1].id

    def expansions(self, chunk_ids: Sequence[int]) -> dict[int, Expansion]:
        """Other words for these chunks, where there are any."""
        return {
            row["chunk_id"]: Expansion(tuple(row["text"].split("\n")), row["made_by"])
            for row in self._among(_EXPANSIONS_BY_CHUNK, chunk_ids)
        }

    def texts(self) -> Iterator[tuple[list[Chunk], dict[int, Expansion]]]:
        """All chunks with their other words, to build full text anew from."""
        for chunks, _ in self.batches():
            yield chunks, self.expansions([chunk.id for chunk in chunks])

    def embeddings(self, chunk_ids: Sequence[int]) -> FloatArray:
        """The vectors of these chunks, shape `(len(chunk_ids), dimension)`.

        Raises:
            StoreError: One of the chunks is not there.
        """
        rows = {row["chunk_id"]: row["vector"] for row in self._among(_VECTORS_BY_CHUNK, chunk_ids)}
        gone = [number for number in chunk_ids if number not in rows]
        if gone:
            raise StoreError(f"chunk {gone[0]} is not in {self.location}", fix="search again")
        flat = np.frombuffer(b"".join(rows[number] for number in chunk_ids), dtype=np.float32)
        return flat.reshape(len(chunk_ids), -1) if len(chunk_ids) else np.empty((0, 0), np.float32)

    # --- triples --------------------------------------------------------------------------------------------

    def triples(
        self,
        *,
        ids: Sequence[int] | None = None,
        chunks: Sequence[int] | None = None,
        entity: str | None = None,
        document_id: str | None = None,
    ) -> list[Triple]:
        """Triples by their ids, by chunk, by entity or by document; all of them without conditions."""
        columns = t.triples.c
        if ids is not None:
            found = self._among(_TRIPLES_BY_ID, ids)
        elif chunks is not None:
            found = self._among(_TRIPLES_BY_CHUNK, [number for number in chunks if number >= 0])
            found += self._among(_TRIPLES_BY_ID, [-number for number in chunks if number < 0])
        elif entity is not None:
            key = entity_key(entity)
            found = self._rows(_TRIPLES.where(or_(columns.subject_key == key, columns.object_key == key)))
        else:
            whole = document_id is None
            found = self._rows(_TRIPLES if whole else _TRIPLES.where(columns.document_id == document_id))
        return [as_triple(TripleRow(**row)) for row in found]

    def graph_rows(self) -> tuple[int, list[TripleRow], list[MentionRow]]:
        """The revision, all triples and all mentions, as one consistent picture."""
        with _errors(self.location), self._engine.connect() as connection:
            if self._engine.dialect.name == "sqlite":  # whose driver begins no transaction to read
                connection.exec_driver_sql("BEGIN")
            revision = int(connection.exec_driver_sql(_REVISION).scalar_one())
            triples = [TripleRow(*row) for row in connection.execute(_TRIPLES)]
            mentions = [MentionRow(*row) for row in connection.execute(_MENTIONS)]
            connection.rollback()
        return revision, triples, mentions

    # --- writing --------------------------------------------------------------------------------------------

    def reserve(self, count: int) -> int:
        """Take `count` chunk ids, never given to anyone else, and return the first.

        From now on the journal says that indexes may hold them without the store doing so.
        """
        with self._writing() as connection:
            first = take(connection, "chunk", count)
            connection.execute(insert(t.journal).values(first=first, last=first + count - 1))
        return first

    def journal(self) -> list[range]:
        """The ranges of chunk ids that indexes may hold although the store does not."""
        return [range(row["first"], row["last"] + 1) for row in self._rows(select(t.journal))]

    def settle(self, firsts: Sequence[int]) -> None:
        """The indexes are in order again for the ranges that begin with these ids."""
        if firsts:
            with self._writing() as connection:
                settle(connection, firsts)

    def write(self, change: Change) -> Delta:
        """Make one change, entirely or not at all.

        Raises:
            StoreError: Nothing was changed: the disk is full, or the file cannot be written.
        """
        with self._writing() as connection:
            return apply(connection, change)

    # --- inside ---------------------------------------------------------------------------------------------

    def _create(self) -> None:
        t.metadata.create_all(self._engine)
        with self._writing() as connection:
            connection.execute(insert(t.meta).values(key="format", value=str(FORMAT)))
            names = ("chunk", "document", "triple", "revision")
            connection.execute(insert(t.counters), [{"name": name, "value": 1} for name in names])

    def _check_format(self) -> None:
        found = int(self.meta("format") or 0)
        if found > FORMAT:
            raise StoreError(
                f"{self.location} has format {found}, made by a newer Kedge; this one knows {FORMAT}",
                fix="upgrade Kedge: pip install -U kedge",
            )

    @contextlib.contextmanager
    def _writing(self) -> Iterator[Connection]:
        with _errors(self.location), self._engine.begin() as connection:
            yield connection

    def _rows(self, query: Select[Any], values: Sequence[Any] | None = None) -> list[RowMapping]:
        with _errors(self.location), self._engine.connect() as connection:
            given = None if values is None else {_VALUES.key: values}
            return list(connection.execute(query, given).mappings())

    def _among(self, query: Select[Any], values: Sequence[Any]) -> list[RowMapping]:
        return [row for part in parts(values) for row in self._rows(query, part)]

    def _scalar(self, query: Select[Any]) -> Any:
        with _errors(self.location), self._engine.connect() as connection:
            return connection.execute(query).scalar()

    def _text(self, query: Select[Any]) -> str | None:
        found = self._scalar(query)
        return None if found is None else str(found)

    def _origins(self, condition: Any) -> list[Origin]:
        return [Origin(**row) for row in self._rows(select(t.origins).where(condition))]


_DOCUMENT_COLUMNS = [column for column in t.documents.c if column.name not in ("number", "text", "image")]
_DOCUMENTS = select(*_DOCUMENT_COLUMNS).order_by(t.documents.c.number)
_TRIPLES = select(*(t.triples.c[name] for name in TripleRow._fields)).order_by(t.triples.c.id)
_MENTIONS = select(*(t.mentions.c[name] for name in MentionRow._fields))
_CHUNKS = (
    select(t.chunks, t.documents.c.source, t.documents.c.title, t.moments.c.times)
    .join(t.documents, t.documents.c.id == t.chunks.c.document_id)
    .outerjoin(t.moments, t.moments.c.chunk_id == t.chunks.c.id)
)
_REVISION = "SELECT value FROM counters WHERE name = 'revision'"  # asked at each look at the graph
_CHUNK_COUNT = select(func.count()).select_from(t.chunks)

# A statement that is made only once costs a fifth: SQLAlchemy knows it again, whatever its values are.
_VALUES: BindParameter[Any] = bindparam("values", expanding=True)
_DOCUMENTS_BY_ID = _DOCUMENTS.where(t.documents.c.id.in_(_VALUES))
_CHUNKS_BY_ID = _CHUNKS.where(t.chunks.c.id.in_(_VALUES))
_TRIPLES_BY_ID = _TRIPLES.where(t.triples.c.id.in_(_VALUES))
_TRIPLES_BY_CHUNK = _TRIPLES.where(t.triples.c.chunk_id.in_(_VALUES))
_WRITTEN_OUT = (
    select(t.triples, t.documents.c.source, t.documents.c.title)
    .join(t.documents, t.documents.c.id == t.triples.c.document_id)
    .where(t.triples.c.id.in_(_VALUES), t.triples.c.chunk_id.is_(None))
)
_EXPANSIONS_BY_CHUNK = select(t.expansions).where(t.expansions.c.chunk_id.in_(_VALUES))
_VECTORS_BY_CHUNK = select(t.embeddings).where(t.embeddings.c.chunk_id.in_(_VALUES))


def _engine(location: Path | str) -> Engine:
    if isinstance(location, str) and "://" in location:
        if location.startswith("postgresql") and find_spec("psycopg") is None:
            raise MissingExtra("postgres", "psycopg")
        return create_engine(location.replace("postgresql://", "postgresql+psycopg://"), pool_pre_ping=True)
    engine = create_engine(f"sqlite:///{location}", connect_args={"timeout": 30.0})
    event.listen(engine, "connect", _set_up_sqlite)
    return engine


def _set_up_sqlite(connection: Any, _: object) -> None:
    """WAL lets readers read while somebody writes; FULL survives a power cut at 0.4 ms a commit."""
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


@contextlib.contextmanager
def _errors(location: str) -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        full = "full" in reason or "No space" in reason
        fix = "free some disk space; what was stored is safe" if full else "what was stored is safe"
        raise StoreError(f"{location}: {reason}", fix=fix) from error
