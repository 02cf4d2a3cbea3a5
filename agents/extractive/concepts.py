"""What a question is about: the names, dates and numbers in it, the relations to follow, the kind wanted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, Literal

from kedge.agents.decisions import Concept
from kedge.agents.extractive.lexicon import (
    ADVERBS,
    ASKING,
    KIN,
    PERSON_NOUNS,
    PROPERTIES,
    SHOWN,
    STOP_WORDS,
    THING_NOUNS,
)
from kedge.agents.extractive.names import find_names
from kedge.agents.extractive.options import choices
from kedge.agents.extractive.spans import Span, lemma, tokens, without_possessive
from kedge.agents.extractive.values import dates, find_numbers

__all__ = ["concepts"]

# Share in coverage. An option need not be reached by the evidence, and the kind of the answer is seldom a
# thing in the graph.
_OPTION: Final = 0.5
_KIND: Final = 0.25
_LONGEST: Final = 2_000

_BRACKETS: Final = re.compile(r"\[([^\[\]\n]{1,80})\]")
_WANTED: Final = {
    "who": "person",
    "whom": "person",
    "whose": "person",
    "where": "place",
    "when": "date",
    "how many": "number",
    "how much": "number",
    "how old": "number",
    "how long": "number",
    "how far": "number",
    "how tall": "number",
}


def concepts(question: str) -> tuple[Concept, ...]:
    """Names, dates and numbers of a question, then relations, then the kind wanted, then options.

    Example:
        >>> for concept in concepts("Where was the director of film Loose Ankles born?"):
        ...     print(concept.kind, concept.text)
        name Loose Ankles
        relation director
        relation born
        kind place
    """
    question = question[:_LONGEST]
    asked = choices(question)
    options = [Concept(text=text, kind=_option_kind(text), weight=_OPTION) for text in asked.options]
    found = [*_things(asked.stem), *_wanted(asked.stem), *options]
    unique: dict[str, Concept] = {}
    for concept in found:
        unique.setdefault(concept.text.casefold(), concept)
    return tuple(unique.values())


def _option_kind(text: str) -> Literal["name", "date"]:
    return "date" if (when := dates(text)) and when[0].text == text else "name"


def _things(question: str) -> Iterator[Concept]:
    """Everything named, then the words that say how to get from it to the answer."""
    words, when = tokens(question), dates(question)
    bracketed = _BRACKETS.findall(question)
    named = [span for span in find_names(question, words, when, bracketed) if span.text.lower() not in ASKING]
    amounts = [
        n for n in find_numbers(question, when) if n.unit != "ordinal" and n.text.strip().lower() != "one"
    ]
    taken = sorted(
        [(s.start, s.end) for s in named]
        + [(d.start, d.end) for d in when]
        + [(n.start, n.end) for n in amounts]
    )
    runs = list(_runs(question, words, taken))
    if not named and not when:
        # Nobody types capitals: the runs of content words are the names, until linking knows better.
        named = [run for run in runs if not _relational(run.text)] or runs[1:][-1:]
        runs = [run for run in runs if run not in named]
    yield from (Concept(text=_with_parentheses(question, span), kind="name") for span in named)
    yield from (Concept(text=date.text, kind="date") for date in when)
    yield from (Concept(text=number.text.strip(), kind="number") for number in amounts)
    kinds = {concept.text for concept in _wanted(question)}
    yield from (
        Concept(text=run.text.lower(), kind="relation") for run in runs if run.text.lower() not in kinds
    )


def _with_parentheses(question: str, name: Span) -> str:
    """`Mokey (1942 film)`: what tells a name from others belongs to it."""
    behind = re.match(r"\s\((?:[^()\s]+ ?){1,3}\)", question[name.end : name.end + 40])
    return name.text + (behind.group() if behind else "")


def _runs(question: str, words: Sequence[Span], taken: Sequence[tuple[int, int]]) -> Iterator[Span]:
    """Runs of content words outside what was found, with an inner "of" kept: `place of birth`."""
    run: list[Span] = []
    for index, word in enumerate(words):
        free = not any(start < word.end and word.start < end for start, end in taken)
        content = free and word.text[0].isalpha() and not _empty(word.text)
        if content:
            run.append(word)
            continue
        following = words[index + 1] if index + 1 < len(words) else None
        joins = run and word.text == "of" and following is not None and following.text[0].islower()
        if joins and following is not None and not _empty(following.text):
            run.append(word)
            continue
        yield from _spanned(question, run)
        run = []
    yield from _spanned(question, run)


def _spanned(question: str, run: Sequence[Span]) -> Iterator[Span]:
    if run:
        start, end = run[0].start, run[-1].end
        yield Span(start, end, without_possessive(question[start:end]))


def _empty(word: str) -> bool:
    low = without_possessive(word.lower())
    return low in STOP_WORDS or low in ADVERBS or low in ASKING or len(low) < 2 or low in THING_NOUNS & SHOWN


def _relational(run: str) -> bool:
    """Whether words of a question without capitals name a relation and not a thing."""
    words = run.lower().split()
    return all(
        word in KIN or word in PERSON_NOUNS or lemma(word) != word or word in PROPERTIES for word in words
    )


def _wanted(question: str) -> Iterator[Concept]:
    """The kind of thing that would be an answer."""
    low = question.lower()
    noun = re.search(r"\b(?:which|what)\s+(?:(?:is|was|are|were)\s+the\s+)?([a-z-]{3,})", low)
    if noun and noun.group(1) not in STOP_WORDS | ASKING and f"{noun.group(1)} of" not in low:
        yield Concept(text=lemma(noun.group(1)), kind="kind", weight=_KIND)
        return
    for asked, kind in _WANTED.items():
        if re.search(rf"\b{asked}\b", low):
            yield Concept(text=kind, kind="kind", weight=_KIND)
            return
