"""Other ways to run the same plan, for comparison: bare asyncio, `Send` by levels, a supervisor.

Each takes (plan, call) and answers every step with one call of the model, `call`, once the steps that it
depends on have their answers. They know neither failures nor budgets nor checkpoints.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from operator import or_
from typing import Annotated, Any, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.types import Send

from kedge.agents.decisions import Plan, SubQuestion

__all__ = ["Call", "bare_asyncio", "critical_path", "send_by_levels", "supervisor"]

Call = Callable[[], Awaitable[None]]


def critical_path(plan: Plan) -> int:
    """Calls that have to be made one after another: planning, and the longest chain of searches."""
    length: dict[str, int] = {}
    for step in plan.steps:
        before = max((length[name] for name in step.depends_on), default=0)
        length[step.id] = before + (step.operation == "search")
    return 1 + max(length.values())


async def bare_asyncio(plan: Plan, call: Call) -> None:
    """The least that could be written: tasks that wait for tasks."""
    await call()
    running: dict[str, asyncio.Task[None]] = {}

    async def run(step: SubQuestion) -> None:
        await asyncio.gather(*(running[name] for name in step.depends_on))
        if step.operation == "search":
            await call()

    async with asyncio.TaskGroup() as group:
        for step in plan.steps:
            running[step.id] = group.create_task(run(step))


class Levels(TypedDict, total=False):
    """The steps that are done."""

    plan: Plan
    call: Call
    done: Annotated[frozenset[str], or_]


def _ready(state: Levels) -> list[SubQuestion]:
    done = state.get("done", frozenset())
    return [s for s in state["plan"].steps if s.id not in done and done.issuperset(s.depends_on)]


def _sends(state: Levels) -> list[Send] | str:
    return [Send("branch", {"step": step, "call": state["call"]}) for step in _ready(state)] or END


async def _plan(state: Levels) -> Levels:
    await state["call"]()
    return {}


async def _branch(sent: dict[str, Any]) -> Levels:
    if sent["step"].operation == "search":
        await sent["call"]()
    return {"done": frozenset([sent["step"].id])}


async def _merge(state: Levels) -> Levels:
    return {}


_levels = StateGraph(Levels)
_levels.add_node("plan", _plan)
_levels.add_node("branch", _branch)  # type: ignore[arg-type, type-var, unused-ignore]
_levels.add_node("merge", _merge)
_levels.add_edge(START, "plan")
_levels.add_conditional_edges("plan", _sends, ["branch", END])
_levels.add_edge("branch", "merge")
_levels.add_conditional_edges("merge", _sends, ["branch", END])
LEVELS = _levels.compile()


async def send_by_levels(plan: Plan, call: Call) -> None:
    """One `Send` for each step that is ready, and a barrier behind them."""
    await LEVELS.ainvoke({"plan": plan, "call": call}, {"recursion_limit": 100})


class Research(TypedDict, total=False):
    """One researcher's task."""

    call: Call


async def _look(state: Research) -> Research:
    await state["call"]()
    return {}


async def _compress(state: Research) -> Research:
    await state["call"]()
    return {}


_research = StateGraph(Research)
_research.add_node("look", _look)
_research.add_node("compress", _compress)
_research.add_edge(START, "look")
_research.add_edge("look", "compress")
_research.add_edge("compress", END)
RESEARCHER = _research.compile()


async def _supervise(state: Levels) -> Levels:
    """Each turn the supervisor is asked what to research next; it goes on when all researchers are back."""
    await state["call"]()
    return {}


async def _delegate(state: Levels) -> Levels:
    ready = _ready(state)
    searches = [step for step in ready if step.operation == "search"]
    await asyncio.gather(*(RESEARCHER.ainvoke({"call": state["call"]}) for _ in searches))
    return {"done": frozenset(step.id for step in ready)}


async def _report(state: Levels) -> Levels:
    await state["call"]()
    return {}


def _more(state: Levels) -> str:
    return "delegate" if any(step.operation == "search" for step in _ready(state)) else "report"


_supervisor = StateGraph(Levels)
_supervisor.add_node("supervise", _supervise)
_supervisor.add_node("delegate", _delegate)
_supervisor.add_node("report", _report)
_supervisor.add_edge(START, "supervise")
_supervisor.add_conditional_edges("supervise", _more, ["delegate", "report"])
_supervisor.add_edge("delegate", "supervise")
_supervisor.add_edge("report", END)
SUPERVISOR = _supervisor.compile()


async def supervisor(plan: Plan, call: Call) -> None:
    """The pattern of open_deep_research: a supervisor, researchers that compress what they find, a report."""
    await SUPERVISOR.ainvoke({"plan": plan, "call": call}, {"recursion_limit": 100})
