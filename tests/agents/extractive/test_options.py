from __future__ import annotations

import pytest

from kedge.agents.decisions import Finding, Lead, Reading
from kedge.agents.extractive.concepts import concepts
from kedge.agents.extractive.options import Choices, among, choices, favoured
from kedge.tools.knowledge_base import Chunk, Evidence


@pytest.mark.parametrize(
    ("question", "stem", "options"),
    [
        ("Who built the pier? A) Ann Lee B) Bo Tam", "Who built the pier?", ("Ann Lee", "Bo Tam")),
        ("Who built it?\nA. Ann Lee\nB. Bo Tam\nC. Cy Wu", "Who built it?", ("Ann Lee", "Bo Tam", "Cy Wu")),
        ("Who built it? (a) Ann (b) Bo", "Who built it?", ("Ann", "Bo")),
        ("Which treaty ended it? 1) Ghent 2) Paris", "Which treaty ended it?", ("Ghent", "Paris")),
        ("Who painted it: Ann Lee, Bo Tam or Cy Wu?", "Who painted it?", ("Ann Lee", "Bo Tam", "Cy Wu")),
        ("Who carved the figure, Jory Pell or Ann Lee?", "Who carved the figure?", ("Jory Pell", "Ann Lee")),
    ],
)
def test_options_are_taken_off(question: str, stem: str, options: tuple[str, ...]) -> None:
    assert choices(question) == Choices(stem, options)


@pytest.mark.parametrize(
    "question",
    [
        "Who wrote with A. B. Cox?",
        "Which film was released first, Heat or Ronin?",
        "Who wrote Pride or Prejudice?",
        "When did the keeper, born here or there, die?",
        "What is the capital of Norway, and is it Oslo or Bergen?",
        "A) B) C)",
        "",
    ],
)
def test_other_questions_stay_whole(question: str) -> None:
    assert choices(question) == Choices(question)


def test_options_are_concepts_of_half_weight() -> None:
    found = {
        concept.text: concept.weight for concept in concepts("Who built Farrow Pier? A) Ann Lee B) Bo Tam")
    }
    assert found["Farrow Pier"] == 1.0
    assert found["Ann Lee"] == found["Bo Tam"] == 0.5


def evidence(*texts: str) -> list[Evidence]:
    return [
        Evidence(Chunk(number, "d", "s", "", "", text, 0, len(text), "text"), 1.0, "")
        for number, text in enumerate(texts, start=1)
    ]


ASKED = Choices("Who built Farrow Pier?", ("Ann Lee", "Bo Tam"))


def test_a_reading_that_names_an_option_is_that_option() -> None:
    reading = among(ASKED, Reading(answer="the engineer Bo Tam", confidence=0.7), [])
    assert (reading.answer, reading.confidence) == ("Bo Tam", 0.7)


def test_a_sentence_speaks_for_an_option() -> None:
    found = evidence("Bo Tam sailed.", "Farrow Pier was built by Ann Lee.")
    reading = among(ASKED, Reading(answer=None, reason="missing hop"), found)
    assert reading.answer == "Ann Lee"
    assert reading.support[0].chunk_id == 2


def test_no_option_is_guessed() -> None:
    both = evidence("Farrow Pier was built by Ann Lee and Bo Tam.")
    for found in (both, evidence("Bo Tam sailed.")):
        reading = among(ASKED, Reading(answer="somebody else", confidence=0.5), found)
        assert (reading.answer, reading.reason) == (None, "missing hop")


def test_a_path_to_no_option_is_not_trusted() -> None:
    found = Finding(lead=Lead(entities=("pier",)), answers=("cy wu", "bo tam"), trusted=True)
    assert favoured(found, ASKED.options).answers == ("bo tam",)
    assert not favoured(found, ("Dot Fell",)).trusted
    assert favoured(found, ()) == found
