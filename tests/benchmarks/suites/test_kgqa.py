from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from kedge.agents.extractive.graph_answers import GraphAnswer, answer_from_graph
from kedge.benchmarks.datasets import Question, kb_tsv, metaqa, pathquestion
from kedge.benchmarks.suites.kgqa import SETS, markdown, run, score, shuffled, topics_of
from kedge.errors import InputError
from kedge.testing import FakeEncoder
from kedge.tools.encoders import MiniLM
from kedge.tools.knowledge_base import KnowledgeGraph, entity_key
from kedge.tools.knowledge_base.rows import TripleRow


def graph_of(facts: Iterable[tuple[str, str, str]]) -> KnowledgeGraph:
    graph = KnowledgeGraph()
    graph.add(
        TripleRow(number, "d", None, s, relation, o, entity_key(s), entity_key(o), 1.0)
        for number, (s, relation, o) in enumerate(facts, start=1)
    )
    return graph


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Every set in miniature."""
    facts = "Heron\tdirected_by\tInes\nTide\tdirected_by\tInes\nTide\tstarred_actors\tBo\n"
    for item in SETS:
        graph, questions = tmp_path / item.graph, tmp_path / item.questions
        graph.parent.mkdir(parents=True, exist_ok=True)
        graph.write_text(facts)
        rows = []
        for number in range(6):
            gold = [["Heron", "directed_by", "Ines"]]
            rows.append(
                {
                    "id": f"q{number}",
                    "question": "who directed [Heron]" if item.read is metaqa else "who directed Heron ?",
                    "topic_entity": "Heron",
                    "hops": 1,
                    "answers": ["Ines"],
                    "all_answers": ["Ines"],
                    "gold_path": gold,
                    "gold_paths": [gold],
                    "kb_exact": True,
                }
            )
        questions.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


async def test_the_suite_runs_from_files_to_tables(data: Path) -> None:
    report = await run(data, encoder=FakeEncoder())
    assert set(report["sets"]) == {item.name for item in SETS}
    first = report["sets"]["MetaQA 1-hop"]
    assert first["closed"]["hits@1"] == first["linked"]["hits@1"] == 1.0
    assert first["answers removed"]["hits@1"] == 0.0
    table = markdown(json.loads(json.dumps(report)))
    assert "| MetaQA 1-hop |" in table
    assert "100.0" in table


async def test_missing_data_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        await run(tmp_path)


def test_scores_count_sets_of_entities() -> None:
    question = Question("q", "who?", ("Éva", "Bo"))
    found = score(GraphAnswer(answers=("eva", "cy")), question, 1.0)
    assert (found.hit, found.f1) == (True, 0.5)
    assert not score(GraphAnswer(reason="missing hop"), question, 1.0).hit


def test_topics_are_placed_in_the_question() -> None:
    question = Question("q", "who made [The Tide]", ("x",), extra={"topic_entity": "The Tide"})
    (topic,) = topics_of(question)
    assert (topic.entity, topic.span) == ("the tide", (9, 19))


def test_shuffling_keeps_the_edges_and_no_label() -> None:
    graph = graph_of([("a", "likes", "b"), ("b", "made_by", "c"), ("c", "knows", "a")])
    mixed = shuffled(graph)
    before = {(s, o): data["relation"] for s, o, data in graph.nx.edges(data=True)}
    after = {(s, o): data["relation"] for s, o, data in mixed.nx.edges(data=True)}
    assert before.keys() == after.keys()
    assert sorted(before.values()) == sorted(after.values())
    assert all(before[pair] != after[pair] for pair in before)


async def test_real_questions_of_two_hops(shared_data: Path) -> None:
    """A guard against silent loss: some questions on a small real graph, with the shipped encoder."""
    folder = shared_data / "kgqa" / "pathquestion"
    drafts = [fact.draft for fact in kb_tsv(folder / "pq2_kb.tsv")]
    graph = graph_of((draft.subject, draft.relation, draft.object) for draft in drafts)
    questions = list(pathquestion(folder / "pq2_questions.jsonl"))[:150]
    encoder, hits = MiniLM(), 0
    for question in questions:
        found = await answer_from_graph(question.question, graph, encoder, topics=topics_of(question))
        hits += score(found, question, 0.0).hit
    assert hits / len(questions) > 0.85
