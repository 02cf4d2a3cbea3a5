"""The loops that `parallel` is compared with: the same roles, other calls."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from kedge.agents.decisions import Plan, Reading, SubQuestion
from kedge.agents.scripted import ScriptedCast
from kedge.graphs.answer import Answer
from kedge.graphs.context import Context
from kedge.graphs.run import stream
from kedge.testing import FakeEncoder
from kedge.tools.knowledge_base import Block, Evidence, KnowledgeBase, ParsedDocument
from kedge.tools.models import Budget, Meter
from kedge.tools.search import bm25

TEXTS = ("Ada Moss was born in 1840.", "Ben Lowe was born in 1830.", "The pier was built by Ben Lowe.")
COMPARED = Plan(
    steps=(
        SubQuestion(id="1", question="When was Ada Moss born?"),
        SubQuestion(id="2", question="When was Ben Lowe born?"),
        SubQuestion(id="3", question="Who is older?", depends_on=("1", "2"), operation="earliest"),
    )
)
CHAIN = Plan(
    steps=(
        SubQuestion(id="1", question="Who built the pier?"),
        SubQuestion(id="2", question="When was #1 born?", depends_on=("1",)),
    )
)


@pytest.fixture
async def base(tmp_path: Path) -> AsyncIterator[KnowledgeBase]:
    documents = [ParsedDocument(t, t, "", t, "text", (Block("paragraph", 0, len(t)),)) for t in TEXTS]
    with KnowledgeBase.open(tmp_path / "base", encoder=FakeEncoder(), create=True) as base:
        await base.aadd(documents)
        yield base


KNOWN = {
    "When was Ada Moss born?": "1840",
    "When was Ben Lowe born?": "1830",
    "Who built the pier?": "Ben Lowe",
}


def read(question: str, evidence: Sequence[Evidence]) -> Reading:
    return Reading(answer=KNOWN.get(question, "read at once"), confidence=0.9)


async def asked(
    base: KnowledgeBase, method: str, plan: Plan, rounds: int = 3
) -> tuple[Answer, list[str], list[str]]:
    """The answer, the roles that were played, and what was searched for."""
    queries: list[str] = []

    async def search(base: KnowledgeBase, query: str, k: int) -> list[Evidence]:
        queries.append(query)
        return await bm25(base, query, k)

    cast = ScriptedCast({"plan": [plan], "read": read})
    context = Context(base, cast, search=search, meter=Meter(Budget(rounds=rounds)))
    items = [item async for item in stream("Who?", context, method=method)]
    assert isinstance(items[-1], Answer)
    return items[-1], [role for role, _ in cast.calls], queries


async def test_the_sequential_loop_asks_what_is_next_before_each_step(base: KnowledgeBase) -> None:
    answer, roles, queries = await asked(base, "sequential", COMPARED)
    assert answer.text == "Ben Lowe"
    assert roles == ["plan", "read", "plan", "read", "plan"]
    assert queries == ["When was Ada Moss born?", "When was Ben Lowe born?"]


async def test_the_sequential_loop_puts_answers_in(base: KnowledgeBase) -> None:
    answer, _, queries = await asked(base, "sequential", CHAIN)
    assert answer.text == "1830"
    assert queries == ["Who built the pier?", "When was Ben Lowe born?"]


async def test_the_sequential_loop_is_bounded_by_rounds(base: KnowledgeBase) -> None:
    answer, _, queries = await asked(base, "sequential", CHAIN, rounds=0)
    assert queries == ["Who built the pier?"]
    assert answer.text == "read at once"


async def test_splitting_searches_for_all_parts_in_one_turn_and_reads_once(base: KnowledgeBase) -> None:
    answer, roles, queries = await asked(base, "splitting", COMPARED)
    assert roles == ["plan", "read"]
    assert sorted(queries) == ["When was Ada Moss born?", "When was Ben Lowe born?"]
    assert answer.text == "read at once"
    assert any("##" in event.message for event in answer.trace)


async def test_splitting_takes_a_chain_turn_by_turn(base: KnowledgeBase) -> None:
    _, roles, queries = await asked(base, "splitting", CHAIN)
    assert queries == ["Who built the pier?", "When was Ben Lowe born?"]
    assert roles == ["plan", "read", "plan", "read"]


async def test_parallel_makes_three_fifths_of_the_calls(base: KnowledgeBase) -> None:
    _, sequential, _ = await asked(base, "sequential", COMPARED)
    answer, parallel, _ = await asked(base, "parallel", COMPARED)
    assert answer.text == "Ben Lowe"
    assert len(parallel) <= 0.6 * len(sequential)


@pytest.mark.parametrize("method", ["sequential", "splitting"])
async def test_a_plan_that_leads_nowhere_ends(base: KnowledgeBase, method: str) -> None:
    answer, _, _ = await asked(base, method, Plan(steps=()), rounds=1)
    assert answer.text == "read at once"
