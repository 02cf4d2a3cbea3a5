"""Text, images and pages: decide where to look, look, search, say what is missing, search again, read.

After DeepMMSearch-R1 (arXiv 2510.12801): whether to search at all is a decision of its own, images are
searched whole or by a crop, every tool has a cap, and what was found is reflected on before the next search.
What is missing is a typed gap, as in MetaKGRAG. Crops come from the model where there is one that points,
and from the layout of the image.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from operator import add
from typing import Annotated, Literal, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from kedge.agents.decisions import Description, Gap, Judgement, Reading, Support
from kedge.errors import BudgetExceeded, DecisionFailed
from kedge.graphs.answer import Answer, compose
from kedge.graphs.context import Context, halting
from kedge.graphs.events import Event
from kedge.graphs.evidence import fused, leading, path
from kedge.graphs.looking import (
    Look,
    Route,
    cropped,
    described,
    destinations,
    gallery_of,
    looked,
    part,
    refined,
    told_of,
    with_regions,
)
from kedge.tools.images import WHOLE
from kedge.tools.knowledge_base import Chunk, Evidence, caption
from kedge.tools.search import pages, shown

__all__ = ["STATE_TYPES", "builder", "graph"]

STATE_TYPES = (Description, Judgement, Look, Route)

TOOLS = 10  # searches of any kind for one question
CROPS = 3  # parts of an image that are searched with, after the whole image did not do
PAGES = 3  # pages whose chunks are read
SHOWN = 3  # pictures of the documents that a model looks at, and parts of the images
KNOWN = 0.9  # confidence in what is said of the same picture
NAMED = 80  # characters of a caption that go into a query


class State(TypedDict, total=False):
    """What flows through the graph."""

    question: str
    route: Route
    looks: Annotated[list[Look], add]
    description: Description
    queries: Annotated[list[str], add]
    evidence: list[Evidence]
    judgement: Judgement
    tools: int
    halted: bool
    trace: Annotated[list[Event], add]
    answer: Answer


async def decide(state: State, runtime: Runtime[Context]) -> State:
    """Whether to search, and where; without documents with pages no page is looked for."""
    context = runtime.context
    paged = await asyncio.to_thread(context.base.holds, "pdf")
    route = destinations(state["question"], images=len(context.images), paged=paged)
    if context.gallery is None and not context.images:
        route = Route(search=True, places=tuple(place for place in route.places if place != "images"))
    message = f"search {', '.join(route.places)}" if route.search else "look, without a search"
    return {"route": route, "trace": [context.event("routed", message, places=list(route.places))]}


async def look(state: State, runtime: Runtime[Context]) -> State:
    """The images that came with the question: what stands in them, and which pictures show the same."""
    context = runtime.context
    looks, events = [], []
    for number, data in enumerate(context.images):
        seen = await looked(context, number, data)
        looks.append(seen)
        message = f"image {number + 1}: {len(seen.alike)} pictures show the same"
        text = f", it says: {seen.text}" if seen.text else ""
        events.append(context.event("looked", message + text, alike=list(seen.alike)))
    return {"looks": looks, "tools": len(looks), "trace": events}


async def describe(state: State, runtime: Runtime[Context]) -> State:
    """Say what the image shows, by texts about similar images and, where there is one, by a model's eyes."""
    context, question = runtime.context, state["question"]
    alike = [item for item in _alike(context, state["looks"]) if caption(item.chunk)]
    told = [item for data in context.images for item in await told_of(gallery_of(context), data)]
    if alike and described(question) and context.model is None:
        # It is one of the documents' own pictures: what they say of it is the description, and no hint.
        known = caption(alike[0].chunk)
        said = Description(text=known, hints=(known,), confidence=KNOWN)
    else:
        seen = [look.text for look in state["looks"] if look.text]
        hints = [*seen, *(caption(item.chunk) for item in leading(alike, told))]
        said = await _said(context, question, hints, context.images)
    event = context.event("described", said.text or "nothing could be said", hints=list(said.hints))
    return {"description": said, "evidence": list(leading(alike, told)), "trace": [event]}


async def search(state: State, runtime: Runtime[Context]) -> State:
    """Search where it was decided to, and with crops once the whole image did not do."""
    context, route = runtime.context, state["route"]
    turn, looks = len(state.get("queries", [])), state.get("looks", [])
    used = state.get("tools", 0)
    found = list(looks)
    if turn:
        for number, data in enumerate(context.images):
            crops = await cropped(context, state["question"], number, data, min(CROPS, TOOLS - used))
            found, used = [*found, *crops], used + len(crops)
    query = _query(state, found, context)
    rankings = [await context.search(context.base, query, context.passages)]
    if "images" in route.places:
        rankings.append(await shown(gallery_of(context), query, context.passages))
    if "pages" in route.places:
        best = await pages(context.base, query, PAGES)
        rankings.append(
            [Evidence(c, page.score, f"page {page.number}") for page in best for c in page.chunks]
        )
    used += len(rankings)
    alike = _alike(context, found)
    evidence = leading(alike, fused([*rankings, state.get("evidence", [])]))[: 2 * context.passages]
    message = f"{len(evidence)} chunks for: {query}"
    seen = [
        context.event("looked", f"a part of image {c.image + 1} shows the same", turn=turn, box=list(c.box))
        for c in found[len(looks) :]
        if c.alike
    ]
    event = context.event("searched", message, turn=turn, chunks=[item.chunk.id for item in evidence])
    return {
        "queries": [query],
        "looks": found[len(looks) :],
        "evidence": list(evidence),
        "tools": used,
        "trace": [*seen, event],
    }


async def reflect(state: State, runtime: Runtime[Context]) -> State:
    """Say what is missing; that nothing looks like the image is missing, too."""
    context, turn = runtime.context, len(state["queries"]) - 1
    judgement = await context.judge(state["question"], state["evidence"])
    if context.images and not any(seen.alike or seen.text for seen in state["looks"]):
        # However much is said of what the question names: it may be said of something else.
        unknown = Gap(kind="entity", target="the image", description="no picture here shows the same")
        update = {"sufficient": False, "gaps": (unknown, *judgement.gaps)}
        judgement = judgement.model_copy(update=update)
    missing = "; ".join(gap.description for gap in judgement.gaps)
    event = context.event(
        "evaluated",
        "sufficient" if judgement.sufficient else missing or "insufficient",
        turn=turn,
        sufficient=judgement.sufficient,
        gaps=[gap.model_dump(mode="json") for gap in judgement.gaps],
    )
    return {"judgement": judgement, "trace": [event]}


async def read(state: State, runtime: Runtime[Context]) -> State:
    """Answer with cited text, regions and pages, or say why not."""
    context, question = runtime.context, state["question"]
    evidence = state.get("evidence", [])
    said = state.get("description", Description(text=None))
    gaps = state["judgement"].gaps if "judgement" in state else ()
    if said.text is not None:
        reading = _quoting(said, [i.chunk for i in evidence if caption(i.chunk) in said.hints])
    else:
        known = not context.images or any(seen.alike or seen.text for seen in state.get("looks", []))
        # What the documents say, they say of something else than an image that nothing here looks like.
        strange = Reading(answer=None, reason="out of corpus", gaps=gaps)
        reading = await context.read(question, evidence, gaps) if known else strange
        if reading.answer is None and context.model is not None:
            reading = await _read_off(context, question, evidence, state.get("looks", [])) or reading
    event = context.event("answered", reading.answer or f"no answer: {reading.reason}")
    answer = compose(
        question,
        "multimodal",
        reading,
        evidence,
        path(context.base, (), reading, evidence),
        ledger=context.meter.ledger(),
        trace=[*state["trace"], event],
        warnings=said.notes if said.text is None and "description" in state else (),
    )
    return {"answer": with_regions(answer, context.base), "trace": [event]}


async def after_look(state: State) -> Literal["describe", "search"]:
    """What can be seen needs no search."""
    return "search" if state["route"].search else "describe"


async def after_reflect(state: State, runtime: Runtime[Context]) -> Literal["search", "read"]:
    """Search again while something is missing, there is a new query, and tools and rounds are left."""
    context, judgement = runtime.context, state.get("judgement")
    if state.get("halted") or judgement is None or judgement.sufficient:
        return "read"
    if state["tools"] >= TOOLS or len(state["queries"]) > context.meter.budget.rounds:
        return "read"
    return "search" if _next(state, state["looks"], context) else "read"


builder = StateGraph(State, context_schema=Context)
builder.add_node("decide", decide)
builder.add_node("look", halting(look))
builder.add_node("describe", halting(describe))
builder.add_node("search", halting(search))
builder.add_node("reflect", halting(reflect))
builder.add_node("read", read)
builder.add_edge(START, "decide")
builder.add_edge("decide", "look")
builder.add_conditional_edges("look", after_look)
builder.add_edge("describe", "read")
builder.add_edge("search", "reflect")
builder.add_conditional_edges("reflect", after_reflect)
builder.add_edge("read", END)

graph = builder.compile(name="multimodal")


async def _said(
    context: Context, question: str, hints: Sequence[str], images: Sequence[bytes]
) -> Description:
    """The describer's word; one that comes to none, or may not be asked any more, has seen nothing."""
    try:
        return await context.meter.play("describe", context.cast.describe, question, hints, images)
    except (BudgetExceeded, DecisionFailed) as error:
        return Description(text=None, notes=(error.message,))


async def _read_off(
    context: Context, question: str, evidence: Sequence[Evidence], looks: Sequence[Look]
) -> Reading | None:
    """What a model sees in the pictures that were found, where no text answers.

    It is also shown the images, and the parts of them that led to pictures.
    """
    chunks = {item.chunk.id: item.chunk for item in evidence}
    pictures = {picture.chunk_id: picture for picture in context.base.pictures(list(chunks))}
    told = [chunk for number, chunk in chunks.items() if number in pictures][:SHOWN]
    if not told or context.gallery is None:
        return None
    kept = [context.gallery.file(pictures[chunk.id]) for chunk in told]
    files = [await asyncio.to_thread(file.read_bytes) for file in kept]
    led = [seen for seen in looks if seen.alike and seen.box != WHOLE][:SHOWN]
    parts = [await asyncio.to_thread(part, context.images[seen.image], seen.box) for seen in led]
    said = await _said(context, question, list(map(caption, told)), (*context.images, *parts, *files))
    return None if said.text is None else _quoting(said, told)


def _quoting(said: Description, chunks: Sequence[Chunk]) -> Reading:
    """A description as a reading that quotes the whole of what is said of pictures."""
    support = tuple(Support(chunk_id=chunk.id, start=0, end=len(chunk.text)) for chunk in chunks)
    return Reading(answer=said.text, support=support, confidence=said.confidence)


def _alike(context: Context, looks: list[Look]) -> list[Evidence]:
    """The chunks about pictures that show the same as an image, or as a part of it."""
    numbers = list(dict.fromkeys(number for seen in looks for number in seen.alike))
    return [
        Evidence(chunk, 1.0, "its picture looks like the image") for chunk in context.base.chunks(numbers)
    ]


def _query(state: State, looks: list[Look], context: Context) -> str:
    return _next(state, looks, context) or state["question"]


def _next(state: State, looks: list[Look], context: Context) -> str | None:
    """The next query: what the image was found to be stands in for "this"."""
    asked = state.get("queries", [])
    alike = [item.chunk for item in _alike(context, looks)]
    names = [text[:NAMED] for chunk in alike if (text := caption(chunk))]
    names += [seen.text[:NAMED] for seen in looks if seen.text] + [chunk.title for chunk in alike]
    gaps = state["judgement"].gaps if "judgement" in state else ()
    if not asked and not names:
        return state["question"]
    return refined(state["question"], gaps, names, asked)
