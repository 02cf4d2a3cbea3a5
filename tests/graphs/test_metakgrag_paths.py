"""The loop on graphs without text, on mixed bases, and on input that nobody would wish for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import pytest
from langgraph.graph import StateGraph
from sqlalchemy import event

from kedge._api import KnowledgeBase
from kedge.graphs.answer import Answer
from kedge.graphs.metakgrag import graph, wired
from kedge.testing import FakeEncoder
from kedge.tools.encoders import MiniLM
from kedge.tools.knowledge_base import Block, ParsedDocument, TripleDraft
from kedge.tools.models import Budget

FILMS = [
    ("The Grey Heron", "directed_by", "Ines Marrick"),
    ("The Grey Heron", "starred_actors", "Bo Quill"),
    ("The Grey Heron", "release_year", "1931"),
    ("Low Tide", "directed_by", "Ines Marrick"),
    ("Low Tide", "release_year", "1934"),
    ("Ferry Night", "directed_by", "Hal Orlo"),
    ("Ferry Night", "starred_actors", "Bo Quill"),
    ("Ferry Night", "starred_actors", "Eve Ashby"),
    ("Ferry Night", "release_year", "1936"),
]
ENCODER = MiniLM()


async def opened(folder: Path, facts: Iterable[tuple[str, str, str]], *texts: str) -> KnowledgeBase:
    base = KnowledgeBase.open(folder, encoder=ENCODER, create=True)
    await base.aadd_triples([TripleDraft(*fact) for fact in facts], source="facts.tsv")
    await base.aadd([ParsedDocument(t, t, "", t, "text", (Block("paragraph", 0, len(t)),)) for t in texts])
    return base


@pytest.fixture
async def films(tmp_path: Path) -> AsyncIterator[KnowledgeBase]:
    with await opened(tmp_path / "base", FILMS) as base:
        yield base


async def test_a_pure_graph_answers_with_the_path_as_its_evidence(films: KnowledgeBase) -> None:
    answer = await films.aask("who directed The Grey Heron?")
    assert (answer.text, answer.answers) == ("Ines Marrick", ("Ines Marrick",))
    assert [(step.subject, step.object) for step in answer.path] == [("The Grey Heron", "Ines Marrick")]
    assert "Ines Marrick" in answer.citations[0].quote


async def test_all_answers_of_a_set_are_given(films: KnowledgeBase) -> None:
    answer = await films.aask("what films did Ines Marrick direct")
    assert set(answer.answers) == {"Low Tide", "The Grey Heron"}
    assert answer.text in ("Low Tide, The Grey Heron", "The Grey Heron, Low Tide")


async def test_the_pivot_is_on_the_path_and_the_trace_says_so(films: KnowledgeBase) -> None:
    question = "what were the release years of the films that share actors with [The Grey Heron]"
    answer = await films.aask(question)
    assert answer.text == "1936"
    adjusted = [event for event in answer.trace if event.kind == "adjusted"]
    assert adjusted
    assert adjusted[0].data["lead"]["entities"] == ["the grey heron"]
    once = await films.aask(question, budget=Budget(rounds=0))
    assert once.text != "1936"


async def test_what_the_graph_does_not_have_is_declined(films: KnowledgeBase) -> None:
    answer = await films.aask("who starred in Low Tide")
    assert answer.abstention is not None
    assert answer.abstention.reason == "missing hop"


async def test_options_bind_the_answer_of_a_path(films: KnowledgeBase) -> None:
    right = await films.aask("Who directed The Grey Heron? A) Bo Quill B) Ines Marrick")
    assert right.text == "Ines Marrick"
    neither = await films.aask("Who directed The Grey Heron? A) Bo Quill B) Hal Orlo")
    assert neither.text is None


async def test_facts_and_texts_stand_in_for_each_other(tmp_path: Path) -> None:
    text = "Hesk Pier was built by Ada Holm in 1856."
    with await opened(tmp_path / "mixed", FILMS, text) as base:
        by_graph = await base.aask("who directed The Grey Heron?")
        by_text = await base.aask("Who built Hesk Pier?")
    assert (by_graph.text, len(by_graph.path)) == ("Ines Marrick", 1)
    assert by_text.text == "Ada Holm"
    assert by_text.citations[0].quote == text


async def test_a_node_can_be_replaced_to_learn_what_it_is_worth(films: KnowledgeBase) -> None:
    from kedge.agents.extractive import ExtractiveCast
    from kedge.graphs import metakgrag
    from kedge.graphs.context import Context

    async def idle(state: metakgrag.State, runtime: object) -> metakgrag.State:
        return {"halted": True}

    context = Context(films, ExtractiveCast(ENCODER))
    question = "what were the release years of the films that share actors with [The Grey Heron]"
    state = await wired(adjust=idle).compile().ainvoke({"question": question, "trace": []}, context=context)
    assert len(state["rounds"]) == 1
    assert len((await graph.ainvoke({"question": question, "trace": []}, context=context))["rounds"]) > 1


async def test_a_question_compiles_no_graph_and_asks_the_store_a_few_times_a_round(
    films: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = "what were the release years of the films that share actors with [The Grey Heron]"
    expected, statements = await films.aask(question), []
    event.listen(films.store._engine, "before_cursor_execute", lambda *call: statements.append(call[2]))
    monkeypatch.delattr(StateGraph, "compile")
    answer = await films.aask(question)
    assert answer.text == expected.text
    rounds = sum(step.kind == "perceived" for step in answer.trace)
    assert rounds > 1
    assert len(statements) <= 6 * (rounds + 1), statements


HUB = [("Hub", "has_part", f"Part {n}") for n in range(3_000)]
HARD = {
    "nothing at all": ([], "who directed The Grey Heron?"),
    "no concept that links": (FILMS, "why?"),
    "another script": ([("Ada", "место рождения", "Лондон"), ("Аня", "знает", "Бо")], "Кого знает Аня?"),
    "self-loops": ([("Ada", "knows", "Ada"), ("Ada", "is", "Ada")], "who does Ada know?"),
    "cycles": (
        [("a1", "next_to", "b1"), ("b1", "next_to", "c1"), ("c1", "next_to", "a1")],
        "what is next to a1?",
    ),
    "parallel edges": ([("Ada", "wrote", "Notes")] * 3 + [("Ada", "penned", "Notes")], "what did Ada write?"),
    "case and accents": ([("ÉVA", "wrote", "Notes"), ("Eva", "wrote", "Songs")], "what did éva write?"),
    "a hub": (HUB, "what parts does Hub have?"),
    "beside a hub": (HUB, "which things share parts with Part 7?"),
    "only marks": (FILMS, "?? [] [[ ]] …"),
}


@pytest.mark.parametrize("case", HARD)
async def test_hard_input_ends_in_an_answer_or_a_reason_within_the_budget(tmp_path: Path, case: str) -> None:
    facts, question = HARD[case]
    with KnowledgeBase.open(tmp_path / "base", encoder=FakeEncoder(), create=True) as base:
        await base.aadd_triples([TripleDraft(*fact) for fact in facts], source="facts.tsv")
        answer: Answer = await base.aask(question, budget=Budget(rounds=3, seconds=30))
    assert (answer.text is None) != (answer.abstention is None)
    assert sum(event.kind == "perceived" for event in answer.trace) <= 4
    assert answer.ledger.seconds < 30
    numbers = [event.data.get("quality", 0.0) for event in answer.trace]
    assert all(number == number for number in numbers)


async def test_an_entity_without_edges_is_declined(tmp_path: Path) -> None:
    from kedge.tools.knowledge_base import Extraction

    async def names(chunk: object) -> Extraction:
        return Extraction(mentions=("Ada Holm",))

    with KnowledgeBase.open(tmp_path / "base", encoder=FakeEncoder(), create=True) as base:
        text = "Ada Holm."
        document = ParsedDocument("a", "a", "", text, "text", (Block("paragraph", 0, len(text)),))
        await base.aadd([document], extract=names)
        answer = await base.aask("Who taught Ada Holm?")
    assert answer.abstention is not None
