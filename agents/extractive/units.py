"""Text as the clause rules see it: names, dates and numbers as single units, every other word with a tag.

A tag is one letter, so that rules can look at a few letters at a time:

    N name      D date        # number     P personal pronoun   S possessive pronoun  ' possessive ending
    d article   w other word  i preposition  t "to"   c "and", "or"   s subordinator   R relative pronoun
    B be        A auxiliary   V verb       G verb in -ing       a adverb              n negation
    , ( ) : . - punctuation   x anything else
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from kedge.agents.extractive.lexicon import (
    ADVERBS,
    AUXILIARIES,
    BE,
    CONJUNCTIONS,
    COUNTRY_OF_DEMONYM,
    DETERMINERS,
    IRREGULAR_VERBS,
    PERSONAL,
    POSSESSIVES,
    PREPOSITIONS,
    RELATIVES,
    VERBS,
)
from kedge.agents.extractive.spans import Span, lemma
from kedge.agents.extractive.values import Date, Number

__all__ = ["Unit", "tag_at", "units"]


class Unit(NamedTuple):
    """A word, name, date, number or punctuation mark of a text, with its tag."""

    tag: str
    start: int
    end: int
    text: str
    low: str


def tag_at(found: Sequence[Unit], at: int) -> str:
    """The tag of unit `at`; outside of the sentence that of a full stop."""
    return found[at].tag if 0 <= at < len(found) else "."


_SUBORDINATORS: Final = CONJUNCTIONS - {
    "and",
    "or",
    "where",
    "when",
    "however",
    "also",
    "then",
    "still",
    "yet",
}
_PUNCTUATION: Final = {mark: mark for mark in ",():."} | {
    "–": "-", "—": "-", "-": "-", "[": "(", "]": ")", ";": ".", "!": ".", "?": ".", "&": "c"
}  # fmt: skip
_CONTRACTED: Final = {"'m": "B", "'re": "B", "'s": "B", "'ve": "A", "'ll": "A", "'d": "A"}


def _fixed_tags() -> dict[str, str]:
    groups = (
        ("a", ADVERBS | {"also", "however", "therefore", "thus", "then", "still", "yet"}),
        ("s", _SUBORDINATORS),
        ("i", PREPOSITIONS),
        ("d", DETERMINERS - {"what", "which", "that"}),
        ("A", AUXILIARIES - BE),
        ("n", {"not", "never", "no", "neither", "nor", "cannot", "hardly"}),
        ("R", RELATIVES),
        ("P", PERSONAL),
        ("S", POSSESSIVES),
        ("B", BE),
        ("c", {"and", "or"}),
        ("t", {"to"}),
    )
    return {word: tag for tag, words in groups for word in words}


_TAGS: Final = _fixed_tags()
_NEGATED: Final = tuple(word for word in AUXILIARIES if word.endswith("n't"))


def units(
    words: Sequence[Span], names: Sequence[Span], dates: Sequence[Date], numbers: Sequence[Number]
) -> list[Unit]:
    """The units of a text, given its tokens and what was found in it."""
    fixed = sorted(
        [Unit("N", n.start, n.end, n.text, n.text.lower()) for n in names]
        + [Unit("D", d.start, d.end, d.text, d.text.lower()) for d in dates]
        + [Unit("#", n.start, n.end, n.text, n.text.lower()) for n in numbers],
        key=lambda unit: (unit.start, -unit.end),
    )
    merged: list[Unit] = []
    for unit in _merge(words, fixed):
        merged.append(unit if unit.tag else Unit(_open_tag(merged, unit), *unit[1:]))
    _settle(merged)
    return merged


def _merge(words: Sequence[Span], fixed: Sequence[Unit]) -> Iterator[Unit]:
    at, covered = 0, 0
    for word in words:
        while at < len(fixed) and fixed[at].start <= word.start:
            if fixed[at].start >= covered:
                yield fixed[at]
                covered = fixed[at].end
            at += 1
        if word.end <= covered:
            continue
        if word.start < covered:  # the "'s" behind a name
            yield Unit("'", covered, word.end, "'s", "'s")
            continue
        yield from _word(word)


def _word(word: Span) -> Iterator[Unit]:
    low = word.text.lower().replace("’", "'")
    head, mark, tail = low.partition("'")
    if mark and head:
        cut = word.start + len(head)
        contraction = _CONTRACTED.get(mark + tail)
        if contraction and (head in _TAGS or contraction != "B" or mark + tail == "'m"):
            yield Unit(_TAGS.get(head, "w"), word.start, cut, word.text[: len(head)], head)
            yield Unit(contraction, cut, word.end, word.text[len(head) :], mark + tail)
            return
        if tail == "s":
            yield Unit("w", word.start, cut, word.text[: len(head)], head)
            yield Unit("'", cut, word.end, "'s", "'s")
            return
        if low in _NEGATED:
            yield Unit("n", word.start, word.end, word.text, low)
            return
    tag = _PUNCTUATION.get(word.text) or _TAGS.get(low) or ("" if word.text[0].isalpha() else "x")
    yield Unit(tag, *word, low)


def _open_tag(before: list[Unit], unit: Unit) -> str:
    """The tag of a word of an open class, from its form and what stands before it."""
    low, last = unit.low, before[-1].tag if before else "."
    if (
        low.endswith("ly")
        and len(low) > 4
        and low not in ("family", "assembly", "monopoly", "italy", "reply")
    ):
        return "a"
    if unit.text in COUNTRY_OF_DEMONYM:
        return "w"
    base = lemma(low)
    if low in IRREGULAR_VERBS or (low.endswith("ed") and len(low) > 4 and base != low):
        return "V"
    if low.endswith("ing") and base != low:
        return "G"
    if base in VERBS:
        if low != base:
            return "V" if last in "NPR)a,c" or (last == "w" and len(before) > 1) else "w"
        subject = before[-1].low if before else ""
        if last in "tAn" or (last == "P" and subject in {"i", "we", "they", "you"}):
            return "V"
        if last == "a" and len(before) > 1 and before[-2].tag in "tAnP":
            return "V"
    return "w"


def _settle(found: list[Unit]) -> None:
    """Take back verbs that turn out to stand inside a noun phrase: "a retired player", "the leading role"."""
    inside = False
    for index, unit in enumerate(found):
        before, following = tag_at(found, index - 1), tag_at(found, index + 1)
        if unit.tag in "dS'":
            inside = True
        elif (
            (unit.tag in "VG" and inside and following in "wVG" and _attributive(found, index))
            or (unit.tag == "G" and before in "Nw" and following == "w")
            or (unit.tag == "V" and before in "w,c" and not _after_noun(unit, following))
        ):
            found[index] = unit._replace(tag="w")
        elif unit.tag not in "wD#aN":
            inside = False


def _attributive(found: Sequence[Unit], index: int) -> bool:
    before = tag_at(found, index - 1)
    return before in "dS'#D" or (before == "w" and found[index].low.endswith(("ed", "ing")))


def _after_noun(unit: Unit, following: str) -> bool:
    """Whether a verb form after a common noun is a verb: forms in -s may as well be plurals."""
    return unit.low in IRREGULAR_VERBS or unit.low.endswith("ed") or following in "NDdSP#i"
