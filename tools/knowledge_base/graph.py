"""The graph of a knowledge base: entities joined by triples, with the chunks that name them attached."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Hashable, Iterable
from typing import TypeVar

import networkx as nx

from kedge.tools.knowledge_base.records import entity_key
from kedge.tools.knowledge_base.rows import MentionRow, TripleRow

__all__ = ["KnowledgeGraph"]

_REVISIONS = itertools.count(1)  # never the same for two states of any graph in this process
_K = TypeVar("_K", bound=Hashable)
_V = TypeVar("_V", bound=Hashable)


class KnowledgeGraph:
    """The networkx view of the triples.

    `nx` is a `MultiDiGraph`. A node is an entity key; its `name` is the spelling met most often. The key of
    an edge is the id of its triple; it carries `relation`, `chunk_id` (`None` when the triple was read from
    no text) and `confidence`. Entities that chunks only mention are nodes too. `revision` changes with the
    graph, for those who compile it.

    Example:
        >>> graph = KnowledgeGraph()
        >>> graph.add([TripleRow(1, "d", 7, "Ada", "wrote", "Notes", "ada", "notes", 1.0)])
        >>> list(graph.nx.edges(data="relation")), graph.chunks_of("Ada")
        ([('ada', 'notes', 'wrote')], {7})
    """

    def __init__(self) -> None:
        self.nx: nx.MultiDiGraph[str] = nx.MultiDiGraph()
        self.revision = next(_REVISIONS)
        self._names: dict[str, Counter[str]] = {}
        self._chunks: dict[str, Counter[int]] = {}
        self._entities: dict[int, Counter[str]] = {}
        self._max_degree: int | None = None

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
        if self._max_degree is None:
            self._max_degree = max((degree for _, degree in self.nx.degree), default=0)
        return self._max_degree

    def name(self, entity: str) -> str:
        """The usual spelling of an entity; itself if it is not in the graph."""
        key = entity_key(entity)
        return str(self.nx.nodes[key]["name"]) if key in self.nx else entity

    def names(self, entity: str) -> list[str]:
        """All spellings of an entity, the usual one first."""
        return [name for name, _ in self._names.get(entity_key(entity), Counter()).most_common()]

    def add(self, triples: Iterable[TripleRow], mentions: Iterable[MentionRow] = ()) -> None:
        """Take in triples and mentions."""
        touched: set[str] = set()
        for row in triples:
            self.nx.add_edge(
                row.subject_key,
                row.object_key,
                key=row.id,
                relation=row.relation,
                chunk_id=row.chunk_id,
                confidence=row.confidence,
            )
            self._count(row.subject_key, row.subject, row.chunk_id, touched)
            self._count(row.object_key, row.object, row.chunk_id, touched)
        for mention in mentions:
            self._count(mention.entity, mention.name, mention.chunk_id, touched)
        self._rename(touched)
        self._max_degree = None
        self.revision = next(_REVISIONS)

    def remove(self, triples: Iterable[TripleRow], mentions: Iterable[MentionRow] = ()) -> None:
        """Let go of triples and mentions that were taken in, and of entities that nothing names any more."""
        touched: set[str] = set()
        for row in triples:
            self.nx.remove_edge(row.subject_key, row.object_key, key=row.id)
            self._discount(row.subject_key, row.subject, row.chunk_id, touched)
            self._discount(row.object_key, row.object, row.chunk_id, touched)
        for mention in mentions:
            self._discount(mention.entity, mention.name, mention.chunk_id, touched)
        self._rename(touched)
        self._max_degree = None
        self.revision = next(_REVISIONS)

    def _count(self, entity: str, name: str, chunk_id: int | None, touched: set[str]) -> None:
        touched.add(entity)
        _more(self._names, entity, name)
        if chunk_id is not None:
            _more(self._chunks, entity, chunk_id)
            _more(self._entities, chunk_id, entity)

    def _discount(self, entity: str, name: str, chunk_id: int | None, touched: set[str]) -> None:
        touched.add(entity)
        _less(self._names, entity, name)
        if chunk_id is not None:
            _less(self._chunks, entity, chunk_id)
            _less(self._entities, chunk_id, entity)

    def _rename(self, touched: set[str]) -> None:
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
