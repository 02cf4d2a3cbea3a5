"""Closed book: the model alone, without documents: what it knows, and what it only believes it knows."""

from __future__ import annotations

import time
from operator import add
from typing import Annotated, TypedDict

import httpx
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from openai import OpenAIError

from kedge.agents.decisions import Reading
from kedge.errors import BudgetExceeded, InputError, ModelError
from kedge.graphs.answer import Answer, compose
from kedge.graphs.context import Context
from kedge.graphs.events import Event
from kedge.tools.models import Spending

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
        context.meter.check_call()
        before = time.monotonic()
        message = await _ask(context.model, question)
        context.meter.charge("recall", _spent(message, time.monotonic() - before))
        reading = _reading(str(message.content).strip())
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


async def _ask(model: BaseChatModel, question: str) -> AIMessage:
    try:
        return await model.ainvoke([("system", INSTRUCTIONS), ("human", question)])
    except (OpenAIError, httpx.HTTPError) as error:
        where = getattr(model, "openai_api_base", None) or type(model).__name__
        raise ModelError(
            f"the model at {where} does not answer: {error}", fix="check that it runs, its URL and its name"
        ) from error


def _reading(text: str) -> Reading:
    if not text or text.strip(" .").casefold() == UNKNOWN:
        return Reading(answer=None, reason="out of corpus")
    return Reading(answer=text)


def _spent(message: AIMessage, seconds: float) -> Spending:
    usage = message.usage_metadata
    return Spending(
        decisions=1,
        calls=1,
        prompt_tokens=usage["input_tokens"] if usage else 0,
        completion_tokens=usage["output_tokens"] if usage else 0,
        seconds=seconds,
    )
