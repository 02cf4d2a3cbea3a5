from __future__ import annotations

import json
from pathlib import Path

import pytest

from kedge.agents.decisions import Plan, SubQuestion
from kedge.benchmarks.datasets import Decomposition, Passage, Question, add_passages
from kedge.benchmarks.suites import planning
from kedge.benchmarks.suites._multihop_sets import Case
from kedge.testing import FakeEncoder
from kedge.tools.knowledge_base import KnowledgeBase, entity_key

CHAIN = "Where was the designer of Skerry Light born?"
GOLD = Plan(
    steps=(
        SubQuestion(id="1", question="Who designed Skerry Light?"),
        SubQuestion(id="2", question="Where was #1 born?", depends_on=("1",)),
    )
)
SINGLE = Plan(steps=(SubQuestion(id="1", question="Who kept Skerry Light?"),))


def test_planners_are_compared_on_the_same_questions() -> None:
    asked = [Decomposition("a", CHAIN, GOLD), Decomposition("b", "Who kept Skerry Light?", SINGLE)]
    rows = {row.planner: row for row in planning.measure("set", asked)}
    single, rules = rows["always single"], rows["rules"]
    assert (rules.count.mean, rules.shape.mean, rules.over, rules.under) == (1, 1, 0, 0)
    assert (single.count.mean, single.under, single.p) == (0.5, 0.5, None)
    assert single.distance.mean == pytest.approx(1 / 3)
    assert rules.p is not None
    text = planning.markdown(planning.COLUMNS, list(rows.values()))
    assert "| set | rules | 2 | 100.0 [100.0, 100.0] |" in text
    assert len({line.count("|") for line in text.splitlines()}) == 1


def test_baselines() -> None:
    split = planning.PLANNERS["split at “and”"]("Who built it and who kept it?")
    assert [step.question for step in split.steps] == ["Who built it", "who kept it?"]
    flat = planning.PLANNERS["independent parts only"]
    assert len(flat(CHAIN).steps) == 1
    assert len(flat("Who is older, Ada Holm or Jon Cleary?").steps) == 3


def test_singles_that_are_split_are_counted(tmp_path: Path) -> None:
    squad = {"question": "Who kept Skerry Light?", "answers": [], "is_impossible": True}
    ids = [{**squad, "id": name} for name in "abcdefgh"]
    paragraphs = [{"context": "It is lit.", "qas": ids}]
    write(
        tmp_path / "extractive_qa/squad11_13articles.json",
        {"data": [{"title": "A", "paragraphs": paragraphs}]},
    )
    hotpot = {"id": "h", "question": CHAIN, "answer": "Varde", "type": "bridge", "gold_titles": []}
    write(tmp_path / "multihop_qa/hotpot500/questions.jsonl", hotpot)
    shares = {row.kind: row.share for row in planning.splits(tmp_path)}
    assert (shares["bridge"].mean, shares["bridge"].n) == (1, 1)
    assert shares["single hop"].mean == 0
    assert 0 < shares["single hop"].n < len(ids)  # the calibration half is left out


def write(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value) + "\n")


@pytest.mark.parametrize(
    "extra",
    [
        {"gold_triples": [["Skerry Light", "designer", "Ada Holm"], ["Ada Holm", "place of birth", "Varde"]]},
        {"question_decomposition": [{"question": "designer of Skerry Light", "answer": "Ada Holm"}]},
    ],
)
async def test_steps_are_searched_with_the_answers_before_them(
    tmp_path: Path, extra: dict[str, object]
) -> None:
    texts = {"Skerry Light": "A lighthouse.", "Ada Holm": "Born in Varde.", "Pier": "A pier of wood."}
    question = Question("q", CHAIN, ("Varde",), gold=("Skerry Light", "Ada Holm"), extra=extra)
    async with KnowledgeBase.open(tmp_path / "base", encoder=FakeEncoder(), create=True) as base:
        await add_passages(
            base, [Passage(title, title, text) for title, text in texts.items()], container="t"
        )
        gold = {
            (entity_key(t), "".join(c for c in texts[t].casefold() if c.isalnum())) for t in question.gold
        }
        row = await planning.recalls("set", base, [Case(question, frozenset(gold))])
    assert row.steps.mean == 1
    assert row.whole.n == 1
