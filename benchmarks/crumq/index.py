"""Exhaustive search: every document that says certain words together, whatever a retriever would find."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache

from kedge.agents.extractive.lexicon import MONTHS
from kedge.benchmarks.datasets import Passage
from kedge.tools.knowledge_base import entity_key

__all__ = ["Index", "aliases", "plain_title", "spellings", "words_of"]

_YEAR = re.compile(r"\b(\d{3,4})\b")
_DAY = re.compile(r"\b(\d{1,2})\b(?!\d)")


@lru_cache(maxsize=65536)
def words_of(text: str) -> tuple[str, ...]:
    """The words of a text without case, accents and punctuation.

    Example:
        >>> words_of("Éva's Pier (1771)")
        ('eva', 's', 'pier', '1771')
    """
    return tuple(re.findall(r"\w+", entity_key(text)))


def plain_title(title: str) -> str:
    """A title without what tells it from its namesakes.

    Example:
        >>> plain_title("Ed Wood (film)")
        'Ed Wood'
    """
    return re.sub(r"\s*\([^)]*\)\s*$", "", title).strip() or title


def aliases(name: str, *, person: bool = False) -> tuple[str, ...]:
    """Under which names somebody or something may be mentioned: a person by the last name, too.

    Example:
        >>> aliases("Ted Wilde", person=True), aliases("Loose Ankles (film)")
        (('Ted Wilde', 'Wilde'), ('Loose Ankles (film)', 'Loose Ankles'))
    """
    plain = plain_title(name)
    head = re.split(r",| of ", plain)[0]  # "John, Count of Angoulême" is called John
    last = (head.split()[-1],) if person and len(head.split()) > 1 else ()
    return tuple(dict.fromkeys((name, plain, *last)))


def spellings(value: str) -> tuple[str, ...]:
    """How else a value may be written: a date in either order, and by its year alone.

    Example:
        >>> spellings("12 June 1929")
        ('12 June 1929', 'June 12 1929', '1929')
    """
    month = next((word for word in value.replace(",", " ").split() if word.lower() in MONTHS), None)
    year, day = _YEAR.search(value), _DAY.search(value)
    if month is None or year is None or day is None:
        return (value,)
    written = (f"{day[1]} {month} {year[1]}", f"{month} {day[1]} {year[1]}", year[1])
    return tuple(dict.fromkeys((value, *written)))


class Index:
    """Where words stand, in all documents: the title counts as part of the text.

    Example:
        >>> index = Index([Passage("a", "Hesk", "An island. Ines Marrick was born there in 1841.")])
        >>> index.saying(("Ines Marrick", "Marrick"), ("1841",)), index.saying(("Hesk",), ("1842",))
        (['a'], [])
    """

    def __init__(self, passages: Iterable[Passage]) -> None:
        self._texts: dict[str, str] = {}
        self._holders: defaultdict[str, set[str]] = defaultdict(set)
        for passage in passages:
            words = words_of(f"{passage.title}\n{passage.text}")
            self._texts[passage.id] = f" {' '.join(words)} "
            for word in set(words):
                self._holders[word].add(passage.id)

    def saying(self, *each: Sequence[str]) -> list[str]:
        """The ids of the documents that say at least one phrase of each of these lists."""
        found: set[str] | None = None
        for phrases in each:
            holders = set().union(*(self._with(phrase) for phrase in phrases)) if phrases else set()
            found = holders if found is None else found & holders
            if not found:
                return []
        return sorted(found or ())

    def says(self, document: str, phrases: Sequence[str]) -> bool:
        """Whether a document says at least one of these phrases."""
        text = self._texts[document]
        return any(f" {' '.join(words)} " in text for phrase in phrases if (words := words_of(phrase)))

    def _with(self, phrase: str) -> set[str]:
        words = words_of(phrase)
        if not words:
            return set()
        among = sorted((self._holders.get(word, set()) for word in set(words)), key=len)
        together = set.intersection(*among)
        wanted = f" {' '.join(words)} "
        return {document for document in together if wanted in self._texts[document]}
