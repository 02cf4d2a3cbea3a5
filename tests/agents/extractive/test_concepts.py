from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.agents.extractive.concepts import concepts


def _kinds(question: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for concept in concepts(question):
        found.setdefault(concept.kind, []).append(concept.text)
    return found


@pytest.mark.parametrize(
    ("question", "kind", "text"),
    [
        ("Where was the director of film Loose Ankles born?", "name", "Loose Ankles"),
        ("Where was the director of film Loose Ankles born?", "relation", "director"),
        ("Where was the director of film Loose Ankles born?", "kind", "place"),
        ("Did Ada meet Tom on 8 April 2026?", "date", "8 April 2026"),
        ("What is the place of birth of Ada Lovell?", "relation", "place of birth"),
        ("what films did [Ada Lovell] star in", "name", "Ada Lovell"),
        ("Which country is Tom Reed from?", "kind", "country"),
        ("who directed the salt road", "name", "salt road"),
        ("Is Mokey (1942 film) older?", "name", "Mokey (1942 film)"),
        ("Which came first, Out Of The Rain or Salt?", "name", "Out Of The Rain"),
    ],
)
def test_concepts(question: str, kind: str, text: str) -> None:
    assert text in _kinds(question)[kind]


def test_options_weigh_half() -> None:
    found = {c.text: c for c in concepts("What is the capital of France?\nA) Paris\nB) Lyon")}
    assert found["Lyon"].weight == 0.5
    assert found["France"].weight == 1.0


def test_names_come_first() -> None:
    assert concepts("Who directed Loose Ankles?")[0].kind == "name"


@given(st.text(max_size=200))
def test_any_question(question: str) -> None:
    texts = [concept.text.casefold() for concept in concepts(question)]
    assert len(texts) == len(set(texts))
    assert all(text.strip() for text in texts)
