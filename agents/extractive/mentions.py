"""What a question says about the way from its topic to its answer, in the order in which it is walked."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from kedge.agents.extractive._relation_words import (
    ANSWER_KINDS,
    DROPPED,
    KINSHIP,
    PHRASES,
    SHARING,
    WEAK,
)
from kedge.agents.extractive.lexicon import AUXILIARIES, BE, STOP_WORDS
from kedge.agents.extractive.spans import Span, tokens

__all__ = ["Request", "read_request"]

_WH: Final = frozenset(("who", "whom", "whose", "which", "what", "when", "where", "how"))
_AUXILIARY: Final = BE | AUXILIARIES
_PREDICATE: Final = _AUXILIARY | {"also"}
_DO: Final = frozenset(["do", "does", "did"])
_NUMBER_OF: Final = frozenset(["many", "much", "old", "long", "far", "tall", "high"])
_KEPT: Final = frozenset(("about", "when", "where"))
# "Ada 's son", as some data sets print it; it says as much as "of".
_POSSESSIVE: Final = re.compile(r"(?<=\s)['’]s\b")
_PARTING: Final = frozenset(("of",))


@dataclass(frozen=True, slots=True)
class Request:
    """What a question asks of a graph once its topic is known.

    Attributes:
        words: What it says of relations and kinds of things, ordered from the topic to the answer.
        places: Where in the question each word begins.
        parted: For each word, whether "of" or a possessive parts it from the word before: then the two
            belong to different facts, as in "father of the wife".
        kind: The kind of thing that answers: "person", "date", "place", "number", or empty.
        sharing: Places between words (0 is before the first) where it says that something is shared.
    """

    words: tuple[str, ...]
    places: tuple[int, ...]
    parted: tuple[bool, ...]
    kind: str
    sharing: tuple[int, ...]


def read_request(
    question: str,
    topic: tuple[int, int] | None,
    phrases: Collection[str] = (),
    others: Sequence[tuple[int, int]] = (),
) -> Request:
    """Order the words of a question by how a walk from its topic meets them.

    What is bound to the topic comes first ("[Heat] actors", "Ada 's father 's job"), then what stands before
    it, backwards ("the writers of films directed by [X]": directed, films, writers), then the predicate of
    the main clause ("[X] were released in which years").

    Args:
        question: The question.
        topic: The characters that name the topic; `None` when there is no such place.
        phrases: Several words that count as one, beside those of the language.
        others: The characters that name further topics: their words ask for nothing.

    Example:
        >>> request = read_request("who wrote films that share actors with Heat", (39, 43))
        >>> request.words, request.kind, request.sharing
        (('actors', 'films', 'wrote'), 'person', (1,))
    """
    start, end = topic or (len(question), len(question))
    units = [unit for unit in _units(question, phrases) if not _inside(unit, (*others, (start, end)))]
    before = [unit for unit in units if unit.start < start]
    after = [unit for unit in units if unit.start >= end]
    words: list[Span] = []
    parted: list[bool] = []
    sharing: list[int] = []
    apart = False
    for unit in _ordered(before, after):
        apart = apart or unit.text in _PARTING
        if _is_content(unit):
            words.append(unit)
            parted.append(apart)
            apart = False
        if _shares(unit.text):
            sharing.append(len(words))
    return Request(
        words=tuple(_plain(unit.text) for unit in words),
        places=tuple(unit.start for unit in words),
        parted=tuple(parted),
        kind=_answer_kind([unit.text for unit in units]),
        sharing=tuple(sharing),
    )


def _inside(unit: Span, places: Sequence[tuple[int, int]]) -> bool:
    return any(start < unit.end and unit.start < end for start, end in places)


def _units(text: str, phrases: Collection[str]) -> list[Span]:
    """Words in lower case, with phrases joined; a possessive mark is read as "of"."""
    words = [unit for span in tokens(_POSSESSIVE.sub("of", text)) for unit in _split(span)]
    joined: list[Span] = []
    at = 0
    while at < len(words):
        pieces = {n: words[at : at + n] for n in (4, 3, 2)}
        texts = {n: " ".join(word.text for word in piece) for n, piece in pieces.items()}
        length = next((n for n, known in texts.items() if _is_phrase(known, phrases)), 1)
        last = words[at : at + length][-1]
        joined.append(Span(words[at].start, last.end, texts[length] if length > 1 else words[at].text))
        at += length
    spoken = [at for at, word in enumerate(joined) if word.text[0].isalnum()]
    if len(spoken) > 1 and joined[spoken[-1]].text == "do":
        # "what does she do": what she is.
        joined[spoken[-1]] = joined[spoken[-1]]._replace(text="do for a living")
    return joined


def _is_phrase(text: str, phrases: Collection[str]) -> bool:
    return " " in text and (text in PHRASES or text in phrases)


def _split(span: Span) -> list[Span]:
    word = span.text.lower().replace("’", "'")
    if word.endswith("'s") and len(word) > 2:
        cut = span.end - 2
        return [Span(span.start, cut, word[:-2]), Span(cut, span.end, "of")]
    if word.startswith("grand") and word[5:] in KINSHIP:
        cut = span.start + 5
        return [Span(span.start, cut, word[5:]), Span(cut, cut, "of"), Span(cut, span.end, word[5:])]
    return [Span(span.start, span.end, word)]


def _ordered(before: Sequence[Span], after: Sequence[Span]) -> list[Span]:
    bound = _bound(before, after)
    inverting = _DO | BE if before and before[0].text in ("when", "where") else _DO
    auxiliary = next((at for at, word in enumerate(before) if word.text in inverting), len(before))
    if after and any(map(_is_content, before[auxiliary:])):
        # "when did the films by [X] writers release": the last word is the main clause's verb.
        last = max((at for at, word in enumerate(after) if _is_content(word)), default=len(after))
        bound = min(bound, last)
    return [*after[:bound], *reversed(before), *after[bound:]]


def _bound(before: Sequence[Span], after: Sequence[Span]) -> int:
    """How many of the words after the topic belong to it rather than to the main clause."""
    asking = next((at for at, word in enumerate(after) if word.text in _WH), None)
    auxiliary = next((at for at, word in enumerate(after) if word.text in _PREDICATE), len(after))
    if asking is None:
        return auxiliary
    # "[X] starred who": the verb in front of the question word is the main clause's.
    return 0 if any(map(_is_content, before)) else auxiliary


def _is_content(unit: Span) -> bool:
    word = unit.text
    if not any(c.isalnum() for c in word) or word in SHARING:
        return False
    if word in WEAK or word in _KEPT:
        return True
    return word not in DROPPED and word not in STOP_WORDS


def _shares(word: str) -> bool:
    return word in SHARING or word.startswith(("co-", "costar", "cowr", "codirect", "coauthor"))


def _plain(word: str) -> str:
    return word.removeprefix("co-").strip("-'") or word


def _answer_kind(words: Sequence[str]) -> str:
    for at, word in enumerate(words):
        if word in ANSWER_KINDS:
            return ANSWER_KINDS[word]
        if word == "how" and words[at + 1 : at + 2] and words[at + 1] in _NUMBER_OF:
            return "number"
        if word == "person":
            return "person"
    return ""
