"""Every method is asked of the right knowledge base, once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kedge.agents.decisions import Reading
from kedge.agents.scripted import ScriptedCast
from kedge.benchmarks.crumq.corpus import worlds
from kedge.benchmarks.harness.asking import TURN, Task, asked, local
from kedge.errors import ModelError
from kedge.testing import FakeEncoder
from kedge.tools.knowledge_base import Evidence
from tests.benchmarks._questions import QUESTIONS, question
from tests.benchmarks.crumq._corpus import pages


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
        first = [row async for row in asked(path, QUESTIONS, ["retrieve_read"], local(both.of, cast))]
        again = [row async for row in asked(path, QUESTIONS, ["retrieve_read"], local(both.of, cast))]
    assert sorted(row["id"] for row in first) == [f"retrieve_read/{i.id}" for i in QUESTIONS]
    assert sorted(map(str, again)) == sorted(map(str, first))
    assert dict(calls) == {"Who is a?": 7, "Who is b?": 7, "Who is c?": 7, "Who is d?": 5, "Who is e?": 5}
    assert len(calls) == len(QUESTIONS)
    [failed] = [row for row in first if row["failure"]]
    assert (failed["question"], failed["outcome"]) == ("c", "failed")


async def test_methods_are_asked_the_same_questions_together_and_take_turns_at_being_first(
    tmp_path: Path,
) -> None:
    order: list[str] = []

    async def ask(task: Task) -> Mapping[str, Any]:
        order.append(task.id)
        return {}

    many = [question(f"q{n}", "x") for n in range(TURN + 1)]
    rows = [row async for row in asked(tmp_path / "records.jsonl", many, ["a", "b"], ask, at_once=1)]
    assert len(rows) == len(set(order)) == 2 * len(many)
    assert order[:TURN] == [f"a/q{n}" for n in range(TURN)]
    assert order[TURN : 2 * TURN] == [f"b/q{n}" for n in range(TURN)]
    assert order[2 * TURN :] == [f"b/q{TURN}", f"a/q{TURN}"]
