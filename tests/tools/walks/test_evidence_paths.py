from __future__ import annotations

import itertools
import math
import random
import time

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kedge.errors import InputError
from kedge.tools.walks import CompiledGraph, Edge, evidence_paths
from kedge.tools.walks.evidence_paths import HUB


def reference(graph: CompiledGraph, edges: list[Edge], ends: tuple[int, int], busiest: int) -> nx.DiGraph:
    found = nx.DiGraph()
    found.add_nodes_from(range(len(graph)))
    degrees = graph.degrees()
    for edge in edges:
        for a, b in ((edge.subject, edge.object), (edge.object, edge.subject)):
            u, v = graph.ids[a], graph.ids[b]
            cost = 2 - edge.weight + HUB * math.log(degrees[v])
            if not found.has_edge(u, v) or cost < found.edges[u, v]["cost"]:
                found.add_edge(u, v, cost=cost)
    found.remove_nodes_from([v for v in range(len(graph)) if degrees[v] > busiest and v not in ends])
    return found


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), longest=st.integers(1, 5), busiest=st.sampled_from([4, 8, 1_000]))
def test_paths_are_the_shortest_simple_ones_of_networkx(seed: int, longest: int, busiest: int) -> None:
    draw = random.Random(seed)
    edges = [
        Edge(f"e{draw.randrange(12)}", f"e{draw.randrange(9)}", "r", n, round(draw.random(), 3))
        for n in range(1, 26)
    ]
    graph = CompiledGraph.of_edges(["x", "y"], edges)
    start, end = draw.sample(range(len(graph)), 2)
    found = evidence_paths(graph, start, end, 5, longest=longest, busiest=busiest)
    known = reference(graph, edges, (start, end), busiest)
    expected: list[float] = []
    if nx.has_path(known, start, end):
        for path in nx.shortest_simple_paths(known, start, end, weight="cost"):
            if len(path) <= longest + 1:
                expected.append(nx.path_weight(known, path, "cost"))
            if len(expected) == 5:
                break
    assert [path.cost for path in found] == pytest.approx(expected, abs=1e-4)
    ends = {edge.triple: {graph.ids[edge.subject], graph.ids[edge.object]} for edge in edges}
    for path in found:
        assert len(set(path.entities)) == len(path.entities) <= longest + 1
        for pair, triple in zip(itertools.pairwise(path.entities), path.triples, strict=True):
            assert set(pair) == ends[triple]


def test_hubs_cost_little_and_are_not_walked_through() -> None:
    hub = [Edge("drama", f"film {n}", "genre of", n + 1) for n in range(100_000)]
    facts = [Edge("film 3", "ada", "by", 200_001), Edge("ada", "film 8", "by", 200_002)]
    graph = CompiledGraph.of_edges((), [*hub, *facts])
    ids = graph.ids
    graph.degrees()
    begin = time.process_time()
    [path] = evidence_paths(graph, ids["film 3"], ids["film 8"])
    assert path.triples == (200_001, 200_002)
    assert evidence_paths(graph, ids["film 5"], ids["film 6"]) == []
    assert evidence_paths(graph, ids["drama"], ids["ada"], 1)[0].triples in {(4, 200_001), (9, 200_002)}
    assert evidence_paths(graph, ids["ada"], ids["drama"], 1)[0].triples in {(200_001, 4), (200_002, 9)}
    assert time.process_time() - begin < 3


def test_no_path_is_an_empty_list() -> None:
    graph = CompiledGraph.of_edges(["alone"], [Edge("a", "a", "r", 1), Edge("b", "c", "r", 2)])
    assert evidence_paths(graph, 0, graph.ids["a"]) == []
    assert evidence_paths(graph, graph.ids["a"], graph.ids["b"]) == []
    assert evidence_paths(graph, graph.ids["a"], graph.ids["a"])[0].triples == ()
    assert evidence_paths(graph, 0, 99) == evidence_paths(CompiledGraph.of_edges((), ()), 0, 1) == []
    with pytest.raises(InputError, match="0 paths"):
        evidence_paths(graph, 0, 1, 0)


def test_a_dense_graph_is_searched_within_its_budget() -> None:
    edges = [Edge(f"e{a}", f"e{b}", "r", 200 * a + b) for a in range(150) for b in range(a)]
    graph = CompiledGraph.of_edges((), edges)
    begin = time.process_time()
    found = evidence_paths(graph, 0, 1, 500, longest=6)
    assert len(found) > 100
    assert time.process_time() - begin < 5
