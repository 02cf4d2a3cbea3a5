"""Adding documents: files are read, cut, encoded and written in batches, each stage while the others work.

Reading runs in a worker thread, encoding wherever the encoder runs it, writing in another worker thread.
Short queues join them, so that the slowest stage, the encoder, never waits.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import os
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Literal, TypeVar

from kedge.errors import BudgetExceeded, KedgeError, LoadError, ModelUnavailable
from kedge.tools.encoders._protocol import Encoder
from kedge.tools.knowledge_base.chunking import chunk as cut
from kedge.tools.knowledge_base.loaders import Fields, load
from kedge.tools.knowledge_base.records import (
    Block,
    Chunk,
    Extraction,
    Moment,
    ParsedDocument,
    TripleDraft,
    during,
)
from kedge.tools.knowledge_base.reports import AddReport, Failure, Preview, Progress
from kedge.tools.knowledge_base.rows import Delta, NewDocument, Origin
from kedge.tools.knowledge_base.store import Store

__all__ = [
    "Addition",
    "Batch",
    "Extract",
    "Job",
    "Tally",
    "content_id",
    "jobs",
    "pipeline",
    "previewed",
    "read",
    "uninterrupted",
]

Extract = Callable[[Chunk], Awaitable[Extraction]]
_T = TypeVar("_T")
_LOOK_UP = 64  # documents whose ids are looked up together
# Chunks that are encoded and committed together: few at first, so that work begins and progress shows soon,
# then twice as many each time, since large batches waste less on padding and on writing the indexes.
_FIRST_BATCH = 16
_BATCH = 1_024
_QUEUE = 2  # batches that wait between two stages


@dataclass(frozen=True, slots=True)
class Job:
    """One container and how to read its documents."""

    container: str
    read: Callable[[], Iterator[ParsedDocument | LoadError]]


@dataclass(slots=True)
class Tally:
    """What happened to the documents of a batch, or of several."""

    added: int = 0
    replaced: int = 0
    unchanged: int = 0
    duplicates: int = 0
    files: int = 0
    failed: list[Failure] = field(default_factory=list)

    def take(self, other: Tally) -> None:
        """Count another tally in."""
        self.added += other.added
        self.replaced += other.replaced
        self.unchanged += other.unchanged
        self.duplicates += other.duplicates
        self.files += other.files
        self.failed += other.failed


@dataclass(slots=True)
class Batch:
    """What is encoded and committed together."""

    documents: list[NewDocument] = field(default_factory=list)
    hold: list[Origin] = field(default_factory=list)
    release: list[Origin] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    chunks: int = 0
    first: int | None = None
    current: str = ""
    last: bool = False
    extracting: asyncio.Task[list[Extraction | KedgeError]] | None = None


@dataclass(slots=True)
class Addition:
    """What one addition came to so far, of so many files."""

    files: int
    tally: Tally = field(default_factory=Tally)
    chunks: int = 0
    triples: int = 0
    removed: int = 0

    def take(self, batch: Batch, delta: Delta) -> None:
        """Count in a batch that is stored, and what storing it changed."""
        self.tally.take(batch.tally)
        self.chunks += sum(len(document.chunks) for document in batch.documents)
        self.triples += len(delta.added_triples)
        self.removed += len(delta.removed_documents)

    def progress(self, batch: Batch) -> Progress:
        """How far it is after this batch: of the files or, in one file, of its documents."""
        tally = self.tally
        stage: Literal["adding", "done"] = "done" if batch.last else "adding"
        if self.files > 1:
            return Progress(tally.files, self.files, "files", stage, batch.current)
        done = tally.added + tally.unchanged + tally.duplicates
        return Progress(done, done if batch.last else None, "documents", stage, batch.current)

    def report(self, seconds: float) -> AddReport:
        """The whole of it."""
        tally = self.tally
        return AddReport(
            added=tally.added,
            replaced=tally.replaced,
            unchanged=tally.unchanged,
            duplicates=tally.duplicates,
            removed=max(0, self.removed - tally.replaced),
            failed=tuple(tally.failed),
            chunks=self.chunks,
            triples=self.triples,
            seconds=seconds,
        )


def jobs(
    sources: Sequence[str | Path | ParsedDocument], *, fields: Fields | None, encoding: str | None
) -> list[Job]:
    """One job for each file, and one for all ready documents from the same container."""
    files: dict[str, Job] = {}
    ready: dict[str, list[ParsedDocument]] = {}
    for source in sources:
        if isinstance(source, ParsedDocument):
            ready.setdefault(source.container, []).append(source)
        else:
            container = os.path.abspath(source)  # noqa: PTH100  (a link stays what the user called it)
            files[container] = Job(container, partial(load, source, fields=fields, encoding=encoding))
    return [*files.values(), *(Job(container, partial(iter, found)) for container, found in ready.items())]


def read(store: Store, work: Sequence[Job]) -> Iterator[Batch]:
    """Read and cut all documents, compare them with what is stored, and gather what is new into batches.

    A batch may hold nothing but releases: documents that their file has lost. Chunks have no ids yet.
    """
    batch = Batch()
    size = _FIRST_BATCH
    seen: set[str] = set()
    for job in work:
        container = _Container(job.container, store)
        for items in _grouped(_readable(job), _LOOK_UP):
            parsed = list(_identified(items, container, batch.tally))
            known = store.known([document_id for document_id, _ in parsed])
            for document_id, document in parsed:
                if batch.chunks >= size:
                    yield batch
                    batch = Batch()
                    size = min(2 * size, _BATCH)
                _place(batch, document_id, document, container, seen, known)
        batch.release += container.outdated()
        batch.tally.files += 1
    batch.last = True
    yield batch


def previewed(store: Store, work: Sequence[Job], sample: int) -> Preview:
    """Read and cut like `read`, but only count: nothing is stored."""
    documents = chunks = characters = 0
    kept: list[Chunk] = []
    for batch in read(store, work):
        found = [chunk for document in batch.documents for chunk in document.chunks]
        documents += len(batch.documents)
        chunks += len(found)
        characters += sum(len(chunk.text) for chunk in found)
        kept += found[: max(0, sample - len(kept))]
    return Preview(documents, chunks, characters, tuple(kept))


async def pipeline(
    store: Store,
    work: Sequence[Job],
    encoder: Encoder,
    extract: Extract | None,
    write: Callable[[Batch], Awaitable[None]],
) -> None:
    """Run the stages until all is written; a failure or a cancellation stops after the batch in write."""
    to_encode: asyncio.Queue[Batch | None] = asyncio.Queue(_QUEUE)
    to_write: asyncio.Queue[Batch | None] = asyncio.Queue(_QUEUE)
    batches = read(store, work)

    def following() -> Batch | None:
        batch = next(batches, None)
        return None if batch is None else _numbered(batch, store)

    async def reading() -> None:
        while (batch := await uninterrupted(asyncio.to_thread(following))) is not None:
            if extract is not None:
                batch.extracting = group.create_task(_extract(batch, extract))
            await to_encode.put(batch)
        await to_encode.put(None)

    async def encoding() -> None:
        while (batch := await to_encode.get()) is not None:
            await _encode(batch, encoder)
            await to_write.put(batch)
        await to_write.put(None)

    async def writing() -> None:
        refused: set[str] = set()
        sources: set[str] = set()
        while (batch := await to_write.get()) is not None:
            if batch.extracting is not None:
                failed = _take_extractions(batch, await batch.extracting)
                refused |= {document.id for document in failed}
                sources |= {document.parsed.source for document in failed}
            _refuse(batch, refused, sources)
            await uninterrupted(write(batch))

    try:
        async with asyncio.TaskGroup() as group:
            for stage in (reading(), encoding(), writing()):
                group.create_task(stage)
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None


def content_id(parsed: ParsedDocument, triples: Sequence[TripleDraft] = ()) -> str:
    """The id of a document: a hash of what it says, not of where it stands.

    Raises:
        LoadError: The text holds characters that cannot be written.
    """
    digest = hashlib.blake2b(digest_size=8)
    facts = [field for t in triples for field in (t.subject, t.relation, t.object, repr(t.confidence))]
    try:
        for part in (parsed.title, parsed.text, parsed.external_id or "", parsed.kind, *facts):
            encoded = part.encode()
            digest.update(len(encoded).to_bytes(8, "big") + encoded)
    except UnicodeEncodeError:
        raise LoadError(
            f"{parsed.source}: holds half a character (a lone surrogate)", fix="save it as UTF-8 again"
        ) from None
    for image in (parsed.image or b"", *(figure.data for figure in parsed.figures)):
        digest.update(image)
    return digest.hexdigest()


# --- reading ------------------------------------------------------------------------------------------------


class _Container:
    """What a file held before, and what it holds now as far as it has been read."""

    def __init__(self, name: str, store: Store) -> None:
        self.name = name
        self.before = set(store.held(name))
        self.ids = {origin.document_id for origin in self.before}
        self.sources = {origin.source for origin in self.before}
        self.now: set[Origin] = set()
        self.damaged = False

    def outdated(self) -> list[Origin]:
        """What the file no longer holds. Where a part could not be read, its old documents stay."""
        gone = self.before - self.now
        if self.damaged:
            read = {origin.source for origin in self.now}
            gone = {origin for origin in gone if origin.source in read}
        return sorted(gone)


def _readable(job: Job) -> Iterator[ParsedDocument | LoadError]:
    """The documents of a job; an error that ends it comes as its last item."""
    try:
        yield from job.read()
    except LoadError as error:
        yield error


def _identified(
    items: Sequence[ParsedDocument | LoadError], container: _Container, tally: Tally
) -> Iterator[tuple[str, ParsedDocument]]:
    for item in items:
        try:
            if isinstance(item, LoadError):
                raise item
            yield content_id(item), item
        except LoadError as error:
            tally.failed.append(Failure(container.name, error))
            container.damaged = True


def _place(
    batch: Batch,
    document_id: str,
    parsed: ParsedDocument,
    container: _Container,
    seen: set[str],
    known: set[str],
) -> None:
    """Put one document where it belongs: unchanged, a duplicate, or new."""
    origin = Origin(container.name, parsed.source, document_id)
    if origin not in container.before and origin not in container.now:
        batch.hold.append(origin)
    container.now.add(origin)
    batch.current = parsed.source
    repeated = document_id in seen
    seen.add(document_id)
    if repeated:
        batch.tally.duplicates += 1
    elif document_id in container.ids:
        batch.tally.unchanged += 1
    elif document_id in known:
        batch.tally.duplicates += 1
    else:
        batch.tally.added += 1
        batch.tally.replaced += parsed.source in container.sources
        chunks = _chunks(document_id, parsed)
        batch.chunks += len(chunks)
        batch.documents.append(NewDocument(document_id, parsed, chunks))


def _chunks(document_id: str, parsed: ParsedDocument) -> tuple[Chunk, ...]:
    """The chunks of a document, numbered from 0 until the store gives out ids.

    A document that was made by hand may come without blocks: its text is one paragraph then.
    """
    if not parsed.blocks and parsed.text:
        parsed = replace(parsed, blocks=(Block("paragraph", 0, len(parsed.text)),))
    moments = [Moment(block.start, *block.time) for block in parsed.blocks if block.time]
    return tuple(
        Chunk(
            id=position,
            document_id=document_id,
            source=parsed.source,
            title=parsed.title,
            heading=span.heading,
            text=parsed.text[span.start : span.end],
            start=span.start,
            end=span.end,
            kind=span.kind,
            page=span.page,
            times=during(moments, span.start, span.end),
        )
        for position, span in enumerate(cut(parsed))
    )


def _numbered(batch: Batch, store: Store) -> Batch:
    """The batch with chunk ids that nobody else has."""
    if batch.chunks:
        batch.first = store.reserve(batch.chunks)
        ids = itertools.count(batch.first)
        batch.documents = [
            replace(document, chunks=tuple(replace(chunk, id=next(ids)) for chunk in document.chunks))
            for document in batch.documents
        ]
    return batch


def _grouped(items: Iterator[_T], size: int) -> Iterator[list[_T]]:
    while group := list(itertools.islice(items, size)):
        yield group


# --- encoding and extracting --------------------------------------------------------------------------------


async def _encode(batch: Batch, encoder: Encoder) -> None:
    texts = [chunk.indexed_text for document in batch.documents for chunk in document.chunks]
    if not texts:
        return
    vectors = await encoder.encode(texts)
    ends = itertools.accumulate(len(document.chunks) for document in batch.documents)
    batch.documents = [
        replace(document, vectors=vectors[end - len(document.chunks) : end])
        for document, end in zip(batch.documents, ends, strict=True)
    ]


async def _extract(batch: Batch, extract: Extract) -> list[Extraction | KedgeError]:
    """What is read from each chunk of a batch, or why it could not be."""

    async def one(chunk: Chunk) -> Extraction | KedgeError:
        try:
            return await extract(chunk)
        except (BudgetExceeded, ModelUnavailable):  # the same would befall all others
            raise
        except KedgeError as error:
            return error

    chunks = [chunk for document in batch.documents for chunk in document.chunks]
    return list(await asyncio.gather(*map(one, chunks)))


def _take_extractions(batch: Batch, found: Sequence[Extraction | KedgeError]) -> list[NewDocument]:
    """Give each document what was read from its chunks; returns those that fail because a chunk did."""
    results = iter(found)
    kept, lost = [], []
    for document in batch.documents:
        mine = list(itertools.islice(results, len(document.chunks)))
        errors = [result for result in mine if isinstance(result, KedgeError)]
        if errors:
            batch.tally.failed.append(Failure(document.parsed.source, errors[0]))
            batch.tally.added -= 1
            lost.append(document)
        else:
            extractions = tuple(result for result in mine if isinstance(result, Extraction))
            kept.append(replace(document, extractions=extractions))
    batch.documents = kept
    return lost


def _refuse(batch: Batch, refused: set[str], failed: set[str]) -> None:
    """Where a document could not be taken in, its file keeps what it held in that place."""
    batch.hold = [origin for origin in batch.hold if origin.document_id not in refused]
    batch.release = [origin for origin in batch.release if origin.source not in failed]


async def uninterrupted(work: Awaitable[_T]) -> _T:
    """Wait for work that cannot be stopped half-way, even when cancelled meanwhile."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
