"""Who is meant: the title of the document, short forms of names, pronouns and definite descriptions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from kedge.agents.extractive.lexicon import (
    COMMON_WORDS,
    KIND_ENDERS,
    PERSON_NOUNS,
    PLACE_OPENERS,
    THING_NOUNS,
    WORKS,
)
from kedge.agents.extractive.names import bare_title
from kedge.agents.extractive.spans import Span
from kedge.tools.knowledge_base.records import entity_key as _entity_key

__all__ = ["Entities", "entity_key", "tidy"]

# The same names come again and again in one text.
entity_key = lru_cache(maxsize=65536)(_entity_key)

_FILE_LIKE: Final = re.compile(r"[\\/_]|\.\w{1,5}\Z|\A[\W\d]*\Z")
_HE: Final = re.compile(r"\b(?:he|she|his|her|him|He|She|His|Her)\b")
_MALE: Final = frozenset({"he", "him", "his"})
_MALE_WORDS: Final = re.compile(r"\b(?:he|his|him)\b", re.IGNORECASE)
_FEMALE_WORDS: Final = re.compile(r"\b(?:she|her|hers)\b", re.IGNORECASE)
_IT: Final = re.compile(r"\b(?:it|its|It|Its)\b")
_IS_PERSON: Final = re.compile(r"\b(?:is|was|were|are)\s+(?:an?|the)\s+([^.;()]{3,120})", re.IGNORECASE)


class Entities:
    """What the mentions of one chunk refer to; it learns while the chunk is read from left to right."""

    def __init__(self, title: str, text: str) -> None:
        self.full_title = re.sub(r"\s+", " ", title).strip()
        usable = 0 < len(self.full_title.split()) <= 12 and not _FILE_LIKE.search(self.full_title)
        self.title = self.full_title if usable else ""
        self.bare = bare_title(self.title)
        self.titles = tuple(dict.fromkeys(t for t in (self.title, self.bare) if t))
        self.known = tuple(t for t in (self.bare,) if t and not _is_common(t))
        self.kinds: set[str] = set()
        self.speaker = ""
        self.person: str | None = None
        self.thing: str | None = None
        self._named = bool(self.bare) and self.bare in text
        self.title_is_person = bool(self.title) and _person(text, self.title)
        # "She" in a text that says "he" of its subject means someone else.
        self._male = len(_MALE_WORDS.findall(text)) >= len(_FEMALE_WORDS.findall(text))
        self._short: dict[str, str | None] = {}
        self._full: dict[str, str] = {entity_key(t): self.title for t in self.titles}
        self._head = "" if self.title_is_person else (self.bare.lower().split() or [""])[-1]
        self._title_words = set(entity_key(self.bare).split())

    def learn(self, found: Sequence[Span]) -> None:
        """Short forms: a last name alone means the one longer name of the chunk that ends in it."""
        self._short.clear()
        names = [tidy(span.text) for span in found]
        longer = dict.fromkeys([*([self.bare] if self.title_is_person else []), *names])
        for name in longer:
            parts = entity_key(name).split()
            if not 2 <= len(parts) <= 4 or parts[0] in PLACE_OPENERS or {"of", "the", "and"} & set(parts):
                continue
            full = self.resolve_full(name)
            self._short[parts[-1]] = full if self._short.get(parts[-1], full) == full else None
        if self.title_is_person and (parts := entity_key(self.bare.split(",")[0]).split()):
            self._short.setdefault(parts[0], self.title)
            if len(parts) <= 3:
                self._short[parts[-1]] = self.title

    def resolve_full(self, name: str) -> str:
        """The title, if `name` is a form of it; else `name`."""
        return self._full.get(entity_key(name), name)

    def resolve_name(self, name: str) -> str:
        """The fullest name that a mention stands for in this chunk."""
        name = tidy(name)
        key = entity_key(name)
        if key in self._full:
            return self._full[key]
        return self._short.get(key) or name

    def is_title_variant(self, name: str) -> bool:
        """Whether the first name of a document is a form of its title ("Albert Elmer", "Albert E.")."""
        if not self.title or not self.title_is_person:
            return False
        own, other = entity_key(self.bare).split(), entity_key(tidy(name)).split()
        if not own or not other or own[0] != other[0]:
            return False
        return own[-1] == other[-1] or self._title_words <= set(other) or set(other) <= self._title_words

    def alias(self, name: str) -> None:
        """From here on `name` means the title."""
        self._full[entity_key(tidy(name))] = self.title

    def pronoun(self, low: str) -> str | None:
        """Who a pronoun means, if that is clear."""
        if low in {"i", "me", "my"}:
            return self.speaker or None
        if low in {"he", "she", "him", "his", "her"}:
            if not self.title_is_person:
                return self.person
            return self.title if (low in _MALE) == self._male else None
        if low in {"it", "its"}:
            if self.title and not self.title_is_person and (self._named or not self.thing):
                return self.title
            return self.thing
        return None

    def description(self, head: str) -> str | None:
        """Who `the film`, `the company` means: the title, when it is of that kind."""
        if self.thing and self.thing != self.title and self.thing.lower().split()[-1] == head:
            return self.thing
        if head and (head in self.kinds or head in {self.thing_kind, self._head}):
            return self.title or None
        if head in WORKS and not self.title_is_person and not self.kinds & (THING_NOUNS - WORKS):
            return self.title or None
        return None

    @property
    def thing_kind(self) -> str:
        """The kind that a title tells in parentheses: `film` of `Kiss and Tell (1945 film)`."""
        match = re.search(r"\(([^()]*)\)\s*\Z", self.title)
        return match.group(1).split()[-1].lower() if match and match.group(1).split() else ""

    def saw_subject(self, name: str) -> None:
        """Remember the last subject for the pronouns that follow; unless known, it may be person or thing."""
        person = self.title_is_person if name == self.title else True if name == self.speaker else None
        if person is not False:
            self.person = name
        if person is not True:
            self.thing = name


_BROKEN_HYPHEN: Final = re.compile(r"(?<=\w)([-‐‑]) (?=\w)")


def tidy(name: str) -> str:
    """A name on one line, with the stray spaces of broken hyphens taken out.

    Example:
        >>> tidy("Olga Georges- Picot")
        'Olga Georges-Picot'
    """
    joined = " ".join(name.split())
    return _BROKEN_HYPHEN.sub(r"\1", joined) if "-" in joined or "‑" in joined else joined


def _is_common(title: str) -> bool:
    words = title.lower().split()
    return len(words) == 1 and words[0] in COMMON_WORDS


def _person(text: str, title: str) -> bool:
    """Whether the title names a person: said so by the first "is a ...", else by the pronouns of the text."""
    if re.search(r"\((?:[^()]* )?(?:film|album|song|novel|band|TV series)\)\Z", title):
        return False
    said = _IS_PERSON.search(text[:600])
    if said:
        words = re.findall(r"[\w-]+", said.group(1).lower())
        # What follows "by", "of", "who" describes someone else.
        cut = next((i for i, w in enumerate(words) if w in KIND_ENDERS), len(words))
        own = words[:cut]
        if own and (own[-1] in THING_NOUNS or own[-1] in PERSON_NOUNS):
            return own[-1] in PERSON_NOUNS
        if any(w in PERSON_NOUNS for w in own):
            return not any(w in THING_NOUNS for w in own)
    if title.split()[-1].lower() in THING_NOUNS:
        return False
    he, it = len(_HE.findall(text)), len(_IT.findall(text))
    return he > max(1, it) and title[:1].isupper()
