"""The probe on a real knowledge base, the judge, shortcuts, and the report."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from kedge.agents.decisions import Judgement, Reading
from kedge.agents.scripted import ScriptedCast
from kedge.benchmarks.crumq.contrast import contrasts, transformed
from kedge.benchmarks.crumq.corpus import built
from kedge.benchmarks.crumq.judging import judged
from kedge.benchmarks.crumq.probing import Probed, cheats, instances, probed, rounds
from kedge.benchmarks.crumq.records import question_of
from kedge.benchmarks.crumq.report import (
    cheat_table,
    judge_table,
    samples,
    shortcut_table,
)
from kedge.benchmarks.crumq.shortcuts import Case, audited
from kedge.benchmarks.crumq.supports import by_name
from kedge.benchmarks.crumq.writing import Judge
from kedge.benchmarks.datasets import Passage
from kedge.benchmarks.datasets.adding import parsed
from kedge.benchmarks.harness.asking import answered, record
from kedge.benchmarks.harness.page import markdown
from kedge.benchmarks.harness.report import part_table, report, score_table
from kedge.benchmarks.harness.scoring import scores
from kedge.errors import DecisionFailed
from kedge.graphs.answer import Answer
from kedge.testing import FakeEncoder
from kedge.tools.knowledge_base import Evidence, KnowledgeBase
from tests.agents.llm._models import Call, TalkingModel, reply
from tests.benchmarks._questions import ITEMS, item, said
from tests.benchmarks.crumq._corpus import corpus, pages


def rows(method: str, answers: Sequence[Answer | None]) -> list[dict[str, Any]]:
    pairs = zip(ITEMS, answers, strict=False)
    return [record(question_of(i), method, a, 0.01, failure="" if a else "broken") for i, a in pairs]


# The probe


NEEDED = frozenset(("lantern", "ada"))


def reader() -> ScriptedCast:
    """Joins facts: it answers when both documents are there, and guesses by the film's text alone."""

    def read(question: str, evidence: Sequence[Evidence]) -> Reading:
        texts = {item.chunk.title for item in evidence}
        if "Lantern Hill" not in texts:
            return Reading(answer=None, reason="missing hop", confidence=0.9)
        if "Ada Quill" not in texts:
            return Reading(answer="1931", confidence=0.3)
        return Reading(answer="Saltmarsh", confidence=0.6)

    return ScriptedCast({"read": read})


async def test_the_probe_hides_documents_and_puts_them_back(tmp_path: Path) -> None:
    given = [
        Probed("q", "Where was the director of Lantern Hill born?", ("Saltmarsh",), NEEDED),
        Probed("r", "In which year was Lantern Hill by Ada Quill?", ("1931",), NEEDED),
    ]
    base = await built(tmp_path / "base", pages(), FakeEncoder(), None)
    seen: list[set[str]] = []

    async def ask(base: KnowledgeBase, question: str) -> Answer:
        seen.append({document.title for document in base.documents()})
        return await answered(base, question, "retrieve_read", reader())

    documents = by_name(parsed(p, "films") for p in corpus())
    async with base:
        path = tmp_path / "probe.jsonl"
        found = await probed(path, given, base, documents, ask)
        assert await probed(path, given, base, documents, ask) == found
        assert len(base.documents()) == 7
    assert len(found) == len(seen) == 6
    assert [len(titles) for titles in seen[:2]] == [7, 7]
    assert all(not {"Lantern Hill", "Ada Quill"} <= titles for titles in seen[2:])
    result = cheats(given, found)
    # The first question needs both documents. The second has its answer in one of them, and is cheated.
    assert result.original.mean == 0.5
    assert result.probe.mean == 0.5
    assert result.conditional is not None
    assert result.conditional.mean == 0
    assert result.failures == 0


def test_a_failed_instance_is_no_answer_and_is_counted() -> None:
    given = [Probed("q", "?", ("x",), frozenset("ab"))]
    row = {"text": "x", "confidence": 0.5, "support": ["a", "b"], "failure": ""}
    told = [{**row, "id": "q/all"}, {**row, "id": "q/0a", "text": None, "failure": "gone", "support": []}]
    result = cheats(given, told)
    assert (result.original.mean, result.probe.mean, result.failures) == (1, 0, 1)
    assert result.supports is not None
    assert result.supports.mean == 0


def test_rounds_hide_nothing_that_others_need() -> None:
    given = [
        Probed(f"q{n}", "?", ("x",), frozenset((f"d{n}", f"d{n + 1}", f"d{n + 2}"))) for n in range(0, 40, 2)
    ]
    every = instances(given)
    groups = rounds(every, 200)
    assert sorted(i.id for group in groups for i in group) == sorted(i.id for i in every)
    for group in groups:
        hidden = frozenset[str]().union(*(i.hidden for i in group))
        assert len(hidden) <= 10
        assert all(hidden & i.asked.supports == i.hidden for i in group)
    assert len(groups) < len(every) / 3


# The judge


async def test_a_judge_stands_beside_the_exact_checks(tmp_path: Path) -> None:
    def says(call: Call) -> str:
        if "Bo Quill" in call.user:
            return "no idea"
        same = "Ada Quill" in call.user.split("Other answer")[-1]
        return reply(verdict="same" if same else "different", acceptable=True)

    answers = [said("Ada Quill"), said("Ada Quill"), said("Bo Quill"), said("Outside"), said(None)]
    kept = [row | {"id": f"m/{row['question']}"} for row in rows("m", answers)]
    model = TalkingModel(script=says)
    [found] = await judged(tmp_path / "judged.jsonl", ITEMS, kept, Judge(model))
    # b is wrong by the exact check and right by the judge; c is not judged; d has no verdict of that form.
    assert (found.accuracy, found.acceptable, found.failed, found.n) == (pytest.approx(2 / 3), 0.5, 2, 5)
    assert found.agreement is not None
    assert (found.agreement.n, found.agreement.share) == (3, pytest.approx(2 / 3))
    asked_of = len(model.calls)
    assert await judged(tmp_path / "judged.jsonl", ITEMS, kept, Judge(model)) == [found]
    assert len(model.calls) == asked_of
    assert len(markdown(judge_table([found])).splitlines()) == 3


async def test_a_score_counts_when_the_judge_sees_what_was_taken_away() -> None:
    pool = [*corpus(), Passage("x", "Ferry", "The ferry was directed by nobody.")]
    case = Case("q", "Where?", ("Saltmarsh",), tuple(p for p in corpus() if p.id in NEEDED))
    instances_of = contrasts(case, pool)
    assert [whole for _, whole in instances_of] == [True, False, False]
    assert all(len(given) == 2 for given, _ in instances_of)
    assert all("Saltmarsh" not in p.text for given, _ in instances_of for p in given if p.id not in NEEDED)

    def judge(question: str, evidence: Sequence[Evidence]) -> Judgement:
        return Judgement(sufficient={item.chunk.source for item in evidence} == NEEDED, confidence=1.0)

    assert await transformed([case], [0.8], pool, ScriptedCast({"judge": judge})) == [0.8]
    trusting = ScriptedCast({"judge": [Judgement(sufficient=True, confidence=1.0)]})
    assert await transformed([case], [0.8], pool, trusting) == [0.0]
    assert await transformed([case], [0.8], pool, ScriptedCast({"judge": [DecisionFailed("no")]})) == [0.0]


# Shortcuts and the report


async def test_shortcuts_are_found_where_there_are_some() -> None:
    easy = [
        Case(f"c{n}", f"Who built pier {n}?", ("Ada Quill",), (Passage("p", "Pier", "Built in 1902."),))
        for n in range(40)
    ]
    alone = ScriptedCast({"read": [Reading(answer="Ada Quill", confidence=0.5)]})
    found = {s.name: s for s in await audited(easy, alone)}
    assert (
        found["answer type"].em.mean
        == found["question only"].em.mean
        == found["single document"].em.mean
        == 1
    )
    assert found["evidence without question"].em.mean == 0
    assert found["answer type"].em.n == sum(not case.known for case in easy)
    blind = {s.name: s for s in await audited(easy, ScriptedCast({"read": [DecisionFailed("no")]}))}
    assert blind["single document"].em.mean == 0


async def test_a_value_of_the_commonest_kind_may_be_all_that_is_needed() -> None:
    years = [
        Case(f"c{n}", "?", (str(1900 + n),), (Passage("p", "", f"Opened in {1900 + n}."),)) for n in range(20)
    ]
    found = {s.name: s for s in await audited(years, ScriptedCast({"read": [DecisionFailed("no")]}))}
    assert found["evidence without question"].em.mean == 1


def test_the_report_stands_alone_and_data_is_no_markup() -> None:
    evil = item("<script>alert(1)</script>", "<b>x</b>")
    given = [*ITEMS, evil]
    answers = [said("<img src=x onerror=alert(1)>"), *[said("Ada Quill", 0.4)] * 5]
    kept = [record(question_of(i), "m", a, 0.01) for i, a in zip(given, answers, strict=True)]
    found = scores([question_of(i) for i in given], kept)
    one = Probed("q", "?", ("x",), frozenset("ab"))
    cheated = {
        "m": cheats([one], [{"id": "q/all", "text": "x", "confidence": 1, "support": [], "failure": ""}])
    }
    tables = {"Methods": score_table(found), "Cheatability": cheat_table(cheated)}
    asked_of = [question_of(i) for i in given]
    text = report(
        "A | set", asked_of, found, kept, tables, facts={"drafts": 5}, parts=samples(given, pages())
    )
    assert not re.search(r"<(?:script|img|b>x|link|iframe)", text)
    assert not re.search(r"https?://", text)
    assert "default-src 'none'" in text
    for shown in (
        "always refuse",
        "always answer",
        "Risk over coverage",
        "Cheatability",
        "directed by Ada Quill",
    ):
        assert shown in text
    assert "<mark>directed by Ada Quill</mark>" in text
    for table in (score_table(found), part_table(found, "kind"), cheat_table(cheated), shortcut_table([])):
        lines = markdown(table).splitlines()
        assert len({line.count("|") for line in lines}) == 1
