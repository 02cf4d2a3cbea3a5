"""Search along the graph: personalised PageRank over entities and the chunks that name them.

After HippoRAG 2 (arXiv 2502.14802): a walk that starts anew, half of the time, at the entities the question
names and, with a smaller weight, at the chunks that resemble it. Where the walk often comes by, the answer's
chunks are, also when they share neither words nor meaning with the question.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from kedge.tools.knowledge_base.records import Evidence, entity_key
from kedge.tools.search._hits import SPARE, Hit, as_evidence, best, check
from kedge.tools.walks.compiled import CompiledGraph, Edge
from kedge.tools.walks.pagerank import personalised_pagerank

if TYPE_CHECKING:
    from kedge.tools.knowledge_base import KnowledgeBase
    from kedge.tools.knowledge_base.graph import KnowledgeGraph
    from kedge.tools.knowledge_base.rows import TripleRow

__all__ = ["ppr", "walk"]

_DAMPING = 0.5
_CHUNK_SEEDS = 50
# Share of the restarts that goes to chunks rather than entities.
_CHUNK_SHARE = 0.6
_ENTITY_SEEDS = 10
# A name counts as meant when at least this share of its words' information stands in the question.
_NAMED = 0.6
_SPARE_EDGES = 10_000  # edges that may lie unused in a small graph


async def ppr(base: KnowledgeBase, query: str, k: int = 10) -> list[Evidence]:
    """The chunks that a walk from the query's entities and likeliest chunks visits most, best first.

    Scores are shares of the walk's time. Where the graph is empty, this is the order of `dense`.

    Raises:
        InputError: when k is less than 1.
    """
    check(k)
    [vector] = await base.encoder.encode([query])

    def search() -> list[Evidence]:
        likely = best(base.vectors.query(vector, max(_CHUNK_SEEDS, k + SPARE)))
        hits = walk(base.graph, query, likely)
        return as_evidence(base, hits, k, "close in the graph to what the query names")

    return await asyncio.to_thread(search)


def walk(graph: KnowledgeGraph, query: str, likely: Sequence[Hit]) -> list[Hit]:
    """Chunk ids and visits, best first, of a walk from the query's entities and the likely chunks."""
    with graph.lock:
        index = _index_of(graph)
        arrays, linked = index.arrays, _link(index, query)
        # An entity that many chunks name says little about where to look.
        entities = {
            entity: share / max(1, len(graph.chunks_of(arrays.keys[entity])))
            for entity, share in linked.items()
        }
        chunks = {chunk: share for chunk, share in _contrasted(likely) if graph.entities_of(chunk)}
    # A chunk that names no entity is an island: the walk is there when it starts there, and at no other time.
    islands = {chunk: (1 - _DAMPING) * share for chunk, share in _contrasted(likely) if chunk not in chunks}
    total = sum(entities.values())
    seeds = {entity: (1 - _CHUNK_SHARE) * share / total for entity, share in entities.items()}
    seeds |= {arrays.ids[_node(chunk)]: share for chunk, share in chunks.items()}
    visits = personalised_pagerank(arrays, seeds, _DAMPING)
    reached = (
        (int(arrays.keys[node][1:]), sum(seeds.values()) * float(visits.shares[node]))
        for node in visits.top(len(arrays))
        if arrays.keys[node].startswith("C")
    )
    return best([*reached, *islands.items()])


def _contrasted(hits: Sequence[Hit]) -> list[Hit]:
    """Hits with shares that add up to `_CHUNK_SHARE`: the square of the lead over the last hit."""
    if not hits:
        return []
    last = hits[-1][1]
    # The last one keeps a little, and so do hits that are all alike.
    leads = [(chunk, (score - last + 1e-3) ** 2) for chunk, score in hits]
    total = sum(lead for _, lead in leads)
    return [(chunk, _CHUNK_SHARE * lead / total) for chunk, lead in leads]


class _Index:
    """A graph and its chunks as nodes, followed change by change; read and changed under the graph's lock.

    Two entities are joined by each triple of both, and a chunk with each entity that it names. `words` are
    the entities with a word in their name.
    """

    def __init__(self, graph: KnowledgeGraph) -> None:
        self.revision = graph.revision
        self.words: dict[str, set[int]] = {}
        self.entities: set[int] = set()
        entities = sorted(graph.nx.nodes)
        chunks = sorted(graph.chunks())
        joined = (_joining(*edge) for edge in graph.nx.edges(keys=True) if edge[0] != edge[1])
        self.arrays = CompiledGraph.of_edges(
            (*entities, *map(_node, chunks)), (*joined, *_naming(graph, chunks))
        )
        self._name(graph, entities)

    def follow(self, graph: KnowledgeGraph) -> bool:
        """Catch up with the graph; false when its changes are no longer known one by one."""
        changes = graph.changes_since(self.revision)
        if changes is None or len(self.arrays.targets) > 2 * self.arrays.size + _SPARE_EDGES:
            return False
        added: dict[int, TripleRow] = {}
        removed: dict[int, TripleRow] = {}
        chunks: set[int] = set()
        entities: set[str] = set()
        for change in changes:
            removed |= {row.id: row for row in change.removed}
            added = {number: row for number, row in added.items() if number not in removed}
            added |= {row.id: row for row in change.added}
            rows = (*change.removed, *change.added)
            mentions = (*change.removed_mentions, *change.added_mentions)
            chunks |= {row.chunk_id for row in rows if row.chunk_id is not None}
            chunks |= {mention.chunk_id for mention in mentions}
            entities |= {key for row in rows for key in (row.subject_key, row.object_key)}
            entities |= {mention.entity for mention in mentions}
        if changes:
            joined = [
                _joining(row.subject_key, row.object_key, row.id)
                for row in added.values()
                if row.subject_key != row.object_key
            ]
            self.arrays = self.arrays.changed(
                keys=sorted(entities),
                added=(*joined, *_naming(graph, sorted(chunks))),
                removed=[*removed, *(-chunk for chunk in chunks)],
                touched=(*sorted(entities), *map(_node, sorted(chunks))),
            )
            self._name(graph, sorted(entities))
            self.revision = graph.revision
        return True

    def _name(self, graph: KnowledgeGraph, entities: Iterable[str]) -> None:
        """Know entities by their words, or no longer."""
        for key in entities:
            entity = self.arrays.ids[key]
            if (key in graph.nx) == (entity in self.entities):
                continue
            self.entities ^= {entity}
            for word in set(_words(key)):
                self.words.setdefault(word, set())
                self.words[word] ^= {entity}
                if not self.words[word]:
                    del self.words[word]


def _node(chunk: int) -> str:
    """The node of a chunk. No entity is called so: keys of entities have no capitals."""
    return f"C{chunk}"


def _joining(subject: str, object_: str, triple: int) -> Edge:
    return Edge(subject, object_, "joins", triple)


def _naming(graph: KnowledgeGraph, chunks: Iterable[int]) -> Iterator[Edge]:
    """What joins chunks with the entities that they name, under the chunk's negative number."""
    for chunk in chunks:
        for entity in sorted(graph.entities_of(chunk)):
            yield Edge(_node(chunk), entity, "names", -chunk)


_INDEXES: WeakKeyDictionary[KnowledgeGraph, _Index] = WeakKeyDictionary()


def _index_of(graph: KnowledgeGraph) -> _Index:
    """The index of a graph as of now."""
    index = _INDEXES.get(graph)
    if index is None or not index.follow(graph):
        index = _INDEXES[graph] = _Index(graph)
    return index


def _link(index: _Index, query: str) -> dict[int, float]:
    """The entities that a query names, as nodes, with the share of each name that it says (0.6 to 1)."""
    count = len(index.entities)

    def information(word: str) -> float:
        return math.log1p(count / len(index.words[word]))

    said: dict[int, float] = {}
    for word in sorted(set(_words(entity_key(query))) & index.words.keys()):
        for entity in index.words[word]:
            said[entity] = said.get(entity, 0.0) + information(word)
    weights = {entity: sum(map(information, set(_words(index.arrays.keys[entity])))) for entity in said}
    named = [(entity, value / weights[entity]) for entity, value in said.items()]
    # Long names first among equals: they say more about what is meant.
    named = [(entity, share) for entity, share in named if share >= _NAMED]
    named.sort(key=lambda hit: (-hit[1] * weights[hit[0]], index.arrays.keys[hit[0]]))
    return dict(named[:_ENTITY_SEEDS])


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text)
