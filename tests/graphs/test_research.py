"""The router: which method is asked, what is checked, when another one is asked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models import FakeListChatModel
from PIL import Image

from kedge.agents.decisions import Concept, Judgement, Plan, Reading, SubQuestion, Support, Verification
from kedge.agents.scripted import ScriptedCast
from kedge.graphs.answer import Answer
from kedge.graphs.context import Context
from kedge.graphs.events import Event
from kedge.graphs.run import stream
from kedge.testing import FakeEncoder
from kedge.tools.images import as_png
from kedge.tools.knowledge_base import Block, Evidence, Gallery, KnowledgeBase, ParsedDocument
from kedge.tools.models import Budget, Meter

TEXTS = ("Ada Moss was born in 1840.", "Ben Lowe was born in 1830.")
SINGLE = Plan(steps=(SubQuestion(id="1", question="When was Ada Moss born?"),))
COMPARED = Plan(
    steps=(
        SubQuestion(id="1", question="When was Ada Moss born?"),
        SubQuestion(id="2", question="When was Ben Lowe born?"),
        SubQuestion(id="3", question="Who is older?", depends_on=("1", "2"), operation="earliest"),
    )
)
NONE = Reading(answer=None, reason="missing hop")
BLUE = as_png(Image.new("RGB", (60, 40), "blue"))
FLAG = ParsedDocument("flag", "flag", "Flag", "Image: Flag\nDrawn by Cy Rook", "image", (), image=BLUE)


@pytest.fixture
async def base(tmp_path: Path) -> AsyncIterator[KnowledgeBase]:
    documents = [ParsedDocument(t, t, "", t, "text", (Block("paragraph", 0, len(t)),)) for t in TEXTS]
    with KnowledgeBase.open(tmp_path / "base", encoder=FakeEncoder(), create=True) as base:
        await base.aadd(documents)
        yield base


def read(question: str, evidence: Sequence[Evidence]) -> Reading:
    for item in evidence:
        if " ".join(item.chunk.text.split()[:2]) in question:
            support = Support(chunk_id=item.chunk.id, start=21, end=25)
            return Reading(answer=item.chunk.text[21:25], support=(support,), confidence=0.8)
    return NONE


def cast(plan: Plan, **script: Any) -> ScriptedCast:
    parts = {
        "plan": [plan],
        "read": read,
        "concepts": [[Concept(text="Ada Moss", kind="name")]],
        "link": [[]],
        "judge": [Judgement(sufficient=True, confidence=1.0)],
        "verify": [Verification(supported=True, confidence=1.0)],
    }
    return ScriptedCast(parts | script)


async def run(context: Context, question: str, **options: Any) -> tuple[list[Event], Answer]:
    items = [item async for item in stream(question, context, method="research", **options)]
    assert isinstance(items[-1], Answer)
    return [item for item in items[:-1] if isinstance(item, Event)], items[-1]


def routed(events: Sequence[Event]) -> list[str]:
    return [event.message for event in events if event.kind == "routed"]


async def test_one_thing_goes_to_the_loop_and_several_to_parallel(base: KnowledgeBase) -> None:
    single, answer = await run(Context(base, cast(SINGLE)), "When was Ada Moss born?")
    assert answer.text == "1840"
    assert routed(single) == ["metakgrag: the question asks for one thing"]
    played = cast(COMPARED)
    several, answer = await run(Context(base, played), "Who is older, Ada Moss or Ben Lowe?")
    assert answer.text == "Ben Lowe"
    assert routed(several) == ["parallel: the question has 2 parts"]
    assert [role for role, _ in played.calls].count("plan") == 1, "the plan is not made twice"


async def test_each_part_is_verified_against_its_own_citations(base: KnowledgeBase) -> None:
    played = cast(COMPARED)
    await run(Context(base, played), "Who is older, Ada Moss or Ben Lowe?")
    claims = [args[:2] for role, args in played.calls if role == "verify"]
    assert sorted(claims) == [("When was Ada Moss born?", "1840"), ("When was Ben Lowe born?", "1830")]
    texts = [[item.chunk.text for item in args[2]] for role, args in played.calls if role == "verify"]
    assert all(text[0] in TEXTS for text in texts)


async def test_an_abstention_is_asked_once_more_elsewhere(base: KnowledgeBase) -> None:
    judged = [Judgement(sufficient=False, confidence=0.5), Judgement(sufficient=True, confidence=1.0)]
    refuse = [NONE, NONE, NONE, Reading(answer="Ben Lowe", confidence=0.6)]
    played = cast(COMPARED, read=refuse, judge=judged)
    events, answer = await run(Context(base, played), "Who is older, Ada Moss or Ben Lowe?")
    assert [message.split(":")[0] for message in routed(events)] == ["parallel", "metakgrag"]
    assert answer.text == "Ben Lowe"
    assert answer.method == "research"


async def test_after_two_abstentions_it_abstains(base: KnowledgeBase) -> None:
    played = cast(SINGLE, read=[NONE])
    events, answer = await run(Context(base, played), "When was Cy Rook born?")
    assert answer.abstention is not None
    assert len(routed(events)) == 2
    assert not any(role == "verify" for role, _ in played.calls)


async def test_an_answer_that_nothing_bears_out_is_given_with_its_doubts(base: KnowledgeBase) -> None:
    played = cast(SINGLE, verify=[Verification(supported=False, confidence=0.9)])
    _, answer = await run(Context(base, played), "When was Ada Moss born?")
    assert answer.text == "1840"
    assert answer.confidence == 0.4
    assert answer.warnings == ("the citations do not bear the answer out",)


async def test_what_is_shown_is_looked_for_among_pictures(base: KnowledgeBase) -> None:
    played, question = cast(SINGLE), "Who drew the picture of Ada Moss?"
    events, _ = await run(Context(base, played), question)
    assert routed(events)[0].startswith("metakgrag"), "there are no pictures"
    await base.aadd([FLAG])
    with closing(Gallery(base)) as gallery:
        events, _ = await run(Context(base, played, gallery=gallery), question)
        assert routed(events)[0] == "multimodal: the question is about what an image or a page shows"
        events, _ = await run(Context(base, played, gallery=gallery, images=(BLUE,)), "When was she born?")
        assert routed(events)[0].startswith("multimodal")


async def test_a_part_about_a_picture_is_looked_for_among_pictures(base: KnowledgeBase) -> None:
    await base.aadd([FLAG])
    born = SubQuestion(id="1", question="When was Ada Moss born?")
    seen = SubQuestion(id="2", question="When was Ben Lowe born, by his picture?")
    played = cast(Plan(steps=(born, seen)))
    with closing(Gallery(base)) as gallery:
        await run(Context(base, played, gallery=gallery), "Who is older?")
    judged = [args[0] for role, args in played.calls if role == "judge"]
    assert seen.question in judged, "the method for pictures reflects on what it found"
    assert born.question not in judged, "one search is not reflected on"


async def test_without_documents_the_model_is_asked(tmp_path: Path) -> None:
    with KnowledgeBase.open(tmp_path / "empty", encoder=FakeEncoder(), create=True) as base:
        context = Context(base, cast(SINGLE), FakeListChatModel(responses=["1840"]))
        events, answer = await run(context, "When was Ada Moss born?")
        assert routed(events) == ["closed_book: there are no documents"]
        assert answer.text == "1840"
        _, answer = await run(Context(base, cast(SINGLE, read=[NONE])), "When was Ada Moss born?")
        assert answer.abstention is not None


async def test_all_attempts_share_one_budget(base: KnowledgeBase) -> None:
    context = Context(base, cast(SINGLE, read=[NONE]), meter=Meter(Budget(seconds=20)))
    _, answer = await run(context, "When was Cy Rook born?")
    assert answer.ledger.roles["read"].decisions == 2
    assert answer.ledger == answer.ledger.model_copy(update={"roles": context.meter.roles})


async def test_events_are_the_trace(base: KnowledgeBase) -> None:
    events, answer = await run(Context(base, cast(COMPARED)), "Who is older, Ada Moss or Ben Lowe?")
    assert events[1:] == list(answer.trace)


async def test_a_finished_run_gives_its_answer_again(base: KnowledgeBase, tmp_path: Path) -> None:
    options = {"checkpoints": tmp_path / "runs.sqlite", "thread": "one"}
    _, answer = await run(Context(base, cast(COMPARED)), "Who is older?", **options)
    silent = cast(COMPARED)
    _, again = await run(Context(base, silent), "Who is older?", **options)
    assert again == answer
    assert silent.calls == []
