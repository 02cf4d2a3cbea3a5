"""What a walk over passages looks up: titles, and of each chunk its words, names and vector."""

from __future__ import annotations

import re
from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from threading import RLock
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from kedge.tools.encoders._protocol import FloatArray
from kedge.tools.knowledge_base.records import Chunk, entity_key

if TYPE_CHECKING:
    from kedge.tools.knowledge_base import KnowledgeBase

__all__ = ["Facts", "Passage", "facts_of", "plain"]

# A title stands for the first chunks of the newest documents that bear it, be it a book or a common word.
_CHUNKS_PER_DOCUMENT = 4
_DOCUMENTS_PER_TITLE = 16
_LONGEST_TITLE = 12
_CACHED = 4_096

_PARENTHESES = re.compile(r"\s*\([^()]*\)\s*\Z")
_WORD = re.compile(r"[^\W_]+")


@lru_cache(maxsize=65_536)
def plain(name: str) -> str:
    """A name without case, accents and punctuation.

    Example:
        >>> plain("Soft-Hearted Hana's")
        'soft hearted hana'
    """
    return " ".join(_WORD.findall(re.sub(r"['’]s\b", " ", entity_key(name)).replace("'", "")))


@dataclass(frozen=True, slots=True, eq=False)
class Passage:
    """A chunk as a walk sees it.

    `terms` counts the full-text index's terms of title, headings and text; `words` is the text as `plain`
    writes it.
    """

    id: int
    document_id: str
    title: str
    words: str
    terms: Mapping[str, int]
    vector: FloatArray


class Facts:
    """What is known of one base's chunks. Chunk ids are never used twice, so nothing here grows stale."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._last = 0
        self._revision = -1
        self._titles: dict[str, dict[str, list[int]]] = {}
        self._passages: OrderedDict[int, Passage] = OrderedDict()

    def titled(self, name: str) -> list[int]:
        """The chunks whose document's title, with or without parentheses, is this (plain) name.

        Some may be gone by now.
        """
        documents = self._titles.get(name, {})
        newest = list(documents)[-_DOCUMENTS_PER_TITLE:]
        return [chunk for document in newest for chunk in documents[document]]

    def named(self, text: str) -> dict[str, list[int]]:
        """The titles that stand in a (plain) text, longest first and none inside another; their chunks."""
        words = text.split()
        free = [True] * len(words)
        found: dict[str, list[int]] = {}
        for length in range(min(_LONGEST_TITLE, len(words)), 0, -1):
            for start in range(len(words) - length + 1):
                span = slice(start, start + length)
                name = " ".join(words[span])
                if all(free[span]) and (chunks := self.titled(name)):
                    found[name] = chunks
                    free[span] = [False] * length
        return found

    def passages(self, base: KnowledgeBase, ids: Iterable[int]) -> dict[int, Passage]:
        """These chunks, those that are gone left out."""
        wanted = list(dict.fromkeys(ids))
        with self._lock:
            known = {number: self._passages[number] for number in wanted if number in self._passages}
            for number in known:
                self._passages.move_to_end(number)
        chunks = base.chunks([number for number in wanted if number not in known])
        vectors = base.embeddings([chunk.id for chunk in chunks])
        new = {chunk.id: _passage(base, chunk, vector) for chunk, vector in zip(chunks, vectors, strict=True)}
        with self._lock:
            self._passages.update(new)
            while len(self._passages) > _CACHED:
                self._passages.popitem(last=False)
        both = known | new
        return {number: both[number] for number in wanted if number in both}

    def follow(self, base: KnowledgeBase) -> None:
        """Read the titles of chunks that came since the last time."""
        with self._lock:
            revision = base.store.revision()
            if revision == self._revision:
                return
            for chunk, document, title in base.store.titles(self._last):
                self._last = chunk
                for name in _forms(title):
                    chunks = self._titles.setdefault(name, {}).setdefault(document, [])
                    if len(chunks) < _CHUNKS_PER_DOCUMENT:
                        chunks.append(chunk)
            self._revision = revision


def _forms(title: str) -> set[str]:
    """Under which (plain) names a title goes: what stands in parentheses or after a comma may be left out."""
    bare = _PARENTHESES.sub("", title)
    return {plain(title), plain(bare), plain(bare.partition(", ")[0])} - {""}


def _passage(base: KnowledgeBase, chunk: Chunk, vector: FloatArray) -> Passage:
    terms = Counter(base.full_text.terms(chunk.indexed_text))
    return Passage(chunk.id, chunk.document_id, plain(chunk.title), plain(chunk.text), terms, vector)


_FACTS: WeakKeyDictionary[KnowledgeBase, Facts] = WeakKeyDictionary()


def facts_of(base: KnowledgeBase) -> Facts:
    """The facts of a base as of now."""
    facts = _FACTS.setdefault(base, Facts())
    facts.follow(base)
    return facts
