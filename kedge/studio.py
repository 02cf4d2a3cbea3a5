"""The methods as LangGraph servers want them: `langgraph dev` serves what `langgraph.json` names here.

A server knows neither a knowledge base nor a cast, so each graph here opens what settings name (`KEDGE_BASE`,
`KEDGE_MODEL_URL`, ...) and hands the question to the method. Threads, streaming, interrupts and resuming are
the server's. With `steered` in its context a run is interrupted after each round with a `Proposal`, and is
resumed with a `Choice` as JSON, such as `{"action": "accept"}`.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime  # LangGraph reads the annotations when it runs

from kedge.errors import InputError
from kedge.graphs.context import Context
from kedge.graphs.run import METHODS
from kedge.tools.models import Budget, Meter

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph

    from kedge import KnowledgeBase

__all__ = ["Options", "Question", "Run", "served"]


class Question(TypedDict):
    """What a run is given."""

    question: str


class Run(TypedDict, total=False):
    """What a run gives: the answer as JSON."""

    question: str
    answer: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Options:
    """What a client may choose: rounds, seconds, and whether to be asked after each round."""

    rounds: int = 3
    seconds: float = 60.0
    steered: bool = False


def served(method: str) -> CompiledStateGraph[Any, Any, Any, Any]:
    """A method as a graph that takes a question and gives an answer, both plain JSON.

    Raises:
        InputError: there is no method of this name.

    Example:
        >>> served("metakgrag").name
        'metakgrag'
    """
    if method not in METHODS:
        raise InputError(f"no method is called {method!r}", fix=f"choose from {', '.join(METHODS)}")
    inner = import_module(METHODS[method]).graph

    async def work(state: Question, runtime: Runtime[Options]) -> Run:
        from kedge._api import ADAPTED, _adapters, _cast, clean_question
        from kedge._cli._base import chat_model

        options = runtime.context or Options()
        base = await asyncio.to_thread(_base)
        model = await asyncio.to_thread(chat_model, None, None)
        budget = Budget(rounds=options.rounds, seconds=options.seconds)
        context = Context(
            base,
            _cast(None, base, model),
            model,
            Meter(budget),
            steered=options.steered,
            method=method,
            adapters=_adapters(base, model) if method in ADAPTED else None,
            gallery=base.gallery,
        )
        question = clean_question(state["question"])
        ended = await inner.ainvoke({"question": question, "trace": []}, context=context)
        return {"answer": ended["answer"].model_dump(mode="json")}

    builder = StateGraph(Run, context_schema=Options, input_schema=Question)
    builder.add_node(method, work)
    builder.add_edge(START, method)
    builder.add_edge(method, END)
    return builder.compile(name=method)


@cache
def _base() -> KnowledgeBase:
    """The knowledge base that settings name, open for the life of the server."""
    from kedge._cli._base import open_base

    return open_base(None)


closed_book = served("closed_book")
combined = served("combined")
metakgrag = served("metakgrag")
multimodal = served("multimodal")
parallel = served("parallel")
parametric = served("parametric")
research = served("research")
retrieve_read = served("retrieve_read")
sequential = served("sequential")
splitting = served("splitting")
task_only = served("task_only")
text = served("text")
vanilla = served("vanilla")
