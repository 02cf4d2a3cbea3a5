"""The suite on the example world counts what it should count."""

from __future__ import annotations

from kedge.agents.decisions import Reading
from kedge.benchmarks.datasets import Question
from kedge.benchmarks.suites import world
from kedge.graphs.answer import Answer, compose
from kedge.testing import FakeEncoder
from kedge.tools.knowledge_base import KnowledgeBase
from kedge.tools.models import Ledger


def answer(text: str | None) -> Answer:
    reading = Reading(answer=text, reason=None if text else "missing hop")
    return compose("?", "metakgrag", reading, [], ledger=Ledger())


def question(*answers: str) -> Question:
    return Question("q", "?", answers, answerable=bool(answers))


def test_an_abstention_is_wrong_when_there_is_an_answer_and_right_when_there_is_none() -> None:
    assert world._score(question("1388"), answer(None)) == 0
    assert world._score(question(), answer(None)) == 1
    assert world._score(question(), answer("1388")) == 0
    assert world._score(question("1388", "the year 1388"), answer("1388")) == 1


async def test_every_question_is_counted_for_every_method(tmp_path) -> None:  # type: ignore[no-untyped-def]
    asked = [question("1388"), question("Ada"), question()]
    with KnowledgeBase.open(tmp_path / "base", encoder=FakeEncoder(), create=True) as base:
        rows = await world.measure(base, asked)
    assert [row.method for row in rows] == list(world.METHODS)
    assert {(row.answered.n, row.refused.n) for row in rows} == {(2, 1)}
    # Nothing is in the base: everything is refused.
    assert {(row.answered.mean, row.refused.mean) for row in rows} == {(0.0, 1.0)}
    assert rows[0].p is None
    assert rows[1].p == 1.0
    assert world.markdown(rows).count("\n") == 4
