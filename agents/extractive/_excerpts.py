"""What the reader is given at once: a passage under its title, or two passages that may answer together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Final, NamedTuple

from kedge.agents.extractive.language import sentences
from kedge.tools.encoders import PassageReading, Phrase
from kedge.tools.knowledge_base.records import Chunk

__all__ = ["Excerpt", "Place", "excerpts", "placed", "together"]

# Passages that lead the evidence and are read as one text, in each order: a walk puts there what answers only
# together.
LEADING: Final = 2
# Characters of each of them: two openings and a question are about one window of the reader's training.
OPENING: Final = 480


def together(parts: Sequence[tuple[str, str]]) -> str:
    """Passages, each a title and a text, as one text: their openings under their titles.

    Example:
        >>> together([("Hesk", "A parish."), ("Saint Orlo", "The patron of Hesk.")])
        'Hesk: A parish.\\nSaint Orlo: The patron of Hesk.'
    """
    return "\n".join(f"{title}: {_opening(text)}" for title, text in parts)


def _opening(text: str) -> str:
    """The first sentences, as many as fit, and never less than what fits of the first."""
    ends = [end for _, end in sentences(text[: 2 * OPENING]) if end <= OPENING]
    return text[: ends[-1] if ends else OPENING]


class Place(NamedTuple):
    """Where a phrase stands: characters `start:end` of a chunk's text, or of its title."""

    chunk: Chunk
    start: int
    end: int
    in_title: bool

    @property
    def text(self) -> str:
        """The phrase."""
        return (self.chunk.title if self.in_title else self.chunk.text)[self.start : self.end]


@dataclass(frozen=True, slots=True)
class Excerpt:
    """One chunk, or several as one text, as the reader was trained on them."""

    chunks: tuple[Chunk, ...]

    @property
    def given(self) -> tuple[str, str]:
        """Title and text to read."""
        if len(self.chunks) == 1:
            return self.chunks[0].title, self.chunks[0].text
        return "", together([(chunk.title, chunk.text) for chunk in self.chunks])

    def place(self, phrase: Phrase) -> Place | None:
        """Where a phrase that was read here stands; nowhere, if it runs over a border."""
        if len(self.chunks) == 1:
            return Place(self.chunks[0], phrase.start, phrase.end, phrase.in_title)
        begin = 0
        for chunk in self.chunks:
            told = begin + len(chunk.title) + len(": ")
            end = told + len(_opening(chunk.text))
            if begin <= phrase.start and phrase.end <= begin + len(chunk.title):
                return Place(chunk, phrase.start - begin, phrase.end - begin, True)
            if told <= phrase.start and phrase.end <= end:
                return Place(chunk, phrase.start - told, phrase.end - told, False)
            begin = end + len("\n")
        return None


def placed(
    parts: Sequence[Excerpt], readings: Sequence[PassageReading]
) -> Iterator[tuple[Place, dict[str, float]]]:
    """Every phrase that was read and can be said, where it stands, with its scores (log odds in tens)."""
    for part, reading in zip(parts, readings, strict=True):
        for phrase in reading.phrases:
            place = part.place(phrase)
            if place is not None and any(map(str.isalnum, place.text)):
                yield (
                    place,
                    {
                        "score": phrase.score / 10.0,
                        "answerable": reading.answerable / 10.0,
                        "together": float(len(part.chunks) > 1),
                    },
                )


def excerpts(nearest: Sequence[Chunk], leading: Sequence[Chunk]) -> list[Excerpt]:
    """Each of the nearest chunks alone, and those that lead the evidence together, in each order."""
    alone = [Excerpt((chunk,)) for chunk in nearest]
    return alone + [Excerpt(order) for order in permutations(leading[:LEADING]) if len(order) > 1]
