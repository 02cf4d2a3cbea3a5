"""Spans that might be the answer by rule, and what speaks for each: the features that a scorer weighs.

The trained reader proposes others: `reading` gives whichever is more probably right.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from kedge.agents.extractive._kinds import kind_before, kind_of_noun
from kedge.agents.extractive._passages import Passage, fold, key_of, name_forms
from kedge.agents.extractive._quantities import label_of, measures, unit_stated, with_currency
from kedge.agents.extractive._vocabulary import COUNTRIES, VEHICLES, Expects
from kedge.agents.extractive.language import (
    STOP_WORDS,
    Date,
    Span,
    bare_title,
    dates,
    lemma,
    names,
    numbers,
    tokens,
)
from kedge.agents.extractive.lexicon import VERBS, WORKS
from kedge.agents.extractive.questions import Question
from kedge.tools.knowledge_base.records import entity_key

__all__ = ["COUNTRY", "Candidate", "listed", "propose", "title_candidate", "value_at"]


Kinds = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Candidate:
    """An answer `text` at characters `start:end` of its passage's chunk, and its features, each 0 to 1.

    `chance` is how probably it is right, once that is weighed.
    """

    text: str
    start: int
    end: int
    passage: Passage
    features: dict[str, float]
    chance: float = 0.0


@dataclass(frozen=True, slots=True)
class _Words:
    """The tokens of a passage, and which of them the question used."""

    all: tuple[Span, ...]
    matched: tuple[int, ...]
    related: tuple[int, ...]


def propose(
    question: Question, keys: Sequence[str], passage: Passage, features: dict[str, float], kinds: Kinds
) -> list[Candidate]:
    """Spans of the expected type in a passage; `features` are those of the passage, shared by all.

    `kinds` are nouns that say what names are names of (see `heads`).
    """
    words = _words(passage, keys)
    asked = fold(question.text)
    found: list[Candidate] = []
    for start, end, kind, fit in _spans(question, passage, kinds):
        text = passage.text[start:end]
        if _repeats(text, asked, question):
            continue
        pattern = _pattern(question, passage.text, start, end, words)
        own = {
            "fit": fit,
            "window": _window(words, start, end),
            "focus": float(
                bool(question.focus)
                and (f" {question.focus} " in fold(text) or kinds.get(entity_key(text)) == question.focus)
            ),
            "long": min(1.0, len(text.split()) / 8),
            "echo": _echo(text, asked),
            "near": max(pattern, _near(words.matched, words.all, start, end)),
            "relation": _near(words.related, words.all, start, end),
            "pattern": pattern,
            "column": _column(keys, passage, start),
            "triple": _triple(question, keys, text, passage),
            kind: 1.0,
        }
        if question.expects == "number" and re.fullmatch(r"[\d.,]+", text):
            text = f"{text} {unit_stated(label_of(passage, start))}".strip()
        found.append(
            Candidate(text, passage.start + start, passage.start + end, passage, {**features, **own})
        )
    return found


def _words(passage: Passage, keys: Sequence[str]) -> _Words:
    all_tokens = tuple(tokens(passage.text))
    keyed = [key_of(token.text) if token.text[0].isalnum() else "" for token in all_tokens]
    wanted = frozenset(keys)
    return _Words(
        all_tokens,
        tuple(i for i, key in enumerate(keyed) if key in wanted),
        tuple(
            i
            for i, key in enumerate(keyed)
            if key in wanted and (key.startswith("=") or _verb(all_tokens[i].text.lower()))
        ),
    )


def _near(positions: Sequence[int], words: Sequence[Span], start: int, end: int) -> float:
    """1 beside one of the words at the positions, falling with the number of words between."""
    best = 0.0
    for position in positions:
        word = words[position]
        if word.start >= start and word.end <= end:
            continue
        lo, hi = (word.end, start) if word.end <= start else (end, word.start)
        between = sum(1 for token in words if token.start >= lo and token.end <= hi)
        best = max(best, 1.0 / (1.0 + 0.25 * between))
    return best


def _window(words: _Words, start: int, end: int) -> float:
    """The share of the matched words that stand within sixty characters."""
    close = sum(1 for i in words.matched if words.all[i].end >= start - 60 and words.all[i].start <= end + 60)
    return close / len(words.matched) if words.matched else 0.0


def _echo(text: str, asked: str) -> float:
    """The share of the span's words that the question has too."""
    own = fold(text).split()
    return sum(f" {word} " in asked for word in own) / len(own) if own else 0.0


def _repeats(text: str, asked: str, question: Question) -> bool:
    """Whether a span only says what the question already said."""
    folded = fold(text)
    if any(
        folded in form or form in folded.replace(" the ", " ")
        for name in question.names
        for form in name_forms(name)
    ):
        return True
    words = folded.split()
    return not words or all(f" {word} " in asked or word in STOP_WORDS for word in words)


def value_at(question: Question, passage: Passage, start: int, end: int) -> tuple[int, int] | None:
    """The date or number asked for that overlaps characters `start:end` of the chunk, if one does."""
    for first, last, _, _ in _typed(question, passage):
        if passage.start + first < end and start < passage.start + last:
            return passage.start + first, passage.start + last
    return None


def listed(best: Candidate, scored: Sequence[Candidate]) -> str:
    """The candidate with those of its passage that commas and "and" join to it."""
    text, offset = best.passage.chunk.text, best.passage.start
    spans = sorted({(c.start, c.end) for c in scored if c.passage is best.passage and c.start >= offset})
    start, end = best.start, best.end
    for first, last in spans:
        if first >= end and _JOINED.fullmatch(text[end:first]):
            end = last
    for first, last in reversed(spans):
        if last <= start and _JOINED.fullmatch(text[last:start]):
            start = first
    return text[start:end] if (start, end) != (best.start, best.end) else best.text


_JOINED: Final = re.compile(r",? (?:and |or |& )?|, ?")


def title_candidate(
    question: Question, passage: Passage, features: dict[str, float], kinds: Kinds
) -> Candidate | None:
    """The title of a passage: what it is about, where the question describes that and does not name it."""
    title = bare_title(passage.chunk.title)
    if (
        not title
        or question.expects in ("date", "number", "country")
        or _repeats(title, fold(question.text), question)
    ):
        return None
    fit = _fitness(question.expects, title, 0, len(title), kinds)
    here = question.expects == "place" and re.search(r"\bhere\b", passage.text) is not None
    if fit < UNFIT and question.expects in ("place", "person") and not here:
        return None
    own = {"fit": fit, "title": 1.0, "title_opening": float(passage.number == 0)}
    if here:  # "was born here": in the title
        own |= {"fit": 1.0, "pattern": 1.0, "near": 1.0}
    return Candidate(title, passage.start, passage.end, passage, {**_ABSENT, **features, **own})


_ABSENT: Final = dict.fromkeys(
    ("window", "focus", "long", "echo", "near", "relation", "pattern", "column", "triple"), 0.0
)


# --- where spans come from ---------------------------------------------------------------------------------

# A name that fits a place less than this is no candidate.
UNFIT: Final = 0.2
_Raw = tuple[int, int, str, float]


def _spans(question: Question, passage: Passage, kinds: Kinds) -> Iterator[_Raw]:
    """Start, end, kind and fitness to the expected type, 0 to 1."""
    if question.expects in ("date", "number"):
        yield from _typed(question, passage)
    else:
        yield from _nouns(question.expects, passage, kinds)


def _typed(question: Question, passage: Passage) -> Iterator[_Raw]:
    if question.expects == "date":
        for date in dates(passage.text):
            yield from _dates_of(question, date)
    elif question.expects == "number" and passage.keys & set(map(key_of, question.keys)):
        for number in numbers(passage.text):
            if fit := measures(question, number, passage):
                yield number.start, with_currency(number, passage.text), "typed", fit


def _dates_of(question: Question, date: Date) -> Iterator[_Raw]:
    """The date, or the part of it that is asked for: a year, or a time of day."""
    year = re.search(r"\d{3,4}(?!.*\d{3})", date.text) if _wants_year(question, date) else None
    if year:
        yield date.start + year.start(), date.start + year.end(), "typed", 1.0
    elif question.focus != "time" or "T" in date.value:
        fit = 0.1 if date.value.isalpha() else 0.6  # a weekday tells little
        yield date.start, date.end, "typed", 1.0 if date.earliest or question.focus == "time" else fit


def _wants_year(question: Question, date: Date) -> bool:
    return question.focus == "year" and not date.value.endswith("s")


def _nouns(expects: Expects, passage: Passage, kinds: Kinds) -> Iterator[_Raw]:
    """Names, and where a name alone is not asked for, phrases: each place once."""
    text = passage.text
    found: dict[tuple[int, int], tuple[str, float]] = {}
    if expects == "country":
        found.update({match.span(): ("typed", 1.0) for match in COUNTRY.finditer(text)})
    if speaker := _SPEAKER.match(text):
        found[speaker.span(1)] = "name", 1.0 if expects == "person" else 0.3
    for name in names(text, known=[passage.chunk.title] if passage.chunk.title else ()):
        fit = _fitness(expects, text, name.start, name.end, kinds)
        if fit >= UNFIT or expects not in ("place", "country", "person"):
            found.setdefault((name.start, name.end), ("name", fit))
    if expects in ("phrase", "name"):
        for span in (*_quoted(text), *_noun_phrases(text)):
            found.setdefault(span, ("phrase", 0.8 if expects == "phrase" else 0.3))
    if expects == "phrase":
        for item in dates(text):
            found.setdefault((item.start, item.end), ("typed", 0.4))
        for number in numbers(text):
            found.setdefault((number.start, number.end), ("typed", 0.4))
    for (start, end), (kind, fit) in found.items():
        yield start, end, kind, fit


# Who says a line of a conversation.
_SPEAKER: Final = re.compile(r"([A-Z][\w'-]*(?: [A-Z][\w'-]*){0,2}): (?=\S)")
COUNTRY: Final = re.compile(
    r"\b(?:" + "|".join(sorted(map(re.escape, COUNTRIES), key=len, reverse=True)) + r")\b"
)
_PLACE_BEFORE: Final = re.compile(r"\b(?:in|at|on|near|from|to|of|outside|around)(?: the)? $", re.IGNORECASE)
_ORGANISATION: Final = re.compile(
    r"\b(?:Inc|Ltd|Company|Corporation|University|College|School|Institute|Records|Studios?|Pictures|Party|League"
    r"|Club|Band|Group|Association|Society|Church|Museum|Agency|Department|Party|Union|Bank|Press|Network)\b"
)
_PLACE: Final = re.compile(
    r"\b(?:City|County|River|Lake|Mountains?|Island|Islands|Street|Road|Avenue|Park|Cemetery|Hospital|Bay|Valley"
    r"|Castle|Palace|Abbey|Square|Hall|Hills?|Beach|Forest|Province|Kingdom|Republic|State|States|North|South)\b"
)


def _fitness(expects: Expects, text: str, start: int, end: int, kinds: Kinds) -> float:
    """How well a name fits a type, by what the evidence calls it, its form and the word before it."""
    name = text[start:end]
    head = kinds.get(entity_key(name), "")
    kind = kind_before(text, start) or kind_of_noun(head)
    if kind and expects in ("person", "place") and kind != expects:
        return 0.0 if "person" in (kind, expects) or head in WORKS | VEHICLES else 0.3
    if kind == expects:
        return 1.0
    place_before = bool(_PLACE_BEFORE.search(text[max(0, start - 14) : start]))
    if expects == "person":
        if _ORGANISATION.search(name) or _PLACE.search(name) or name in COUNTRIES:
            return 0.1
        words = len(name.split())
        with_article = re.search(r"\b[Tt]he $", text[max(0, start - 4) : start]) is not None
        less = 0.4 * (place_before and words < 2) + 0.3 * with_article
        return (1.0 if 2 <= words <= 4 else 0.6) - less
    if expects in ("place", "country"):
        if name in COUNTRIES or _PLACE.search(name):
            return 1.0
        return 0.9 if place_before else 0.1
    if expects == "name":
        return 0.4 if kind == "person" else 1.0
    return 0.6


_QUOTE: Final = re.compile(r"[\"“«]([^\"”»]{2,80})[\"”»]")


def _quoted(text: str) -> Iterator[tuple[int, int]]:
    for match in _QUOTE.finditer(text):
        yield match.span(1)


def _noun_phrases(text: str) -> Iterator[tuple[int, int]]:
    """Runs of content words without verbs, also joined by "of": most answers to "what" are such runs."""
    runs: list[tuple[int, int]] = []
    current: list[Span] = []
    for token in (*tokens(text), Span(len(text), len(text), ".")):
        low = token.text.lower()
        inside = token.text[0].isalnum() and low not in STOP_WORDS and not _verb(low)
        gap = current and re.search(r"[^\s-]", text[current[-1].end : token.start])
        if inside and not gap:
            current.append(token)
            continue
        if current:
            runs.append((current[0].start, current[-1].end))
        current = [token] if inside else []
    yield from runs
    for (start, end), (following, last) in pairwise(runs):
        if re.fullmatch(r" (?:of|and|for)(?: the| a| an)? ", text[end:following]):
            yield start, last


def _verb(low: str) -> bool:
    return low in VERBS or (low.endswith(("ed", "es")) and lemma(low) in VERBS)


# --- what speaks for a span --------------------------------------------------------------------------------

_BY: Final = re.compile(r"\b[\w-]+(?:ed|en|n|t|de|ten)(?: (?:and|or) \w+)? by (?:the |a |[a-z ]{0,30})?$")
_LIFE: Final = re.compile(
    r"""\( \s* (?: [^()]*? ; \s* )? (?: born\s | b\.\s )?
    (?P<birth> [^()–—-]*? \d{3,4} [^()–—-]*? )? \s* [–—-] \s* (?: died\s )?
    (?P<death> [^()]*? \d{3,4} [^()]* ) \)""",
    re.VERBOSE,
)
_BORN: Final = re.compile(
    r"\((?:[^()]*?[;,] )?(?:né\w* [^()]*?)?\s*(?:born|b\.)\s+(?P<birth>[^()]*\d{3,4}[^()]*)\)"
)


def _pattern(question: Question, text: str, start: int, end: int, words: _Words) -> float:
    """1 where the words around a span say outright that it stands in the relation asked for."""
    before, after = text[:start], text[end : end + 40]
    related = [words.all[i] for i in words.related]
    if question.expects == "date":
        return _life(question, text, start, end) or _dated(question, text, start)
    if question.expects == "place" and (life := _life(question, text, start, end)):
        return life
    if question.expects == "person" and (parent := _parent(question, text, start)):
        return parent
    if question.expects == "country":
        return 1.0 if _DEFINED.search(before[-80:]) else 0.5 if _IN.search(before[-60:]) else 0.0
    if question.expects in ("person", "name") and _BY.search(before[-60:]):
        return 1.0 if any(start - 60 <= w.start < start for w in related) else 0.0
    if question.expects == "place" and re.search(r"\b(?:in|at|near) (?:the )?$", before[-12:]):
        return 1.0 if any(0 <= start - w.end <= 30 for w in related) else 0.0
    if question.focus:
        apposed = re.search(
            rf"\b{re.escape(question.focus)}s?\b(?:,|:| is| was| are| were| named| called)?"
            r" (?:an? |the )?[\"“]?$",
            before[-60:],
            re.IGNORECASE,
        )
        copula = re.match(
            rf"[\"”]?(?:,| is| was| are) (?:the |its |a |an )?(?:[\w-]+ ){{0,3}}{re.escape(question.focus)}",
            after,
            re.IGNORECASE,
        )
        if apposed or copula:
            return 1.0
    return 0.0


# "is a British actor", "was a 1930 American film": what opens a description says where from and when.
_DEFINED: Final = re.compile(r"\b(?:is|was|are|were) (?:an? |the )(?:[\w-]+,? ){0,3}$")
_IN: Final = re.compile(r"\b(?:in|of|from)(?: the)? (?:[A-Z][\w-]*, )*$")


def _dated(question: Question, text: str, start: int) -> float:
    made = {"=release", "=founding", "=production", "=start"} & set(map(key_of, question.keys))
    return float(bool(made and _DEFINED.search(text[max(0, start - 40) : start])))


_CHILD_OF: Final = re.compile(r"\b(?:son|daughter|child)s? of ([^.;]{0,120})$")


def _parent(question: Question, text: str, start: int) -> float:
    """ "The son of A and B" names the father first and the mother second."""
    asked = {"=father": False, "=mother": True}
    wanted = [asked[key] for key in map(key_of, question.keys) if key in asked]
    match = _CHILD_OF.search(text[max(0, start - 140) : start]) if wanted else None
    if match is None:
        return 0.0
    second = bool(re.search(r"\b(?:and|by)\b", match.group(1)))
    plain = len(names(match.group(1))) <= int(second)
    return (1.0 if second == wanted[0] else -1.0) if plain else 0.0


def _life(question: Question, text: str, start: int, end: int) -> float:
    """Dates and places in brackets after a name are those of birth and death, in this order."""
    wanted = {"=birth": "birth", "=death": "death"}
    roles = [wanted[key] for key in map(key_of, question.keys) if key in wanted]
    for pattern in (_LIFE, _BORN):
        match = pattern.search(text)
        if match is None:
            continue
        for role, found in match.groupdict().items():
            if found is not None and match.start(role) <= start and end <= match.end(role):
                return 1.0 if role in roles else -1.0
    return 0.0


def _column(keys: Sequence[str], passage: Passage, start: int) -> float:
    """1 for a value whose column or label the question names."""
    label = label_of(passage, start)
    return float(any(key_of(word.text) in keys for word in tokens(label)))


def _triple(question: Question, keys: Sequence[str], text: str, passage: Passage) -> float:
    """1 for the far end of a triple about one of the question's names by one of its words."""
    for triple in passage.triples:
        ends = {fold(triple.subject), fold(triple.object)}
        if fold(text) not in ends:
            continue
        about = any(
            form in end for name in question.names for form in name_forms(name) for end in ends - {fold(text)}
        )
        related = any(key_of(word.text) in keys for word in tokens(triple.relation))
        if about and related:
            return 1.0
    return 0.0
