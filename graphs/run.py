"""Running a method: by name, as a stream of events that ends with the answer."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedge.agents.decisions import Concept, Link
from kedge.errors import InputError
from kedge.graphs.answer import Answer
from kedge.graphs.context import Context
from kedge.graphs.events import Event
from kedge.tools.knowledge_base import Chunk, Evidence, Triple
from kedge.tools.walks import Hop, Walk

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

__all__ = ["METHODS", "MODES", "stream", "told"]

METHODS = {
    "research": "kedge.graphs.research",
    "metakgrag": "kedge.graphs.metakgrag",
    "parallel": "kedge.graphs.parallel",
    "sequential": "kedge.graphs.sequential",
    "splitting": "kedge.graphs.splitting",
    "retrieve_read": "kedge.graphs.retrieve_read",
    "closed_book": "kedge.graphs.closed_book",
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
) -> AsyncGenerator[Event | Answer]:
    """Answer a question: yields every event as it happens, and the answer last.

    With `checkpoints` (a SQLite file) and a `thread` name the run is saved after every node. The same
    question in the same thread goes on where it stopped, and a finished run gives its answer again.

    Raises:
        InputError: there is no method of this name.
    """
    if method not in METHODS:
        raise InputError(f"no method is called {method!r}", fix=f"choose from {', '.join(METHODS)}")
    yield context.event("started", question)
    module = import_module(METHODS[method])
    async with AsyncExitStack() as stack:
        graph = module.graph
        config: RunnableConfig = {}
        start: dict[str, Any] | None = {"question": question, "trace": []}
        if checkpoints is not None and thread is not None:
            graph = module.builder.compile(checkpointer=await _saver(stack, checkpoints, module), name=method)
            run = hashlib.blake2b(f"{method}\n{question}".encode(), digest_size=8).hexdigest()
            config = {"configurable": {"thread_id": f"{thread}/{run}"}}
            saved = (await graph.aget_state(config)).values
            if "answer" in saved:
                yield saved["answer"]
                return
            start = None if saved else start
        durability = "sync" if config else None
        parts = graph.astream(start, config, context=context, stream_mode=MODES, durability=durability)
        async with aclosing(told(parts)) as items:
            async for item in items:
                yield item


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
    """Whether this is a node's change of the state; the result of a task within a node is none."""
    return isinstance(change, dict)


async def _saver(stack: AsyncExitStack, path: Path, module: Any) -> AsyncSqliteSaver:
    """A SQLite checkpointer that revives only the types that states are made of."""
    import aiosqlite
    from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

    types = (*STATE_TYPES, *getattr(module, "STATE_TYPES", ()))
    connection = await stack.enter_async_context(aiosqlite.connect(path))
    return AsyncSqliteSaver(connection, serde=JsonPlusSerializer(allowed_msgpack_modules=types))
