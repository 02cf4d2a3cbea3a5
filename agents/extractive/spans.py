"""Tokens and stems: the ground that the other rules stand on.

All functions are pure, run in time linear in the text, and accept any string.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

from kedge.agents.extractive.lexicon import (
    IRREGULAR_PLURALS,
    IRREGULAR_VERBS,
    VERBS,
)

__all__ = ["Span", "lemma", "singular", "stem", "tokens", "without_possessive"]


class Span(NamedTuple):
    """A piece of a text: `text` is characters `start:end` of it."""

    start: int
    end: int
    text: str


# A word holds inner apostrophes and hyphens, and marks that combine with its letters; an abbreviation
# ("U.S.", "e.g.") and a number ("1,000.5") are one token; everything else is one token a character.
_TOKEN: Final = re.compile(
    r"\d+(?:[.,:]\d+)+(?!\w)"
    r"|(?:[^\W\d_]\.){2,}"
    r"|[^\W_](?:[^\W_]|[\u0300-\u036f]|['’\-‐‑](?=[^\W_]))*"
    r"|[^\s]"
)


def tokens(text: str) -> list[Span]:
    """Words, numbers and single punctuation characters, in order.

    Example:
        >>> [t.text for t in tokens("The U.S. paid $1,000.50 to O'Brien.")]
        ['The', 'U.S.', 'paid', '$', '1,000.50', 'to', "O'Brien", '.']
    """
    return [Span(*match.span(), match.group()) for match in _TOKEN.finditer(text)]


def without_possessive(word: str) -> str:
    """A word without the ending that makes it an owner; its apostrophes become straight.

    Example:
        >>> without_possessive("Reed’s")
        'Reed'
    """
    return word.replace("’", "'").removesuffix("'s")


@lru_cache(maxsize=65536)
def lemma(word: str) -> str:
    """The dictionary form of a verb or noun, as far as its ending tells.

    Example:
        >>> [lemma(word) for word in ("directed", "wrote", "cities", "stopped", "Moving")]
        ['direct', 'write', 'city', 'stop', 'move']
    """
    low = word.lower()
    if (known := IRREGULAR_VERBS.get(low) or IRREGULAR_PLURALS.get(low)) is not None:
        return known
    if low in VERBS or len(low) <= 3:
        return low
    for ending in ("ing", "ed"):
        if low.endswith(ending) and re.search("[aeiouy]", low[: -len(ending)]):
            return _repair(low[: -len(ending)])
    return singular(low)


def singular(noun: str) -> str:
    """A noun in lower case, as one of its kind.

    Example:
        >>> [singular(noun) for noun in ("cities", "women", "classes", "series")]
        ['city', 'woman', 'class', 'series']
    """
    low = noun.lower()
    if (known := IRREGULAR_PLURALS.get(low)) is not None:
        return known
    if low.endswith("ies") and len(low) > 4:
        return low[:-3] + "y"
    if low.endswith(("sses", "shes", "ches", "xes", "zes")):
        return low[:-2]
    if low.endswith("s") and not low.endswith(("ss", "us", "is")):
        return low[:-1]
    return low


def _repair(base: str) -> str:
    """Undo what an ending did to its base: a doubled consonant, a dropped e, a y that became i."""
    if base in VERBS:
        return base
    if base + "e" in VERBS:
        return base + "e"
    if base.endswith("i"):
        return base[:-1] + "y"
    if len(base) > 2 and base[-1] == base[-2] and base[-1] not in "lsz":
        return base[:-1]
    # "move", "stage", "race", "locate", "combine": endings that English writes with a final e.
    if re.search(
        r"(?:[^aeiou]at|[^aeiou][aeiou][vcgsuz]|[rn][cgsv]|[aeiou]dg|[^aeiou][iu][rtnlmbkp]|l[vu])\Z", base
    ):
        return base + "e"
    return base


_SUFFIXES: Final = (
    "ation",
    "ition",
    "ment",
    "ness",
    "ical",
    "ally",
    "ion",
    "ial",
    "ic",
    "al",
    "ly",
    "er",
    "or",
    "e",
)


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """A key under which the forms of a word meet; not meant to be read.

    Example:
        >>> stem("directed") == stem("director") == stem("directs") == stem("direction")
        True
    """
    base = lemma(word)
    for suffix in _SUFFIXES:
        if base.endswith(suffix) and len(base) - len(suffix) >= 4:
            return base[: -len(suffix)]
    return base
