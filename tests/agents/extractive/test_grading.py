from __future__ import annotations

from collections.abc import Sequence

from kedge.agents.extractive import ExtractiveCast
from kedge.tools.encoders import MiniLM, PassageReading
from tests.agents.extractive._world import WORLD, evidence

ENCODER = MiniLM()
CHUNKS = [item.chunk for item in evidence(*WORLD)]


class Indifferent:
    """A reader that finds every passage as helpful as any other."""

    async def read(self, question: str, passages: Sequence[tuple[str, str]]) -> list[PassageReading]:
        return [PassageReading((), 0.0, 0.5, 0.0) for _ in passages]


async def test_the_passage_that_answers_is_graded_best() -> None:
    grades = await ExtractiveCast(ENCODER).grade("Who directed The Salt Road?", CHUNKS)
    assert all(0.0 <= grade <= 1.0 for grade in grades)
    assert CHUNKS[grades.index(max(grades))].title == "The Salt Road"


async def test_where_the_reader_cannot_tell_likeness_does() -> None:
    cast = ExtractiveCast(ENCODER, reader=Indifferent())
    grades = await cast.grade("Who directed The Salt Road?", CHUNKS)
    assert CHUNKS[grades.index(max(grades))].title == "The Salt Road"
    assert len(set(grades)) > 1


async def test_no_passages_have_no_grades() -> None:
    assert await ExtractiveCast(ENCODER).grade("Who directed The Salt Road?", []) == ()
