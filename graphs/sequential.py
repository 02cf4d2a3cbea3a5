"""One step at a time: the loop that `parallel` is compared with, over the same roles.

After Search-R1 (arXiv 2503.09516): in each turn the model says what to look for next, reads what was found,
and goes on until nothing is left to ask.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import add
from typing import Annotated, Literal, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from kedge.agents.decisions import Plan, SubQuestion
from kedge.graphs.answer import Answer, compose
from kedge.graphs.branches import Branch, attempted, blocks, gaps_of, looked, operated
from kedge.graphs.context import Context, halting
from kedge.graphs.events import Event
from kedge.graphs.evidence import leading, path
from kedge.graphs.plans import repaired, sinks, substituted
from kedge.tools.knowledge_base import Evidence

__all__ = ["STATE_TYPES", "State", "begun", "builder", "concluded", "due", "graph", "towards_search"]

STATE_TYPES = (Branch, Plan)


class State(TypedDict, total=False):
    """What flows through the graph: the latest plan, and the steps that ran."""

    question: str
    plan: Plan
    branches: Annotated[list[Branch], add]
    halted: bool
    trace: Annotated[list[Event], add]
    answer: Answer


async def think(state: State, runtime: Runtime[Context]) -> State:
    """Ask the planner again, as a model that searches is asked again in each turn."""
    context, question, ran = runtime.context, state["question"], state.get("branches", [])
    plan = await context.plan(question, gaps_of(ran))
    sound, _ = repaired(plan, question)
    ready = due({**state, "plan": sound}, context.meter.budget.rounds)
    message = ready[0].question if ready else "nothing is left to ask"
    return {"plan": sound, "trace": [context.event("planned", message, turn=_turn(state))]}


async def search(state: State, runtime: Runtime[Context]) -> State:
    """Run the next step: search and read, or operate on the answers so far."""
    context = runtime.context
    blank, earlier = begun(due(state, context.meter.budget.rounds)[0], state)
    if blank.step.operation == "search":
        done = await attempted(blank, looked(blank, context, read=True), None)
    else:
        done = operated(blank, earlier)
    message = f"{done.question}: {done.answer or done.failure or 'no answer'}"
    event = context.event("searched", message, turn=_turn(state), chunks=done.chunks)
    return {"branches": [done], "trace": [event]}


async def read(state: State, runtime: Runtime[Context]) -> State:
    """The answer that the steps lead to; else what can be read from all that was found."""
    return await concluded("sequential", state, runtime.context, blocks(state.get("branches", [])))


async def towards_search(state: State, runtime: Runtime[Context]) -> Literal["search", "read"]:
    """Go on while a step is due."""
    if state.get("halted"):
        return "read"
    return "search" if due(state, runtime.context.meter.budget.rounds) else "read"


async def towards_think(state: State) -> Literal["think", "read"]:
    """Go on until the step that all others lead to has run."""
    last = sinks(state["plan"])
    ended = state.get("halted") or (len(last) == 1 and last[0] in _ran(state))
    return "read" if ended else "think"


builder = StateGraph(State, context_schema=Context)
builder.add_node("think", halting(think))
builder.add_node("search", halting(search))
builder.add_node("read", read)
builder.add_edge(START, "think")
builder.add_conditional_edges("think", towards_search)
builder.add_conditional_edges("search", towards_think)
builder.add_edge("read", END)

graph = builder.compile(name="sequential")


def due(state: State, rounds: int) -> list[SubQuestion]:
    """Steps of the plan that have not run and whose dependencies have answers; searches while rounds last."""
    ran = _ran(state)
    answered = {name for name, branch in ran.items() if branch.answer is not None}
    ready = [s for s in state["plan"].steps if s.id not in ran and answered.issuperset(s.depends_on)]
    return [step for step in ready if step.operation != "search" or _turn(state) <= rounds]


def begun(step: SubQuestion, state: State) -> tuple[Branch, list[Branch]]:
    """A step with earlier answers put in, and the steps that gave them."""
    ran = _ran(state)
    earlier = [ran[name] for name in step.depends_on]
    question = substituted(step.question, {name: ran[name].answer or "" for name in step.depends_on})
    about = earlier[0].about if earlier and step.operation == "search" else ()
    return Branch(step=step, question=question, about=(*about, question)), earlier


async def concluded(method: str, state: State, context: Context, evidence: Sequence[Evidence]) -> State:
    """The answer of the one step that all others lead to or, where there is none, of this evidence."""
    branches, last = state.get("branches", []), sinks(state["plan"]) if "plan" in state else []
    ended = _ran(state).get(last[0]) if len(last) == 1 else None
    reading = ended.reading if ended and ended.answer is not None else None
    if reading is None:
        reading = await context.read(state["question"], evidence, gaps_of(branches))
    message = reading.answer or f"no answer: {reading.reason}"
    event = context.event("answered", message, turn=max(0, _turn(state) - 1))
    found = leading(evidence, [item for branch in branches for item in branch.evidence])
    answer = compose(
        state["question"],
        method,
        reading,
        found,
        path(context.base, (), reading, found),
        ledger=context.meter.ledger(),
        trace=[*state["trace"], event],
    )
    return {"answer": answer, "trace": [event]}


def _ran(state: State) -> dict[str, Branch]:
    """The steps of the latest plan that ran: known by their question, since a planner may number anew."""
    ran = {branch.step.question: branch for branch in state.get("branches", [])}
    return {
        step.id: ran[step.question]
        for step in state.get("plan", Plan(steps=())).steps
        if step.question in ran
    }


def _turn(state: State) -> int:
    return sum(branch.step.operation == "search" for branch in state.get("branches", []))
