"""Noun phrases over units: what can stand as subject or object of a triple."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from kedge.agents.extractive.lexicon import COUNTRY_OF_DEMONYM, DESCRIPTIVE
from kedge.agents.extractive.units import Unit

__all__ = ["Phrase", "head_noun", "kind_words", "noun_phrase"]

_LONGEST: Final = 14


class Phrase(NamedTuple):
    """Units `start:end` of a sentence. `name` is its proper name, date, number or pronoun, if it has one;
    `words` its common words; `owner` whose it is, when it begins with a possessive."""

    start: int
    end: int
    name: Unit | None
    words: tuple[Unit, ...]
    article: str = ""
    owner: Phrase | Unit | None = None

    @property
    def label(self) -> str:
        """The text of its name, date, number or pronoun."""
        return self.name.text if self.name is not None else ""

    @property
    def is_name(self) -> bool:
        """Whether it names something."""
        return self.name is not None and self.name.tag == "N"

    @property
    def is_value(self) -> bool:
        """Whether it is a date or a number."""
        return self.name is not None and self.name.tag in "D#"


def noun_phrase(units: Sequence[Unit], at: int) -> Phrase | None:
    """The noun phrase that begins at unit `at`, if one does: `the painter Ada Lovell`, `his 1960 film`."""
    if at >= len(units):
        return None
    first, article, owner = at, "", None
    if units[at].tag == "P":
        return Phrase(at, at + 1, units[at], ())
    if units[at].tag == "S":
        owner, at = units[at], at + 1
    while at < min(len(units), first + 4) and units[at].tag == "d":
        article, at = units[at].low, at + 1
    end = _run(units, at, opened=bool(article or owner))
    if end == at:
        return None
    phrase = _shape(units, first, at, end, article, owner)
    if end < len(units) and units[end].tag == "'":
        return _owned(units, phrase)
    return phrase


def _owned(units: Sequence[Unit], owner: Phrase) -> Phrase | None:
    """`Ada's first novel`: the phrase behind a possessive ending, with its owner."""
    at = owner.end + 1
    end = _run(units, at, opened=True)
    if end == at:
        return None
    return _shape(units, owner.start, at, end, "", owner)


def _run(units: Sequence[Unit], at: int, *, opened: bool) -> int:
    """The end of the run of units that may belong to one noun phrase."""
    end = at
    while end < len(units) and end - at < _LONGEST:
        tag = units[end].tag
        following = units[end + 1].tag if end + 1 < len(units) else "."
        before = units[end - 1].tag if end > at else "."
        if tag == "D":
            # "a 1960 film" goes on; "met Ada Friday" and a date alone do not.
            if before != "." and before not in "w#":
                break
            if following not in "wN" or not (opened or following == "w"):
                return end + 1 if end == at else end
        elif tag == "N":
            if before == "N":
                break
        elif tag == "a":
            if not (opened and following == "w"):
                break
        elif tag == "-":
            if not (before == "w" == following and units[end].start == units[end - 1].end):
                break
        elif tag not in "w#":
            break
        end += 1
    while end > at and units[end - 1].tag in "a-":
        end -= 1
    return end


def _shape(
    units: Sequence[Unit], first: int, at: int, end: int, article: str, owner: Phrase | Unit | None
) -> Phrase:
    run = units[at:end]
    last = run[-1]
    name = last if last.tag in "ND#" else None
    if name is not None and name.tag in "D#" and len(run) > 1:
        name = None
    words = tuple(unit for unit in run if unit is not name and unit.tag != "-")
    return Phrase(first, end, name, words, article, owner)


def head_noun(words: Sequence[Unit]) -> str:
    """The word that says what kind of thing a phrase names."""
    return next((unit.low for unit in reversed(words) if unit.tag in "wGV"), "")


def kind_words(words: Sequence[Unit]) -> list[Unit]:
    """The words without dates, origins, praise and rank: "film director" of "noted film director"."""
    kept = [
        unit
        for unit in words
        if unit.tag in "wGV" and unit.low not in DESCRIPTIVE and not is_demonym(unit.text)
    ]
    return kept[-4:]


def is_demonym(word: str) -> bool:
    """Whether a word, or a part of a compound, says where someone comes from."""
    return any(part in COUNTRY_OF_DEMONYM for part in word.split("-"))
