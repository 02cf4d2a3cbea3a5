"""Clauses that describe something: "the town where Ada was born", and the question that asks for it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from kedge.agents.extractive._vocabulary import EXPECTATIONS
from kedge.agents.extractive.language import lemma, singular
from kedge.agents.extractive.lexicon import (
    COUNTRY_OF_DEMONYM,
    IRREGULAR_VERBS,
    NAMING,
    TIME_NOUNS,
    VERBS,
    WORKS,
    word_set,
)
from kedge.agents.extractive.phrases import verb_group
from kedge.agents.extractive.units import Unit, tag_at

__all__ = ["Folded", "described", "inverted", "is_superlative", "noun_end"]


class Folded(NamedTuple):
    """Characters `start:end` of a question, and the question whose answer can take their place."""

    start: int
    end: int
    question: str


_PEOPLE: Final = word_set("man woman person individual boy girl people one")
# Heads of clauses that point at no thing of its own.
_VAGUE: Final = TIME_NOUNS - {"year"} | word_set("thing way reason fact part time case idea")
_ASKED: Final = word_set("what which how else")
_PLACED: Final = word_set("born located situated based died raised lived buried held formed headquartered")
_ESTS: Final = re.compile(r"(?:[a-z]{2,}est|worst)$")
_NOT_SUPERLATIVE: Final = word_set("west forest interest request harvest test guest quest protest conquest")


def is_superlative(word: str) -> bool:
    """Whether a word, or the first part of a compound, puts something beyond all others.

    Example:
        >>> [is_superlative(word) for word in ("largest", "highest-grossing", "forest")]
        [True, True, False]
    """
    first = word.split("-")[0]
    return bool(_ESTS.match(first)) and first not in _NOT_SUPERLATIVE


def noun_end(found: Sequence[Unit], at: int) -> int:
    """The end of the common words of the noun phrase that starts behind the article `at`."""
    end = at + 1
    while end < len(found) and _in_noun(found, end):
        end += 1
    if tag_at(found, end) in "VG" and tag_at(found, end + 1) == "w":
        return end + 2  # "the leading role"
    return end


def _in_noun(found: Sequence[Unit], at: int) -> bool:
    unit, following = found[at], tag_at(found, at + 1)
    if unit.tag == "N":  # "the American company that", "the King who"
        demonym = all(part in COUNTRY_OF_DEMONYM for part in unit.text.split("-"))
        return (demonym and following in "w#D") or (unit.low in EXPECTATIONS and following == "R")
    if unit.tag == "c":
        return tag_at(found, at - 1) == following == "w" and tag_at(found, at + 2) == "w"
    return unit.tag in "w#D-a" or unit.low in ("most", "other")


def described(text: str, found: Sequence[Unit], at: int) -> Iterator[Folded]:
    """`the town where Ada was born`, `the film directed by #1`, `the company Ada works for`."""
    end = noun_end(found, at)
    if end == at + 1 or end >= len(found):
        return
    head, link = found[end - 1], found[end]
    if head.tag not in "wN" or singular(head.low) in _VAGUE or is_superlative(head.low):
        return
    if found[at].low != "the" and link.tag != "R":
        return
    opening = _opening(found, end)
    if opening is None:
        return
    start, waits = opening
    stop = _clause_end(found, start, waits=waits, bare=_awaits_bare(found, at))
    clause = found[start:stop]
    anchored = link.low == "whose" or any(unit.tag in "ND" or unit.low.isdigit() for unit in clause)
    if len(clause) < 2 or not anchored or any(unit.low in _ASKED for unit in clause):
        return
    if waits and _verb_at(clause) is None:
        return
    noun = text[found[at + 1].start : head.end]
    question = _clause_question(text, noun, head.low, found[end:start], clause)
    if question:
        yield Folded(found[at].start, clause[-1].end, question)


def _opening(found: Sequence[Unit], end: int) -> tuple[int, bool] | None:
    """Where the clause behind a noun that ends at `end` starts, and whether it waits for its verb."""
    head, link = found[end - 1], found[end]
    if link.tag == "R" and link.low != "when":
        return end + 1, True
    if link.tag == "i" and end + 1 < len(found) and found[end + 1].low in ("which", "whom"):
        return end + 2, True
    if link.low == "with" and EXPECTATIONS.get(head.low) in ("place", "country"):
        return end + 1, False
    if link.low in NAMING and tag_at(found, end + 1) == "N":  # "the ship called Ada" is Ada
        return None
    if link.tag == "G" and lemma(link.low) in VERBS:
        return end, False
    if link.tag == "V" and not link.low.endswith("s") and tag_at(found, end + 1) == "i":
        return end, False
    unsaid = link.tag == "N" and tag_at(found, end + 1) in "BAV"  # "the company Ada works for"
    return (end, True) if unsaid and head.low in EXPECTATIONS.keys() - WORKS else None


def _awaits_bare(found: Sequence[Unit], at: int) -> bool:
    """Whether the question's own verb, in its bare form, is still to come: "When did the ..."."""
    return tag_at(found, at - 1) == "A" and found[at - 1].low in ("did", "does", "do")


def _clause_end(found: Sequence[Unit], start: int, *, waits: bool, bare: bool) -> int:
    """Where a clause stops: at a verb that it does not need, a comma or a full stop."""
    owed, at = int(waits), start
    anchored = False
    while at < len(found):
        unit, before = found[at], _before(found, at)
        if unit.tag in ".()" or (unit.tag == "," and anchored and owed <= 0):
            break
        if unit.tag in "Rs" and at > start:
            owed += 1
        if at == start and not waits:
            at += 1
            continue
        if unit.tag in "BAV" and before not in "tc":
            if unit.tag == "V" and before in "wN" and _reduced(found, at):
                at += 1
                continue
            if owed <= 0:
                break
            owed -= 1
            at = max(at + 1, verb_group(found, at)[0])
            continue
        if bare and owed <= 0 and anchored and _is_bare(found, at):
            break
        anchored = anchored or unit.tag in "ND"
        at += 1
    return at


def _before(found: Sequence[Unit], at: int) -> str:
    """The tag of what stands before, adverbs and negations left out: "to no longer be"."""
    at -= 1
    while tag_at(found, at) in "an":
        at -= 1
    return tag_at(found, at)


def _reduced(found: Sequence[Unit], at: int) -> bool:
    """Whether a participle only describes the noun before it: "the airport named Dodge"."""
    named = found[at].low in NAMING and found[at].low != "born"
    return named or (at + 1 < len(found) and found[at + 1].low == "by")


def _is_bare(found: Sequence[Unit], at: int) -> bool:
    low, before = found[at].low, tag_at(found, at - 1)
    if found[at].tag not in "wV" or before in "dS'#":
        return False
    if lemma(low) == low and (low in VERBS or low in IRREGULAR_VERBS.values()):
        return True
    return before == "i" and tag_at(found, at + 1) == "."


def _clause_question(text: str, noun: str, head: str, link: Sequence[Unit], clause: Sequence[Unit]) -> str:
    said = text[clause[0].start : clause[-1].end]
    asked = f"Which {noun}"
    if head in _PEOPLE:
        asked = "Who"
    if link and link[-1].low == "whose":
        return f"Which {noun}'s {said}?"
    if link and link[-1].low == "with":
        return f"{asked} has {said}?"
    first = clause[0]
    if first.tag == "V" and not link:
        return f"{asked} {'is' if first.low in NAMING - {'born'} or first.low == 'known' else 'was'} {said}?"
    if first.tag == "G":
        rest = said[len(first.text) :]
        return f"{asked} {_third_person(lemma(first.low))}{rest}?"
    if first.tag in "BAVan":
        return f"{asked} {said}?"
    turned = inverted(text, clause)
    stranded = _stranded(clause)
    if link and link[0].tag == "i":
        return f"{link[0].text.capitalize()} {asked[0].lower()}{asked[1:]} {turned}?"
    placed = not link and any(unit.low in _PLACED for unit in clause)
    if ((link and link[-1].low == "where") or placed) and not stranded:
        return f"In {asked[0].lower()}{asked[1:]} {turned}?"
    if not link and not stranded:
        return ""
    return f"{asked} {turned}?"


def _stranded(clause: Sequence[Unit]) -> bool:
    """Whether a preposition has lost its noun: "Ada came from", "Ada played for before 1990"."""
    return clause[-1].tag == "i" or any(
        unit.tag == "i" and tag_at(clause, at + 1) in "is" for at, unit in enumerate(clause)
    )


def inverted(text: str, clause: Sequence[Unit]) -> str:
    """A clause in the order of a question: "was Ada born", "did Ada live in"."""
    at = _verb_at(clause)
    said = text[clause[0].start : clause[-1].end]
    if at is None or at == 0:
        return said
    verb = clause[at]
    subject = text[clause[0].start : clause[at - 1].end]
    rest = text[verb.end : clause[-1].end]
    if verb.tag in "BA":
        return f"{verb.text} {subject}{rest}"
    if lemma(verb.low) == verb.low and verb.low not in IRREGULAR_VERBS:
        return f"do {subject} {verb.text}{rest}"
    if verb.low.endswith("s") and verb.low not in IRREGULAR_VERBS:
        return f"does {subject} {lemma(verb.low)}{rest}"
    return f"did {subject} {lemma(verb.low)}{rest}"


def _verb_at(clause: Sequence[Unit]) -> int | None:
    """Where the verb of a clause is; "use" in "the deaf use signs" only if no other is."""
    plain = next((i for i, unit in enumerate(clause) if unit.tag in "BAV"), None)
    if plain is not None:
        return plain
    return next((i for i, unit in enumerate(clause) if i and unit.tag == "w" and _is_bare(clause, i)), None)


def _third_person(verb: str) -> str:
    if verb.endswith(("s", "sh", "ch", "x", "z")):
        return f"{verb}es"
    return f"{verb[:-1]}ies" if re.search(r"[^aeiou]y$", verb) else f"{verb}s"
