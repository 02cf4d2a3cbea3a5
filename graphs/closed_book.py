"""Closed book: the model alone, without documents: what it knows, and what it only believes it knows."""

from __future__ import annotations

from operator import add
from typing import Annotated, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from kedge.agents.decisions import Reading
from kedge.errors import BudgetExceeded, InputError
from kedge.graphs.answer import Answer, compose
from kedge.graphs.context import Context
from kedge.graphs.events import Event
from kedge.tools.models import ModelClient

__all__ = ["builder", "graph"]

UNKNOWN = "unknown"
INSTRUCTIONS = (
    "Answer the question from what you know, as briefly as possible: a name, a date, a number, yes or no, or "
    f"one short phrase. If you do not know the answer, reply with the single word {UNKNOWN}."
)


class State(TypedDict, total=False):
    """What flows through the graph."""

    question: str
    trace: Annotated[list[Event], add]
    answer: Answer


async def recall(state: State, runtime: Runtime[Context]) -> State:
    """Ask the model, with nothing to read."""
    context, question = runtime.context, state["question"]
    if context.model is None:
        raise InputError("closed_book needs a language model", fix="name one with --model URL")
    try:
        model = ModelClient.around(context.model)
        said = await context.meter.play(
            "recall", model.ainvoke, [("system", INSTRUCTIONS), ("human", question)]
        )
        reading = _reading(said.text.strip())
    except BudgetExceeded:
        reading = Reading(answer=None, reason="budget")
    event = context.event("answered", reading.answer or f"no answer: {reading.reason}")
    answer = compose(question, "closed_book", reading, [], ledger=context.meter.ledger(), trace=[event])
    return {"answer": answer, "trace": [event]}


builder = StateGraph(State, context_schema=Context)
builder.add_node("recall", recall)
builder.add_edge(START, "recall")
builder.add_edge("recall", END)

graph = builder.compile(name="closed_book")


def _reading(text: str) -> Reading:
    if not text or text.strip(" .").casefold() == UNKNOWN:
        return Reading(answer=None, reason="out of corpus")
    return Reading(answer=text)
