"""Running a method: by name, as a stream of events that ends with the answer."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from langgraph.types import Command

from kedge.agents.decisions import Concept, Link
from kedge.errors import InputError
from kedge.graphs.answer import Answer
from kedge.graphs.context import Context
from kedge.graphs.events import Event
from kedge.graphs.steering import Pause, Proposal
from kedge.tools.knowledge_base import Chunk, Evidence, Triple
from kedge.tools.walks import Hop, Walk

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.base import BaseCheckpointSaver
    from langgraph.graph.state import CompiledStateGraph

__all__ = ["METHODS", "MODES", "stream", "told"]

METHODS = {
    "research": "kedge.graphs.research",
    "metakgrag": "kedge.graphs.metakgrag",
    "parallel": "kedge.graphs.parallel",
    "sequential": "kedge.graphs.sequential",
    "splitting": "kedge.graphs.splitting",
    "multimodal": "kedge.graphs.multimodal",
    "retrieve_read": "kedge.graphs.retrieve_read",
    "closed_book": "kedge.graphs.closed_book",
    "parametric": "kedge.graphs.parametric",
    "combined": "kedge.graphs.parametric",
    "text": "kedge.graphs.parametric",
    "vanilla": "kedge.graphs.parametric",
    "task_only": "kedge.graphs.parametric",
}
"""The methods by name, each the module that holds its graph."""

MODES = ["updates", "custom"]
"""How a graph streams: what a node leaves in the state when it is done, and what it tells while it runs."""

STATE_TYPES = (Answer, Chunk, Concept, Event, Evidence, Hop, Link, Triple, Walk)
"""What any method's state is made of; a checkpoint may hold nothing else but the method's own types."""


async def stream(
    question: str,
    context: Context,
    *,
    method: str = "metakgrag",
    checkpoints: Path | None = None,
    thread: str | None = None,
    from_round: int | None = None,
    pause: Pause | None = None,
) -> AsyncGenerator[Event | Answer]:
    """Answer a question: yields every event as it happens, and the answer last.

    With `checkpoints` (a SQLite file) and a `thread` name the run is saved after every node. The same
    question in the same thread goes on where it stopped, and a finished run gives its answer again. With
    `from_round` it goes on from before that round, whatever came after it. `pause` is shown what the loop
    proposes after each round, and decides; a run with a thread may be killed meanwhile and goes on later.

    Raises:
        InputError: there is no method of this name, or no such round in this thread.
    """
    if method not in METHODS:
        raise InputError(f"no method is called {method!r}", fix=f"choose from {', '.join(METHODS)}")
    if from_round is not None and thread is None:
        raise InputError("a round can only be gone back to in a thread", fix="name the thread of the run")
    module = import_module(METHODS[method])
    context = replace(context, steered=pause is not None, method=method)
    async with AsyncExitStack() as stack:
        graph, config = module.graph, cast("RunnableConfig", {})
        given: Any = {"question": question, "trace": []}
        if thread is not None or pause is not None:
            saver = await _saver(stack, checkpoints if thread is not None else None, module)
            graph = module.builder.compile(checkpointer=saver, name=method)
            asked = b"\0".join([f"{method}\n{question}".encode(), *context.images])
            run = hashlib.blake2b(asked, digest_size=8).hexdigest()
            config = {"configurable": {"thread_id": f"{thread}/{run}"}}
            saved = (await graph.aget_state(config)).values
            if "answer" in saved and from_round is None:
                yield saved["answer"]
                return
            given = None if saved else given
        begin = config if from_round is None else await _before(graph, config, from_round, thread)
        durability = "sync" if thread is not None else None
        yield context.event("started", question)
        while True:
            parts = graph.astream(given, begin, context=context, stream_mode=MODES, durability=durability)
            async with aclosing(told(parts)) as items:
                async for item in items:
                    yield item
            waiting = (await graph.aget_state(config)).interrupts if pause is not None else ()
            if pause is None or not waiting:
                return
            choice = await pause(Proposal.model_validate(waiting[0].value))
            given, begin = Command(resume=choice.model_dump(mode="json")), config


async def told(parts: AsyncGenerator[Any]) -> AsyncGenerator[Event | Answer]:
    """The events and the answer of a graph that streams in `MODES`: each event once, as soon as it is known.

    A node may tell events while it runs, and leaves all of them in the state when it is done.
    """
    live: dict[int, Event] = {}
    async with aclosing(parts):
        async for mode, part in parts:
            if mode == "custom":
                live[id(part)] = part
                yield part
                continue
            for change in filter(_is_state, part.values()):
                for event in change.get("trace", []):
                    if id(event) not in live:
                        yield event
                if "answer" in change:
                    yield change["answer"]


def _is_state(change: object) -> bool:
    """Whether this is a node's change of the state; an interrupt, or the result of a task, is none."""
    return isinstance(change, dict)


async def _before(
    graph: CompiledStateGraph[Any, Any], config: RunnableConfig, number: int, thread: str | None
) -> RunnableConfig:
    """The checkpoint that a round began from, in the latest run of a thread that had it."""
    async for snapshot in graph.aget_state_history(config):
        if snapshot.next == ("perceive",) and len(snapshot.values.get("rounds", ())) == number:
            return snapshot.config
    raise InputError(
        f"there is no round {number} of this question in the thread {thread!r}",
        fix="ask the same question with the same method and thread; rounds count from 0",
    )


async def _saver(stack: AsyncExitStack, path: Path | None, module: Any) -> BaseCheckpointSaver[Any]:
    """A checkpointer that revives only the types that states are made of: in a SQLite file, or in memory."""
    import aiosqlite
    from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

    types = (*STATE_TYPES, *getattr(module, "STATE_TYPES", ()))
    connection = await stack.enter_async_context(aiosqlite.connect(path or ":memory:"))
    return AsyncSqliteSaver(connection, serde=JsonPlusSerializer(allowed_msgpack_modules=types))
