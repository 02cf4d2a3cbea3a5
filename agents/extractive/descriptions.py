"""What is said of something beside the verb: its kind, its country, its kin, and what parentheses hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from kedge.agents.extractive.arguments import Argument, joined, name_of, owner_of
from kedge.agents.extractive.entities import Entities, tidy
from kedge.agents.extractive.lexicon import (
    COUNTRY_OF_DEMONYM,
    KIN,
    PERSON_ENDINGS,
    PERSON_NOUNS,
    THING_NOUNS,
    WORKS,
)
from kedge.agents.extractive.phrases import Phrase, head_noun, kind_words, noun_phrase
from kedge.agents.extractive.spans import lemma
from kedge.agents.extractive.units import Unit, tag_at

__all__ = ["Fact", "aside", "is_kind", "kind_text", "kinds", "kinship"]


class Fact(NamedTuple):
    """A triple without its subject; 0 to 1 `sure`, given that the subject is."""

    relation: str
    object: str
    sure: float


# Kinds


def kinds(
    subject: Argument, phrase: Phrase, sure: float, entities: Entities, *, unfinished: bool
) -> Iterator[Fact]:
    """What a phrase says of its subject: year, countries, and unless `unfinished` ("king of") its kind."""
    words, head = kind_words(phrase.words), head_noun(phrase.words)
    for unit in phrase.words:
        if unit.tag == "D" and len(unit.text) == 4:
            yield Fact("released in" if head in WORKS else "year", unit.text, sure)
        elif unit.tag == "w":
            for country in _countries(unit.text):
                yield Fact("country", country, sure)
    if words and not unfinished and _fits(subject, words[-1].low, entities):
        yield Fact("is", joined(words), sure)


def _countries(word: str) -> list[str]:
    parts = word.replace("- ", "-").split("-")
    return [COUNTRY_OF_DEMONYM[part] for part in parts if part in COUNTRY_OF_DEMONYM]


def _fits(subject: Argument, head: str, entities: Entities) -> bool:
    """Whether the noun can be a kind of its subject: of a person only what a person can be."""
    if len(head) < 3:
        return False
    if entities.speaker:
        return head in PERSON_NOUNS or head in THING_NOUNS
    about_person = subject.text == (entities.title if entities.title_is_person else entities.speaker)
    return not about_person or head in PERSON_NOUNS or head.endswith(PERSON_ENDINGS)


def is_kind(phrase: Phrase) -> bool:
    """Whether what follows "is" is a noun: "is free", "is similar" say no kind."""
    head = head_noun(phrase.words)
    return bool(phrase.article) or head in PERSON_NOUNS or head in THING_NOUNS or lemma(head) in PERSON_NOUNS


def kind_text(phrase: Phrase) -> str:
    """The kind as a relation begins with it: "capital" of "is the capital of"."""
    words = kind_words(phrase.words)[-2:]
    if words and words[-1].low in KIN:
        words = words[-1:]
    return joined(words).lower() if words else head_noun(phrase.words)


# Kin and other belongings


def kinship(units: Sequence[Unit], phrase: Phrase, entities: Entities) -> tuple[str, Fact] | None:
    """`his wife Ada`, `his wife, Ada,`, `Jon's novel Kim`: the owner, and what belongs to it how."""
    head = head_noun(phrase.words)
    owner = owner_of(phrase, entities) if head else None
    if owner is None:
        return None
    relation = lemma(head) if head in KIN else joined(kind_words(phrase.words)).lower() or head
    if phrase.is_name:
        return owner, Fact(relation, name_of(phrase, entities), 0.95)
    if head in PERSON_NOUNS and tag_at(units, phrase.end) == ",":
        behind = noun_phrase(units, phrase.end + 1)
        if behind is not None and behind.is_name and tag_at(units, behind.end) in ",.)BV":
            return owner, Fact(relation, name_of(behind, entities), 0.9)
    return None


# Parentheses

_EVENTS = {"born": "born", "b": "born", "died": "died", "d": "died"}


def aside(inside: Sequence[Unit], *, person: bool) -> Iterator[Fact]:
    """What parentheses behind a name hold: the dates of a life, a year, another name.

    `person` says that the name is known to be one's.
    """
    dates = [unit for unit in inside if unit.tag == "D"]
    if not dates:
        if len(inside) == 1 and inside[0].tag == "N":
            yield Fact("also known as", tidy(inside[0].text), 0.8)
    elif any(unit.low in _EVENTS for unit in inside):
        yield from _life_events(inside)
    elif any(unit.tag == "-" for unit in inside):
        detailed = any(len(date.text) > 4 for date in dates)
        yield from _life_span(inside, life=person or detailed)
    elif len(inside) == 1:
        yield Fact("year", dates[0].text, 0.8)


def _life_events(inside: Sequence[Unit]) -> Iterator[Fact]:
    """`born Ada Reed in Lynn, 3 June 1912; died 1990`."""
    event = ""
    for index, unit in enumerate(inside):
        if unit.low in _EVENTS:
            event = _EVENTS[unit.low]
        elif unit.tag == "D" and event:
            yield Fact(_dated(event, unit), unit.text, 0.95)
        elif unit.tag == "N" and event and index:
            if inside[index - 1].low in {"in", "at", "near"}:
                yield Fact(f"{event} in", tidy(unit.text), 0.9)
            elif inside[index - 1].low == "born":
                yield Fact("also known as", tidy(unit.text), 0.85)
        elif unit.tag == "-" and event == "born":
            event = "died"


def _life_span(inside: Sequence[Unit], *, life: bool) -> Iterator[Fact]:
    """`1912–1990`: of a life, or of whatever lasts."""
    behind_dash = False
    for unit in inside:
        if unit.tag == "-":
            behind_dash = True
        elif unit.tag == "D" and life:
            yield Fact(_dated("died" if behind_dash else "born", unit), unit.text, 0.9)
        elif unit.tag == "D":
            yield Fact("until" if behind_dash else "from", unit.text, 0.9)


def _dated(event: str, unit: Unit) -> str:
    has_day = any(c.isalpha() for c in unit.text) and len(unit.text.split()) > 2
    return f"{event} on" if has_day else f"{event} in"
