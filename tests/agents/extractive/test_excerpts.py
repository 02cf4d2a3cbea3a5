"""What is read at once: every character that is read is found again where it stands."""

from __future__ import annotations

import pytest

from kedge.agents.extractive._excerpts import OPENING, Excerpt, excerpts
from kedge.tools.encoders import Phrase
from kedge.tools.knowledge_base import Chunk


def chunk(number: int, title: str, text: str) -> Chunk:
    return Chunk(number, str(number), str(number), title, "", text, 0, len(text))


HESK = chunk(1, "Hesk", "Hesk is a parish. Its bell was cast in 1804.")
ORLO = chunk(2, "Saint Orlo", "Saint Orlo is the patron of Hesk.")
LONG = chunk(3, "Long", "One sentence of some words. " * 60)


def test_leading_chunks_are_read_alone_and_together_in_each_order() -> None:
    read = excerpts([HESK, LONG], [HESK, ORLO, LONG])
    assert [part.chunks for part in read] == [(HESK,), (LONG,), (HESK, ORLO), (ORLO, HESK)]
    assert [part.chunks for part in excerpts([HESK], [HESK])] == [(HESK,)]


@pytest.mark.parametrize("chunks", [(HESK, ORLO), (ORLO, HESK), (LONG, HESK), (HESK, LONG)])
def test_a_phrase_is_found_where_it_stands(chunks: tuple[Chunk, ...]) -> None:
    part = Excerpt(chunks)
    title, text = part.given
    assert title == ""
    assert len(text) <= 2 * (OPENING + 20)
    for own in chunks:
        for wanted, in_title in ((own.title, True), (own.text[5:12], False)):
            at = text.index(f"{own.title}: ") + (0 if in_title else len(own.title) + 2 + 5)
            place = part.place(Phrase(at, at + len(wanted), 1.0, False))
            assert place is not None
            assert (place.chunk, place.text, place.in_title) == (own, wanted, in_title)
    border = text.index("\n")
    assert part.place(Phrase(border - 3, border + 3, 1.0, False)) is None


def test_an_opening_ends_with_a_sentence() -> None:
    text = Excerpt((LONG, HESK)).given[1].split("\n")[0]
    assert text.endswith("words.")
    assert len(text) <= OPENING + len("Long: ")
