"""The agents of a knowledge base: each works on a question in its own way, and tells what it does.

Three ask the documents: by the graph, by the text, by the images. The coordinator asks those three, by
messages: it routes a question, takes it apart where it has parts, and puts what comes back together.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from pydantic import BaseModel, ConfigDict, Field

from kedge._doors.actions import Desk, look_at_image, reply_of
from kedge._doors.schemas import LookAtImage, Quotation, Reply
from kedge.agents.decisions import Plan, Reading
from kedge.agents.extractive import ExtractiveCast
from kedge.errors import DecisionFailed, InputError, KedgeError
from kedge.graphs.branches import Branch, operated
from kedge.graphs.plans import repaired, substituted, within
from kedge.tools.models import Budget
from kedge.tools.search import hybrid

if TYPE_CHECKING:
    from kedge import KnowledgeBase
    from kedge.agents.decisions import SubQuestion
    from kedge.tools.knowledge_base import Evidence

__all__ = ["COORDINATOR", "DEEPEST", "Agent", "Envelope", "Outcome", "Post", "domain_agents", "worker"]

COORDINATOR: Final = "coordinator"
DEEPEST: Final = 3  # how often a question may be handed on
STEPS: Final = 12  # parts of a question at most
SEEN: Final = re.compile(
    r"\b(?:picture|image|drawing|photograph|photo|chart|map|diagram|figure)s?\b", re.IGNORECASE
)


class Envelope(BaseModel):
    """What a message says besides its question: `seconds` it may take, and how often it was handed on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seconds: float = Field(default=60.0, gt=0, le=600)
    rounds: int = Field(default=3, ge=0, le=10)
    depth: int = Field(default=0, ge=0, le=DEEPEST)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an agent came to: its reply, what happened on the way, and the image that it looked at."""

    reply: Reply
    trace: Sequence[Mapping[str, Any]] = ()
    image: bytes | None = None


class Agent(Protocol):
    """Works on a question: tells what it does, line by line, and ends with the outcome."""

    def __call__(self, question: str, given: Envelope) -> AsyncGenerator[str | Outcome]: ...


class Post(Protocol):
    """Carries a question to an agent by its name, and its reply back.

    Raises `KedgeError` where no reply comes, or none that can be read.
    """

    async def __call__(self, agent: str, question: str, given: Envelope) -> Reply: ...


def worker(agent: str, desk: Desk, post: Post | None = None) -> Agent:
    """The agent of this name; the coordinator needs somebody to carry its messages."""
    if agent == COORDINATOR:
        assert post is not None  # noqa: S101 - the server gives one
        return _Coordinator(desk, post)
    return _Asking(desk, agent)


def domain_agents(question: str) -> tuple[str, ...]:
    """The agents to ask a question that is whole, the likeliest first.

    Example:
        >>> domain_agents("Who built the pier?"), domain_agents("What does the map show?")
        (('graph', 'text'), ('image', 'graph', 'text'))
    """
    return ("image", "graph", "text") if SEEN.search(question) else ("graph", "text")


@dataclass(frozen=True, slots=True)
class _Asking:
    """Asks the documents by one method."""

    desk: Desk
    agent: str

    async def __call__(self, question: str, given: Envelope) -> AsyncGenerator[str | Outcome]:
        from kedge import Answer

        options: dict[str, Any] = {"method": "metakgrag" if self.agent == "graph" else "retrieve_read"}
        if self.agent == "image":
            options["search"] = _images
        budget = Budget(rounds=given.rounds, seconds=given.seconds)
        events: list[dict[str, Any]] = []
        async for item in self.desk.base.astream(question, model=self.desk.model, budget=budget, **options):
            if not isinstance(item, Answer):
                events.append(item.model_dump(mode="json"))
                yield f"{item.kind}: {item.message}"
                continue
            reply = reply_of(item)
            yield Outcome(reply, events, await self._looked_at(reply.sources))

    async def _looked_at(self, sources: Sequence[Quotation]) -> bytes | None:
        """The first image among the sources; a description may stand in a text that has none."""
        shown = [source.document_id for source in sources if self.desk.base.image(source.document_id)]
        if self.agent != "image" or not shown:
            return None
        return (await look_at_image(self.desk, LookAtImage(document=shown[0]))).png


async def _images(base: KnowledgeBase, query: str, k: int) -> list[Evidence]:
    """Search among what is written about images."""
    found = await hybrid(base, query, 5 * k)
    return [item for item in found if item.chunk.kind == "image" or base.image(item.chunk.document_id)][:k]


@dataclass(frozen=True, slots=True)
class _Coordinator:
    """Routes a question to the agents, or takes it apart and asks them for each part."""

    desk: Desk
    post: Post

    async def __call__(self, question: str, given: Envelope) -> AsyncGenerator[str | Outcome]:
        if given.depth >= DEEPEST:
            raise InputError("the question was handed on too often", fix="ask one agent directly")
        handed = given.model_copy(update={"depth": given.depth + 1})
        work = _Work(self.post, handed)
        plan = await self._plan(question)
        searches = sum(step.operation == "search" for step in plan.steps)
        if searches > 1:
            yield f"planned: {searches} parts: {'; '.join(step.question for step in plan.steps)}"
            running = asyncio.ensure_future(work.parts(plan))
        else:
            yield f"routed: to {' or '.join(domain_agents(question))}"
            running = asyncio.ensure_future(work.first(question))
        async with aclosing(work.told(running)) as lines:
            async for line in lines:
                yield line
        reply = await running
        if not reply.answered and searches > 1:
            yield "routed: the parts gave no answer, so the question is asked as a whole"
            whole = await work.first(question)
            reply = whole if whole.answered else reply
        warnings = [*reply.warnings, *work.failures]
        given_back = reply.model_copy(update={"method": COORDINATOR, "warnings": warnings})
        yield Outcome(given_back, [{"message": line} for line in work.lines])

    async def _plan(self, question: str) -> Plan:
        """The question's parts; whole where nobody takes it apart."""
        if self.desk.model is None:
            planner: Any = ExtractiveCast(self.desk.base.encoder)
        else:
            from kedge.agents.llm import LlmCast

            planner = LlmCast(self.desk.model)
        try:
            plan = await planner.plan(question)
        except DecisionFailed:
            return Plan(steps=())
        return within(repaired(plan, question)[0], STEPS)[0]


@dataclass(slots=True)
class _Work:
    """The messages of one question: what was sent, what came back, and what did not."""

    post: Post
    given: Envelope
    lines: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    _news: asyncio.Queue[str | None] = field(default_factory=asyncio.Queue)

    async def told(self, running: asyncio.Future[Reply]) -> AsyncGenerator[str]:
        """What happens, until the work is done; work that nobody follows any more is cancelled."""
        running.add_done_callback(lambda _: self._news.put_nowait(None))
        try:
            while (line := await self._news.get()) is not None:
                yield line
        finally:
            running.cancel()

    async def first(self, question: str) -> Reply:
        """The first answer of the agents that may have one; their refusal where none has."""
        refusal: Reply | None = None
        for agent in domain_agents(question):
            try:
                reply = await self.post(agent, question, self.given)
            except KedgeError as error:
                self.failures.append(f"{agent}: {error.message}")
                self._tell(f"{agent} failed: {error.message}")
                continue
            self._tell(f"{agent}: {reply.text or f'no answer: {reply.reason}'}")
            if reply.answered:
                return reply
            refusal = refusal or reply
        if refusal is None:
            raise KedgeError("no agent replied", fix="; ".join(self.failures))
        return refusal

    async def parts(self, plan: Plan) -> Reply:
        """Every part at once but for what it waits for; the last one's answer, with the sources of all."""
        running: dict[str, asyncio.Task[tuple[Branch, list[Reply]]]] = {}
        async with asyncio.TaskGroup() as group:
            for step in plan.steps:
                before = [running[name] for name in step.depends_on]
                running[step.id] = group.create_task(self._part(step, before))
        done = [task.result() for task in running.values()]
        last, _ = done[-1]
        return _joined(last, [reply for _, replies in done for reply in replies])

    async def _part(
        self, step: SubQuestion, before: Sequence[asyncio.Task[tuple[Branch, list[Reply]]]]
    ) -> tuple[Branch, list[Reply]]:
        earlier = [(await task)[0] for task in before]
        answers = {branch.step.id: branch.answer for branch in earlier if branch.answer is not None}
        question = substituted(step.question, answers)
        blank = Branch(step=step, question=question, about=(question,))
        missing = [branch.step.id for branch in earlier if branch.answer is None]
        if step.operation != "search":
            return operated(blank, earlier), []
        if missing:
            return blank.model_copy(update={"failure": f"needs the answer of #{', #'.join(missing)}"}), []
        try:
            reply = await self.first(question)
        except KedgeError as error:
            return blank.model_copy(update={"failure": error.message}), []
        if reply.text is None:
            return blank.model_copy(update={"failure": f"no answer: {reply.reason}"}), [reply]
        reading = Reading(answer=reply.text, confidence=reply.confidence)
        return blank.model_copy(update={"reading": reading}), [reply]

    def _tell(self, line: str) -> None:
        self.lines.append(line)
        self._news.put_nowait(line)


def _joined(last: Branch, replies: Sequence[Reply]) -> Reply:
    """The answer of the last part, with the sources and paths of all parts, numbered anew."""
    sources = {(s.document_id, s.start, s.end): s for reply in replies for s in reply.sources}
    path = {str(fact): fact for reply in replies for fact in reply.path}
    missing = dict.fromkeys(text for reply in replies for text in reply.missing)
    return Reply(
        answered=last.answer is not None,
        text=last.answer,
        reason=None if last.answer is not None else "missing hop",
        missing=[] if last.answer is not None else [*missing, *([last.failure] if last.failure else [])],
        sources=[s.model_copy(update={"number": n}) for n, s in enumerate(sources.values(), start=1)],
        path=list(path.values()),
        confidence=last.reading.confidence if last.reading else 0.0,
        method=COORDINATOR,
        seconds=max((reply.seconds for reply in replies), default=0.0),
        calls=sum(reply.calls for reply in replies),
        warnings=list(dict.fromkeys(text for reply in replies for text in reply.warnings)),
    )
