"""What every method is given besides its state, and nothing that a checkpoint should hold."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

from langchain_core.language_models import BaseChatModel
from langgraph.runtime import Runtime

from kedge.agents.decisions import Gap, Judgement, Plan, Reading
from kedge.agents.roles import Cast
from kedge.errors import BudgetExceeded, DecisionFailed
from kedge.graphs.events import Event, EventKind
from kedge.tools.knowledge_base import Evidence, Gallery, KnowledgeBase
from kedge.tools.models import Meter
from kedge.tools.search import hybrid

if TYPE_CHECKING:
    from kedge.tools.adapters import Adapters

__all__ = ["Context", "Nested", "Search", "halting"]

Search = Callable[[KnowledgeBase, str, int], Awaitable[Sequence[Evidence]]]
Nested = Callable[[str], str | None]

N = TypeVar("N", bound=Callable[..., Awaitable[Any]])


@dataclass(frozen=True, slots=True)
class Context:
    """The knowledge base to search, the cast that decides, the meter of this question.

    `model` is a chat model for methods that need one; `passages` is how many chunks are read for an answer;
    with `steered` the loop waits after each adjustment for what a person makes of it. Methods that take a
    question apart answer each part with one `search`, or with the method that `nested` names for it. `method`
    is the name that was asked for; `adapters` are for methods that give the model what it did not read.
    `images` are the files that come with the question, and `gallery` finds pictures like them.
    """

    base: KnowledgeBase
    cast: Cast
    model: BaseChatModel | None = None
    meter: Meter = field(default_factory=Meter)
    passages: int = 10
    steered: bool = False
    search: Search = hybrid
    nested: Nested | None = None
    method: str = ""
    adapters: Adapters | None = None
    images: tuple[bytes, ...] = ()
    gallery: Gallery | None = None

    def event(self, kind: EventKind, message: str, *, turn: int = 0, **data: object) -> Event:
        """An event of this round, stamped with the seconds since the question was asked."""
        return Event(kind=kind, message=message, round=turn, seconds=self.meter.elapsed, data=data)

    async def plan(self, question: str, gaps: Sequence[Gap] = ()) -> Plan:
        """The planner's steps; a planner that comes to none leaves the question whole."""
        try:
            return await self.meter.play("plan", self.cast.plan, question, gaps)
        except DecisionFailed:
            return Plan(steps=())

    async def judge(self, question: str, evidence: Sequence[Evidence]) -> Judgement:
        """The judge's word; a judge that comes to none has not found the evidence sufficient."""
        try:
            return await self.meter.play("judge", self.cast.judge, question, evidence)
        except DecisionFailed as error:
            return Judgement(sufficient=False, confidence=0.0, notes=(error.message,))

    async def read(self, question: str, evidence: Sequence[Evidence], gaps: Sequence[Gap] = ()) -> Reading:
        """The reader's answer; `gaps` are what is missing where budget or reader do not come to one."""
        try:
            return await self.meter.play("read", self.cast.read, question, evidence)
        except BudgetExceeded:
            return Reading(answer=None, reason="budget", gaps=tuple(gaps))
        except DecisionFailed as error:
            failed = Gap(kind="value", target="", description=f"No reading: {error.message}")
            return Reading(answer=None, reason="budget", gaps=(failed, *gaps), notes=(error.message,))


def halting(node: N) -> N:
    """A node that runs out of budget sets `halted` instead of failing: what was found so far is kept."""

    @wraps(node)
    async def run(state: Any, runtime: Runtime[Context]) -> Any:
        try:
            return await node(state, runtime)
        except BudgetExceeded as error:
            return {"halted": True, "trace": [runtime.context.event("halted", error.message)]}

    return cast("N", run)
