"""Scores with exact denominators, told apart by what questions say, and compared question by question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from time import process_time
from typing import Any

import pytest

from kedge.benchmarks.harness.asking import record
from kedge.benchmarks.harness.drawing import in_development
from kedge.benchmarks.harness.scoring import BASELINE, Score, Tally, scores
from kedge.graphs.answer import Answer
from tests.benchmarks._questions import QUESTIONS, question, said


def rows(method: str, answers: Sequence[Answer | None]) -> list[dict[str, Any]]:
    pairs = zip(QUESTIONS, answers, strict=False)
    return [record(i, method, a, 0.01, failure="" if a else "broken") for i, a in pairs]


def mean(score: Score) -> float:
    assert score.joint is not None
    return score.joint.mean


def test_scores_by_hand_with_failures_in_every_denominator() -> None:
    answers = [said("Ada Quill"), None, said("Bo Quill"), said("Outside"), said(None)]
    [score] = [s for s in scores(QUESTIONS, rows("m", answers)) if s.method == "m"]
    assert score.f1.mean == pytest.approx(1 / 3)  # right, failed, wrong
    assert (score.f1.n, score.refused.n, score.ratios.n, score.failures) == (3, 2, 2, 1)
    assert score.refused.mean == 0.5
    assert score.leaked == 0.5  # what it should not know
    assert mean(score) == pytest.approx(0.7 / 3 + 0.3 / 2)
    assert score.by["hops"]["3"] == {"answerable": 1, "f1": 0.0, "unanswerable": 0, "refused": 0.0}
    assert score.by["kind"]["bridge"]["f1"] == pytest.approx(1 / 3)
    assert score.by["kind"]["false premise"]["refused"] == 1


def test_a_question_that_was_not_asked_counts_as_failed() -> None:
    [score] = [s for s in scores(QUESTIONS, rows("m", [said("Ada Quill")])) if s.method == "m"]
    assert score.failures == 4
    assert score.f1.mean == pytest.approx(1 / 3)
    assert score.ratios.failed == 1


def test_refusing_is_not_free_and_neither_is_answering() -> None:
    found = {score.method: score for score in scores(QUESTIONS, [])}
    refuse, answer = found["always refuse"], found["always answer"]
    assert (refuse.f1.mean, refuse.refused.mean, mean(refuse)) == (0, 1, pytest.approx(0.3))
    assert answer.refused.mean == 0
    assert answer.ratios.answered == 1


def test_who_always_answers_has_not_seen_the_answer() -> None:
    many = [question(f"q{n}", f"Ada the {n}th") for n in range(40)]
    [answer] = [score for score in scores(many, []) if score.method == "always answer"]
    assert answer.em.mean == 0


def test_running_out_of_budget_is_no_acceptable_refusal() -> None:
    answers = [said(None)] * 3 + [said(None, reason="budget"), said(None, reason="under-specified")]
    [score] = [s for s in scores(QUESTIONS, rows("m", answers)) if s.method == "m"]
    assert (score.refused.mean, score.ratios.unanswered, score.ratios.clarification) == (0.5, 0.5, 0.5)


def test_methods_are_compared_question_by_question() -> None:
    many = [question(f"q{n}", "Ada Quill") for n in range(12)]
    right = [record(i, "m", said("Ada Quill"), 0.01) for i in many]
    wrong = [record(i, BASELINE, said("Nobody"), 0.01) for i in many]
    found = {score.method: score for score in scores(many, [*right, *wrong])}
    assert found["m"].p is not None
    assert found["m"].p < 0.001
    assert found["m"].p_right == pytest.approx(2 / 2**12)
    assert found[BASELINE].p is None


def test_a_threshold_is_chosen_on_one_half_and_told_on_the_other() -> None:
    many = [question(f"q{n}", "Ada Quill", answerable=n % 2 == 0) for n in range(60)]
    given = [
        record(i, "m", said("Ada Quill", 0.9) if i.answerable else said("Nobody", 0.2), 0.01) for i in many
    ]
    [score] = [s for s in scores(many, given) if s.method == "m"]
    assert score.limit == 0.9
    assert score.held_out_joint == pytest.approx(0.7)
    assert score.thresholded == pytest.approx(1.0)
    halves = {in_development(i) for i in many}
    assert halves == {True, False}
    twin = replace(question("x", "A"), id="other", extra={"twin": "x"})
    assert in_development(twin) == in_development(question("x", answerable=False))


def test_ten_thousand_records_are_scored_in_time() -> None:
    many = [question(f"q{n}", "Ada Quill", answerable=n % 3 > 0) for n in range(5_000)]
    given = [record(i, m, said("Ada Quill", n % 7 / 7), 0.01) for m in "ab" for n, i in enumerate(many)]
    start = process_time()
    scores(many, given)
    assert process_time() - start < 10


def test_where_everything_can_be_answered_there_is_no_joint_score() -> None:
    given = [question("a", "Ada Quill"), question("b", "Bo Marrick")]
    [score] = [
        s for s in scores(given, [record(i, "m", said("Ada Quill"), 0.01) for i in given]) if s.method == "m"
    ]
    assert score.joint is None
    assert (score.f1.n, score.refused.n) == (2, 0)


def test_a_joint_score_has_the_interval_of_both_sides() -> None:
    right = [said("Ada Quill"), said("Bo Marrick"), said("Cy Dask"), said(None), said(None)]
    [sure] = [s for s in scores(QUESTIONS, rows("m", right)) if s.method == "m"]
    assert sure.joint is not None
    assert (sure.joint.low, sure.joint.high, sure.joint.n) == (1, 1, 5)
    [half] = [s for s in scores(QUESTIONS, rows("m", [*right[:3], said("x"), said(None)])) if s.method == "m"]
    assert half.joint is not None
    assert half.joint.low == pytest.approx(0.7)
    assert half.joint.mean == pytest.approx(0.85)


def test_a_tally_tells_how_it_goes() -> None:
    tally = Tally({question.id: question for question in QUESTIONS})
    assert str(tally) == ""
    for row in rows("m", [said("Ada Quill"), None, said("Bo Quill"), said("Outside"), said(None)]):
        tally.add(row)
    assert str(tally) == "F1 33, refused 50, 1 failed"
