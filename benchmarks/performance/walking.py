"""The benchmarks of walks: PageRank against other libraries, following changes, and questions over a graph.

Times are CPU time of the process, not of the clock: what else the machine does counts less.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any, Final

import networkx as nx
import numpy as np
import numpy.typing as npt

from kedge.benchmarks.datasets import add_graph, metaqa
from kedge.benchmarks.performance.figures import Figure, Reference, percentile, spread
from kedge.benchmarks.suites.kgqa import Condition, measured
from kedge.tools.encoders import Encoder
from kedge.tools.knowledge_base import KnowledgeBase, KnowledgeGraph
from kedge.tools.knowledge_base.rows import TripleRow
from kedge.tools.walks import CompiledGraph, Edge, compiled, personalised_pagerank

__all__ = ["follow", "pagerank", "questions"]

# The size that HippoRAG 2 (arXiv 2502.14802) reports for MuSiQue.
_ENTITIES: Final = 96_944
_TRIPLES: Final = 1_400_000
_DAMPING: Final = 0.5
_TOP: Final = 20
_PLAIN_SWEEPS: Final = 8  # with which the plain power iteration gets the same first ones
_QUERIES: Final = 50
_METAQA: Final = Path("kgqa") / "metaqa"

Scores = npt.NDArray[Any]


def pagerank() -> list[Figure]:
    """One query after the other on a synthetic graph, by us and by others, and who is first."""
    draw = np.random.default_rng(0)
    ends = draw.integers(0, _ENTITIES, (_TRIPLES, 2))
    names = [str(number) for number in range(_ENTITIES)]
    edges = (Edge(names[a], names[b], "r", n) for n, (a, b) in enumerate(ends.tolist(), start=1))
    graph = CompiledGraph.of_edges(names, edges)
    personalised_pagerank(graph, {0: 1.0})  # sums up the weights, once for each form of the graph
    others: dict[str, Callable[[Scores], Scores]] = {"plain power iteration on CSR": _plain(graph)}
    if find_spec("igraph"):
        others["igraph"] = _igraph(ends)
    figures: list[Figure] = []
    for seeds in (1, 60):
        queries = [_starts(draw, seeds) for _ in range(_QUERIES)]
        ours, found = _timed(queries, lambda start: _ours(graph, start))
        for name, solve in others.items():
            theirs, expected = _timed(queries, solve)
            same = sum(a == b for a, b in zip(found, expected, strict=True))
            note = f"{spread(ours, 'ms')}; the same first {_TOP} in order for {same} of {_QUERIES}"
            reference = Reference(name, median(theirs))
            label = f"PageRank, {seeds} seed{'s' * (seeds > 1)}, CPU"
            figures.append(
                Figure("pagerank", label, median(ours), "ms", _QUERIES, 15, reference=reference, note=note)
            )
    start = _starts(draw, 1)
    [one], _ = _timed([start], lambda start: _ours(graph, start))
    [slow], _ = _timed([start], _networkx(ends))
    note = "one query, since networkx takes seconds"
    reference = Reference("networkx", slow)
    figures.append(Figure("pagerank", "PageRank, 1 seed, CPU", one, "ms", 1, reference=reference, note=note))
    return figures


def follow() -> list[Figure]:
    """Adding and removing one document of 20 triples, up to the next compiled graph, in two sizes."""
    spent = {size: _changes(size) for size in (13_000, 130_000)}
    (small, _), (large, anew) = spent.values()
    note = f"{spread(large, 'ms')}; compiling it anew takes {anew:.0f} ms"
    reference = Reference("the same in a graph of 13,000 triples", median(small))
    name = "adding and removing a document in 130,000 triples, CPU"
    return [Figure("follow", name, median(large), "ms", len(large), reference=reference, note=note)]


async def questions(data: Path | None, scratch: Path, encoder: Encoder) -> list[Figure]:
    """MetaQA's questions of three hops, asked of the loop as it is shipped; none without the data."""
    if data is None or not (data / _METAQA).is_dir():
        return []
    times: list[float] = []
    with KnowledgeBase.open(scratch / "metaqa", encoder=encoder, create=True) as base:
        await add_graph(base, data / _METAQA / "kb.tsv")
        for number, question in enumerate(islice(metaqa(data / _METAQA / "qa_3hop.jsonl"), 520)):
            outcome = await measured(base, question, Condition())
            if number >= 20:  # the first ones meet the words of the data set, which are encoded once
                times.append(outcome.milliseconds)
    n, note = len(times), spread(times, "ms")
    return [
        Figure("questions", "MetaQA 3-hop, p50", median(times), "ms", n, 5, note=note),
        Figure("questions", "MetaQA 3-hop, p99", percentile(times, 99), "ms", n, 50),
    ]


def _starts(draw: np.random.Generator, count: int) -> Scores:
    start = np.zeros(_ENTITIES)
    start[draw.choice(_ENTITIES, count, replace=False)] = draw.random(count) + 0.1
    found: Scores = start / start.sum()
    return found


def _timed(
    queries: Sequence[Scores], solve: Callable[[Scores], Scores]
) -> tuple[list[float], list[list[int]]]:
    """CPU milliseconds of each query, and its first entities."""
    times: list[float] = []
    tops: list[list[int]] = []
    for start in queries:
        begin = process_time()
        scores = solve(start)
        times.append(1000 * (process_time() - begin))
        tops.append(np.argsort(-scores, kind="stable")[:_TOP].tolist())
    return times, tops


def _ours(graph: CompiledGraph, start: Scores) -> Scores:
    seeds = {int(entity): float(start[entity]) for entity in np.flatnonzero(start)}
    return personalised_pagerank(graph, seeds, _DAMPING, top=_TOP).shares


def _plain(graph: CompiledGraph) -> Callable[[Scores], Scores]:
    matrix, share = graph.matrix(), np.float32(1) / np.maximum(graph.weighted_degrees(), 1)

    def solve(start: Scores) -> Scores:
        restart = ((1 - _DAMPING) * start).astype(np.float32)
        scores = start.astype(np.float32)
        for _ in range(_PLAIN_SWEEPS):
            scores = np.float32(_DAMPING) * (matrix @ (scores * share)) + restart
        return scores

    return solve


def _igraph(ends: npt.NDArray[np.int64]) -> Callable[[Scores], Scores]:
    graph = import_module("igraph").Graph(n=_ENTITIES, edges=ends.tolist())
    return lambda start: np.array(
        graph.personalized_pagerank(directed=False, damping=_DAMPING, reset=start.tolist())
    )


def _networkx(ends: npt.NDArray[np.int64]) -> Callable[[Scores], Scores]:
    graph: nx.MultiGraph[int] = nx.MultiGraph()
    graph.add_nodes_from(range(_ENTITIES))
    graph.add_edges_from(ends.tolist())

    def solve(start: Scores) -> Scores:
        seeds = {int(entity): float(start[entity]) for entity in np.flatnonzero(start)}
        found = nx.pagerank(graph, alpha=_DAMPING, personalization=seeds)
        return np.array([found[entity] for entity in range(_ENTITIES)])

    return solve


def _changes(size: int) -> tuple[list[float], float]:
    """CPU milliseconds of each addition with its removal, and of compiling the graph."""
    draw = random.Random(size)  # noqa: S311 - repeatable, not secret

    def row(number: int) -> TripleRow:
        subject, target = (f"e{draw.randrange(size // 3)}" for _ in range(2))
        relation = f"r{draw.randrange(20)}"
        return TripleRow(number, "d", number // 5, subject, relation, target, subject, target, 1.0)

    graph = KnowledgeGraph()
    graph.add([row(number) for number in range(1, size + 1)])
    begin = process_time()
    compiled(graph)
    anew = 1000 * (process_time() - begin)
    times: list[float] = []
    for turn in range(1, 101):
        rows = [row(size + 100 * turn + number) for number in range(20)]
        begin = process_time()
        graph.add(rows)
        compiled(graph)
        graph.remove(rows)
        compiled(graph)
        times.append(1000 * (process_time() - begin))
    return times, anew
