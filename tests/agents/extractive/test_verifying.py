"""Whether passages bear an answer out."""

from __future__ import annotations

import pytest

from kedge.agents.extractive.verifying import verify
from kedge.tools.knowledge_base import Chunk, Evidence

TEXT = "Ada Moss built the pier of Saltmarsh in June 1771. It is 1,350.5 metres long."


def passage(text: str = TEXT, title: str = "Saltmarsh") -> list[Evidence]:
    return [Evidence(Chunk(1, "d", "s", title, "", text, 0, len(text)), 1.0, "")]


@pytest.mark.parametrize(
    ("question", "answer", "supported"),
    [
        ("Who built the pier of Saltmarsh?", "Ada Moss", True),
        ("Who built the pier of Saltmarsh?", "ada moss.", True),
        ("Who built the pier of Saltmarsh?", "Ben Lowe", False),
        ("Who built the pier of Farrow Head?", "Ada Moss", False),
        ("When was the pier of Saltmarsh built?", "june, 1771", True),
        ("When was the pier of Saltmarsh built?", "June 1772", False),
        ("How long is the pier of Saltmarsh?", "1350.5 m", True),
        ("How long is the pier of Saltmarsh?", "1300.5 m", False),
        ("Did Ada Moss build the pier of Saltmarsh?", "yes", True),
        ("Did Cy Rook build the pier of Brill?", "yes", False),
    ],
)
def test_the_passage_holds_the_answer_and_the_names(question: str, answer: str, supported: bool) -> None:
    verdict = verify(question, answer, passage())
    assert verdict.supported == supported
    assert (verdict.reason is None) == supported


def test_the_title_counts_as_part_of_the_passage() -> None:
    assert verify("When was the Gull launched?", "1902", passage("Launched in 1902.", title="Gull")).supported


def test_nothing_cited_bears_nothing_out() -> None:
    assert not verify("Who?", "Ada", []).supported
