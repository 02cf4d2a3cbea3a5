"""Parallel sub-questions: plan, run every step as soon as its own are done, merge, judge, plan again, read.

After ParallelSearch (arXiv 2508.09303), with a plan that is a graph (as LLMCompiler's, arXiv 2312.04511)
instead of a flat list, and what each step found in a labelled block of its own.

Steps are LangGraph tasks of one node and not `Send` branches of many: a super-step is a barrier, so that with
`Send` a step waits for the slowest of its level, and a finished branch cannot be read by one that has not. A
task starts when its own dependencies are done, is saved when it is done, and is not run again on resume.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import replace
from operator import add
from typing import Annotated, Literal, TypedDict

from langgraph.config import get_stream_writer
from langgraph.func import task
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from kedge.agents.decisions import Judgement, Plan, Reading, SubQuestion
from kedge.errors import BudgetExceeded, KedgeError
from kedge.graphs.answer import Answer, compose
from kedge.graphs.branches import Branch, attempted, blocks, failures_of, gaps_of, looked, operated
from kedge.graphs.context import Context, halting
from kedge.graphs.events import Event
from kedge.graphs.evidence import leading, path
from kedge.graphs.plans import heights, merged, repaired, sinks, substituted, within

__all__ = ["STATE_TYPES", "builder", "graph"]

STATE_TYPES = (Branch, Judgement, Plan)


class State(TypedDict, total=False):
    """What flows through the graph; later plans fill the gaps of earlier ones.

    A `draft` is a first plan that was made before.
    """

    question: str
    draft: Plan
    plans: Annotated[list[Plan], add]
    branches: Annotated[list[Branch], add]
    judgement: Judgement
    warnings: Annotated[list[str], add]
    halted: bool
    trace: Annotated[list[Event], add]
    answer: Answer


async def plan(state: State, runtime: Runtime[Context]) -> State:
    """Take the question apart, or what is still missing of it; whatever comes back is made fit to run."""
    context, question, number = runtime.context, state["question"], len(state.get("plans", []))
    gaps = state["judgement"].gaps if number else ()
    failed: list[str] = []
    made = state.get("draft", Plan(steps=()))
    if number or "draft" not in state:
        try:
            made = await context.meter.play("plan", context.cast.plan, question, gaps)
        except BudgetExceeded:
            raise
        except KedgeError as error:
            made, failed = Plan(steps=()), [f"no plan: {error.message}"]
    if number:
        asked = {branch.question for branch in state["branches"]}
        made = Plan(steps=tuple(step for step in made.steps if step.question not in asked))
        if not made.steps:
            event = context.event("planned", "nothing new to ask", turn=number)
            return {"halted": True, "warnings": failed, "trace": [event]}
    sound, wrong = repaired(made, question)
    cut, left_out = within(sound, context.meter.budget.steps)
    fit, alike = await merged(cut, context.base.encoder)
    named = _named(fit, number)
    message = f"{len(named.steps)} steps, at most {max(heights(named).values())} one after another"
    steps = [step.model_dump(mode="json") for step in named.steps]
    event = context.event("planned", message, turn=number, steps=steps, changes=[*wrong, *left_out, *alike])
    return {"plans": [named], "warnings": [*failed, *wrong, *left_out], "trace": [event]}


async def search(state: State, runtime: Runtime[Context]) -> State:
    """Start every step of the plan at once: each waits for its own dependencies, and for nothing else."""
    steps, turn = state["plans"][-1], len(state["plans"]) - 1
    height, read = heights(steps), _to_be_read(steps)
    running: dict[str, Awaitable[Branch]] = {}
    for step in steps.steps:
        before = [running[name] for name in step.depends_on]
        share = (len(steps.steps), height[step.id] + 1)
        running[step.id] = branch(step, before, runtime.context, share, turn, read=step.id in read)
    done = await asyncio.gather(*running.values())
    told = sorted((event for branch in done for event in branch.events), key=lambda event: event.seconds)
    return {"branches": list(done), "trace": told}


async def run_step(
    step: SubQuestion,
    before: Sequence[Awaitable[Branch]],
    context: Context,
    share: tuple[int, int],
    turn: int,
    *,
    read: bool,
) -> Branch:
    """Run one step within its share of the budget; whatever goes wrong is its result, and nobody else's."""
    earlier = {done.step.id: done for done in await asyncio.gather(*before)}
    answers = {name: done.answer for name, done in earlier.items() if done.answer is not None}
    question = substituted(step.question, answers)
    about = next((done.about for done in earlier.values() if step.operation == "search"), ())
    blank = Branch(step=step, question=question, about=(*about, question))
    tell, told = get_stream_writer(), []

    def note(state: str, message: str, **data: object) -> None:
        labels = {"id": step.id, "question": question, "state": state}
        event = context.event("branch", f"#{step.id} {message}", turn=turn, **labels, **data)
        tell(event)
        told.append(event)

    missing = [name for name in earlier if name not in answers]
    if step.operation != "search":
        done = operated(blank, earlier.values())
    elif missing:
        done = blank.model_copy(update={"failure": f"needs the answer of #{', #'.join(missing)}"})
    else:
        note("searching", question)
        meter = context.meter.share(share[0], turns=share[1])
        looking = looked(blank, replace(context, meter=meter), read)
        done = await attempted(blank, looking, meter.budget.seconds)
    if done.failure:
        note("failed" if not missing else "skipped", done.failure, failure=done.failure)
    elif done.reading is None:
        note("done", f"{len(done.evidence)} passages", chunks=done.chunks)
    else:
        reading = done.reading
        message = reading.answer or f"no answer: {reading.reason}"
        note("done", message, answer=reading.answer, chunks=done.chunks)
    return done.model_copy(update={"events": tuple(told)})


# Not a decorator: LangGraph prepares a task anew for each call unless its function is known by its own name.
branch = task(run_step)


async def judge(state: State, runtime: Runtime[Context]) -> State:
    """Say what is missing, together with the gaps of steps that found no answer."""
    context, turn = runtime.context, len(state["plans"]) - 1
    evidence = blocks(state["branches"])
    judgement = await context.judge(state["question"], evidence)
    gaps = {gap.description: gap for gap in (*gaps_of(state["branches"]), *judgement.gaps)}
    judgement = judgement.model_copy(update={"gaps": () if judgement.sufficient else tuple(gaps.values())})
    verdict = "sufficient" if judgement.sufficient else "; ".join(gaps) or "insufficient"
    missing = [gap.model_dump(mode="json") for gap in judgement.gaps]
    event = context.event("evaluated", verdict, turn=turn, sufficient=judgement.sufficient, gaps=missing)
    return {"judgement": judgement, "trace": [event]}


async def read(state: State, runtime: Runtime[Context]) -> State:
    """The answer of the last step, if it has one; else what can be read from all blocks together."""
    context, branches = runtime.context, state.get("branches", [])
    evidence = blocks(branches)
    reading = _result(state)
    if reading is None:
        reading = await context.read(state["question"], evidence)
        if reading.answer is None:
            gaps = {gap.description: gap for gap in (*reading.gaps, *gaps_of(branches))}
            reading = reading.model_copy(update={"gaps": tuple(gaps.values())})
    turn = max(0, len(state.get("plans", [])) - 1)
    event = context.event("answered", reading.answer or f"no answer: {reading.reason}", turn=turn)
    found = leading(evidence, [item for branch in branches for item in branch.evidence])
    answer = compose(
        state["question"],
        "parallel",
        reading,
        found,
        path(context.base, (), reading, found),
        ledger=context.meter.ledger(),
        trace=[*state["trace"], event],
        warnings=(*state.get("warnings", ()), *failures_of(branches)),
    )
    return {"answer": answer, "trace": [event]}


async def towards_search(state: State) -> Literal["search", "read"]:
    """Search, unless the budget is used up or there is nothing new to ask."""
    return "read" if state.get("halted") else "search"


async def after_search(state: State) -> Literal["judge", "read"]:
    """The answer of the last step needs no judge: it has what it asked for."""
    return "judge" if _result(state) is None else "read"


async def after_judge(state: State, runtime: Runtime[Context]) -> Literal["plan", "read"]:
    """Plan again while something is missing and rounds are left."""
    if state.get("halted") or state["judgement"].sufficient or not state["judgement"].gaps:
        return "read"
    return "read" if len(state["plans"]) > runtime.context.meter.budget.rounds else "plan"


builder = StateGraph(State, context_schema=Context)
builder.add_node("plan", halting(plan))
builder.add_node("search", search)
builder.add_node("judge", halting(judge))
builder.add_node("read", read)
builder.add_edge(START, "plan")
builder.add_conditional_edges("plan", towards_search)
builder.add_conditional_edges("search", after_search)
builder.add_conditional_edges("judge", after_judge)
builder.add_edge("read", END)

graph = builder.compile(name="parallel")


def _named(plan: Plan, turn: int) -> Plan:
    """Steps of later plans under names of their own."""
    names = {step.id: f"{turn}.{step.id}" if turn else step.id for step in plan.steps}
    steps = [
        step.model_copy(
            update={
                "id": names[step.id],
                "question": substituted(step.question, {old: f"#{new}" for old, new in names.items()}),
                "depends_on": tuple(names[name] for name in step.depends_on),
            }
        )
        for step in plan.steps
    ]
    return Plan(steps=tuple(steps))


def _to_be_read(plan: Plan) -> set[str]:
    """Steps whose own answer somebody needs: another step or, where all lead to one, the question."""
    last = sinks(plan)
    return {step.id for step in plan.steps} - (set(last) if len(last) > 1 else set())


def _result(state: State) -> Reading | None:
    """The answer of the one step that all steps of the first plan lead to."""
    last = sinks(state["plans"][0]) if state.get("plans") else []
    ended = [branch for branch in state.get("branches", []) if [branch.step.id] == last]
    return ended[0].reading if ended and ended[0].answer is not None else None
