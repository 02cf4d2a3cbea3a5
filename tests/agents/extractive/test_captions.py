"""What a figure shows is read off its caption."""

from __future__ import annotations

import pytest

from kedge.agents.extractive import ExtractiveCast
from kedge.agents.extractive.captions import shown
from kedge.testing import FakeEncoder
from kedge.tools.knowledge_base import Chunk, Evidence

PICTURE = "Picture on page 2\nFigure 3: Catches of herring by year. Cod is in red.\n1902 1903"
TEXT = "The quay was full.\n\nFig. 3. Catches of herring"
TABLE = "Table 3 Tolls of 1903"


def found(*texts: str) -> list[Evidence]:
    kinds = {PICTURE: "image"}
    chunks = [
        Chunk(n, "d", "a", "a", "", text, 0, len(text), kinds.get(text, "paragraph"))  # type: ignore[arg-type]
        for n, text in enumerate(texts)
    ]
    return [Evidence(chunk, 1.0, "") for chunk in chunks]


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("What does Figure 3 show?", "Catches of herring by year"),
        ("What is shown in fig. 3 of the report?", "Catches of herring by year"),
        ("Describe Figure 3.", "Catches of herring by year"),
        ("What is table 3 about?", "Tolls of 1903"),
        ("What does Figure 31 show?", None),
        ("What does Figure 3 show for 1903?", None),
        ("Who drew Figure 3?", None),
    ],
)
def test_the_caption_answers_what_a_figure_shows_and_nothing_else(question: str, answer: str | None) -> None:
    reading = shown(question, found(TEXT, TABLE, PICTURE))
    assert (reading and reading.answer) == answer


def test_where_there_is_no_picture_the_text_holds_the_caption_and_no_sentence_is_one() -> None:
    reading = shown("What does Figure 3 show?", found("Figure 3 shows little.", TEXT))
    assert reading is not None
    [support] = reading.support
    assert (support.chunk_id, TEXT[support.start : support.end]) == (1, "Fig. 3. Catches of herring")


async def test_the_cast_reads_captions() -> None:
    reading = await ExtractiveCast(FakeEncoder()).read("What does Figure 3 show?", found(PICTURE))
    assert reading.answer == "Catches of herring by year"
