"""Saying what an image shows from texts about similar images, each of which may be wrong."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from kedge.agents.decisions import Description
from kedge.agents.extractive.lexicon import STOP_WORDS
from kedge.agents.extractive.scenes import holds
from kedge.agents.extractive.spans import lemma
from kedge.tools.images import opened, things

__all__ = ["describe", "is_statement", "judged"]

RULES = 0.8  # share of statements about scenes that the rules get right, or a little more (measured)
_TRUE = re.compile(r"(?i)(?:is it true|true or false)\W+(?:that\s+)?")
_LEAST = 2  # hints that must say something
_PART = re.compile(
    r"(?i),\s*|\s+(?=(?:in|on|at|with|near|by|under|over|behind|beside|through|while|and|as|next to)\b)"
)
_WORD = re.compile(r"[^\W_]+")


def describe(hints: Sequence[str]) -> Description:
    """The longest beginning of a hint that at least two hints say, word for word of it that matters.

    Example:
        >>> hints = ["A dog runs on the beach in Hesk", "A brown dog on a beach", "Two boats"]
        >>> describe([*hints, "The dog runs"]).text
        'A dog runs on the beach'
        >>> describe(hints[:1]).text is None
        True
    """
    said = [frozenset(_content(hint)) for hint in hints]
    support = Counter(word for words in said for word in words)
    best: tuple[int, float, str] = (0, 0.0, "")
    for hint, words in zip(hints, said, strict=True):
        kept, text = _supported(hint, support)
        if kept:
            share = kept / max(1, len(words))
            best = max(best, (kept, share, text), key=lambda item: item[:2])
    kept, share, text = best
    if not kept:
        return Description(text=None, notes=("no two hints agree",))
    about = set(_content(text))
    backing = tuple(hint for hint, words in zip(hints, said, strict=True) if len(words & about) > 0)
    return Description(
        text=text.rstrip(" .,"), hints=backing, confidence=round(share * len(backing) / len(hints), 3)
    )


def judged(statement: str, images: Sequence[bytes]) -> Description | None:
    """Whether a statement is true of one image of plain shapes; nothing for other images, and for questions.

    Raises:
        LoadError: the image cannot be read.
    """
    if len(images) != 1 or not is_statement(statement):
        return None
    scene = things(opened(images[0]))
    said = _TRUE.sub("", statement)
    return Description(text=str(holds(said, scene)).lower(), confidence=RULES) if scene else None


def is_statement(text: str) -> bool:
    """Whether a text states something that may be true or false, instead of asking for it.

    Example:
        >>> is_statement("Is it true that there are two boats?"), is_statement("Who built this?")
        (True, False)
    """
    return bool(_TRUE.match(text)) or not text.rstrip().endswith("?")


def _supported(hint: str, support: Counter[str]) -> tuple[int, str]:
    """The words that matter in the beginning of a hint up to the first part that only one hint says."""
    said, end = set[str](), 0
    for start, stop in _parts(hint):
        words = _content(hint[start:stop])
        if not words or any(support[word] < _LEAST for word in words):
            break
        said, end = said | set(words), stop
    return len(said), hint[:end].strip()


def _parts(hint: str) -> list[tuple[int, int]]:
    cuts = [0, *(match.end() for match in _PART.finditer(hint)), len(hint)]
    return [(start, end) for start, end in pairwise(cuts) if hint[start:end].strip()]


def _content(text: str) -> list[str]:
    words = (word.lower() for word in _WORD.findall(text))
    return [lemma(word) for word in words if word not in STOP_WORDS]
