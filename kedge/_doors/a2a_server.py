"""The agents as A2A servers, on the official SDK: a card each, tasks, streaming, cancellation, artifacts."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Any, Final

from a2a.helpers import new_data_part, new_raw_part, new_task_from_user_message, new_text_part
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.context import ServerCallContext
from a2a.server.events import EventQueue
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes
from a2a.server.tasks import InMemoryTaskStore, TaskUpdater
from a2a.types import (
    AgentCapabilities,
    AgentCard,
    AgentInterface,
    AgentSkill,
    HTTPAuthSecurityScheme,
    SecurityRequirement,
    SecurityScheme,
    StringList,
    Task,
)
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount

from kedge import __version__
from kedge._api import clean_question
from kedge._doors.a2a_agents import COORDINATOR, Agent, Envelope, Outcome
from kedge._views.clean import clean, one_line
from kedge.errors import KedgeError

__all__ = ["AGENTS", "card", "site"]

KEPT: Final = 1_000  # tasks, and messages whose work is known, that are remembered

AGENTS: Final = {
    COORDINATOR: (
        "Answers questions from documents: routes them to the graph, text and image agents, takes them apart "
        "where they have parts, and puts the replies together.",
        "Which was launched first, the Wandering Abbot or the Lady Aldous?",
    ),
    "graph": (
        "Answers questions by walking on a knowledge graph, in rounds: it notices when it ran aground.",
        "Who was master of the Grey Heron?",
    ),
    "text": (
        "Answers questions from the passages that one search finds.",
        "When was the pier built?",
    ),
    "image": (
        "Answers questions from images and what is written about them, and gives the image.",
        "How much herring does the drawing of the catches show for 1927?",
    ),
}
"""The agents by name: what each does, and a question for it."""


def card(agent: str, url: str, *, guarded: bool) -> AgentCard:
    """The card of an agent that is served at a URL; where it is guarded, with the token that it asks for."""
    told, example = AGENTS[agent]
    made = AgentCard(
        name=f"Kedge {agent}",
        description=told,
        version=__version__,
        supported_interfaces=[AgentInterface(url=url, protocol_binding="JSONRPC", protocol_version="1.0")],
        capabilities=AgentCapabilities(streaming=True),
        default_input_modes=["text/plain"],
        default_output_modes=["text/plain", "application/json"],
        skills=[
            AgentSkill(
                id="answer", name="Answer a question", description=told, tags=["question"], examples=[example]
            )
        ],
    )
    if guarded:
        scheme = SecurityScheme(http_auth_security_scheme=HTTPAuthSecurityScheme(scheme="bearer"))
        made.security_schemes["token"].CopyFrom(scheme)
        made.security_requirements.append(SecurityRequirement(schemes={"token": StringList()}))
    return made


def site(
    agents: Mapping[str, Agent],
    url: str,
    *,
    guarded: bool,
    on_close: Callable[[], Awaitable[None]] | None = None,
) -> Starlette:
    """All agents below one URL: each at `/agents/NAME/`; the coordinator's card is that of the site, too."""
    handlers, routes = [], list[BaseRoute]()
    for name, agent in agents.items():
        made = card(name, f"{url}/agents/{name}/", guarded=guarded)
        handler = DefaultRequestHandler(_Executor(agent), _Tasks(), made)
        handlers.append(handler)
        if name == COORDINATOR:
            routes += create_agent_card_routes(made)
        own = [*create_agent_card_routes(made), *create_jsonrpc_routes(handler, "/")]
        routes.append(Mount(f"/agents/{name}", routes=own))

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        logging.getLogger("a2a.server.events").setLevel(logging.ERROR)  # that work ends half-way is meant
        for handler in handlers:
            await handler.aclose()
        if on_close is not None:
            await on_close()

    return Starlette(routes=routes, lifespan=lifespan)


class _Tasks(InMemoryTaskStore):
    """The last tasks; older ones are forgotten."""

    def __init__(self) -> None:
        super().__init__()
        self._known: OrderedDict[str, ServerCallContext] = OrderedDict()

    async def save(self, task: Task, context: ServerCallContext) -> None:
        await super().save(task, context)
        self._known[task.id] = context
        if len(self._known) > KEPT:
            oldest, owner = self._known.popitem(last=False)
            await self.delete(oldest, owner)


class _Executor(AgentExecutor):
    """Does the work of a task, once for each message however often it comes."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._works: OrderedDict[str, asyncio.Future[Outcome]] = OrderedDict()

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        """Work on the question that a message holds; what is wrong with it rejects the task."""
        message = context.message
        assert message is not None  # noqa: S101 - the SDK refuses requests without
        task = context.current_task or new_task_from_user_message(message)
        if context.current_task is None:
            await event_queue.enqueue_event(task)
        updater = TaskUpdater(event_queue, task.id, task.context_id)

        def words(text: str) -> Any:
            return updater.new_agent_message([new_text_part(clean(text))])

        try:
            question = clean_question(context.get_user_input())
            given = Envelope.model_validate(context.metadata)
        except ValidationError as error:
            fields = ", ".join(sorted({".".join(map(str, found["loc"])) for found in error.errors()}))
            await updater.reject(words(f"the message's metadata cannot be used: {one_line(fields, 200)}"))
            return
        except KedgeError as error:
            await updater.reject(words(str(error)))
            return
        try:
            outcome = await self._done(message.message_id, question, given, updater)
        except KedgeError as error:
            await updater.failed(words(str(error)))
            return
        await _give(updater, outcome)
        await updater.complete(words(outcome.reply.as_text()))

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        """The SDK has ended the work already; say so."""
        await TaskUpdater(event_queue, context.task_id or "", context.context_id or "").cancel()

    async def _done(self, message: str, question: str, given: Envelope, updater: TaskUpdater) -> Outcome:
        """The outcome of a message's work: waited for where it came before, and not done again."""
        known = self._works.get(message)
        if known is not None and not known.cancelled():
            return await asyncio.shield(known)
        work = self._works[message] = asyncio.get_running_loop().create_future()
        if len(self._works) > KEPT:
            self._works.popitem(last=False)
        try:
            await updater.start_work()
            async with aclosing(self._agent(question, given)) as lines:
                async for line in lines:
                    if isinstance(line, Outcome):
                        work.set_result(line)
                        return line
                    told = updater.new_agent_message([new_text_part(one_line(line, 300))])
                    await updater.start_work(told)
            raise AssertionError("an agent ended without an outcome")
        finally:
            if not work.done():
                work.cancel()


async def _give(updater: TaskUpdater, outcome: Outcome) -> None:
    """The outcome as artifacts: the answer, the evidence, the trace, and the image if there is one."""
    reply = outcome.reply.model_dump(mode="json")
    evidence = {name: reply[name] for name in ("sources", "path", "missing")}
    await updater.add_artifact([new_text_part(outcome.reply.as_text()), new_data_part(reply)], name="answer")
    await updater.add_artifact([new_data_part(evidence)], name="evidence")
    await updater.add_artifact([new_data_part({"events": list(outcome.trace)})], name="trace")
    if outcome.image is not None:
        await updater.add_artifact([new_raw_part(outcome.image, "image/png", "image.png")], name="image")
