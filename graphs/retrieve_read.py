"""Retrieve, then read: the baseline that every other method has to beat."""

from __future__ import annotations

from operator import add
from typing import Annotated, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from kedge.graphs.answer import Answer, compose
from kedge.graphs.context import Context
from kedge.graphs.events import Event
from kedge.tools.knowledge_base import Evidence

__all__ = ["builder", "graph"]


class State(TypedDict, total=False):
    """What flows through the graph."""

    question: str
    evidence: list[Evidence]
    trace: Annotated[list[Event], add]
    answer: Answer


async def retrieve(state: State, runtime: Runtime[Context]) -> State:
    """Find passages once, with the question as it stands."""
    context = runtime.context
    evidence = list(await context.search(context.base, state["question"], context.passages))
    message = f"{len(evidence)} passages found"
    found = [item.chunk.id for item in evidence]
    return {"evidence": evidence, "trace": [context.event("searched", message, chunks=found)]}


async def read(state: State, runtime: Runtime[Context]) -> State:
    """Answer from these passages, or say why not."""
    context = runtime.context
    reading = await context.read(state["question"], state["evidence"])
    message = reading.answer or f"no answer: {reading.reason}"
    event = context.event("answered", message, notes=list(reading.notes))
    answer = compose(
        state["question"],
        "retrieve_read",
        reading,
        state["evidence"],
        ledger=context.meter.ledger(),
        trace=[*state["trace"], event],
    )
    return {"answer": answer, "trace": [event]}


builder = StateGraph(State, context_schema=Context)
builder.add_node("retrieve", retrieve)
builder.add_node("read", read)
builder.add_edge(START, "retrieve")
builder.add_edge("retrieve", "read")
builder.add_edge("read", END)

graph = builder.compile(name="retrieve_read")
