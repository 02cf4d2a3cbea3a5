"""Quotations: where in a text the words stand that a model says it copied."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

__all__ = ["find_quotation", "holds", "words_of"]

_LEAST: Final = 2  # letters of a quotation that say something
_LONG: Final = 40  # letters from which on a quotation may break off inside a word: it was cut for its length
_FOREIGN: Final = re.compile(r"[^\x00-\x7f]")
_GAP: Final = re.compile(r"\s*(?:\.\.\.|…|\[\.\.\.\]|\[…\])\s*")


def find_quotation(text: str, quotation: str) -> tuple[int, int] | None:
    """The span of `text` that a quotation copies, or `None` when the text does not say that.

    White space, case, accents and punctuation may differ; letters and digits may not. An ellipsis stands for
    at most as much as is quoted around it.

    Example:
        >>> text = 'The pier — built in 1771 —\\n was the work of “Ada Moss”.'
        >>> start, end = find_quotation(text, "built in 1771 ... the work of 'Ada Moss'")
        >>> text[start:end]
        'built in 1771 —\\n was the work of “Ada Moss”.'
        >>> find_quotation(text, "built in 1772") is None
        True
    """
    folded, places = _folded(text)
    parts = [part for part in (_folded(part)[0] for part in _GAP.split(quotation)) if part]
    if sum(map(len, parts)) < _LEAST:
        return None
    room = 2 * sum(map(len, parts)) + 40
    at = folded.find(parts[0])
    while at >= 0:
        end = at + len(parts[0])
        for part in parts[1:]:
            found = folded.find(part, end)
            end = found + len(part) if found >= 0 else -1
            if end < 0 or end - at > room:
                break
        else:
            first, last = places[at], _word_end(text, places[end - 1])
            if not _inside(text, first) and (last == places[end - 1] or end - at >= _LONG):
                return first, _closed(text, last + 1, quotation)
        at = folded.find(parts[0], at + 1)
    return None


def holds(text: str, words: str) -> bool:
    """Whether a text has every word of another one, in any order.

    Example:
        >>> holds("She was born in Saltmarsh in 1912.", "1912 Saltmarsh"), holds("a pier", "the pier")
        (True, False)
    """
    return words_of(words) <= words_of(text)


def words_of(text: str) -> frozenset[str]:
    """The words of a text, without case and accents.

    Example:
        >>> sorted(words_of("Éva, or Eva Löwe"))
        ['eva', 'lowe', 'or']
    """
    return frozenset(re.findall(r"\w+", _plain(text)))


def _inside(text: str, place: int) -> bool:
    """Whether a word has begun before: "771" does not quote "1771"."""
    return place > 0 and text[place - 1].isalnum() and text[place].isalnum()


def _word_end(text: str, place: int) -> int:
    """The last character of the word at `place`."""
    while place + 1 < len(text) and text[place].isalnum() and text[place + 1].isalnum():
        place += 1
    return place


def _closed(text: str, end: int, quotation: str) -> int:
    """The end with the full stop or bracket behind it, where the quotation has one as well."""
    if not quotation.rstrip()[-1:].isalnum():
        while end < len(text) and not text[end].isalnum() and not text[end].isspace():
            end += 1
    return end


def _folded(text: str) -> tuple[str, list[int]]:
    """Letters, digits and signs alone, and where each stood."""
    letters: list[str] = []
    places: list[int] = []
    for place, character in enumerate(text):
        for letter in _plain(character):
            if letter.isalnum() or letter in "%$€£+°":
                letters.append(letter)
                places.append(place)
    return "".join(letters), places


def _plain(text: str) -> str:
    if text.isascii():  # nothing to take apart, and by far the quickest
        return text.lower()
    return _FOREIGN.sub(_bare, unicodedata.normalize("NFKD", text.casefold()))


def _bare(found: re.Match[str]) -> str:
    return "" if unicodedata.combining(found[0]) else found[0]
