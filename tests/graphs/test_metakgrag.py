"""The loop on graphs small enough to know what it must do, with roles played from a script."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from kedge.agents.decisions import Concept, Gap, Judgement, Link, Reading, Support
from kedge.agents.scripted import ScriptedCast
from kedge.graphs.answer import Answer
from kedge.graphs.context import Context
from kedge.graphs.events import Event
from kedge.graphs.run import stream
from kedge.testing import FakeEncoder
from kedge.tools.knowledge_base import (
    Block,
    Chunk,
    Evidence,
    Extraction,
    KnowledgeBase,
    ParsedDocument,
    TripleDraft,
    entity_key,
)
from kedge.tools.models import Budget, Meter

FACTS = {
    "Loose Ankles is a film directed by Ted Wilde.": [("Loose Ankles", "directed by", "Ted Wilde")],
    "Ted Wilde is buried in Forest Lawn.": [("Ted Wilde", "buried in", "Forest Lawn")],
    "Loose Ankles was shown in Springfield.": [("Loose Ankles", "shown in", "Springfield")],
    "Springfield has a river, a mill and a bridge.": [("Springfield", "has", "a mill")],
}


def document(text: str) -> ParsedDocument:
    return ParsedDocument(text, text, "", text, "text", (Block("paragraph", 0, len(text)),))


async def extract(chunk: Chunk) -> Extraction:
    return Extraction(tuple(TripleDraft(*fact) for fact in FACTS.get(chunk.text, [])))


@pytest.fixture
async def base(tmp_path: Path) -> AsyncIterator[KnowledgeBase]:
    with KnowledgeBase.open(tmp_path / "base", encoder=FakeEncoder(), create=True) as base:
        await base.aadd([document(text) for text in FACTS], extract=extract)
        yield base


def name(text: str) -> Concept:
    return Concept(text=text, kind="name")


def link(concepts: Sequence[Concept], base: KnowledgeBase) -> list[Link]:
    keys = [(concept, entity_key(concept.text)) for concept in concepts]
    return [Link(concept=c, entity=key, score=1.0) for c, key in keys if key in base.graph.nx]


def holds(evidence: Sequence[Evidence], words: str) -> bool:
    return any(words in item.chunk.text for item in evidence)


def judge_burial(question: str, evidence: Sequence[Evidence]) -> Judgement:
    """Sufficient once the burial is among the first two passages; before that it knows what to look for."""
    if holds(evidence[:2], "buried"):
        return Judgement(sufficient=True, confidence=1.0)
    gap = Gap(kind="relation", target="Ted Wilde", slot="buried", description="where Ted Wilde is buried")
    return Judgement(sufficient=False, confidence=0.9, gaps=(gap,), reason="missing hop")


def read_burial(question: str, evidence: Sequence[Evidence]) -> Reading:
    for item in evidence:
        if "buried" in item.chunk.text:
            support = Support(chunk_id=item.chunk.id, start=0, end=len(item.chunk.text))
            return Reading(answer="Forest Lawn", support=(support,), confidence=0.9)
    return Reading(answer=None, reason="missing hop")


def cast(**script: Any) -> ScriptedCast:
    parts = {
        "concepts": [[name("Loose Ankles"), Concept(text="buried", kind="relation")]],
        "link": link,
        "judge": judge_burial,
        "read": read_burial,
    }
    return ScriptedCast(parts | script)


async def run(context: Context, question: str, **options: Any) -> tuple[list[Event], Answer]:
    items = [item async for item in stream(question, context, **options)]
    assert isinstance(items[-1], Answer)
    return [item for item in items[:-1] if isinstance(item, Event)], items[-1]


QUESTION = "Where is the director of Loose Ankles buried?"


async def test_the_gap_moves_the_search_to_its_target(base: KnowledgeBase) -> None:
    blind = cast(judge=lambda q, e: judge_burial(q, [] if not holds(e[:1], "buried") else e))
    events, answer = await run(Context(base, blind, passages=4), QUESTION)
    adjusted = [event for event in events if event.kind == "adjusted"]
    assert adjusted, "the first round must have been judged insufficient"
    assert adjusted[0].data["starts"] == ["ted wilde"]
    assert adjusted[0].data["aim"] == "Ted Wilde buried"
    assert answer.text == "Forest Lawn"
    assert answer.citations[0].quote == "Ted Wilde is buried in Forest Lawn."


async def test_the_path_connects_the_question_to_the_citation(base: KnowledgeBase) -> None:
    _, answer = await run(Context(base, cast()), QUESTION)
    steps = [(step.subject, step.relation, step.object) for step in answer.path]
    assert ("Loose Ankles", "directed by", "Ted Wilde") in steps
    assert ("Ted Wilde", "buried in", "Forest Lawn") in steps
    assert [step.citation for step in answer.path if step.relation == "buried in"] == [1]


async def test_the_best_round_is_read_and_not_the_last(base: KnowledgeBase) -> None:
    never = Judgement(sufficient=False, confidence=0.5, reason="missing hop")
    gaps = [Gap(kind="entity", target=word, description=word) for word in ("mill", "bridge", "river")]
    judgements = [never.model_copy(update={"gaps": (gap,)}) for gap in gaps]
    events, answer = await run(Context(base, cast(judge=judgements), meter=Meter(Budget(rounds=2))), QUESTION)
    qualities = [event.data["quality"] for event in events if event.kind == "evaluated"]
    assert len(qualities) == 3
    assert answer.trace[-1].round == qualities.index(max(qualities))


async def test_rounds_are_bounded(base: KnowledgeBase) -> None:
    def never(question: str, evidence: Sequence[Evidence]) -> Judgement:
        never.asked += 1  # type: ignore[attr-defined]
        gap = Gap(kind="entity", target=f"thing {never.asked}", description="another thing")  # type: ignore[attr-defined]
        return Judgement(sufficient=False, confidence=0.5, gaps=(gap,))

    never.asked = 0  # type: ignore[attr-defined]
    for rounds in (0, 1):
        events, _ = await run(Context(base, cast(judge=never), meter=Meter(Budget(rounds=rounds))), QUESTION)
        assert sum(event.kind == "perceived" for event in events) == rounds + 1


async def test_a_repeated_course_ends_the_loop(base: KnowledgeBase) -> None:
    gap = Gap(kind="entity", target="nowhere", description="nowhere")
    same = Judgement(sufficient=False, confidence=0.5, gaps=(gap,))
    single = cast(
        judge=[same], concepts=[[name("nowhere")]], read=[Reading(answer=None, reason="missing hop")]
    )
    events, answer = await run(Context(base, single, meter=Meter(Budget(rounds=50))), "Where is nowhere?")
    assert sum(event.kind == "perceived" for event in events) <= 4
    assert answer.abstention is not None
    assert answer.abstention.reason == "missing hop"


async def test_drift_turns_back_to_the_entity_before_it(base: KnowledgeBase) -> None:
    """The walk goes on to a mill that has nothing to do with the question: the last hop is given up."""
    insufficient = [Judgement(sufficient=False, confidence=0.5)]
    parts = cast(judge=insufficient, concepts=[[name("Loose Ankles"), name("Springfield")]])
    context = Context(base, parts, meter=Meter(Budget(rounds=1)))
    events, _ = await run(context, "Loose Ankles shown in Springfield")
    evaluated = next(event for event in events if event.kind == "evaluated")
    adjusted = next(event for event in events if event.kind == "adjusted")
    assert evaluated.data["diagnosis"] == "drift"
    assert adjusted.data["tabu"], "the triple that led astray is not to be used again"


async def test_no_concept_links_and_the_passages_still_answer(base: KnowledgeBase) -> None:
    parts = cast(concepts=[[]], link=[[]])
    _, answer = await run(Context(base, parts), QUESTION)
    assert answer.text == "Forest Lawn"


async def test_an_empty_base_abstains(tmp_path: Path) -> None:
    with KnowledgeBase.open(tmp_path / "empty", encoder=FakeEncoder(), create=True) as base:
        _, answer = await run(Context(base, cast()), QUESTION)
    assert answer.text is None
    assert answer.abstention is not None


async def test_a_spent_budget_abstains_with_what_was_found(base: KnowledgeBase) -> None:
    async def slow(question: str) -> tuple[Concept, ...]:
        await asyncio.sleep(0.02)
        return (name("Loose Ankles"),)

    parts = cast()
    parts.concepts = slow  # type: ignore[method-assign]
    _, answer = await run(Context(base, parts, meter=Meter(Budget(seconds=0.01))), QUESTION)
    assert answer.abstention is not None
    assert answer.abstention.reason == "budget"
    assert any(event.kind == "halted" for event in answer.trace)


async def test_a_stopped_run_goes_on_where_it_stopped(base: KnowledgeBase, tmp_path: Path) -> None:
    """Finished nodes are not run again, and a finished run gives its answer again."""
    broken = cast(read=[RuntimeError("the reader fell over"), read_burial(QUESTION, [])])
    options = {"checkpoints": tmp_path / "runs.sqlite", "thread": "one"}
    with pytest.raises(RuntimeError, match="fell over"):
        await run(Context(base, broken), QUESTION, **options)
    asked = [role for role, _ in broken.calls]
    mended = cast()
    _, answer = await run(Context(base, mended), QUESTION, **options)
    assert answer.text == "Forest Lawn"
    assert asked.count("judge") >= 1
    assert [role for role, _ in mended.calls] == ["read"]
    silent = cast()
    _, again = await run(Context(base, silent), QUESTION, **options)
    assert again == answer
    assert silent.calls == []


async def test_events_are_the_trace(base: KnowledgeBase) -> None:
    events, answer = await run(Context(base, cast()), QUESTION)
    assert events[0].kind == "started"
    assert events[1:] == list(answer.trace)
    assert [event.seconds for event in events] == sorted(event.seconds for event in events)
