"""Questions, gaps and names by rule: answers stand in the text, and nothing is asked that it does not say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.agents.extractive.augmenting import BLANK, augment
from kedge.tools.knowledge_base import Chunk


def made(text: str, title: str = "") -> dict[str, str]:
    return dict(augment(Chunk(1, "d", "s", title, "", text, 0, len(text))).questions)


@pytest.mark.parametrize(
    ("text", "question", "answer"),
    [
        ("Jaws is a film directed by Steven Spielberg.", "Who is the director of Jaws?", "Steven Spielberg"),
        ("Jaws is a film directed by Steven Spielberg.", "What was directed by Steven Spielberg?", "Jaws"),
        ("Ada Lovell (born 3 June 1912) was a painter.", "When was Ada Lovell born?", "3 June 1912"),
        ("Ada Lovell was born in Saltmarsh.", "Where was Ada Lovell born?", "Saltmarsh"),
        ("Ada Lovell was born in Saltmarsh.", "What is the place of birth of Ada Lovell?", "Saltmarsh"),
        ("Ada Lovell died on 4 May 1980.", "When did Ada Lovell die?", "4 May 1980"),
    ],
)
def test_what_a_sentence_answers(text: str, question: str, answer: str) -> None:
    assert made(text)[question] == answer


def test_a_sentence_with_a_gap() -> None:
    questions = made("Every year the people of Saltmarsh paint the pier green.")
    assert questions[f"Every year the people of {BLANK} paint the pier green."] == "Saltmarsh"


def test_names_it_goes_by() -> None:
    text = "The Chelsea Piers (film), also known as The Long Walk, is a 1950 film by Ada Moss."
    chunk = Chunk(1, "d", "s", "The Chelsea Piers (film)", "", text, 0, len(text))
    assert "Chelsea Piers" in augment(chunk).aliases


@given(st.text(max_size=300))
def test_any_text_gives_answers_that_stand_in_it(text: str) -> None:
    chunk = Chunk(1, "d", "s", "Title", "", text, 0, len(text))
    words = " ".join(text.split())
    for question, answer in augment(chunk).questions:
        assert question
        assert " ".join(answer.split()) in words
