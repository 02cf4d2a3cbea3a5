"""What the page asks for and gets: a part of the documents or of the graph, however many there are."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

from PIL import Image, ImageChops, ImageDraw
from pydantic import BeforeValidator, Field

from kedge._doors.actions import document_of, entity_of
from kedge._doors.names import near_names
from kedge._doors.schemas import Arguments, Name
from kedge._views.clean import one_line
from kedge._views.graph import drawable, picture_of_graph
from kedge._views.words import cost_line, near, place_of, reason_in_words
from kedge.errors import InputError, LoadError
from kedge.tools.images import Box, as_png, opened
from kedge.tools.knowledge_base import entity_key
from kedge.tools.knowledge_base.loaders.pages import drawn_page
from kedge.tools.walks import compiled

if TYPE_CHECKING:
    from kedge import KnowledgeBase
    from kedge.graphs.answer import Answer

__all__ = [
    "Around",
    "Ask",
    "Like",
    "Listing",
    "Named",
    "Numbered",
    "Quoted",
    "Reading",
    "answered",
    "around",
    "image",
    "listed",
    "names",
    "page",
    "picture",
    "read",
]

WIDEST: Final = 1600  # pixels of a picture
MARK: Final = "#ffe08a"  # the pen
FRAME: Final = "#d1570a"
THICK: Final = 5  # pixels of a frame
Base64 = Annotated[bytes, BeforeValidator(partial(b64decode, validate=True))]


class Ask(Arguments):
    """A question, how to work on it, and perhaps an image that it is about."""

    question: str = Field(min_length=1, max_length=4_000)
    method: Name | None = None
    rounds: int = Field(default=3, ge=0, le=10)
    seconds: float = Field(default=60.0, gt=0, le=600)
    image: Base64 | None = None


class Listing(Arguments):
    """A page of the documents whose title or source holds these words."""

    like: str = Field(default="", max_length=200)
    offset: int = Field(default=0, ge=0, le=10**9)
    limit: int = Field(default=50, ge=1, le=200)


class Reading(Arguments):
    """Characters of a document from `offset` on, of which `start:end` are marked."""

    document: Name
    offset: int = Field(default=0, ge=0, le=10**9)
    limit: int = Field(default=6_000, ge=1, le=50_000)
    start: int = Field(default=0, ge=0, le=10**9)
    end: int = Field(default=0, ge=0, le=10**9)


class Around(Arguments):
    """The relations around an entity; around the busiest one without a name."""

    entity: str = Field(default="", max_length=1_000)
    hops: int = Field(default=1, ge=1, le=3)
    most: int = Field(default=80, ge=1, le=300)


class Like(Arguments):
    """Letters that names hold."""

    like: Name


class Numbered(Arguments):
    """The chunk that tells of a picture."""

    chunk: int = Field(ge=-(2**53), le=2**53)


class Quoted(Numbered):
    """A chunk, and the characters of its document that are quoted."""

    start: int = Field(default=0, ge=0, le=10**9)
    end: int = Field(default=0, ge=0, le=10**9)


class Named(Arguments):
    """A document, by its id."""

    document: Name


def answered(answer: Answer) -> dict[str, Any]:
    """An answer as the page shows it: in the words of every other view, and with no path of the server."""
    shown = answer.model_dump(mode="json", exclude={"trace"})
    quoted = answer.abstention.nearest if answer.abstention else answer.citations
    sources = [
        citation.model_dump(exclude={"picture"})
        | {"place": place_of(citation), "picture": citation.picture is not None}
        for citation in quoted
    ]
    declined = None if answer.answered else reason_in_words(answer)
    missing = [gap.description for gap in answer.abstention.missing] if answer.abstention else []
    for name in ("citations", "abstention"):
        del shown[name]
    return shown | {
        "sources": sources,
        "declined": declined,
        "missing": missing,
        "cost": cost_line(answer),
    }


def listed(base: KnowledgeBase, given: Listing) -> dict[str, Any]:
    found, count = base.documents_like(given.like, offset=given.offset, limit=given.limit)
    rows = [
        {
            "id": item.id,
            "title": one_line(item.title or item.source, 200),
            "source": near(item.source),
            "kind": item.kind,
            "characters": item.characters,
        }
        for item in found
    ]
    return {"documents": rows, "count": count}


def read(base: KnowledgeBase, given: Reading) -> dict[str, Any]:
    """A part of a document in three pieces: before what is marked, that, and after it."""
    document = document_of(base, given.document)
    text = base.text(document.id)
    first, last = given.offset, min(given.offset + given.limit, len(text))
    start, end = (min(max(place, first), last) for place in (given.start, given.end))
    return {
        "id": document.id,
        "title": document.title or near(document.source),
        "source": near(document.source),
        "kind": document.kind,
        "characters": len(text),
        "offset": first,
        "end": last,
        "parts": [text[first:start], text[start:end], text[max(start, end) : last]],
        "image": base.image(document.id) is not None,
    }


def image(base: KnowledgeBase, given: Named) -> bytes | None:
    return _as_png(base.image(document_of(base, given.document).id))


def picture(base: KnowledgeBase, given: Numbered) -> bytes | None:
    shown = base.pictures([given.chunk])
    return _as_png(base.gallery.file(shown[0]) if shown else None)


def page(base: KnowledgeBase, given: Quoted) -> bytes | None:
    """The page of a PDF that a chunk stands on: quoted words are marked, or its picture is framed."""
    found = base.chunks([given.chunk])
    if not found or found[0].page is None:
        return None
    [chunk], [document] = found, base.store.documents([found[0].document_id])
    shown = base.pictures([chunk.id])
    # Nobody looks for the words that a picture is told with.
    start, end = (0, 0) if shown else (max(0, place - chunk.start) for place in (given.start, given.end))
    try:
        drawn = drawn_page(document, chunk, start, end)
    except LoadError as error:
        raise InputError("the file is not there as it was added", fix=error.fix) from None
    return as_png(_marked(drawn.image, drawn.boxes, shown[0].box if shown else None))


def _marked(image: Image.Image, words: Sequence[Box], frame: Sequence[float] | None) -> Image.Image:
    """The image with some lines marked as by a pen, and perhaps a frame around a part."""

    def pixels(box: Sequence[float]) -> tuple[float, ...]:
        return tuple(edge * side for edge, side in zip(box, (*image.size, *image.size), strict=True))

    layer = Image.new("RGB", image.size, "white")
    for box in words:
        ImageDraw.Draw(layer).rectangle(pixels(box), fill=MARK)
    marked = ImageChops.multiply(image, layer)
    if frame is not None:
        ImageDraw.Draw(marked).rectangle(pixels(frame), outline=FRAME, width=THICK)
    return marked


def _as_png(file: Path | None) -> bytes | None:
    return as_png(opened(file.read_bytes()), longest=WIDEST) if file is not None and file.is_file() else None


def around(base: KnowledgeBase, given: Around) -> dict[str, Any]:
    """The neighbourhood of an entity, whatever the size of the graph."""
    graph = base.graph
    if not len(graph):
        raise InputError("the knowledge base has no graph", fix="add documents without --no-triples")
    if given.entity:
        key = entity_of(base, given.entity)
    else:
        with graph.lock:
            arrays = compiled(graph)
            key = arrays.keys[int(arrays.degrees().argmax())]
    picture = picture_of_graph(base, key, hops=given.hops, most=given.most)
    return {"title": picture.title, "note": picture.note, **drawable(picture.nodes, picture.edges)}


def names(base: KnowledgeBase, given: Like) -> dict[str, Any]:
    graph = base.graph
    with graph.lock:
        names = list(graph.nx)
    return {"names": [graph.name(key) for key in near_names(entity_key(given.like), names, most=12)]}
