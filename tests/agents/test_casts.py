"""Every cast plays every method: the same rules hold for what comes out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from kedge.agents.decisions import (
    Concept,
    Gap,
    Judgement,
    Plan,
    Reading,
    SubQuestion,
    Support,
    Verification,
)
from kedge.agents.extractive import ExtractiveCast
from kedge.agents.extractive.linking import link
from kedge.agents.llm import LlmCast
from kedge.agents.roles import Cast
from kedge.agents.scripted import ScriptedCast
from kedge.graphs.answer import Answer
from kedge.graphs.context import Context
from kedge.graphs.run import METHODS, stream
from kedge.testing import FakeEncoder
from kedge.tools.knowledge_base import Block, Evidence, Extraction, KnowledgeBase, ParsedDocument
from kedge.tools.models import Budget, Meter
from tests.agents.llm._models import Call, TalkingModel, passages, reply

TEXTS = {
    "Loose Ankles": "Loose Ankles is a 1930 film directed by Ted Wilde.",
    "Ted Wilde": "Ted Wilde was born in New York. He made comedies.",
    "Springfield": "Springfield has a river, a mill and a bridge.",
}
ANSWERABLE = "Where was the director of Loose Ankles born?"
UNANSWERABLE = "Who painted the ceiling of the Ducal Palace?"
BIRTH = "Ted Wilde was born in New York."
GAP = {"kind": "relation", "target": "Ted Wilde", "slot": "born", "description": "where Ted Wilde was born"}


@pytest.fixture
async def base(tmp_path: Path) -> AsyncIterator[KnowledgeBase]:
    documents = [
        ParsedDocument(title, title, title, text, "text", (Block("paragraph", 0, len(text)),))
        for title, text in TEXTS.items()
    ]
    encoder = FakeEncoder()
    with KnowledgeBase.open(tmp_path / "base", encoder=encoder, create=True) as base:
        await base.aadd(documents, extract=ExtractiveCast(encoder).extract_triples)
        yield base


def asked_in(text: str) -> str:
    return ANSWERABLE if "director" in text else UNANSWERABLE


def competent(call: Call) -> str:
    """A model that knows how to reply to every prompt, and reads only what it is shown."""
    shown = passages(call)
    at = next((n for n, text in enumerate(shown, start=1) if BIRTH in text), None)
    answers = "director" in call.user and at is not None
    match call.role:
        case "concepts":
            return reply(concepts=[{"text": "Loose Ankles", "kind": "name"}])
        case "extract_triples":
            return reply(names=[], triples=[])
        case "judge":
            missing = [] if answers else [GAP]
            return reply(missing=missing, sufficient=answers, reason="missing hop", confidence="high")
        case "read":
            quotations = [{"passage": at, "text": BIRTH}] if answers else []
            status = "answered" if answers else "out of corpus"
            answer = "New York" if answers else ""
            return reply(quotations=quotations, status=status, answer=answer, missing=[], confidence="high")
        case "plan":
            return reply(steps=[{"id": "1", "question": asked_in(call.user)}])
        case "verify":
            return reply(quotation=BIRTH, verdict="supported" if answers else "unsupported")
        case "grade_batch":
            return reply(grades=[{"passage": n, "grade": 2} for n in range(1, len(shown) + 1)])
        case "disambiguate":
            return reply(choice="1")
    return "New York" if "director" in call.user else "unknown"


def scripted() -> ScriptedCast:
    """Plays by hand what the competent model says."""

    def judge(question: str, evidence: Sequence[Evidence]) -> Judgement:
        read = reader(question, evidence)
        gaps = (Gap.model_validate(GAP),) if read.answer is None else ()
        return Judgement(sufficient=read.answer is not None, confidence=0.9, gaps=gaps)

    def reader(question: str, evidence: Sequence[Evidence]) -> Reading:
        for item in evidence:
            if "director" in question and (at := item.chunk.text.find(BIRTH)) >= 0:
                support = Support(chunk_id=item.chunk.id, start=at, end=at + len(BIRTH))
                return Reading(answer="New York", support=(support,), confidence=0.9)
        return Reading(answer=None, reason="out of corpus")

    def planner(question: str, gaps: Sequence[Gap]) -> Plan:
        return Plan(steps=(SubQuestion(id="1", question=question),))

    def verifier(question: str, answer: str, evidence: Sequence[Evidence]) -> Verification:
        return Verification(supported=any(BIRTH in item.chunk.text for item in evidence), confidence=0.9)

    return ScriptedCast(
        {
            "plan": planner,
            "verify": verifier,
            "concepts": [(Concept(text="Loose Ankles", kind="name"),)],
            "link": link,
            "extract_triples": [Extraction()],
            "judge": judge,
            "read": reader,
        }
    )


def cast_of(name: str, base: KnowledgeBase) -> Cast:
    casts: dict[str, Cast] = {
        "extractive": ExtractiveCast(base.encoder),
        "llm": LlmCast(TalkingModel(script=competent)),
        "scripted": scripted(),
    }
    return casts[name]


async def answer_of(context: Context, method: str, question: str) -> Answer:
    items = [item async for item in stream(question, context, method=method)]
    assert isinstance(items[-1], Answer)
    return items[-1]


def check(answer: Answer, base: KnowledgeBase) -> None:
    """What holds for any answer, whoever gave it."""
    assert (answer.text is None) == (answer.abstention is not None)
    assert answer.trace[-1].kind == "answered"
    assert 0.0 <= answer.confidence <= 1.0
    for citation in answer.citations:
        assert base.text(citation.document_id)[citation.start : citation.end] == citation.quote
    Answer.model_validate_json(answer.model_dump_json())


# Those that load adapters into a vLLM need one, and ask no role: see tests/graphs/test_parametric.py.
PLAYED = [name for name, module in METHODS.items() if module != "kedge.graphs.parametric"]


@pytest.mark.parametrize("method", PLAYED)
@pytest.mark.parametrize("name", ["extractive", "llm", "scripted"])
async def test_every_cast_plays_every_method(base: KnowledgeBase, name: str, method: str) -> None:
    model = TalkingModel(script=competent)
    for question in (ANSWERABLE, UNANSWERABLE):
        answer = await answer_of(Context(base, cast_of(name, base), model), method, question)
        check(answer, base)
        if question == ANSWERABLE and (name != "extractive" or method == "metakgrag"):
            assert answer.text is not None
            assert "New York" in answer.text
            assert method == "closed_book" or answer.citations[0].quote == BIRTH
        if question == UNANSWERABLE:
            assert answer.text is None


BAD = {
    "empty": "",
    "prose": "As a language model I would rather talk about the weather.",
    "endless": "the the the " * 2000,
    "wrong schema": reply(verdict="fine", score=11),
    "cut off": '{"quotations": [{"passage": 1, "text": "Loose Ank',
    "half a character": reply(
        quotations=[{"passage": 1, "text": "\ud800"}], status="answered", answer="\udfff", missing=[]
    ),
    "deep": "[" * 100_000,
    "deep object": '{"a":' * 100_000,
    "invented": reply(
        quotations=[{"passage": 9, "text": "It says so."}],
        status="answered",
        answer="42",
        concepts=[{"text": "42", "kind": "name"}],
        missing=[],
        sufficient=False,
    ),
}


@pytest.mark.parametrize("method", ["metakgrag", "retrieve_read"])
@pytest.mark.parametrize("bad", BAD)
async def test_a_model_that_talks_nonsense_is_no_crash_and_no_answer(
    base: KnowledgeBase, bad: str, method: str
) -> None:
    model = TalkingModel(script=[BAD[bad]])
    meter = Meter(Budget(rounds=2))
    answer = await answer_of(Context(base, LlmCast(model), model, meter), method, ANSWERABLE)
    check(answer, base)
    assert answer.abstention is not None
    assert answer.trace[-1].data["notes"], "the trace says why"


async def test_a_failed_judge_does_not_end_the_loop(base: KnowledgeBase) -> None:
    def talk(call: Call) -> str:
        return "hm" if call.role == "judge" else competent(call)

    context = Context(base, LlmCast(TalkingModel(script=talk)), meter=Meter(Budget(rounds=2)))
    answer = await answer_of(context, "metakgrag", ANSWERABLE)
    assert answer.text == "New York"
    evaluated = next(event for event in answer.trace if event.kind == "evaluated")
    assert "no usable reply to the prompt judge" in evaluated.data["notes"][0]


def test_every_role_of_the_cast_is_played() -> None:
    """What the roles are called is read off the protocols, so that a new one cannot be forgotten."""
    from kedge.agents import roles

    played: set[str] = {
        name
        for protocol in vars(roles).values()
        if isinstance(protocol, type) and getattr(protocol, "_is_protocol", False)
        for name in vars(protocol)
        if asyncio.iscoroutinefunction(getattr(protocol, name))
    }
    assert played >= {"read", "augment", "grade", "verify", "plan"}
    played -= {"lead", "follow"}  # a cast may do without, see `PathFinder`
    assert not {role for role in played if not hasattr(LlmCast, role)}


async def test_each_role_of_the_llm_cast_decides(base: KnowledgeBase) -> None:
    """Roles that no method asks for yet, through the same model."""
    player = LlmCast(TalkingModel(script=competent), score="batched")
    [chunk, *_] = base.chunks([1, 2, 3])
    evidence = [Evidence(chunk, 1.0, "found")]
    assert (await player.plan(ANSWERABLE)).steps
    assert not (await player.verify(UNANSWERABLE, "nobody", evidence)).supported
    assert await player.grade(ANSWERABLE, [chunk]) == (0.5,)
    assert await player.extract_triples(chunk) == Extraction()
