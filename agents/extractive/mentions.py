"""What a question says about the way from its topic to its answer, in the order in which it is walked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from kedge.agents.extractive._relation_words import (
    ANSWER_KINDS,
    DROPPED,
    PHRASES,
    SHARING,
    WEAK,
)
from kedge.agents.extractive.lexicon import BE, STOP_WORDS
from kedge.agents.extractive.spans import Span, tokens

__all__ = ["Request", "read_request"]

_WH: Final = frozenset("who whom whose which what when where how".split())
_AUXILIARY: Final = BE | frozenset("do does did has have had is are was were will would can could".split())
_NUMBER_OF: Final = frozenset("many much old long far tall high".split())
_KEPT: Final = frozenset(("about",))
_LIGHT_WEIGHT: Final = 0.15


@dataclass(frozen=True, slots=True)
class Request:
    """What a question asks of a graph once its topic is known.

    Attributes:
        words: What it says of relations and kinds of things, ordered from the topic to the answer.
        weights: How much each word matters, before it is known whether the graph has anything like it.
        kind: The kind of thing that answers: "person", "date", "place", "number", or empty.
        sharing: Whether it asks for what shares something with the topic.
    """

    words: tuple[str, ...]
    weights: tuple[float, ...]
    kind: str
    sharing: bool


def read_request(question: str, topic: tuple[int, int] | None) -> Request:
    """Order the words of a question by how a walk from its topic meets them.

    What is bound to the topic comes first ("[Heat] actors", "Ada 's father 's job"), then what stands before
    it, backwards ("the writers of films directed by [X]": directed, films, writers), then the predicate of
    the main clause ("[X] were released in which years").

    Args:
        question: The question.
        topic: The characters that name the topic; `None` when there is no such place.

    Example:
        >>> text = "who wrote films that share actors with Heat"
        >>> request = read_request(text, (39, 43))
        >>> request.words, request.kind, request.sharing
        (('actors', 'films', 'wrote'), 'person', True)
    """
    start, end = topic or (len(question), len(question))
    before = _units(question[:start])
    after = _units(question[end:])
    ordered = _ordered(before, after)
    sharing = any(_shares(word) for word in ordered)
    kept = [(_plain(word), weight) for word in ordered if (weight := _weight(word)) > 0]
    kept = [(word, weight) for word, weight in kept if word]
    return Request(
        tuple(word for word, _ in kept), tuple(w for _, w in kept), _answer_kind([*before, *after]), sharing
    )


def _units(text: str) -> list[str]:
    """Words in lower case, with phrases joined; a possessive mark is a word of its own."""
    words = [unit for span in tokens(text) for unit in _split(span)]
    joined: list[str] = []
    at = 0
    while at < len(words):
        for length in (3, 2):
            phrase = " ".join(words[at : at + length])
            if phrase in PHRASES:
                joined.append(phrase)
                at += length
                break
        else:
            joined.append(words[at])
            at += 1
    return joined


def _split(span: Span) -> list[str]:
    word = span.text.lower().replace("’", "'")
    if word.endswith("'s") and len(word) > 2:
        return [word[:-2], "'s"]
    return [word]


def _ordered(before: Sequence[str], after: Sequence[str]) -> list[str]:
    bound = _bound(before, after)
    return [*after[:bound], *reversed(before), *after[bound:]]


def _bound(before: Sequence[str], after: Sequence[str]) -> int:
    """How many of the words after the topic belong to it rather than to the main clause."""
    asking = next((at for at, word in enumerate(after) if word in _WH), None)
    auxiliary = next((at for at, word in enumerate(after) if word in _AUXILIARY), len(after))
    if asking is None:
        return auxiliary
    # "[X] starred who": the verb in front of the question word is the main clause's.
    has_content = any(_weight(word) >= 1.0 for word in before)
    return 0 if has_content else auxiliary


def _weight(word: str) -> float:
    if not any(c.isalnum() for c in word) or word in SHARING or word == "'s":
        return 0.0
    if word in WEAK:
        return _LIGHT_WEIGHT
    if word in ("when", "where", *_KEPT):
        return 1.0
    if word in DROPPED or word in STOP_WORDS:
        return 0.0
    return 1.0


def _shares(word: str) -> bool:
    return word in SHARING or word.startswith(("co-", "costar", "cowr", "codirect", "coauthor"))


def _plain(word: str) -> str:
    return word.removeprefix("co-").strip("-'")


def _answer_kind(words: Sequence[str]) -> str:
    for at, word in enumerate(words):
        if word in ANSWER_KINDS:
            return ANSWER_KINDS[word]
        if word == "how" and words[at + 1 : at + 2] and words[at + 1] in _NUMBER_OF:
            return "number"
        if word == "person":
            return "person"
    return ""
