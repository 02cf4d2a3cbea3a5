"""The graph of a knowledge base: entities joined by triples, with the chunks that name them attached."""

from __future__ import annotations

import itertools
from collections import Counter, deque
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from threading import RLock
from typing import TypeVar

import networkx as nx

from kedge.tools.knowledge_base.records import entity_key
from kedge.tools.knowledge_base.rows import Delta, MentionRow, TripleRow

__all__ = ["GraphChange", "KnowledgeGraph"]

_REMEMBERED = 20_000  # rows of the last changes that are kept for those who follow the graph
_REVISIONS = itertools.count(1)  # never the same for two states of any graph in this process
_K = TypeVar("_K", bound=Hashable)
_V = TypeVar("_V", bound=Hashable)


@dataclass(frozen=True, slots=True)
class GraphChange:
    """What led from one revision of a graph to the next; what was removed went first."""

    before: int
    revision: int
    added: Sequence[TripleRow] = ()
    added_mentions: Sequence[MentionRow] = ()
    removed: Sequence[TripleRow] = ()
    removed_mentions: Sequence[MentionRow] = ()

    def __len__(self) -> int:
        return len(self.added) + len(self.added_mentions) + len(self.removed) + len(self.removed_mentions)


class KnowledgeGraph:
    """The networkx view of the triples.

    `nx` is a `MultiDiGraph`. A node is an entity key; its `name` is the spelling met most often. The key of
    an edge is the id of its triple; it carries `relation`, `chunk_id` (`None` when the triple was read from
    no text) and `confidence`. Entities that chunks only mention are nodes too. A change takes time in
    proportion to what it changes, at most. `revision` changes with the graph; those who keep something made
    of it catch up by `changes_since`. Who reads `nx` in another thread than the one that changes it holds
    `lock`, or walks on the compiled form, which never changes.

    Example:
        >>> graph = KnowledgeGraph()
        >>> graph.add([TripleRow(1, "d", 7, "Ada", "wrote", "Notes", "ada", "notes", 1.0)])
        >>> list(graph.nx.edges(data="relation")), graph.chunks_of("Ada")
        ([('ada', 'notes', 'wrote')], {7})
    """

    def __init__(self) -> None:
        self.nx: nx.MultiDiGraph[str] = nx.MultiDiGraph()
        self.revision = next(_REVISIONS)
        self.lock = RLock()
        self._recent: deque[GraphChange] = deque()
        self._names: dict[str, Counter[str]] = {}
        self._chunks: dict[str, Counter[int]] = {}
        self._entities: dict[int, Counter[str]] = {}
        self._degree: dict[str, int] = {}
        self._degrees: dict[int, int] = {}  # how many entities have a degree

    def __contains__(self, entity: object) -> bool:
        return isinstance(entity, str) and entity_key(entity) in self.nx

    def __len__(self) -> int:
        return int(self.nx.number_of_nodes())

    def chunks_of(self, entity: str) -> set[int]:
        """The chunks that name an entity, given by its name or key."""
        return set(self._chunks.get(entity_key(entity), ()))

    def entities_of(self, chunk_id: int) -> set[str]:
        """The keys of the entities that a chunk names."""
        return set(self._entities.get(chunk_id, ()))

    def chunks(self) -> set[int]:
        """All chunks that name an entity."""
        return set(self._entities)

    @property
    def max_degree(self) -> int:
        """The number of ends of triples at the busiest entity; 0 without triples."""
        return max(self._degrees, default=0)

    def name(self, entity: str) -> str:
        """The usual spelling of an entity; itself if it is not in the graph."""
        key = entity_key(entity)
        return str(self.nx.nodes[key]["name"]) if key in self.nx else entity

    def names(self, entity: str) -> list[str]:
        """All spellings of an entity, the usual one first."""
        return [name for name, _ in self._names.get(entity_key(entity), Counter()).most_common()]

    def add(self, triples: Iterable[TripleRow], mentions: Iterable[MentionRow] = ()) -> None:
        """Take in triples and mentions."""
        self.change(added=tuple(triples), added_mentions=tuple(mentions))

    def remove(self, triples: Iterable[TripleRow], mentions: Iterable[MentionRow] = ()) -> None:
        """Let go of triples and mentions that were taken in, and of entities that nothing names any more."""
        self.change(removed=tuple(triples), removed_mentions=tuple(mentions))

    def change(
        self,
        *,
        added: Sequence[TripleRow] = (),
        added_mentions: Sequence[MentionRow] = (),
        removed: Sequence[TripleRow] = (),
        removed_mentions: Sequence[MentionRow] = (),
    ) -> None:
        """Remove and add in one step: who holds `lock` sees all of it or nothing."""
        with self.lock:
            touched = dict.fromkeys(
                key for row in (*removed, *added) for key in (row.subject_key, row.object_key)
            )
            touched |= dict.fromkeys(row.entity for row in (*removed_mentions, *added_mentions))
            for row in removed:
                self.nx.remove_edge(row.subject_key, row.object_key, key=row.id)
                self._discount(row.subject_key, row.subject, row.chunk_id)
                self._discount(row.object_key, row.object, row.chunk_id)
                self._end(row.subject_key, -1)
                self._end(row.object_key, -1)
            for row in added:
                self.nx.add_edge(
                    row.subject_key,
                    row.object_key,
                    key=row.id,
                    relation=row.relation,
                    chunk_id=row.chunk_id,
                    confidence=row.confidence,
                )
                self._count(row.subject_key, row.subject, row.chunk_id)
                self._count(row.object_key, row.object, row.chunk_id)
                self._end(row.subject_key, 1)
                self._end(row.object_key, 1)
            for mention in removed_mentions:
                self._discount(mention.entity, mention.name, mention.chunk_id)
            for mention in added_mentions:
                self._count(mention.entity, mention.name, mention.chunk_id)
            self._rename(touched)
            before, self.revision = self.revision, next(_REVISIONS)
            self._remember(
                GraphChange(before, self.revision, added, added_mentions, removed, removed_mentions)
            )

    def follow(self, delta: Delta) -> None:
        """Change as the store has changed."""
        self.change(
            added=delta.added_triples,
            added_mentions=delta.added_mentions,
            removed=delta.removed_triples,
            removed_mentions=delta.removed_mentions,
        )

    def changes_since(self, revision: int) -> list[GraphChange] | None:
        """The changes since a revision, in order; `None` when they are no longer known one by one."""
        if revision == self.revision:
            return []
        recent = list(self._recent)
        for at, change in enumerate(recent):
            if change.before == revision:
                return recent[at:]
        return None

    def _remember(self, change: GraphChange) -> None:
        self._recent.append(change)
        while self._recent and sum(map(len, self._recent)) > _REMEMBERED:
            self._recent.popleft()

    def _end(self, entity: str, by: int) -> None:
        """Count one end of a triple in or out, and the entity among those of its degree."""
        degree = self._degree.get(entity, 0)
        if degree:
            _shift(self._degrees, degree, -1)
        if degree + by:
            _shift(self._degrees, degree + by, 1)
        _shift(self._degree, entity, by)

    def _count(self, entity: str, name: str, chunk_id: int | None) -> None:
        _more(self._names, entity, name)
        if chunk_id is not None:
            _more(self._chunks, entity, chunk_id)
            _more(self._entities, chunk_id, entity)

    def _discount(self, entity: str, name: str, chunk_id: int | None) -> None:
        _less(self._names, entity, name)
        if chunk_id is not None:
            _less(self._chunks, entity, chunk_id)
            _less(self._entities, chunk_id, entity)

    def _rename(self, touched: Iterable[str]) -> None:
        for entity in touched:
            names = self._names.get(entity)
            if names:
                best = (
                    min(names, key=lambda name: (-names[name], name)) if len(names) > 1 else next(iter(names))
                )
                self.nx.add_node(entity, name=best)
            elif entity in self.nx:
                self.nx.remove_node(entity)


def _more(counts: dict[_K, Counter[_V]], key: _K, value: _V) -> None:
    counter = counts.get(key)
    if counter is None:
        counts[key] = counter = Counter()
    counter[value] += 1


def _less(counts: dict[_K, Counter[_V]], key: _K, value: _V) -> None:
    counter = counts[key]
    counter[value] -= 1
    if not counter[value]:
        del counter[value]
    if not counter:
        del counts[key]


def _shift(counts: dict[_K, int], key: _K, by: int) -> None:
    """Add to a count; what is at nothing is left out."""
    counts[key] = counts.get(key, 0) + by
    if counts[key] <= 0:
        del counts[key]
