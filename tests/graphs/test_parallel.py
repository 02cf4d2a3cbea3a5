"""Plans that run as graphs: what runs at once, what fails alone, what is not run again."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from kedge.agents.decisions import Gap, Judgement, Operation, Plan, Reading, SubQuestion, Support
from kedge.agents.scripted import ScriptedCast
from kedge.errors import ModelError
from kedge.graphs.answer import Answer
from kedge.graphs.context import Context
from kedge.graphs.events import Event
from kedge.graphs.run import stream
from kedge.testing import FakeEncoder
from kedge.tools.knowledge_base import Block, Evidence, KnowledgeBase, ParsedDocument
from kedge.tools.models import Budget, Meter
from kedge.tools.search import bm25

BORN = {"Ada Moss": 1840, "Ben Lowe": 1830, "Cy Rook": 1850, "Dora Finch": 1835}
FACTS = [f"{name} was born in {year}." for name, year in BORN.items()]
FACTS += ["The pier was built by Ben Lowe.", "Ben Lowe grew up beside Ada Moss."]
INSUFFICIENT = Judgement(sufficient=False, confidence=0.5, reason="missing hop")


def document(text: str) -> ParsedDocument:
    return ParsedDocument(text, text, "", text, "text", (Block("paragraph", 0, len(text)),))


@pytest.fixture
async def base(tmp_path: Path) -> AsyncIterator[KnowledgeBase]:
    with KnowledgeBase.open(tmp_path / "base", encoder=FakeEncoder(), create=True) as base:
        await base.aadd([document(text) for text in FACTS])
        yield base


def step(id: str, question: str, *before: str, operation: Operation = "search") -> SubQuestion:
    return SubQuestion(id=id, question=question, depends_on=before, operation=operation)


def births(*names: str, question: str = "Who was born first?", operation: Operation = "earliest") -> Plan:
    asked = [step(str(n), f"When was {name} born?") for n, name in enumerate(names, start=1)]
    return Plan(steps=(*asked, step("last", question, *(one.id for one in asked), operation=operation)))


CHAIN = Plan(steps=(step("1", "Who built the pier?"), step("2", "When was #1 born?", "1")))


def read(question: str, evidence: Sequence[Evidence]) -> Reading:
    """The year or the builder, from the passage that names what the question names."""
    wanted = "built" if "built" in question else question.removeprefix("When was ").removesuffix(" born?")
    for item in evidence:
        text = item.chunk.text
        if wanted in text and ("born" in text or "built" in text):
            answer = text.split()[-1].strip(".") if "born" in text else "Ben Lowe"
            start = text.index(answer)
            support = Support(chunk_id=item.chunk.id, start=start, end=start + len(answer))
            return Reading(answer=answer, support=(support,), confidence=0.9)
    return Reading(answer=None, reason="out of corpus")


def cast(made: Plan, **script: Any) -> ScriptedCast:
    return ScriptedCast({"plan": [made], "read": read, "judge": [INSUFFICIENT]} | script)


async def run(context: Context, question: str = "Who?", **options: Any) -> tuple[list[Event], Answer]:
    items = [item async for item in stream(question, context, **{"method": "parallel"} | options)]
    assert isinstance(items[-1], Answer)
    return [item for item in items[:-1] if isinstance(item, Event)], items[-1]


def states(events: Sequence[Event]) -> dict[str, str]:
    """The last state of every branch."""
    return {event.data["id"]: event.data["state"] for event in events if event.kind == "branch"}


async def test_code_compares_what_was_read_at_once(base: KnowledgeBase) -> None:
    together = asyncio.Barrier(len(BORN))

    async def search(base: KnowledgeBase, query: str, k: int) -> list[Evidence]:
        await together.wait()  # one after another would wait for ever
        return await bm25(base, query, k)

    played = cast(births(*BORN))
    _, answer = await run(Context(base, played, search=search))
    assert answer.text == "Ben Lowe"
    assert {citation.quote for citation in answer.citations} == {str(year) for year in BORN.values()}
    assert [role for role, _ in played.calls] == ["plan", "read", "read", "read", "read"]


async def test_answers_are_put_into_what_depends_on_them(base: KnowledgeBase) -> None:
    _, answer = await run(Context(base, cast(CHAIN)), "When was the builder of the pier born?")
    assert answer.text == "1830"
    assert answer.citations[0].quote == "1830"


async def test_a_step_waits_for_its_own_dependencies_alone(base: KnowledgeBase) -> None:
    """1 is fast and 2 slow; what waits for 1 must not wait for 2."""
    plan = Plan(
        steps=(
            step("1", "Who built the pier?"),
            step("2", "When was Cy Rook born?"),
            step("3", "When was #1 born?", "1"),
            step("4", "first?", "2", "3", operation="earliest"),
        )
    )

    async def search(base: KnowledgeBase, query: str, k: int) -> list[Evidence]:
        await asyncio.sleep(0.3 if "Cy Rook" in query else 0.02)
        return await bm25(base, query, k)

    events, _ = await run(Context(base, cast(plan), search=search))
    order = [event.data["id"] for event in events if event.kind == "branch" and event.data["state"] == "done"]
    assert order == ["1", "3", "2", "4"]


async def test_the_order_of_blocks_is_the_plans_and_not_that_of_finishing(base: KnowledgeBase) -> None:
    plan = Plan(steps=tuple(step(str(n), f"When was {name} born?") for n, name in enumerate(BORN)))
    seen: list[list[str]] = []

    def whole(question: str, evidence: Sequence[Evidence]) -> Reading:
        seen.append([item.reason for item in evidence])
        return Reading(answer=None, reason="missing hop")

    for delays in ((0.0, 0.03, 0.06, 0.09), (0.09, 0.06, 0.03, 0.0)):
        wait = dict(zip(BORN, delays, strict=True))

        async def search(
            base: KnowledgeBase, query: str, k: int, wait: dict[str, float] = wait
        ) -> list[Evidence]:
            await asyncio.sleep(next(seconds for name, seconds in wait.items() if name in query))
            return await bm25(base, query, 1)

        await run(Context(base, cast(plan, read=whole), search=search, meter=Meter(Budget(rounds=0))))
    assert seen[0] == seen[1]
    assert [reason.split()[0] for reason in seen[0]] == ["#0", "#1", "#2", "#3"]


async def test_blocks_share_no_passage_and_none_starves(base: KnowledgeBase) -> None:
    plan = Plan(steps=(step("1", "When was Ada Moss born?"), step("2", "Who grew up beside Ada Moss?")))
    seen: list[Sequence[Evidence]] = []

    def whole(question: str, evidence: Sequence[Evidence]) -> Reading:
        seen.append(evidence)
        return Reading(answer=None, reason="missing hop")

    await run(Context(base, cast(plan, read=whole), search=bm25, meter=Meter(Budget(rounds=0))))
    chunks = [item.chunk.id for item in seen[0]]
    assert len(chunks) == len(set(chunks))
    assert any(item.reason.startswith("#1, #2 ") for item in seen[0]), "who found it twice is said"


async def test_a_failing_and_a_hanging_branch_are_named_and_leave_the_others_alone(
    base: KnowledgeBase,
) -> None:
    async def search(base: KnowledgeBase, query: str, k: int) -> list[Evidence]:
        if "Ada" in query:
            raise ConnectionError("the index is gone")
        if "Ben" in query:
            await asyncio.sleep(3600)
        return await bm25(base, query, k)

    played = cast(births(*BORN), plan=[births(*BORN), Plan(steps=())])
    context = Context(base, played, search=search, meter=Meter(Budget(seconds=0.9)))
    events, answer = await run(context)
    assert states(events) == {"1": "failed", "2": "failed", "3": "done", "4": "done", "last": "skipped"}
    assert any("ConnectionError: the index is gone" in warning for warning in answer.warnings)
    assert any("#2" in warning and "timed out" in warning for warning in answer.warnings)
    assert answer.abstention is not None
    assert {gap.target for gap in answer.abstention.missing} >= {
        "When was Ada Moss born?",
        "When was Ben Lowe born?",
    }
    assert context.meter.elapsed < 0.9


async def test_a_branch_that_spends_its_share_fails_alone(base: KnowledgeBase) -> None:
    from kedge.tools.models import Spending

    context = Context(base, cast(births("Ada Moss", "Ben Lowe")), meter=Meter(Budget(calls=30)))
    share = context.meter.share(3)
    share.charge("read", Spending(calls=10))
    assert context.meter.roles["read"].calls == 10
    with pytest.raises(Exception, match="budget of 10 calls"):
        share.check_call()
    context.meter.check_call()


async def test_an_abstaining_step_is_a_gap_and_is_planned_for_again(base: KnowledgeBase) -> None:
    first = births("Ada Moss", "Nobody")
    second = Plan(steps=(step("1", "When was Ben Lowe born?"),))
    asked: list[Sequence[Gap]] = []

    def plan(question: str, gaps: Sequence[Gap]) -> Plan:
        asked.append(gaps)
        return second if gaps else first

    def reading(question: str, evidence: Sequence[Evidence]) -> Reading:
        return Reading(answer="Ben Lowe", confidence=0.5) if question == "Who?" else read(question, evidence)

    events, answer = await run(Context(base, cast(first, plan=plan, read=reading)), "Who?")
    assert [gap.target for gap in asked[1]] == ["When was Nobody born?"]
    assert states(events)["1.1"] == "done"
    assert answer.text == "Ben Lowe"


async def test_a_plan_that_asks_nothing_new_ends_the_search(base: KnowledgeBase) -> None:
    played = cast(births("Nobody", "No one"))
    _, answer = await run(Context(base, played, meter=Meter(Budget(rounds=50))))
    assert answer.abstention is not None
    assert [role for role, _ in played.calls].count("plan") == 2


async def test_a_model_that_cannot_plan_leaves_the_question_as_it_is(base: KnowledgeBase) -> None:
    played = cast(CHAIN, plan=[ModelError("no JSON came back")])
    _, answer = await run(Context(base, played), "When was Cy Rook born?")
    assert answer.text == "1850"
    assert answer.warnings[0] == "no plan: no JSON came back"


async def test_a_thousand_steps_are_cut_to_the_budget(base: KnowledgeBase) -> None:
    many = Plan(steps=tuple(step(str(n), f"When was person {n} born?") for n in range(1000)))
    meter = Meter(Budget(rounds=0, steps=7))
    events, answer = await run(Context(base, cast(many), meter=meter))
    assert len(states(events)) == 7
    assert "only 7 of 1,000 steps are within the budget" in answer.warnings


async def test_a_plan_in_another_language_runs(base: KnowledgeBase) -> None:
    plan = Plan(
        steps=(step("eins", "Wer baute den Pier?"), step("zwei", "Wann wurde #eins geboren? ä漢字", "eins"))
    )
    readings = [Reading(answer="Ben Lowe"), Reading(answer="1830")]
    _, answer = await run(Context(base, cast(plan, read=readings)), "Wann?")
    assert answer.text == "1830"


async def test_cycles_do_not_hang(base: KnowledgeBase) -> None:
    plan = Plan(steps=(step("1", "Who knew #2?", "2"), step("2", "When was #1 born?", "1", "7")))
    _, answer = await run(Context(base, cast(plan), meter=Meter(Budget(rounds=0))))
    assert any("wait for each other" in warning for warning in answer.warnings)


async def test_sub_questions_can_be_answered_by_another_method(base: KnowledgeBase) -> None:
    context = Context(base, cast(CHAIN), nested=lambda _: "retrieve_read")
    _, answer = await run(context, "When was the builder of the pier born?")
    assert answer.text == "1830"
    assert answer.citations[0].quote == "1830"
    assert answer.ledger.roles["read"].decisions == 2


async def test_the_first_event_comes_at_once(base: KnowledgeBase) -> None:
    context = Context(base, cast(CHAIN))
    before = time.monotonic()
    async for item in stream("Who?", context, method="parallel"):
        assert isinstance(item, Event)
        break
    assert time.monotonic() - before < 0.02


async def test_cancelling_stops_every_branch_at_once(base: KnowledgeBase) -> None:
    running: set[str] = set()
    started = asyncio.Event()

    async def search(base: KnowledgeBase, query: str, k: int) -> list[Evidence]:
        running.add(query)
        if len(running) == len(BORN):
            started.set()
        try:
            await asyncio.sleep(3600)
        finally:
            running.discard(query)
        return []

    asking = asyncio.create_task(run(Context(base, cast(births(*BORN)), search=search)))
    await started.wait()
    asking.cancel()
    before = time.monotonic()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert not running
    assert time.monotonic() - before < 0.5


async def test_whoever_stops_listening_stops_the_branches(base: KnowledgeBase) -> None:
    running: set[str] = set()

    async def search(base: KnowledgeBase, query: str, k: int) -> list[Evidence]:
        running.add(query)
        try:
            await asyncio.sleep(3600)
        finally:
            running.discard(query)
        return []

    items = stream("Who?", Context(base, cast(births(*BORN)), search=search), method="parallel")
    async for item in items:
        if isinstance(item, Event) and item.kind == "branch":
            break
    await items.aclose()  # type: ignore[attr-defined]
    assert not running


async def test_events_are_the_trace(base: KnowledgeBase) -> None:
    events, answer = await run(Context(base, cast(births(*BORN))))
    assert events[1:] == list(answer.trace)


CRASH = """
import asyncio, sys, time
from pathlib import Path
from test_parallel import *

async def search(base, query, k):
    with open(sys.argv[2], "a") as log:
        log.write(query + "\\n")
    if sys.argv[3] == "hang" and ("Cy" in query or "Dora" in query):
        await asyncio.sleep(3600)
    return await bm25(base, query, k)

async def main():
    with KnowledgeBase.open(Path(sys.argv[1]), encoder=FakeEncoder()) as base:
        context = Context(base, cast(births(*BORN)), search=search)
        options = {"checkpoints": Path(sys.argv[1]).parent / "runs.sqlite", "thread": "one"}
        _, answer = await run(context, **options)
        print(answer.text)

asyncio.run(main())
"""


async def test_a_killed_run_repeats_no_finished_branch(base: KnowledgeBase, tmp_path: Path) -> None:
    base.close()
    log = tmp_path / "searches.txt"
    here = Path(__file__).parent
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(here)!r})\n{CRASH}"]
    command += [str(tmp_path / "base"), str(log)]
    killed = subprocess.Popen([*command, "hang"])  # noqa: ASYNC220 - it is to be killed
    try:
        await _until(lambda: _saved(tmp_path / "runs.sqlite") >= 2)
    finally:
        killed.send_signal(signal.SIGKILL)
        killed.wait()
    assert sorted(log.read_text().split("\n")[:-1]) == sorted(f"When was {name} born?" for name in BORN)
    log.unlink()
    resumed = subprocess.run([*command, "go on"], capture_output=True, text=True, timeout=60, check=True)  # noqa: ASYNC221
    assert resumed.stdout.strip() == "Ben Lowe"
    assert sorted(log.read_text().split("\n")[:-1]) == ["When was Cy Rook born?", "When was Dora Finch born?"]


async def _until(done: Any) -> None:
    for _ in range(600):
        if done():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it never came so far")


def _saved(path: Path) -> int:
    """How many results of branches the checkpoint holds."""
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
            [(count,)] = connection.execute("select count(*) from writes where channel = '__return__'")
            return int(count)
    except sqlite3.OperationalError:
        return 0
