from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from kedge.agents.decisions import Finding, Lead
from kedge.benchmarks.datasets import Question, add_graph, metaqa, pathquestion
from kedge.benchmarks.suites._kgqa_tables import markdown
from kedge.benchmarks.suites.kgqa import SETS, Condition, asked, measured, run, score, shuffled
from kedge.errors import InputError
from kedge.testing import FakeEncoder
from kedge.tools.knowledge_base import KnowledgeBase, KnowledgeGraph, entity_key
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
    finding = Finding(lead=Lead(entities=("ada",)), answers=("eva", "cy"))
    found = score(finding, question, answered=True, rounds=1, ms=1.0)
    assert (found.hit, found.f1) == (True, 0.5)
    assert not score(None, question, answered=False, rounds=1, ms=1.0).hit


def test_topics_are_marked_or_not() -> None:
    question = Question("q", "who made [The Tide]", ("x",), extra={"topic_entity": "The Tide"})
    assert asked(question) == "who made [The Tide]"
    assert asked(question, marked=False) == "who made The Tide"
    paths = [[["The_Tide", "made_by", "x"]], [["Bo", "made", "x"]]]
    both = Question("q", "who made The Tide with Bo", ("x",), extra={"gold_paths": paths})
    assert asked(both) == "who made [The Tide] with [Bo]"


async def test_the_official_release_is_read(data: Path) -> None:
    folder = data / "kgqa" / "metaqa"
    (folder / "kb.txt").write_text((folder / "kb.tsv").read_text().replace("\t", "|"))
    (folder / "kb.tsv").unlink()
    for hops in (1, 2, 3):
        (folder / f"qa_{hops}hop.jsonl").unlink()
        (folder / f"qa_{hops}hop.txt").write_text("who directed [Heron]\tInes\n" * 6)
    report = await run(data, encoder=FakeEncoder())
    assert report["sets"]["MetaQA 1-hop"]["closed"]["hits@1"] == 1.0


def test_shuffling_keeps_the_edges_and_no_label() -> None:
    graph = graph_of([("a", "likes", "b"), ("b", "made_by", "c"), ("c", "knows", "a")])
    mixed = shuffled(graph)
    before = {(s, o): data["relation"] for s, o, data in graph.nx.edges(data=True)}
    after = {(s, o): data["relation"] for s, o, data in mixed.nx.edges(data=True)}
    assert before.keys() == after.keys()
    assert sorted(before.values()) == sorted(after.values())
    assert all(before[pair] != after[pair] for pair in before)


async def test_real_questions_of_two_hops(shared_data: Path, tmp_path: Path) -> None:
    """A guard against silent loss: some questions on a small real graph, with the shipped encoder."""
    folder = shared_data / "kgqa" / "pathquestion"
    questions = list(pathquestion(folder / "pq2_questions.jsonl"))[:100]
    with KnowledgeBase.open(tmp_path / "base", create=True) as base:
        await add_graph(base, folder / "pq2_kb.tsv")
        outcomes = [await measured(base, question, Condition()) for question in questions]
    assert sum(outcome.hit for outcome in outcomes) / len(questions) > 0.85
