"""What a question is about: the names, dates and numbers in it, the relations to follow, the kind wanted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from kedge.agents.decisions import Concept
from kedge.agents.extractive.lexicon import ADVERBS, KIN, PERSON_NOUNS, STOP_WORDS, THING_NOUNS
from kedge.agents.extractive.spans import Span, lemma, tokens
from kedge.agents.extractive.names import find_names
from kedge.agents.extractive.values import dates, find_numbers

__all__ = ["concepts"]

# Share in coverage. An option need not be reached by the evidence, and the kind of the answer is seldom a
# thing in the graph.
_OPTION: Final = 0.5
_KIND: Final = 0.25
_LONGEST: Final = 2_000

_OPTIONS: Final = re.compile(r"^[ \t]*\(?[A-Ha-h1-8][).:][ \t]+(\S[^\n]*?)[ \t]*$", re.MULTILINE)
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
# Words of asking and comparing: they say what to do with what is found.
_ASKING: Final = frozenset(
    """tell give list name describe explain find show please question answer same different earlier later
    older younger first last more less most least longer shorter larger smaller bigger taller higher lower
    come came become became happen happened call called mean whether true correct following option kind type
    many much old long far tall often get got""".split()  # noqa: SIM905
)


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
    options = [Concept(text=text, kind=_option_kind(text), weight=_OPTION) for text in _OPTIONS.findall(question)]
    stem = _OPTIONS.sub("", question) if len(options) > 1 else question
    found = [*_things(stem), *_wanted(stem), *(options if len(options) > 1 else ())]
    unique: dict[str, Concept] = {}
    for concept in found:
        unique.setdefault(concept.text.casefold(), concept)
    return tuple(unique.values())


def _option_kind(text: str) -> str:
    return "date" if (when := dates(text)) and when[0].text == text else "name"


def _things(question: str) -> Iterator[Concept]:
    """Everything named, then the words that say how to get from it to the answer."""
    words, when = tokens(question), dates(question)
    bracketed = _BRACKETS.findall(question)
    named = _questioned_names(question, words, when, bracketed)
    amounts = [n for n in find_numbers(question, when) if n.unit != "ordinal" and n.text.strip().lower() != "one"]
    taken = sorted((s.start, s.end) for s in (*named, *when, *amounts))
    runs = list(_runs(question, words, taken))
    if not named and not when:
        # Nobody types capitals: the runs of content words are the names, until linking knows better.
        named = [run for run in runs if not _relational(run.text)]
        runs = [run for run in runs if run not in named]
    yield from (Concept(text=span.text, kind="name") for span in named)
    yield from (Concept(text=date.text, kind="date") for date in when)
    yield from (Concept(text=number.text.strip(), kind="number") for number in amounts)
    kinds = {concept.text for concept in _wanted(question)}
    yield from (Concept(text=run.text.lower(), kind="relation") for run in runs if run.text.lower() not in kinds)


def _questioned_names(
    question: str, words: Sequence[Span], when: Sequence[object], bracketed: Sequence[str]
) -> list[Span]:
    found = find_names(question, words, dates(question), bracketed)
    return [span for span in found if span.text.lower() not in _ASKING]


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
        yield Span(start, end, question[start:end].removesuffix("'s").removesuffix("’s"))


def _empty(word: str) -> bool:
    low = word.lower().removesuffix("'s").removesuffix("’s")
    return low in STOP_WORDS or low in ADVERBS or low in _ASKING or len(low) < 2 or low in THING_NOUNS & _SHOWN


_SHOWN: Final = frozenset("film movie song album book novel show magazine band company".split())  # noqa: SIM905


def _relational(run: str) -> bool:
    """Whether words of a question without capitals name a relation and not a thing."""
    words = run.lower().split()
    return all(word in KIN or word in PERSON_NOUNS or lemma(word) != word or word in _RELATIONS for word in words)


_RELATIONS: Final = frozenset(
    """of birth death place date burial capital population country nationality language genre age name height
    cause occupation job award location size author born address price cost year currency spouse""".split()  # noqa: SIM905
)


def _wanted(question: str) -> Iterator[Concept]:
    """The kind of thing that would be an answer."""
    low = question.lower()
    noun = re.search(r"\b(?:which|what)\s+(?:(?:is|was|are|were)\s+the\s+)?([a-z-]{3,})", low)
    if noun and noun.group(1) not in STOP_WORDS | _ASKING and f"{noun.group(1)} of" not in low:
        yield Concept(text=lemma(noun.group(1)), kind="kind", weight=_KIND)
        return
    for asked, kind in _WANTED.items():
        if re.search(rf"\b{asked}\b", low):
            yield Concept(text=kind, kind="kind", weight=_KIND)
            return
