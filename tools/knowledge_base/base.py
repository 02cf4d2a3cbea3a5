"""The knowledge base: documents in, evidence out, one directory.

A document is in at the moment the relational store commits it, and out likewise. Vectors and full text are
written before that on the way in, and after it on the way out; what they find is looked up in the store, so
nobody sees half a document. The store's journal knows which index entries a killed process may have left
behind; the next writer clears them away.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from threading import RLock
from typing import Self

import numpy as np

from kedge.errors import InputError, StoreError
from kedge.tools.encoders._kept import KeptVectors
from kedge.tools.encoders._protocol import Encoder, FloatArray
from kedge.tools.knowledge_base.adding import (
    Addition,
    Batch,
    Extract,
    content_id,
    jobs,
    pipeline,
    previewed,
    uninterrupted,
)
from kedge.tools.knowledge_base.full_text import FullText
from kedge.tools.knowledge_base.graph import KnowledgeGraph
from kedge.tools.knowledge_base.keeping import keep
from kedge.tools.knowledge_base.loaders import Fields
from kedge.tools.knowledge_base.lock import OnWait, awrite_lock, write_lock
from kedge.tools.knowledge_base.opening import (
    FILE,
    check_directory,
    check_encoder,
    default_encoder,
    making,
)
from kedge.tools.knowledge_base.records import (
    Chunk,
    Document,
    DocumentKind,
    Extraction,
    ParsedDocument,
    Picture,
    Triple,
    TripleDraft,
)
from kedge.tools.knowledge_base.reports import AddReport, Preview, Progress, RemoveReport, Stats
from kedge.tools.knowledge_base.rows import Change, Delta, NewDocument, Origin
from kedge.tools.knowledge_base.store import FORMAT, Store
from kedge.tools.knowledge_base.vectors import Vectors

__all__ = ["KnowledgeBase"]


class KnowledgeBase:
    """A knowledge base in a directory; get one with `KnowledgeBase.open`.

    Reading never waits for a writer, in this process or another, and the next query sees what was committed.

    Example:
        >>> base = KnowledgeBase.open("notes.kedge", create=True)  # doctest: +SKIP
        >>> report = await base.aadd(["notes.md"])  # doctest: +SKIP
    """

    def __init__(
        self,
        path: Path,
        encoder: Encoder,
        store: Store,
        full_text: FullText,
        vectors: Vectors,
        *,
        wait: float = 30.0,
        on_wait: OnWait | None = None,
    ) -> None:
        self.path = path
        self.encoder = encoder
        self.store = store
        self.full_text = full_text
        self.vectors = vectors
        self._wait = wait
        self._on_wait = on_wait
        self._graph: KnowledgeGraph | None = None
        self._graph_revision = 0
        self._deltas: list[Delta] = []
        self._in_step = 0  # the revision up to which the indexes are known to hold what the store holds
        self._lock = RLock()
        self._pool = ThreadPoolExecutor(1, "kedge-index")
        self._tidying: Future[None] | None = None

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        encoder: Encoder | None = None,
        create: bool = False,
        wait: float = 30.0,
        on_wait: OnWait | None = None,
        database: str | None = None,
        chroma: str | None = None,
    ) -> Self:
        """Open the knowledge base in a directory.

        Args:
            path: The directory.
            encoder: What turns texts into vectors; the embedded MiniLM by default.
            create: Make a new one if there is none.
            wait: Seconds to wait for another writer.
            on_wait: Is told who that is when waiting begins.
            database: A database URL, to keep documents there instead of in a SQLite file.
            chroma: The `http://` URL of a Chroma server, to keep vectors there.

        Raises:
            StoreError: There is none, the directory holds something else, or it was made by a newer Kedge or
                with another encoder.
        """
        directory = Path(path)
        if database is None:
            check_directory(directory, create)
        with making(directory, create, wait, on_wait):
            store = Store(database or directory / FILE, create=create)
        try:
            encoder = encoder or default_encoder()
            check_encoder(directory, store, encoder)
            base = cls(
                directory,
                encoder,
                store,
                FullText(directory / "full_text"),
                Vectors(chroma or directory / "vectors", name=f"kedge-{store.meta('name')}"),
                wait=wait,
                on_wait=on_wait,
            )
        except BaseException:
            store.close()
            raise
        if base.vectors.broken:
            base.repair()
        return base

    def repair(self) -> None:
        """Clear away what killed processes left in the indexes; every writer does so before it begins."""
        with write_lock(self.path, wait=self._wait, on_wait=self._on_wait):
            self._recover()

    @cached_property
    def kept(self) -> KeptVectors:
        """The encoder for triples and names, which walks ask for again and again: each is encoded once."""
        return KeptVectors(self.encoder, self.path / "walks")

    def close(self) -> None:
        """Let go of all files and connections."""
        self._pool.shutdown()
        self.vectors.close()
        self.store.close()

    async def aclose(self) -> None:
        """Let go of all files and connections."""
        await asyncio.to_thread(self.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    # --- reading --------------------------------------------------------------------------------------------

    def documents(self, *, offset: int = 0, limit: int | None = None) -> list[Document]:
        """All documents in the order they were added, or `limit` of them from `offset` on."""
        return self.store.documents(offset=offset, limit=limit)

    def documents_like(
        self, words: str = "", *, offset: int = 0, limit: int = 50
    ) -> tuple[list[Document], int]:
        """A page of the documents whose title or source holds these words, and how many there are in all."""
        return self.store.documents_like(words, offset, limit)

    def holds(self, kind: DocumentKind) -> bool:
        """Whether there is a document of this kind; as quick in a large base as in a small one."""
        return self.store.holds(kind)

    def document(self, name: str) -> Document:
        """The document with this id (or unique start of it), source or external id.

        Raises:
            InputError: There is none, or more than one.
        """
        ids = list(dict.fromkeys(origin.document_id for origin in self._named(name)))
        if not ids:
            raise InputError(f"no document {name!r} in {self.path}", fix="kedge list shows what there is")
        if len(ids) > 1:
            raise InputError(f"{len(ids)} documents are called {name!r}", fix="use an id from kedge list")
        return self.store.documents(ids)[0]

    def text(self, document_id: str) -> str:
        """The whole text of a document, as it was read.

        Raises:
            InputError: There is no such document.
        """
        text = self.store.text(document_id)
        if text is None:
            raise InputError(
                f"no document {document_id!r} in {self.path}", fix="kedge list shows what there is"
            )
        return text

    def image(self, document_id: str) -> Path | None:
        """The file that keeps a document's image."""
        name = self.store.image(document_id)
        return None if name is None else self.path / "images" / name

    def pictures(self, chunk_ids: Sequence[int] | None = None) -> list[Picture]:
        """The pictures that these chunks tell of; all there are without chunks."""
        return self.store.pictures(chunk_ids)

    def chunks(self, ids: Sequence[int]) -> list[Chunk]:
        """These chunks in the order asked; those that are gone are left out.

        A negative id stands for the triple of that number that was read from no text: its chunk is the
        triple, written out.
        """
        return self.store.chunks(ids)

    def chunks_of(self, document_id: str) -> list[Chunk]:
        """The chunks of a document, in reading order."""
        return self.store.chunks_of(document_id)

    def embeddings(self, chunk_ids: Sequence[int]) -> FloatArray:
        """The vectors of these chunks, shape `(len(chunk_ids), dimension)`."""
        return self.store.embeddings(chunk_ids)

    def triples(
        self,
        *,
        ids: Sequence[int] | None = None,
        chunks: Sequence[int] | None = None,
        entity: str | None = None,
        document_id: str | None = None,
    ) -> list[Triple]:
        """Triples by their ids, by chunk, by entity or by document; all of them without conditions."""
        return self.store.triples(ids=ids, chunks=chunks, entity=entity, document_id=document_id)

    def stats(self) -> Stats:
        """How large it is."""
        size = sum(file.stat().st_size for file in self.path.rglob("*") if file.is_file())
        return Stats(
            **self.store.counts(),
            bytes=size,
            encoder=self.encoder.fingerprint,
            version=FORMAT,
            revision=self.store.revision(),
        )

    @property
    def graph(self) -> KnowledgeGraph:
        """The graph of all triples and mentions as of now.

        It is brought up to date here and nowhere else, so it never changes while you walk on it.
        """
        with self._lock:
            revision = self.store.revision()
            if self._graph is None or not self._follow(self._graph, revision):
                self._graph = KnowledgeGraph()
                self._graph_revision, triples, mentions = self.store.graph_rows()
                self._graph.add(triples, mentions)
            return self._graph

    # --- writing --------------------------------------------------------------------------------------------

    async def aadd(
        self,
        sources: Sequence[str | Path | ParsedDocument],
        *,
        extract: Extract | None = None,
        fields: Fields | None = None,
        encoding: str | None = None,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> AddReport:
        """Make the documents of these files what the files say now.

        What cannot be read is reported and does not stop the others. A cancellation stops after the batch in
        hand; adding the same sources again continues.

        Args:
            sources: Files, or documents that are read already.
            extract: Reads triples and names from a chunk.
            fields: Which fields of JSON and CSV rows hold text, title and id.
            encoding: The character set of text files, if it is not UTF-8.
            on_progress: Is told after each batch that is safely stored.

        Raises:
            StoreError: Somebody else is writing, or the disk is full. What was reported as stored is safe.
        """
        begin = time.perf_counter()
        work = jobs(sources, fields=fields, encoding=encoding)
        addition = Addition(files=len(work))

        async def write(batch: Batch) -> None:
            addition.take(batch, await asyncio.to_thread(self._write, batch))
            if on_progress is not None:
                on_progress(addition.progress(batch))

        async with self._writing():
            await pipeline(self.store, work, self.encoder, extract, write)
        return addition.report(time.perf_counter() - begin)

    async def apreview(
        self,
        sources: Sequence[str | Path | ParsedDocument],
        *,
        fields: Fields | None = None,
        encoding: str | None = None,
        sample: int = 0,
    ) -> Preview:
        """What `aadd` of these sources would have to take in, and the first `sample` chunks of it."""
        work = jobs(sources, fields=fields, encoding=encoding)
        return await asyncio.to_thread(previewed, self.store, work, sample)

    async def aadd_triples(
        self, triples: Iterable[TripleDraft], *, source: str, title: str = ""
    ) -> AddReport:
        """Add ready-made triples that were read from no text, as one document without chunks.

        Adding from the same source again replaces it. Search shows such a triple as a chunk that holds
        the triple itself.
        """
        begin = time.perf_counter()
        drafts = tuple(triples)
        parsed = ParsedDocument(source, source, title or source, "", "table", ())
        origin = Origin(source, source, content_id(parsed, drafts))

        def write() -> AddReport:
            before = self.store.held(source)
            if origin in before:
                return AddReport(unchanged=1)
            known = bool(self.store.known([origin.document_id]))
            new = () if known else (NewDocument(origin.document_id, parsed, triples=drafts),)
            delta = self._commit(Change(documents=new, hold=[origin], release=before))
            return AddReport(
                added=len(new),
                replaced=int(bool(new and before)),
                duplicates=int(known),
                triples=len(delta.added_triples),
            )

        async with self._writing():
            report = await uninterrupted(asyncio.to_thread(write))
        return replace(report, seconds=time.perf_counter() - begin)

    async def aattach(self, extractions: Mapping[int, Extraction]) -> int:
        """Make the triples and mentions of these chunks exactly these; chunks that are gone are passed over.

        Returns how many triples they have now.
        """
        async with self._writing():
            delta = await uninterrupted(asyncio.to_thread(self._commit, Change(extractions=extractions)))
        return len(delta.added_triples)

    async def aremove(self, names: Sequence[str]) -> RemoveReport:
        """Remove documents by id (or unique start of it), file, source or external id.

        A file's name removes what the file holds; a document that another file holds too stays.
        Names that name nothing are reported.
        """
        begin = time.perf_counter()

        def remove() -> RemoveReport:
            found = {name: self._named(name) for name in names}
            release = list(dict.fromkeys(origin for origins in found.values() for origin in origins))
            delta = self._commit(Change(release=release)) if release else Delta(0)
            return RemoveReport(
                removed=delta.removed_documents,
                missing=tuple(name for name in names if not found[name]),
                chunks=len(delta.removed_chunks),
                triples=len(delta.removed_triples),
            )

        async with self._writing():
            report = await uninterrupted(asyncio.to_thread(remove))
        return replace(report, seconds=time.perf_counter() - begin)

    # --- inside ---------------------------------------------------------------------------------------------

    def _named(self, name: str) -> list[Origin]:
        return self.store.named(name) or self.store.named(os.path.abspath(name))  # noqa: PTH100

    @contextlib.asynccontextmanager
    async def _writing(self) -> AsyncIterator[None]:
        """The right to write. It is kept, while the caller goes on, until full text has tidied up."""
        if self._tidying is not None:
            await asyncio.wait([asyncio.wrap_future(self._tidying)])
        release = await awrite_lock(self.path, wait=self._wait, on_wait=self._on_wait)
        try:
            self.full_text.begin()
            await uninterrupted(asyncio.to_thread(self._recover))
            yield
        finally:
            self._tidying = self._pool.submit(self._tidy, release)

    def _tidy(self, release: Callable[[], None]) -> None:
        try:
            with contextlib.suppress(StoreError):  # all is committed; the next writer merges what is left
                self.full_text.finish()
        finally:
            release()

    def _write(self, batch: Batch) -> Delta:
        """Write a batch: indexes first, then the store, whose commit makes it visible."""
        documents = [keep(self.path / "images", document) for document in batch.documents]
        chunks = [chunk for document in documents for chunk in document.chunks]
        if chunks:
            ids = [chunk.id for chunk in chunks]
            rows = np.concatenate([made.vectors for made in documents if made.vectors is not None])
            also = {number: words for made in documents for number, words in made.expansions.items()}
            self._both(lambda: self.full_text.add(chunks, also), lambda: self.vectors.add(ids, rows))
        journal = [] if batch.first is None else [batch.first]
        return self._commit(Change(documents, batch.hold, batch.release, journal=journal))

    def _commit(self, change: Change) -> Delta:
        """Write to the store, then let graph, indexes and images follow what went."""
        with self._lock:
            delta = self.store.write(change)
            if self._graph is not None:
                self._deltas.append(delta)
        if delta.removed_chunks:
            gone = delta.removed_chunks
            self._both(lambda: self.full_text.remove(gone), lambda: self.vectors.remove(gone))
            self.store.settle(delta.journal)
        for name in delta.removed_images:
            (self.path / "images" / name).unlink(missing_ok=True)
        if delta.revision == self._in_step + 1:
            self._in_step = delta.revision
        return delta

    def _both(self, one: Callable[[], None], other: Callable[[], None]) -> None:
        """Two changes to different indexes at the same time; when one fails the other still ends."""
        beside = self._pool.submit(one)
        try:
            other()
        finally:
            beside.result()

    def _recover(self) -> None:
        """Bring the indexes back to what the store says. Only the holder of the write lock may do this."""
        pending, revision = self.store.journal(), self.store.revision()
        if not pending and revision == self._in_step and not self.vectors.broken:
            return  # nobody has written since this process did
        stored = self.store.chunk_ids(pending)
        strays = [number for numbers in pending for number in numbers if number not in stored]
        if strays and not self.vectors.broken:
            self.vectors.remove(strays)
        self.full_text.remove(strays)
        count = self.store.chunk_count()
        if self.vectors.broken or len(self.vectors) != count:
            self.vectors.rebuild(
                ([chunk.id for chunk in chunks], rows) for chunks, rows in self.store.batches()
            )
        if len(self.full_text) != count:
            self.full_text.rebuild(self.store.texts())
        self.store.settle([numbers.start for numbers in pending])
        self._in_step = revision

    def _follow(self, graph: KnowledgeGraph, revision: int) -> bool:
        """Apply this process's own changes to the graph; false if somebody else has made changes too."""
        deltas, self._deltas = self._deltas, []
        for delta in deltas:
            if delta.revision == self._graph_revision + 1:
                graph.follow(delta)
                self._graph_revision = delta.revision
        return self._graph_revision == revision
