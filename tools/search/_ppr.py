"""Search along the graph: personalised PageRank over entities and the chunks that name them.

After HippoRAG 2 (arXiv 2502.14802): a walk that starts anew, half of the time, at the entities the question
names and, with a smaller weight, at the chunks that resemble it. Where the walk often comes by, the answer's
chunks are, also when they share neither words nor meaning with the question.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
from scipy import sparse

from kedge.tools.knowledge_base.records import Evidence, entity_key
from kedge.tools.search._hits import SPARE, Hit, as_evidence, best, check

if TYPE_CHECKING:
    from kedge.tools.knowledge_base import KnowledgeBase
    from kedge.tools.knowledge_base.graph import KnowledgeGraph

__all__ = ["CompiledGraph", "compiled", "link", "personalised_pagerank", "ppr"]

_Vector = npt.NDArray[np.float64]

_DAMPING = 0.5
_CHUNK_SEEDS = 50
# Share of the restarts that goes to chunks rather than entities.
_CHUNK_SHARE = 0.6
_ENTITY_SEEDS = 10
# A name counts as meant when at least this share of its words' information stands in the question.
_NAMED = 0.6


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
        hits = walk(compiled(base.graph), query, likely)
        return as_evidence(base, hits, k, "close in the graph to what the query names")

    return await asyncio.to_thread(search)


def walk(graph: CompiledGraph, query: str, likely: Sequence[Hit]) -> list[Hit]:
    """Chunk ids and visits, best first, of a walk from the query's entities and the likely chunks."""
    chunk_seeds = _contrasted(likely)
    entity_seeds = link(graph, query)
    seeds = np.zeros(graph.matrix.shape[0])
    for entity, share in entity_seeds.items():
        # An entity that many chunks name says little about where to look.
        seeds[entity] = share / graph.mentions[entity]
    if entity_seeds:
        seeds *= (1 - _CHUNK_SHARE) / seeds.sum()
    # A chunk that names no entity is an island: the walk is there when it starts there, and at no other time.
    islands = {chunk: (1 - _DAMPING) * share for chunk, share in chunk_seeds if chunk not in graph.chunks}
    for chunk, share in chunk_seeds:
        if chunk in graph.chunks:
            seeds[graph.chunks[chunk]] = share
    total = seeds.sum()
    if not total:
        return best(islands.items())
    visits = total * personalised_pagerank(graph.matrix, seeds, _DAMPING)
    reached = ((chunk, float(visits[node])) for chunk, node in graph.chunks.items() if visits[node] > 0)
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


def personalised_pagerank(
    matrix: sparse.csr_array[Any, Any],
    seeds: _Vector,
    damping: float = 0.5,
    *,
    tolerance: float = 1e-8,
    max_steps: int = 100,
) -> _Vector:
    """How a walk divides its time among the nodes.

    Args:
        matrix: Weights of the edges, shape `(n, n)`; row `i` leads from node `i`.
        seeds: Where the walk starts, not negative, shape `(n,)`; from nodes without edges it also goes there.
        damping: Probability of following an edge rather than starting anew.
        tolerance: Stop when a step changes the result by less, summed over nodes.
        max_steps: Stop here in any case; at damping 0.5, 27 steps reach 1e-8.

    Returns:
        Probabilities, shape `(n,)`.

    Example:
        >>> line = sparse.csr_array(np.array([[0.0, 1.0], [1.0, 0.0]]))
        >>> personalised_pagerank(line, np.array([1.0, 0.0])).round(3).tolist()
        [0.667, 0.333]
    """
    start = seeds / seeds.sum()
    out = np.asarray(matrix.sum(axis=1)).ravel()
    dangling = out == 0
    share = np.divide(1.0, out, out=np.zeros_like(start), where=~dangling)
    incoming = matrix.T
    x = start
    for _ in range(max_steps):
        moved = damping * (incoming @ (x * share) + x[dangling].sum() * start) + (1 - damping) * start
        change = np.abs(moved - x).sum()
        x = moved
        if change < tolerance:
            break
    return np.asarray(x)


@dataclass(frozen=True)
class CompiledGraph:
    """A knowledge graph as arrays: entities are nodes `0 .. e-1`, chunks follow.

    `matrix` holds, in both directions, how many triples join two entities, and 1 where a chunk names an
    entity. `chunks` gives the node of a chunk, `mentions` in how many chunks an entity is named (at least
    1), `words` the entities with a word in their name, `information` that of each word, `weight` the sum
    over an entity's name.
    """

    entities: list[str]
    chunks: Mapping[int, int]
    matrix: sparse.csr_array[Any, Any]
    mentions: npt.NDArray[np.int64]
    words: Mapping[str, list[int]]
    information: Mapping[str, float]
    weight: _Vector


_compiled: WeakKeyDictionary[KnowledgeGraph, tuple[int, CompiledGraph]] = WeakKeyDictionary()


def compiled(graph: KnowledgeGraph) -> CompiledGraph:
    """The graph as arrays, made once for each of its revisions."""
    known = _compiled.get(graph)
    if known is None or known[0] != graph.revision:
        known = _compiled[graph] = graph.revision, _compile(graph)
    return known[1]


def _compile(graph: KnowledgeGraph) -> CompiledGraph:
    entities = sorted(graph.nx.nodes)
    place = {entity: i for i, entity in enumerate(entities)}
    chunks = {chunk: len(entities) + i for i, chunk in enumerate(sorted(graph.chunks()))}
    joined = [(place[a], place[b]) for a, b in graph.nx.edges() if a != b]
    named = [(place[entity], node) for chunk, node in chunks.items() for entity in graph.entities_of(chunk)]
    size = len(entities) + len(chunks)
    rows, columns = np.array(joined + named, np.int64).reshape(-1, 2).T
    # Duplicates are added up: two triples between the same entities weigh 2.
    half = sparse.coo_array((np.ones(len(rows)), (rows, columns)), shape=(size, size)).tocsr()
    mentions = np.bincount([entity for entity, _ in named], minlength=len(entities))
    words: dict[str, list[int]] = {}
    for i, entity in enumerate(entities):
        for word in set(_words(entity)):
            words.setdefault(word, []).append(i)
    information = {word: float(np.log1p(len(entities) / len(held))) for word, held in words.items()}
    weight = np.array([sum(information[word] for word in set(_words(entity))) for entity in entities])
    return CompiledGraph(
        entities=entities,
        chunks=chunks,
        matrix=(half + half.T).tocsr(),
        mentions=np.maximum(mentions, 1),
        words=words,
        information=information,
        weight=weight,
    )


def link(graph: CompiledGraph, query: str) -> dict[int, float]:
    """The entities that a query names, as nodes, with the share of each name that it says (0.6 to 1)."""
    said: dict[int, float] = {}
    for word in sorted(set(_words(entity_key(query)))):
        for entity in graph.words.get(word, ()):
            said[entity] = said.get(entity, 0.0) + graph.information[word]
    shares = [(entity, value / graph.weight[entity]) for entity, value in said.items()]
    named = [(entity, share) for entity, share in shares if share >= _NAMED]
    # Long names first among equals: they say more about what is meant.
    named.sort(key=lambda hit: (-hit[1] * graph.weight[hit[0]], hit[0]))
    return {entity: float(share) for entity, share in named[:_ENTITY_SEEDS]}


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text)
