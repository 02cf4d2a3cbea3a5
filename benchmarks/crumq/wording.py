"""Facts in words: noun phrases that stand for what a chain of facts leads to, and questions about it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from kedge.benchmarks.crumq.facts import Fact, Facts
from kedge.benchmarks.harness.drawing import pick

__all__ = ["BANNED", "asked", "called", "event", "first_of", "noun", "premised"]

# What gives away that somebody looked at a text, or leans on something outside the question.
BANNED = re.compile(
    r"\b(?:according to|based on (?:the|this|these)|the (?:text|passage|article|document|context|excerpt)s?\b"
    r"|(?:this|these|that|those) (?:text|passage|article|document|film|book|person|man|woman)s?\b"
    r"|mentioned (?:above|below|here|in)|as (?:stated|described|mentioned)|aforementioned|the author states)",
    re.IGNORECASE,
)
_EVENTS = {
    "birth year": "the birth of {x}",
    "death year": "the death of {x}",
    "release year": "the release of {x}",
    "founding year": "the founding of {x}",
    "opening year": "the opening of {x}",
    "building year": "the building of {x}",
}
_FIRST = {
    "birth year": ("Who was born first, {a} or {b}?", "Who was born earlier: {a} or {b}?"),
    "death year": ("Who died first, {a} or {b}?", "Who died earlier: {a} or {b}?"),
    "release year": ("Which came out first, {a} or {b}?", "Which was released earlier: {a} or {b}?"),
    "founding year": ("Which was founded first, {a} or {b}?", "Which is the older foundation: {a} or {b}?"),
}


def called(fact: Fact, facts: Facts, seed: int) -> str:
    """What a fact is about, by name; sometimes with what it is: "the film Loose Ankles"."""
    name, work = fact.subject, facts.works.get(fact.about, "")
    return pick(seed, (name, f"the {work} {name}"), "called", fact.about) if work else name


def noun(chain: Sequence[Fact], facts: Facts, seed: int) -> str:
    """What a chain of facts leads to, by what it is said of: "the spouse of the director of Loose Ankles"."""
    phrase = called(chain[0], facts, seed)
    for place, fact in enumerate(chain):
        phrase = pick(seed, fact.sense.nouns, "noun", phrase, str(place)).format(x=phrase)
    return phrase


def asked(fact: Fact, phrase: str, seed: int) -> str:
    """The question for a fact of what is called so."""
    return _tidy(pick(seed, fact.sense.questions, "question", phrase).format(x=phrase))


def premised(fact: Fact, phrase: str, premise: str, seed: int, *, conditional: bool = False) -> str:
    """The question for a fact of what is called so, under a premise: "..., the director of ..., ..."."""
    if not conditional:
        return asked(fact, f"{phrase}, {premise},", seed)
    openers = ("If {a} is {b}, {q}", "Supposing that {a} was {b}, {q}", "Provided that {a} is {b}, {q}")
    question = asked(fact, phrase, seed)
    opener = pick(seed, openers, "premise", question)
    return _tidy(opener.format(a=phrase, b=premise, q=question[0].lower() + question[1:]))


def event(fact: Fact, phrase: str) -> str | None:
    """The event that a year is of: "the birth of ..."; nothing, if the fact is none."""
    form = _EVENTS.get(fact.sense.name)
    return form and form.format(x=phrase)


def first_of(fact: Fact, one: str, other: str, seed: int) -> str | None:
    """The question which of two came first; nothing, if the fact has no date."""
    forms = _FIRST.get(fact.sense.name)
    return forms and _tidy(pick(seed, forms, one, other).format(a=one, b=other))


def _tidy(question: str) -> str:
    question = re.sub(r",\s*(?=[?,])", "", " ".join(question.split()))
    question = re.sub(r"\?+$", "?", question)  # "Who Cares?" is a song
    return question[0].upper() + question[1:]
