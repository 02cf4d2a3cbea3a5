"""Noun phrases and verb groups over units: what can stand as subject, object or relation of a triple."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from kedge.agents.extractive.lexicon import (
    COUNTRY_OF_DEMONYM,
    DESCRIPTIVE,
    NAMING,
    OPINION,
    PARTICIPLES,
    UNFULFILLED,
    UNREAL,
)
from kedge.agents.extractive.spans import lemma
from kedge.agents.extractive.units import Unit, tag_at

__all__ = [
    "Phrase",
    "VerbGroup",
    "head_noun",
    "is_participle",
    "kind_words",
    "noun_phrase",
    "of_follows",
    "verb_group",
]

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
    def tag(self) -> str:
        """The tag of its name, date, number or pronoun; that of a word when it has only common words."""
        return self.name.tag if self.name is not None else "w"

    @property
    def is_name(self) -> bool:
        """Whether it names something."""
        return self.tag == "N"

    @property
    def is_value(self) -> bool:
        """Whether it is a date or a number."""
        return self.tag in "D#"

    @property
    def is_common(self) -> bool:
        """Whether it has only common words."""
        return self.name is None


def noun_phrase(units: Sequence[Unit], at: int) -> Phrase | None:
    """The noun phrase that begins at unit `at`, if one does: `the painter Ada Lovell`, `his 1960 film`."""
    if at >= len(units):
        return None
    first, article, owner = at, "", None
    if units[at].tag == "P":
        return Phrase(at, at + 1, units[at], ())
    if units[at].tag == "S":
        owner, at = units[at], at + 1
    while at < first + 4 and tag_at(units, at) == "d":
        article, at = units[at].low, at + 1
    end = _run(units, at, opened=bool(article or owner))
    if end == at:
        return None
    phrase = _shape(units, first, at, end, article, owner)
    if tag_at(units, end) == "'":
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
    while end - at < _LONGEST and _goes_on(units, at, end, opened=opened):
        end += 1
    while end > at and units[end - 1].tag in "a-":
        end -= 1
    # A date that nothing follows stands for itself.
    return at + 1 if end == at and tag_at(units, at) == "D" else end


def _goes_on(units: Sequence[Unit], at: int, end: int, *, opened: bool) -> bool:
    """Whether unit `end` belongs to the noun phrase whose run began at `at`."""
    tag, following = tag_at(units, end), tag_at(units, end + 1)
    before = tag_at(units, end - 1) if end > at else "."
    if tag == "D":
        # "a 1960 film" goes on; "met Ada Friday" and a date alone do not.
        return before in ".w#" and (following == "w" or (opened and following == "N"))
    if tag == "N":
        return before != "N"
    if tag == "a":
        return opened and following == "w"
    if tag == "-":
        return before == "w" == following and units[end].start == units[end - 1].end
    return tag in "w#"


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


def of_follows(units: Sequence[Unit], phrase: Phrase) -> bool:
    """Whether "of" (or the rest of a broken compound) goes on behind a phrase."""
    tag = tag_at(units, phrase.end)
    if tag == "-" and units[phrase.end].start == units[phrase.end - 1].end:
        return True
    return tag == "i" and units[phrase.end].low == "of"


class VerbGroup(NamedTuple):
    """A verb with what stands around it. `base` is its dictionary form, `low` the form a relation keeps.

    It is `passive` behind a form of "be", `active` where it cannot be a participle, and `blocked` when it
    says that something is not so, may be so, or is somebody's opinion.
    """

    base: str
    low: str
    passive: bool
    active: bool
    blocked: bool


def verb_group(units: Sequence[Unit], at: int) -> tuple[int, VerbGroup | None]:
    """The end of a run of auxiliaries, adverbs, negation and verb, and the verb that carries the meaning."""
    be = unreal = negated = False
    auxiliary = ""
    while (tag := tag_at(units, at)) in "BAan":
        low = units[at].low
        be = be or tag == "B"
        unreal = unreal or low in UNREAL
        negated = negated or tag == "n"
        auxiliary = low if tag == "A" else auxiliary
        at += 1
    blocked = unreal or negated
    if tag not in "VG":
        if be:
            return at, VerbGroup("be", "is", passive=False, active=True, blocked=blocked)
        if auxiliary in {"have", "has", "had"}:
            return at, VerbGroup("have", "have", passive=False, active=True, blocked=blocked)
        return at, None
    unit = units[at]
    base = lemma(unit.low)
    blocked = blocked or base in OPINION
    passive = be and tag == "V"
    if tag_at(units, at + 1) == "t" and tag_at(units, at + 2) == "V" and not passive:
        second = lemma(units[at + 2].low)
        base = f"{base} to {second}" if base in UNFULFILLED else second
        return at + 3, VerbGroup(base, base, passive=False, active=True, blocked=blocked)
    low = unit.low if tag == "V" or base == "star" else base
    return at + 1, VerbGroup(base, low, passive, active=tag == "G" or bool(auxiliary), blocked=blocked)


def is_participle(units: Sequence[Unit], at: int) -> bool:
    """Whether the verb at `at` describes what stands before it: `directed by`, `born in`, `named`."""
    if tag_at(units, at + 1) in "it":
        return units[at].low in PARTICIPLES or units[at + 1].low == "by"
    return units[at].low in NAMING
