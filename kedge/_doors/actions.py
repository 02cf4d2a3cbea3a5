"""What can be done with a knowledge base through a door: search, ask, explore, read, look, add."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedge._doors import schemas as s
from kedge._doors.names import near_names
from kedge.errors import InputError, LoadError
from kedge.tools.knowledge_base import entity_key, find
from kedge.tools.knowledge_base.loaders import load_text
from kedge.tools.models import Budget

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from kedge import Answer, KnowledgeBase
    from kedge.tools.knowledge_base import Document, ParsedDocument, Triple

__all__ = ["ACTIONS", "Action", "Desk", "Tell", "document_of", "entity_of", "fact_of", "reply_of"]

WIDEST = 1024  # pixels: what vision models look at
Tell = Callable[[int, str], Awaitable[None]]


async def _tell_nobody(step: int, message: str) -> None:
    """Where nobody asked to be told."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What an action works with.

    `roots` are the folders from which files may be added. `tell` hears of progress: a number that grows, and
    a sentence. `done` keeps a whole answer, and gives the URI under which it can be had.
    """

    base: KnowledgeBase
    model: BaseChatModel | None = None
    roots: tuple[Path, ...] = ()
    tell: Tell = _tell_nobody
    done: Callable[[Answer], str | None] = field(default=lambda _: None)


@dataclass(frozen=True, slots=True)
class Action:
    """A coroutine that others may call, with the types of its arguments and of its result."""

    run: Callable[[Desk, Any], Coroutine[Any, Any, s.Result]]
    arguments: type[s.Arguments]
    result: type[s.Result]
    writes: bool = False

    @property
    def name(self) -> str:
        """What it is called."""
        return self.run.__name__

    @property
    def description(self) -> str:
        """What it does."""
        return " ".join((self.run.__doc__ or "").split())


async def search(desk: Desk, given: s.Search) -> s.Found:
    """Find passages in the documents, best first, by words and by meaning."""
    wanted = given.offset + given.k
    evidence = await desk.base.asearch(given.query, wanted + 1, how=given.how)
    passages = [
        s.Passage(
            document_id=item.chunk.document_id,
            chunk_id=item.chunk.id,
            title=item.chunk.title,
            source=item.chunk.source,
            heading=item.chunk.heading,
            text=item.chunk.text,
            start=item.chunk.start,
            end=item.chunk.end,
            page=item.chunk.page,
            time=item.chunk.time(),
            score=item.score,
            reason=item.reason,
        )
        for item in evidence[given.offset : wanted]
    ]
    return s.Found(passages=passages, next_offset=wanted if len(evidence) > wanted else None)


async def ask(desk: Desk, given: s.Ask) -> s.Reply:
    """Answer a question from the documents, with quotations; or say that they do not hold the answer, and
    what is missing.
    """
    from kedge import Answer

    budget = Budget(rounds=given.rounds, seconds=given.seconds)
    step = 0
    async for item in desk.base.astream(given.question, method=given.method, model=desk.model, budget=budget):
        if isinstance(item, Answer):
            return reply_of(item, run=desk.done(item))
        step += 1
        await desk.tell(step, f"{item.kind}: {item.message}")
    raise AssertionError("a method ended without an answer")


async def explore_graph(desk: Desk, given: s.ExploreGraph) -> s.Neighbours:
    """Show what the documents state around an entity, as facts: subject, relation, object."""
    from kedge.tools.walks import neighbourhood

    graph = await asyncio.to_thread(lambda: desk.base.graph)
    await asyncio.to_thread(entity_of, desk.base, given.entity)
    text = given.about or given.entity
    near = await neighbourhood(graph, desk.base.kept, text, [given.entity], hops=given.hops, most=given.limit)
    facts = [fact_of(triple) for triple, _ in near.triples]
    return s.Neighbours(entity=graph.name(given.entity), facts=facts)


async def find_path(desk: Desk, given: s.FindPath) -> s.Paths:
    """Show how two entities hang together: paths of facts from one to the other."""
    from kedge.tools.walks import compiled, evidence_paths

    def look() -> s.Paths:
        graph = desk.base.graph
        start, end = (entity_of(desk.base, name) for name in (given.start, given.end))
        arrays = compiled(graph)
        found = evidence_paths(arrays, arrays.ids[start], arrays.ids[end], given.count, longest=given.longest)
        numbers = sorted({number for path in found for number in path.triples})
        triples = {triple.id: triple for triple in desk.base.triples(ids=numbers)}
        paths = [[fact_of(triples[n]) for n in path.triples if n in triples] for path in found]
        return s.Paths(start=graph.name(start), end=graph.name(end), paths=paths)

    return await asyncio.to_thread(look)


async def get_document(desk: Desk, given: s.GetDocument) -> s.Excerpt:
    """Read a document, or the next part of it."""

    def read() -> s.Excerpt:
        document = document_of(desk.base, given.document)
        text = desk.base.text(document.id)
        part = text[given.offset : given.offset + given.limit]
        end = given.offset + len(part)
        return s.Excerpt(
            document_id=document.id,
            title=document.title,
            source=document.source,
            kind=document.kind,
            characters=len(text),
            start=min(given.offset, len(text)),
            end=min(end, len(text)),
            text=part,
            next_offset=end if end < len(text) else None,
        )

    return await asyncio.to_thread(read)


async def look_at_image(desk: Desk, given: s.LookAtImage) -> s.Picture:
    """Look at an image among the documents, or at a part of it."""

    def look() -> s.Picture:
        document = document_of(desk.base, given.document)
        file = desk.base.image(document.id)
        if file is None:
            fix = "search gives the document_id of images, too"
            raise InputError(f"the document {given.document!r} is no image", fix=fix)
        width, height, png = _drawn(file, given.region)
        picture = s.Picture(
            document_id=document.id,
            title=document.title,
            source=document.source,
            description=desk.base.text(document.id),
            width=width,
            height=height,
        )
        picture._png = png
        return picture

    return await asyncio.to_thread(look)


async def add_documents(desk: Desk, given: s.AddDocuments) -> s.Added:
    """Add files that the server may read, or texts, to the knowledge base."""
    if not given.paths and not given.texts:
        raise InputError("there is nothing to add", fix="give paths, or texts")
    files = await asyncio.to_thread(_allowed, given.paths, desk.roots)
    written = [document for text in given.texts for document in _parsed(text)]
    await desk.tell(1, f"reading {len(files)} files and {len(written)} texts")
    report = await desk.base.aadd([*files, *written])
    return s.Added(
        added=report.added,
        replaced=report.replaced,
        unchanged=report.unchanged,
        duplicates=report.duplicates,
        chunks=report.chunks,
        triples=report.triples,
        failed=[str(failure.error) for failure in report.failed],
    )


ACTIONS = (
    Action(search, s.Search, s.Found),
    Action(ask, s.Ask, s.Reply),
    Action(explore_graph, s.ExploreGraph, s.Neighbours),
    Action(find_path, s.FindPath, s.Paths),
    Action(get_document, s.GetDocument, s.Excerpt),
    Action(look_at_image, s.LookAtImage, s.Picture),
    Action(add_documents, s.AddDocuments, s.Added, writes=True),
)


def reply_of(answer: Answer, *, run: str | None = None) -> s.Reply:
    """An answer in the form that it leaves by; where there is none, with what came nearest."""
    declined = answer.abstention
    cited = answer.citations if declined is None else declined.nearest
    return s.Reply(
        answered=answer.answered,
        text=answer.text,
        reason=declined.reason if declined else None,
        missing=[gap.description for gap in declined.missing] if declined else [],
        sources=[s.Quotation.model_validate(citation.model_dump()) for citation in cited],
        path=[s.Fact.model_validate(step.model_dump()) for step in answer.path],
        confidence=answer.confidence,
        method=answer.method,
        seconds=answer.ledger.seconds,
        calls=answer.ledger.total.calls,
        warnings=list(answer.warnings),
        run=run,
    )


def fact_of(triple: Triple) -> s.Fact:
    """A triple in the form that it leaves by."""
    return s.Fact(
        subject=triple.subject, relation=triple.relation, object=triple.object, chunk_id=triple.chunk_id
    )


def entity_of(base: KnowledgeBase, name: str) -> str:
    """The key of an entity that the graph has."""
    key, graph = entity_key(name), base.graph
    with graph.lock:
        if key in graph.nx:
            return key
        names = list(graph.nx)
    near = [graph.name(other) for other in near_names(key, names)]
    fix = f"did you mean {', '.join(map(repr, near))}?" if near else "search shows how names are written"
    raise InputError(f"no entity is called {name!r}", fix=fix)


def document_of(base: KnowledgeBase, name: str) -> Document:
    """A document by its id or source, told without saying where on the server the knowledge base lies."""
    try:
        return base.document(name)
    except InputError:
        raise InputError(
            f"no document, or more than one, is called {name!r}", fix="use a document_id that search gave"
        ) from None


def _drawn(file: Path, region: tuple[float, float, float, float] | None) -> tuple[int, int, bytes]:
    """An image, or a region of it, as PNG."""
    from PIL import Image

    with Image.open(file) as image:
        drawn = image.convert("RGB")
    if region is not None:
        left, top, right, bottom = region
        if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
            raise InputError(f"there is no region {region}", fix="give shares, left < right and top < bottom")
        (width, height) = drawn.size
        corner = int(left * width), int(top * height)
        # At least one pixel, however thin the region is.
        drawn = drawn.crop(
            (*corner, max(int(right * width), corner[0] + 1), max(int(bottom * height), corner[1] + 1))
        )
    drawn.thumbnail((WIDEST, WIDEST))
    kept = io.BytesIO()
    drawn.save(kept, "PNG")
    return (*drawn.size, kept.getvalue())


def _allowed(paths: Sequence[str], roots: Sequence[Path]) -> list[Path]:
    """The files that paths stand for, wherever links lead; all must lie in a root."""
    if paths and not roots:
        fix = "send texts, or start the server with --add-from FOLDER"
        raise InputError("no files of the server may be added", fix=fix)
    within = [root.resolve() for root in roots]

    def check(path: Path, named: str) -> None:
        real = path.resolve()
        if not any(real.is_relative_to(root) for root in within):
            raise InputError(f"{named} may not be added", fix="name something in a folder that may be read")

    named = []
    for path in paths:
        if any(mark in path for mark in "\0*?["):
            raise InputError(f"{path!r} is no plain path", fix="name files and folders")
        named.append(within[0] / path)
        check(named[-1], path)  # before it is looked for: what is outside is not even said to exist
    files = list(find(named))
    for file in files:
        check(file, file.name)
    return files


def _parsed(text: s.WrittenText) -> list[ParsedDocument]:
    """A text as a document; its title is its name, so that adding it again replaces it."""
    read = load_text(text.text, source=f"text: {text.title}", kind="markdown")
    documents = []
    for item in read:
        if isinstance(item, LoadError):
            raise item
        documents.append(replace(item, title=text.title))
    return documents
