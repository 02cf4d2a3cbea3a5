"""ParallelSearch's own format, over the same roles: a turn searches for `question ## question`.

After arXiv 2508.09303 and its code: the pieces between `##` are searched for at once, three passages each,
and all come back in one block of at most 1,000 tokens that does not say which piece they are for. There a
turn is one call, and the model reads while it thinks; here the `read` role answers what a later turn needs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Literal

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from kedge.agents.decisions import Plan
from kedge.graphs.branches import Branch, cut, gaps_of
from kedge.graphs.context import Context, halting
from kedge.graphs.evidence import leading
from kedge.graphs.plans import repaired
from kedge.graphs.sequential import STATE_TYPES, State, begun, concluded, due, towards_search
from kedge.tools.knowledge_base import Evidence

__all__ = ["STATE_TYPES", "builder", "graph"]

MARK = "##"
PASSAGES = 3


async def think(state: State, runtime: Runtime[Context]) -> State:
    """Say in one line everything that can be asked now; comparing is left to the reader."""
    context, question = runtime.context, state["question"]
    made = await context.plan(question, gaps_of(state.get("branches", [])))
    searches = tuple(step for step in made.steps if step.operation == "search")
    sound, _ = repaired(Plan(steps=searches), question)
    ready = due({**state, "plan": sound}, context.meter.budget.rounds)
    query = f" {MARK} ".join(begun(step, state)[0].question for step in ready)
    return {"plan": sound, "trace": [context.event("planned", query or "nothing is left to ask")]}


async def search(state: State, runtime: Runtime[Context]) -> State:
    """Search for all pieces at once; what was found goes into one block, and is read where that is needed."""
    context = runtime.context
    pieces = [begun(step, state)[0] for step in due(state, context.meter.budget.rounds)]
    query = MARK.join(piece.question for piece in pieces)

    async def find(text: str) -> Sequence[Evidence]:
        return await context.meter.play("search", context.search, context.base, text.strip(), PASSAGES)

    found = await asyncio.gather(*(find(text) for text in query.split(MARK)))
    block = cut([item for passages in found for item in passages])
    awaited = {name for step in state["plan"].steps for name in step.depends_on}
    done: list[Branch] = []
    for piece in pieces:
        reading = None
        if piece.step.id in awaited:
            reading = await context.read(piece.question, block)
        done.append(piece.model_copy(update={"evidence": block, "reading": reading}))
    chunks = [item.chunk.id for item in block]
    return {"branches": done, "trace": [context.event("searched", query, chunks=chunks)]}


async def read(state: State, runtime: Runtime[Context]) -> State:
    """Read the answer from all blocks."""
    branches = state.get("branches", [])
    evidence = leading((), [item for branch in branches for item in branch.evidence])
    return await concluded("splitting", state, runtime.context, evidence)


async def towards_think(state: State, runtime: Runtime[Context]) -> Literal["think", "read"]:
    """Go on while earlier answers let something new be asked."""
    if state.get("halted"):
        return "read"
    return "think" if due(state, runtime.context.meter.budget.rounds) else "read"


builder = StateGraph(State, context_schema=Context)
builder.add_node("think", halting(think))
builder.add_node("search", halting(search))
builder.add_node("read", read)
builder.add_edge(START, "think")
builder.add_conditional_edges("think", towards_search)
builder.add_conditional_edges("search", towards_think)
builder.add_edge("read", END)

graph = builder.compile(name="splitting")
