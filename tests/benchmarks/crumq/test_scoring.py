"""Scores with exact denominators, the probe on a real knowledge base, shortcuts, and the report."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest

from kedge.agents.decisions import Judgement, Reading
from kedge.agents.scripted import ScriptedCast
from kedge.benchmarks.crumq import scoring
from kedge.benchmarks.crumq.contrast import contrasts, transformed
from kedge.benchmarks.crumq.corpus import built, worlds
from kedge.benchmarks.crumq.judging import judged
from kedge.benchmarks.crumq.probing import Probed, cheats, instances, probed, rounds
from kedge.benchmarks.crumq.records import Item, Support
from kedge.benchmarks.crumq.report import (
    cheat_table,
    judge_table,
    markdown,
    page,
    part_table,
    score_table,
    shortcut_table,
)
from kedge.benchmarks.crumq.scoring import answered, asked, in_development, record, scores, tallied
from kedge.benchmarks.crumq.shortcuts import Case, audited
from kedge.benchmarks.crumq.writing import Judge
from kedge.benchmarks.datasets import Passage
from kedge.errors import DecisionFailed, ModelError
from kedge.graphs.answer import Answer, compose
from kedge.testing import FakeEncoder
from kedge.tools.knowledge_base import Evidence, KnowledgeBase
from kedge.tools.models import Ledger
from tests.agents.llm._models import Call, TalkingModel, reply
from tests.benchmarks.crumq._corpus import corpus, pages


def item(name: str, *answers: str, answerable: bool = True, hops: int = 2, kind: str = "bridge") -> Item:
    return Item(
        id=name,
        question=f"Who is {name}?",
        answers=answers,
        answerable=answerable,
        corpus="full" if answerable else "internal",
        kind=kind,  # type: ignore[arg-type]
        type="multi-step reasoning",
        format="factual",
        length="1-2 words",
        hops=hops,
        external=0.5,
        supports=(Support(document="lantern", side="internal", quote="directed by Ada Quill"),),
    )


def said(text: str | None, confidence: float = 0.8, reason: Any = "missing hop") -> Answer:
    reading = Reading(answer=text, reason=None if text else reason, confidence=confidence)
    return compose("?", "m", reading, [], ledger=Ledger())


ITEMS = [
    item("a", "Ada Quill"),
    item("b", "Bo Marrick", hops=3),
    item("c", "Cy Dask"),
    item("d", "Outside", answerable=False),
    item("e", answerable=False, kind="false premise"),
]


def rows(method: str, answers: Sequence[Answer | None]) -> list[dict[str, Any]]:
    pairs = zip(ITEMS, answers, strict=False)
    return [record(i, method, a, 0.01, failure="" if a else "broken") for i, a in pairs]


def test_scores_by_hand_with_failures_in_every_denominator() -> None:
    answers = [said("Ada Quill"), None, said("Bo Quill"), said("Outside"), said(None)]
    [score] = [s for s in scores(ITEMS, rows("m", answers)) if s.method == "m"]
    assert score.f1.mean == pytest.approx(1 / 3)  # right, failed, wrong
    assert (score.f1.n, score.refused.n, score.ratios.n, score.failures) == (3, 2, 2, 1)
    assert score.refused.mean == 0.5
    assert score.leaked == 0.5  # what it should not know
    assert score.joint == pytest.approx(0.7 / 3 + 0.3 / 2)
    assert score.by["hops"]["3"] == {"answerable": 1, "f1": 0.0, "unanswerable": 0, "refused": 0.0}
    assert score.by["kind"]["bridge"]["f1"] == pytest.approx(1 / 3)
    assert score.by["kind"]["false premise"]["refused"] == 1


def test_a_question_that_was_not_asked_counts_as_failed() -> None:
    [score] = [s for s in scores(ITEMS, rows("m", [said("Ada Quill")])) if s.method == "m"]
    assert score.failures == 4
    assert score.f1.mean == pytest.approx(1 / 3)
    assert score.ratios.failed == 1


def test_refusing_is_not_free_and_neither_is_answering() -> None:
    found = {score.method: score for score in scores(ITEMS, [])}
    refuse, answer = found["always refuse"], found["always answer"]
    assert (refuse.f1.mean, refuse.refused.mean, refuse.joint) == (0, 1, pytest.approx(0.3))
    assert answer.refused.mean == 0
    assert answer.ratios.answered == 1


def test_running_out_of_budget_is_no_acceptable_refusal() -> None:
    answers = [said(None)] * 3 + [said(None, reason="budget"), said(None, reason="under-specified")]
    [score] = [s for s in scores(ITEMS, rows("m", answers)) if s.method == "m"]
    assert (score.refused.mean, score.ratios.unanswered, score.ratios.clarification) == (0.5, 0.5, 0.5)


def test_methods_are_compared_question_by_question() -> None:
    many = [item(f"q{n}", "Ada Quill") for n in range(12)]
    right = [record(i, "m", said("Ada Quill"), 0.01) for i in many]
    wrong = [record(i, scoring.BASELINE, said("Nobody"), 0.01) for i in many]
    found = {score.method: score for score in scores(many, [*right, *wrong])}
    assert found["m"].p is not None
    assert found["m"].p < 0.001
    assert found["m"].p_right == pytest.approx(2 / 2**12)
    assert found[scoring.BASELINE].p is None


def test_a_threshold_is_chosen_on_one_half_and_told_on_the_other() -> None:
    many = [item(f"q{n}", "Ada Quill", answerable=n % 2 == 0) for n in range(60)]
    given = [
        record(i, "m", said("Ada Quill", 0.9) if i.answerable else said("Nobody", 0.2), 0.01) for i in many
    ]
    [score] = [s for s in scores(many, given) if s.method == "m"]
    assert score.limit == 0.9
    assert score.held_out_joint == pytest.approx(0.7)
    assert score.thresholded == pytest.approx(1.0)
    halves = {in_development(i) for i in many}
    assert halves == {True, False}
    twin = item("x", "A").model_copy(update={"id": "other", "twin": "x"})
    assert in_development(twin) == in_development(item("x", answerable=False))


def test_ten_thousand_records_are_scored_in_time() -> None:
    many = [item(f"q{n}", "Ada Quill", answerable=n % 3 > 0) for n in range(5_000)]
    given = [record(i, m, said("Ada Quill", n % 7 / 7), 0.01) for m in "ab" for n, i in enumerate(many)]
    start = perf_counter()
    scores(many, given)
    assert perf_counter() - start < 30  # 3 seconds on a quiet machine; the limit is 10


async def test_every_method_is_asked_of_the_right_world_once(tmp_path: Path) -> None:
    calls: list[tuple[str, int]] = []

    def read(question: str, evidence: Sequence[Evidence]) -> Reading:
        calls.append((question, len(evidence)))
        if question == "Who is c?":
            raise ModelError("the model is gone")
        return Reading(answer="Ada Quill", confidence=0.5)

    cast = ScriptedCast({"read": read})
    async with await worlds(tmp_path / "set", pages(), FakeEncoder(), None) as both:
        path = tmp_path / "records.jsonl"
        first = [row async for row in asked(path, ITEMS, ["retrieve_read"], both, cast)]
        again = [row async for row in asked(path, ITEMS, ["retrieve_read"], both, cast)]
    assert sorted(row["id"] for row in first) == [f"retrieve_read/{i.id}" for i in ITEMS]
    assert sorted(map(str, again)) == sorted(map(str, first))
    assert dict(calls) == {"Who is a?": 7, "Who is b?": 7, "Who is c?": 7, "Who is d?": 5, "Who is e?": 5}
    assert len(calls) == len(ITEMS)
    [failed] = [row for row in first if row["failure"]]
    assert (failed["question"], failed["outcome"]) == ("c", "failed")
    assert tallied(ITEMS, first) == (pytest.approx(1 / 3), 0.0, 5)


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

    texts = {p.id: p for p in corpus()}
    async with base:
        path = tmp_path / "probe.jsonl"
        found = await probed(path, given, base, texts, ask)
        assert await probed(path, given, base, texts, ask) == found
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
    kept = [record(i, "m", a, 0.01) for i, a in zip(given, answers, strict=True)]
    found = scores(given, kept)
    one = Probed("q", "?", ("x",), frozenset("ab"))
    cheated = {
        "m": cheats([one], [{"id": "q/all", "text": "x", "confidence": 1, "support": [], "failure": ""}])
    }
    tables = {"Methods": score_table(found), "Cheatability": cheat_table(cheated)}
    text = page("A | set", given, pages(), {"drafts": 5}, found, kept, tables)
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
