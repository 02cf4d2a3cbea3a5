"""From concepts to entities of the graph: exact keys, other forms of names, shared words, typos."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

from kedge.agents.decisions import Concept, Link
from kedge.agents.extractive.lexicon import SMALL
from kedge.agents.extractive.names import bare_title
from kedge.agents.extractive.values import dates
from kedge.tools.knowledge_base.records import entity_key

if TYPE_CHECKING:
    from kedge.tools.knowledge_base import KnowledgeBase
    from kedge.tools.knowledge_base.graph import KnowledgeGraph

__all__ = ["EntityIndex", "link"]

EXACT: Final = 1.0
OTHER_FORM: Final = 0.95
INITIALS: Final = 0.8
# Words in common never make a match as sure as a form of the name would.
WORDS: Final = 0.9
LEAST: Final = 0.4
MOST: Final = 5
# Postings looked at for one concept: the words that narrow it down come first.
_CANDIDATES: Final = 3_000

_WORD: Final = re.compile(r"[^\W_]+")
_ARTICLES: Final = ("the ", "a ", "an ")


class EntityIndex:
    """The entities of a graph by their keys, other forms and words. Built once; does not change.

    Example:
        >>> index = EntityIndex({"kiss and tell (1945 film)": "Kiss and Tell (1945 film)"})
        >>> index.find("The Kiss and Tell")
        [('kiss and tell (1945 film)', 0.95)]
    """

    def __init__(self, names: Mapping[str, str]) -> None:
        self._keys = list(names)
        self._exact = {key: at for at, key in enumerate(self._keys)}
        self._forms: dict[str, list[int]] = defaultdict(list)
        self._initials: dict[str, list[int]] = defaultdict(list)
        self._words: dict[str, list[int]] = defaultdict(list)
        self._dates: dict[str, list[int]] = defaultdict(list)
        for at, (key, name) in enumerate(names.items()):
            self._enter(at, key, name)
        self._count = max(1, len(self._keys))

    def _enter(self, at: int, key: str, name: str) -> None:
        for form in _other_forms(key):
            self._forms[form].append(at)
        words = _WORD.findall(key)
        for word in set(words):
            self._words[word].append(at)
        if 2 <= len(words) <= 8:
            initials = "".join(word[0] for word in words if word not in SMALL)
            if len(initials) > 1:
                self._initials[initials].append(at)
        dated = key[-1:].isdigit() or key[:1].isdigit()
        if dated and (value := _moment(name)) is not None:
            self._dates[value].append(at)

    def find(self, text: str) -> list[tuple[str, float]]:
        """Keys of entities that `text` may mean, with scores, best first; several where it is ambiguous."""
        key = entity_key(text)
        if not key:
            return []
        scores: dict[int, float] = {}
        self._by_form(key, text, scores)
        if max(scores.values(), default=0.0) < OTHER_FORM:
            self._by_words(key, scores)
        ranked = sorted(scores.items(), key=lambda item: (-item[1], len(self._keys[item[0]]), item[0]))
        return [(self._keys[at], round(score, 3)) for at, score in ranked[:MOST] if score >= LEAST]

    def exact(self, text: str) -> str | None:
        """The key of `text` if it is an entity."""
        key = entity_key(text)
        return key if key in self._exact else None

    def _by_form(self, key: str, text: str, scores: dict[int, float]) -> None:
        if (at := self._exact.get(key)) is not None:
            scores[at] = EXACT
        same = {at for form in (key, *_other_forms(key)) for at in self._forms.get(form, ())}
        same |= {at for form in _other_forms(key) if (at := self._exact.get(form)) is not None}
        for at in same:
            scores.setdefault(at, _shared(OTHER_FORM, len(same)))
        if (value := _moment(text)) is not None:
            for at in self._dates.get(value, ()):
                scores.setdefault(at, OTHER_FORM)
        if text.isupper() and 2 <= len(key) <= 6:
            meant = self._initials.get(key.replace(".", ""), ())
            for at in meant[:20]:
                scores.setdefault(at, _shared(INITIALS, len(meant)))

    def _by_words(self, key: str, scores: dict[int, float]) -> None:
        """Entities that share words, weighed by how rare the words are."""
        asked = dict.fromkeys(_WORD.findall(key))
        known = {word: found for word in asked if (found := self._spelled(word)) is not None}
        if not known:
            return
        weight = {word: self._rarity(found) for word, found in known.items()}
        total = sum(weight.values()) + sum(self._rarity("") for word in asked if word not in known)
        shared: dict[int, float] = defaultdict(float)
        budget = _CANDIDATES
        for word in sorted(known, key=lambda w: -weight[w]):
            postings = self._words[known[word]]
            penalty = 1.0 if known[word] == word else 0.8
            fresh = len(postings) <= budget
            for at in postings if fresh else ():
                shared[at] += weight[word] * penalty
            if not fresh:
                for at in shared.keys() & set(postings) if len(postings) < 20_000 else ():
                    shared[at] += weight[word] * penalty
            else:
                budget -= len(postings)
        best = sorted(shared.items(), key=lambda item: -item[1])[: 8 * MOST]
        self._weigh(best, total, scores)

    def _weigh(self, best: Sequence[tuple[int, float]], total: float, scores: dict[int, float]) -> None:
        rated: dict[int, float] = {}
        for at, common in best:
            own = sum(self._rarity(word) for word in set(_WORD.findall(bare_title(self._keys[at]))))
            rated[at] = WORDS * (0.6 * common / total + 0.4 * min(1.0, common / max(own, 1e-9)))
        top = max(rated.values(), default=0.0)
        rivals = sum(score > top - 0.02 for score in rated.values())
        for at, score in rated.items():
            scores[at] = max(
                scores.get(at, 0.0), _shared(score, rivals) if score > top - 0.02 else score * 0.9
            )

    def _spelled(self, word: str) -> str | None:
        """The word as the graph spells it: itself, or the commonest of its neighbours by one slip."""
        if word in self._words:
            return word
        if len(word) < 5:
            return None
        near = [other for other in _slips(word) if other in self._words]
        return max(near, key=lambda other: len(self._words[other]), default=None)

    def _rarity(self, word: str) -> float:
        return math.log(1.0 + self._count / (1.0 + len(self._words.get(word, ())))) * (
            0.2 if word in SMALL else 1.0
        )


def _shared(score: float, rivals: int) -> float:
    """The score of one of several that match as well: lower, the more there are."""
    return score if rivals <= 1 else score * max(0.55, 0.9 - 0.05 * rivals)


def _other_forms(key: str) -> list[str]:
    """Forms under which the same name goes: without parentheses, article or punctuation."""
    forms = []
    bare = bare_title(key) if key.endswith(")") else key
    if bare != key:
        forms.append(bare)
    forms += [bare[len(a) :] for a in _ARTICLES if bare.startswith(a) and len(bare) > len(a) + 2]
    if not bare.isalnum():
        plain = " ".join(_WORD.findall(bare.replace("'", "").replace("’", "").replace(".", "")))
        if plain and plain != bare and plain not in forms:
            forms.append(plain)
    return forms


def _moment(text: str) -> str | None:
    """The value of a text that is a date and nothing else."""
    if len(text) > 30 or not any(c.isdigit() for c in text):
        return None
    if text.isdigit():
        return text if len(text) == 4 else None
    found = dates(text)
    return found[0].value if len(found) == 1 and len(found[0].text) == len(text.strip()) else None


_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"


def _slips(word: str) -> Iterator[str]:
    """Every word that one slip of the finger away: a letter left out, swapped, replaced or put in."""
    for at in range(len(word) + 1):
        head, tail = word[:at], word[at:]
        if tail:
            yield head + tail[1:]
            yield from (head + letter + tail[1:] for letter in _LETTERS)
        if len(tail) > 1:
            yield head + tail[1] + tail[0] + tail[2:]
        yield from (head + letter + tail for letter in _LETTERS)


_INDEXES: WeakKeyDictionary[KnowledgeGraph, tuple[object, EntityIndex]] = WeakKeyDictionary()


def index_of(graph: KnowledgeGraph) -> EntityIndex:
    """The index of a graph, built anew when the graph has changed."""
    revision, index = _INDEXES.get(graph, (None, None))
    if index is None or revision != graph.revision:
        index = EntityIndex({key: str(name or key) for key, name in graph.nx.nodes(data="name")})
        _INDEXES[graph] = (graph.revision, index)
    return index


def link(concepts: Sequence[Concept], base: KnowledgeBase) -> tuple[Link, ...]:
    """Entities of the base's graph that the concepts mean, best first.

    Names, dates and numbers link to up to five entities each. Kinds and relations are seldom entities: they
    link only where the graph has one of exactly that name, and at a lower score.
    """
    index = index_of(base.graph)
    found = [linked for concept in concepts for linked in _links(concept, index)]
    return tuple(sorted(found, key=lambda linked: -linked.score))


def _links(concept: Concept, index: EntityIndex) -> Iterable[Link]:
    if concept.kind in {"kind", "relation"}:
        key = index.exact(concept.text)
        return [Link(concept=concept, entity=key, score=0.6)] if key else []
    return [Link(concept=concept, entity=key, score=score) for key, score in index.find(concept.text)]
