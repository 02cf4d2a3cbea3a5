"""Quotations are found where they stand, or not at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.agents.llm.quoting import find_quotation

TEXT = "The pier of Saltmarsh — the longest — was built\nin 1771 by “Ada Moss”, for £1,200. It burnt in 1902."


def quote(words: str) -> str | None:
    span = find_quotation(TEXT, words)
    return None if span is None else TEXT[slice(*span)]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("was built in 1771", "was built\nin 1771"),
        ('by "ada moss" for £1200', "by “Ada Moss”, for £1,200"),
        ("The pier of Saltmarsh - the longest", "The pier of Saltmarsh — the longest"),
        (
            "The pier of Saltmarsh ... was built in 1771",
            "The pier of Saltmarsh — the longest — was built\nin 1771",
        ),
        ("177", None),
        ("built in 1772", None),
        ("was built in 1902", None),
        ("", None),
        ("...", None),
        ("x", None),
    ],
)
def test_differences_of_form_and_of_content(words: str, found: str | None) -> None:
    assert quote(words) == found


def test_a_long_quotation_may_break_off() -> None:
    assert quote("the longest — was built in 1771 by “Ada Moss”, for £1,200. It bur") == TEXT[24:-8].strip()


def test_an_ellipsis_does_not_join_what_is_far_apart() -> None:
    text = "Ada built it. " + "Then nothing happened. " * 20 + "It burnt."
    assert find_quotation(text, "Ada ... burnt") is None


@given(st.text(min_size=1, max_size=80), st.integers(0, 80), st.integers(0, 80))
def test_spans_lie_in_the_text_and_copies_are_found(text: str, one: int, other: int) -> None:
    span = find_quotation(text, text[min(one, other) : max(one, other)])
    if span is not None:
        assert 0 <= span[0] < span[1] <= len(text)
    words = "Ada Moss built the pier."
    assert find_quotation(f"{text} {words} {text}", words) is not None
