"""The router: chooses a method by the question and by what the knowledge base holds, and checks its answer.

What comes with an image, or speaks of what an image or a page shows, is answered by `multimodal`. Any other
question is taken apart first. What has several parts is answered by `parallel`, which asks `multimodal` for
those parts that speak of what is shown; what has one part is answered by `metakgrag`. Without documents, what
the model knows is all there is.

An answer is verified against its citations before it is given. Where there is none, or its citations do not
bear it out, the other method is asked, once, within the same budget; after an abstention only an answer that
is borne out counts.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace
from importlib import import_module
from operator import add
from typing import Annotated, Any, Literal, TypedDict

from langgraph.config import get_stream_writer
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from pydantic import BaseModel, ConfigDict

from kedge.agents.decisions import Plan
from kedge.errors import BudgetExceeded, DecisionFailed, KedgeError
from kedge.graphs import metakgrag, parallel
from kedge.graphs.answer import Answer
from kedge.graphs.context import Context
from kedge.graphs.events import Event
from kedge.graphs.looking import destinations
from kedge.graphs.run import METHODS, MODES, told
from kedge.tools.knowledge_base import Evidence

__all__ = ["STATE_TYPES", "builder", "graph"]

ATTEMPTS = 2
DOUBTED = 0.5  # what is left of the confidence in an answer that its citations do not bear out


class Route(BaseModel):
    """A method and the reason to take it."""

    model_config = ConfigDict(frozen=True)

    method: str
    why: str


class Attempt(BaseModel):
    """What a route came to; `supported` says whether its citations bear the answer out."""

    model_config = ConfigDict(frozen=True)

    answer: Answer
    supported: bool = False


STATE_TYPES = (Attempt, Route, *parallel.STATE_TYPES, *metakgrag.STATE_TYPES)


class State(TypedDict, total=False):
    """What flows through the graph: routes in the order in which they are taken, and what came of them."""

    question: str
    draft: Plan
    routes: list[Route]
    attempts: list[Attempt]
    halted: bool
    trace: Annotated[list[Event], add]
    answer: Answer


async def choose(state: State, runtime: Runtime[Context]) -> State:
    """Take the question apart, look at what there is to search, and choose the routes."""
    context, question = runtime.context, state["question"]
    held = await asyncio.to_thread(context.base.stats)
    plan, change = Plan(steps=()), ""
    shown = bool(context.images) or (held.images > 0 and _is_shown(question))
    if held.documents and not shown:
        try:
            plan = await context.meter.play("plan", context.cast.plan, question)
        except KedgeError as error:
            change = f" (no plan: {error.message})"
    routes = _routes(plan, held.documents, shown=shown, can_recall=context.model is not None)
    message = f"{routes[0].method}: {routes[0].why}{change}"
    holds = {"documents": held.documents, "triples": held.triples, "images": held.images}
    event = context.event(
        "routed", message, routes=[route.model_dump(mode="json") for route in routes], holds=holds
    )
    return {"draft": plan, "routes": routes, "attempts": [], "trace": [event]}


async def attempt(state: State, runtime: Runtime[Context]) -> State:
    """Take the next route with a share of what is left of the budget; its events are told as they happen."""
    context, taken = runtime.context, len(state["attempts"])
    route, tell = state["routes"][taken], get_stream_writer()
    left = min(ATTEMPTS, len(state["routes"])) - taken
    share = replace(context, meter=context.meter.share(left, turns=left), nested=_way)
    given: dict[str, Any] = {"question": state["question"], "trace": []}
    if route.method == "parallel" and state["draft"].steps:
        given["draft"] = state["draft"]
    events: list[Event] = []
    if taken:
        events.append(
            context.event("routed", f"{route.method}: {route.why}", routes=[route.model_dump(mode="json")])
        )
        tell(events[0])
    parts = import_module(METHODS[route.method]).graph.astream(given, context=share, stream_mode=MODES)
    answer: Answer | None = None
    async with aclosing(told(parts)) as items:
        async for item in items:
            if isinstance(item, Answer):
                answer = item
            else:
                events.append(item)
                tell(item)
    assert answer is not None  # noqa: S101 - what every method ends with
    return {"attempts": [*state["attempts"], Attempt(answer=answer)], "trace": events}


async def verify(state: State, runtime: Runtime[Context]) -> State:
    """Check the answer against what it cites: whole, or step by step where code put it together."""
    context, (*before, last) = runtime.context, state["attempts"]
    claims = _claims(last.answer, context)

    async def check(question: str, answer: str, evidence: list[Evidence]) -> bool:
        try:
            verdict = await context.meter.play("verify", context.cast.verify, question, answer, evidence)
        except DecisionFailed:
            return False
        return verdict.supported

    try:
        verdicts = await asyncio.gather(*(check(*claim) for claim in claims))
    except BudgetExceeded as error:
        return {"halted": True, "trace": [context.event("halted", error.message)]}
    doubtful = [question for (question, _, _), fine in zip(claims, verdicts, strict=True) if not fine]
    supported = bool(claims) and not doubtful
    message = f"{len(claims)} claims borne out" if supported else f"not borne out: {'; '.join(doubtful)}"
    if last.answer.text is None:
        message = "nothing to verify: no answer"
    event = context.event("verified", message, supported=supported, doubtful=doubtful)
    return {"attempts": [*before, last.model_copy(update={"supported": supported})], "trace": [event]}


async def give(state: State, runtime: Runtime[Context]) -> State:
    """Give the answer that is borne out, or the first attempt's with its doubts."""
    context, attempts = runtime.context, state["attempts"]
    best = next((one for one in attempts if one.supported), attempts[0])
    answer, warnings = best.answer, list(best.answer.warnings)
    confidence = answer.confidence
    if answer.text is not None and not best.supported:
        confidence *= DOUBTED
        warnings.append("the citations do not bear the answer out")
    message = answer.text or f"no answer: {answer.abstention.reason if answer.abstention else ''}"
    event = context.event("answered", message, method=answer.method)
    given = answer.model_copy(
        update={
            "method": "research",
            "confidence": confidence,
            "warnings": tuple(warnings),
            "ledger": context.meter.ledger(),
            "trace": (*state["trace"], event),
        }
    )
    return {"answer": given, "trace": [event]}


async def after_verify(state: State) -> Literal["attempt", "give"]:
    """Take the other route, once, unless the answer is borne out or the budget is used up."""
    taken = len(state["attempts"])
    done = state.get("halted") or state["attempts"][-1].supported
    return "give" if done or taken >= min(ATTEMPTS, len(state["routes"])) else "attempt"


builder = StateGraph(State, context_schema=Context)
builder.add_node("choose", choose)
builder.add_node("attempt", attempt)
builder.add_node("verify", verify)
builder.add_node("give", give)
builder.add_edge(START, "choose")
builder.add_edge("choose", "attempt")
builder.add_edge("attempt", "verify")
builder.add_conditional_edges("verify", after_verify)
builder.add_edge("give", END)

graph = builder.compile(name="research")


def _is_shown(question: str) -> bool:
    """Whether a question speaks of what an image or a page shows."""
    return destinations(question, images=0, paged=True).places != ("text",)


def _way(question: str) -> str | None:
    """The method for one part of a question, where one search is not the way."""
    return "multimodal" if _is_shown(question) else None


def _routes(plan: Plan, documents: int, *, shown: bool, can_recall: bool) -> list[Route]:
    """The methods to take, the best first."""
    if shown:
        seen = Route(method="multimodal", why="the question is about what an image or a page shows")
        return [seen, Route(method="metakgrag", why="what is shown gave no answer that is borne out")]
    if not documents and can_recall:
        return [Route(method="closed_book", why="there are no documents")]
    searches = sum(step.operation == "search" for step in plan.steps)
    whole = Route(method="metakgrag", why="the question asks for one thing")
    if searches <= 1:
        return [whole, Route(method="retrieve_read", why="the loop found no answer that is borne out")]
    apart = Route(method="parallel", why=f"the question has {searches} parts")
    return [apart, Route(method="metakgrag", why="the parts gave no answer that is borne out")]


def _claims(answer: Answer, context: Context) -> list[tuple[str, str, list[Evidence]]]:
    """What the answer claims, and the passages that it cites: each step's own answer, where it has steps."""
    if answer.text is None:
        return []
    cited = {citation.chunk_id for citation in answer.citations}
    done = [e.data for e in answer.trace if e.kind == "branch" and e.data.get("answer") and e.data["chunks"]]
    steps = [(data["question"], data["answer"], cited.intersection(data["chunks"])) for data in done]
    stated = [step for step in steps if step[2]] or [(answer.question, answer.text, cited)]
    return [
        (question, text, [Evidence(chunk, 1.0, "cited") for chunk in context.base.chunks(sorted(chunks))])
        for question, text, chunks in stated
    ]
