"""What is folded inside a question: parts that stand for a name which must be found first."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from kedge.agents.extractive._asking import read_units
from kedge.agents.extractive._expecting import WH
from kedge.agents.extractive._relative import Folded, described, is_superlative, noun_end
from kedge.agents.extractive._vocabulary import COUNTRIES, EXPECTATIONS, RELATIONAL
from kedge.agents.extractive.language import STOP_WORDS, lemma, singular
from kedge.agents.extractive.lexicon import (
    AUXILIARIES,
    COUNTRY_OF_DEMONYM,
    ORDINALS,
    PERSON_NOUNS,
    VERBS,
    word_set,
)
from kedge.agents.extractive.units import Unit, tag_at

__all__ = ["folded"]

# Places that the name behind "of" belongs to: "the city of Paris" is Paris.
_SAME_AS: Final = word_set(
    "city town village state county province island district kingdom republic state isle"
)
# "place of birth": nouns that complete another one to a relation.
_OF: Final = word_set("birth death burial origin citizenship residence education employment formation")
# Nouns that name someone or something by whose it is.
_ROLES: Final = RELATIONAL | word_set("""
    team club band company city continent league label school university college residence performer
""")
# Who makes works: what is behind "of" is a title, which may be longer than a run of capitals.
_MAKERS: Final = word_set("""
    director producer author writer composer performer singer creator publisher editor artist screenwriter
    illustrator cinematographer lyricist
""")
# What may be left of a question that asks for nothing but what is folded in it.
_LIGHT: Final = (
    STOP_WORDS
    | AUXILIARIES
    | {*WH}
    | word_set("name names title full real exact term list known called give tell identify find")
)
# Behind these stands what somebody is or becomes, not somebody to be found.
_PREDICATES: Final = word_set(
    "as be become became becoming named called elected appointed made hired considered"
)
# Tags of what may follow a noun that ends its clause.
_AFTER_NOUN: Final = "it.,sR("
_RANKS: Final = {*ORDINALS, "last"}


def folded(text: str) -> Folded | None:
    """The innermost part of a question that stands for something else, if anything is asked beyond it."""
    found = read_units(text)
    inner = [part for part in _parts(text, found) if _asks_more(text, part) and not _is_asked(found, part)]
    return min(inner, key=lambda part: (part.end - part.start, part.start), default=None)


def _asks_more(text: str, part: Folded) -> bool:
    rest = re.findall(r"[^\W\d_]+", f"{text[: part.start]} {text[part.end :]}".lower())
    return any(word not in _LIGHT for word in rest)


def _is_asked(found: Sequence[Unit], part: Folded) -> bool:
    """Whether a part says what is asked for, or what someone became: "What was the capital of Hesk?"."""
    at = next(i for i, unit in enumerate(found) if unit.end > part.start)
    before = found[at - 1] if at else None
    after = next((unit for unit in found if unit.start >= part.end), None)
    if before is None:
        return False
    if before.low in _PREDICATES or (after is not None and after.low in ("and", "or")):
        return after is None or after.low in ("and", "or") or after.tag in _AFTER_NOUN
    goes_on = after is not None and after.tag not in _AFTER_NOUN
    if before.tag != "B" or goes_on or found[0].low not in ("who", "what", "which"):
        return False
    nouns = [unit.low for unit in found[1 : at - 1]]
    return not nouns or EXPECTATIONS.get(nouns[-1], "name") in ("person", "name")


def _parts(text: str, found: Sequence[Unit]) -> Iterator[Folded]:
    for at, unit in enumerate(found):
        if unit.tag == "'":
            yield from _owned(text, found, at)
        elif unit.low == "of":
            yield from _role_of(text, found, at)
        elif unit.low in ("a", "an", "this") and tag_at(found, at - 1) not in "B,." and at:
            yield from described(text, found, at)
        elif unit.tag == "d" and unit.low == "the":
            yield from described(text, found, at)
            yield from _compound(text, found, at)
            yield from _superlative(text, found, at)
            yield from _same_as(text, found, at)


def _who_is(noun: str) -> str:
    """How to ask for what a noun names: "Who is", "What are"."""
    one = singular(noun)
    person = EXPECTATIONS.get(one) == "person" or one in PERSON_NOUNS or one == "spouse"
    return f"{'Who' if person else 'What'} {'is' if one == noun else 'are'}"


def _role_end(found: Sequence[Unit], at: int) -> int:
    """The end of the words from `at` that name a relation: "birthplace", "city of birth"; `at` if none do."""
    end = at
    for i in range(at, min(at + 4, len(found))):
        if found[i].tag not in "wV-":
            break
        if found[i].low != "people" and singular(found[i].low) in _ROLES:
            end = i + 1
    if tag_at(found, end) == "i" and end + 1 < len(found) and found[end + 1].low in _OF:
        return end + 2
    completed = [unit.low for unit in found[at + 1 : at + 3]]
    if end == at and tag_at(found, at) == "w" and completed[:1] == ["of"] and completed[-1] in _OF:
        return at + 3
    return end


def _owned(text: str, found: Sequence[Unit], at: int) -> Iterator[Folded]:
    """`Ada's father`, `#1's city of birth`."""
    if tag_at(found, at - 1) != "N":
        return
    end = _role_end(found, at + 1)
    if end == at + 1 or tag_at(found, end) == "N" or _noun_goes_on(found, end):  # "Denmark's king Hamlet"
        return
    if at > 2 and found[at - 2].low == "of" and found[at - 3].low in WH:  # "which of Ada's sons"
        return
    start = found[at - 1 - (tag_at(found, at - 2) == "d" and found[at - 2].low == "the")].start
    role = text[found[at + 1].start : found[end - 1].end]
    owner = text[start : found[at - 1].end]
    yield Folded(start, found[end - 1].end, f"{_who_is(found[end - 1].low)} the {role} of {owner}?")


def _noun_goes_on(found: Sequence[Unit], at: int) -> bool:
    """Whether the word at `at` continues a compound: "city centre", not "city lie" or "father famous"."""
    return (
        tag_at(found, at) == "w" and lemma(found[at].low) not in VERBS and tag_at(found, at + 1) not in "it"
    )


def _role_of(text: str, found: Sequence[Unit], at: int) -> Iterator[Folded]:
    """`the director of Jaws`, `the place of death of #1`."""
    first = at
    while first > 0 and first > at - 4 and _leads(found[first - 1]):
        first -= 1
    if at - 2 > 0 and found[at - 1].low in _OF and found[at - 2].low == "of":
        first = at - 3
        while first > 0 and found[first - 1].tag == "w" and found[first - 1].low not in WH:
            first -= 1
    elif first == at or singular(found[at - 1].low) not in _ROLES:
        return
    definite = tag_at(found, first - 1) == "d" and found[first - 1].low == "the"
    if found[first].low in WH or (not definite and tag_at(found, first - 1) == ","):
        return
    last = at + 1
    while tag_at(found, last) in "dw-" and last < at + 5:
        last += 1
    if tag_at(found, last) != "N" or tag_at(found, last + 1) in "'-" or _noun_goes_on(found, last + 1):
        return
    if found[last].text in COUNTRIES and found[at - 1].low == "country":
        return
    if found[at - 1].low in _MAKERS:
        last = _title_end(found, last)
    if found[at - 1].low in _SAME_AS or (not definite and found[at - 1].low not in RELATIONAL):
        return
    role = text[found[first].start : found[at - 1].end]
    whose = text[found[at + 1].start : found[last].end]
    start = found[first - 1].start if definite else found[first].start
    yield Folded(start, found[last].end, f"{_who_is(found[at - 1].low)} the {role} of {whose}?")


def _leads(unit: Unit) -> bool:
    """Whether a unit may stand before a relation: "first", "14th", "executive"."""
    return unit.tag in "w-" or unit.low in _RANKS or bool(re.fullmatch(r"\d+(?:st|nd|rd|th)", unit.low))


def _title_end(found: Sequence[Unit], at: int) -> int:
    """The last unit of a title that small words hold together: "Songs to Sing with Ada"."""
    while tag_at(found, at + 1) in "it" and found[at + 1].low not in ("in", "of"):
        step = at + 2 + (tag_at(found, at + 2) == "d")
        if tag_at(found, step) != "N":
            break
        at = step
    return at


def _compound(text: str, found: Sequence[Unit], at: int) -> Iterator[Folded]:
    """`the It'll Be Me singer`: a name before the relation."""
    if tag_at(found, at + 1) != "N" or found[at + 1].text in COUNTRY_OF_DEMONYM:
        return
    end = _role_end(found, at + 2)
    if at == 1 and found[0].tag == "B":  # "Is the Ferry Inn host to ..."
        return
    if end != at + 3 or tag_at(found, end) in "NwtR'-" or found[end - 1].low not in RELATIONAL:
        return
    role = found[end - 1].text
    yield Folded(found[at].start, found[end - 1].end, f"{_who_is(role)} the {role} of {found[at + 1].text}?")


def _superlative(text: str, found: Sequence[Unit], at: int) -> Iterator[Folded]:
    """`the highest-grossing film of 1994`, `the largest city in Hesk`."""
    end = noun_end(found, at)
    first = found[at + 1].low if end > at + 2 else ""
    if first != "most" and not is_superlative(first):
        return
    noun = found[end - 1].low
    if tag_at(found, end) != "i" or EXPECTATIONS.get(singular(noun)) not in ("person", "place", "name"):
        return
    last = end + 1
    while tag_at(found, last) in "dw#":
        last += 1
    if tag_at(found, last) in "ND" and last < len(found):
        words = text[found[at].start : found[last].end]
        yield Folded(found[at].start, found[last].end, f"{_who_is(noun)} {words}?")


def _same_as(text: str, found: Sequence[Unit], at: int) -> Iterator[Folded]:
    """`the same county as #1`: what the other one is in."""
    words = [unit.low for unit in found[at + 1 : at + 4]]
    if len(words) < 3 or words[0] != "same" or words[2] != "as" or tag_at(found, at + 4) != "N":
        return
    other = found[at + 4]
    yield Folded(found[at].start, other.end, f"Which {words[1]} is {other.text} in?")
