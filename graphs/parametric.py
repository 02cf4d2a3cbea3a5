"""Parametric injection: what documents say reaches the model as weights, as text, as both, or not at all.

    vanilla      neither: what the model knows by itself
    text         the passages in the prompt
    parametric   the passages' adapters, merged into one (PRAG, arXiv 2501.15915)
    combined     both, which "The Role of Parametric Injection" (arXiv 2510.12668) recommends
    task_only    the passages in the prompt, and an adapter that has learnt the task but no document: the
                 control that tells how much of `combined` is knowledge

The retriever chooses the passages, the same for all. `kedge adapters encode` makes the adapters beforehand.
"""

from __future__ import annotations

import asyncio
import math
from functools import partial
from operator import add
from typing import Annotated, Any, Literal, NamedTuple, TypedDict

from langchain_core.messages import AIMessage
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from kedge.agents.decisions import Gap, Reading, Support
from kedge.agents.llm.quoting import find_quotation
from kedge.errors import AdapterError, BudgetExceeded, DecisionFailed, InputError
from kedge.graphs.answer import Answer, compose
from kedge.graphs.context import Context
from kedge.graphs.events import Event
from kedge.tools.adapters import Adapters, prompt, said
from kedge.tools.knowledge_base import Evidence
from kedge.tools.models import ModelClient
from kedge.tools.models.thinking import spoken

__all__ = ["METHODS", "builder", "graph"]

PASSAGES = 3  # as in both papers
UNFOUND = 0.5  # what is left of the confidence in an answer that stands in none of the passages
REQUEST: dict[str, Any] = {
    "temperature": 0,
    "max_tokens": 64,
    "logprobs": True,
    "extra_body": {"chat_template_kwargs": {"enable_thinking": False}},
}


class Method(NamedTuple):
    """Whether passages are in the prompt, and whose adapter is in the weights."""

    text: bool
    weights: Literal["documents", "task"] | None


METHODS = {
    "vanilla": Method(text=False, weights=None),
    "text": Method(text=True, weights=None),
    "parametric": Method(text=False, weights="documents"),
    "combined": Method(text=True, weights="documents"),
    "task_only": Method(text=True, weights="task"),
}
"""The methods of this graph, by the name that `Context.method` gives."""


class State(TypedDict, total=False):
    """What flows through the graph; `adapter` is a key of the store, or of what was merged from it."""

    question: str
    evidence: list[Evidence]
    adapter: str
    warnings: list[str]
    trace: Annotated[list[Event], add]
    answer: Answer


async def retrieve(state: State, runtime: Runtime[Context]) -> State:
    """Find the passages, whichever way they are going to reach the model."""
    context = runtime.context
    found = list(await context.search(context.base, state["question"], min(context.passages, PASSAGES)))
    chunks = [item.chunk.id for item in found]
    return {"evidence": found, "trace": [context.event("searched", f"{len(found)} passages", chunks=chunks)]}


async def adapt(state: State, runtime: Runtime[Context]) -> State:
    """Choose the adapter: one merged from those of the passages, or that of the task."""
    context, adapters = runtime.context, _adapters(runtime.context)
    encoding = adapters.store.encoding(await adapters.injector.base())
    if METHODS[context.method].weights == "task":
        if encoding.task is None:
            raise AdapterError("there is no adapter of the task", fix="kedge adapters encode --task FILE")
        return {"adapter": encoding.task, "trace": [context.event("adapted", "the adapter of the task")]}
    keys = [(encoding.origin(item.chunk.indexed_text).key, item.score) for item in state["evidence"]]
    there = [(key, score) for key, score in dict(keys).items() if key in adapters.store]
    if not there:
        raise AdapterError(
            f"none of the {len(keys)} passages found has an adapter",
            fix=f"encode them: kedge adapters encode --model {encoding.model}",
        )
    missing = len(dict(keys)) - len(there)
    warnings = [f"{missing} of {len(keys)} passages have no adapter"] if missing else []
    members, scores = zip(*there, strict=True)
    merge = partial(adapters.store.merge, members, adapters.how, weights=scores, rank=adapters.rank)
    key = await asyncio.to_thread(merge)
    event = context.event("adapted", f"{len(members)} adapters, {adapters.how}", adapter=key, members=members)
    return {"adapter": key, "warnings": warnings, "trace": [event]}


async def answer(state: State, runtime: Runtime[Context]) -> State:
    """Ask the model that has the adapter, with the passages if the method shows them."""
    context, question, evidence = runtime.context, state["question"], state.get("evidence", [])
    passages = [" ".join(item.chunk.indexed_text.split()) for item in evidence]
    asked = [("human", prompt(question, passages if METHODS[context.method].text else ()))]
    if context.model is None:
        raise InputError(f"{context.method} needs a language model", fix="name one with --model URL")
    model = ModelClient.around(context.model)

    async def ask(name: str) -> AIMessage:
        return await model.ainvoke(asked, model=name, **REQUEST)

    try:
        if key := state.get("adapter"):
            adapters = _adapters(context)
            store = adapters.store if key in adapters.store else adapters.store.merged
            reply = await context.meter.play("answer", adapters.injector.ask, store, key, ask)
        else:
            reply = await context.meter.play("answer", model.ainvoke, asked, **REQUEST)
        reading = _reading(reply, evidence)
    except BudgetExceeded:
        reading = Reading(answer=None, reason="budget")
    except DecisionFailed as error:  # a reply that is empty, or goes round in circles
        failed = Gap(kind="value", target="", description=f"No answer: {error.message}")
        reading = Reading(answer=None, reason="budget", gaps=(failed,), notes=(error.message,))
    event = context.event("answered", reading.answer or f"no answer: {reading.reason}")
    made = compose(
        question,
        context.method,
        reading,
        evidence,
        ledger=context.meter.ledger(),
        trace=[*state["trace"], event],
        warnings=[*state.get("warnings", []), *reading.notes],
    )
    return {"answer": made, "trace": [event]}


async def begin(state: State, runtime: Runtime[Context]) -> Literal["retrieve", "answer"]:
    """Whoever asks the model alone needs no passages."""
    return "answer" if runtime.context.method == "vanilla" else "retrieve"


async def after_retrieve(state: State, runtime: Runtime[Context]) -> Literal["adapt", "answer"]:
    """Passages that are only shown need no adapter."""
    return "adapt" if METHODS[runtime.context.method].weights else "answer"


builder = StateGraph(State, context_schema=Context)
builder.add_node("retrieve", retrieve)
builder.add_node("adapt", adapt)
builder.add_node("answer", answer)
builder.add_conditional_edges(START, begin)
builder.add_conditional_edges("retrieve", after_retrieve)
builder.add_edge("adapt", "answer")
builder.add_edge("answer", END)

graph = builder.compile(name="parametric")


def _adapters(context: Context) -> Adapters:
    if context.adapters is None:
        raise InputError(
            f"{context.method} needs a vLLM server that takes adapters",
            fix="start one with `kedge serve vllm MODEL`, and name it with --model URL",
        )
    return context.adapters


def _reading(reply: AIMessage, evidence: list[Evidence]) -> Reading:
    """The reply as a reading; where a passage says the same, it is quoted, however the model came to it."""
    text = said(spoken(reply).text)
    if not text:
        return Reading(answer=None, reason="out of corpus")
    spans = [(item.chunk, find_quotation(item.chunk.text, text)) for item in evidence]
    support = [Support(chunk_id=chunk.id, start=span[0], end=span[1]) for chunk, span in spans if span]
    confidence = _confidence(reply) * (1.0 if support or not evidence else UNFOUND)
    notes = () if support or not evidence else ("no passage that was found says this in so many words",)
    return Reading(answer=text, support=tuple(support), confidence=confidence, notes=notes)


def _confidence(reply: AIMessage) -> float:
    """The mean probability of the reply's tokens (geometric), 0 where the server does not tell."""
    tokens = (reply.response_metadata.get("logprobs") or {}).get("content") or []
    if not tokens:
        return 0.0
    return min(1.0, math.exp(sum(token["logprob"] for token in tokens) / len(tokens)))
