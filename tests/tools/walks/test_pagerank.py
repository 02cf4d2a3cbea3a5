from __future__ import annotations

import random
import time

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kedge.errors import InputError
from kedge.tools.walks import CompiledGraph, Edge, Visits, local_push, personalised_pagerank

ROUNDING = 2e-6


def drawn(seed: int, entities: int = 60, edges: int = 150) -> list[Edge]:
    """Self-loops, parallel edges, weights and several components included."""
    draw = random.Random(seed)
    return [
        Edge(f"e{draw.randrange(entities)}", f"e{draw.randrange(entities)}", "r", n, draw.choice([0.3, 1.0]))
        for n in range(1, edges + 1)
    ]


def by_networkx(
    graph: CompiledGraph, edges: list[Edge], seeds: dict[int, float], damping: float
) -> np.ndarray:
    """The reference: both directions as edges of a directed graph, weights added up."""
    reference = nx.DiGraph()
    reference.add_nodes_from(range(len(graph)))
    for edge in edges:
        for a, b in ((edge.subject, edge.object), (edge.object, edge.subject)):
            at = graph.ids[a], graph.ids[b]
            weight = reference.edges[at]["weight"] if reference.has_edge(*at) else 0.0
            reference.add_edge(*at, weight=weight + edge.weight)
    found = nx.pagerank(reference, alpha=damping, personalization=seeds, tol=1e-13, max_iter=1_000)
    return np.array([found[node] for node in range(len(graph))])


def within(visits: Visits, reference: np.ndarray, damping: float = 0.5) -> bool:
    allowed = visits.error * visits.degrees + ROUNDING / (1 - damping) * np.maximum(reference, 1e-3)
    return bool((np.abs(visits.shares - reference) <= allowed).all())


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    damping=st.sampled_from([0.15, 0.5, 0.85, 0.95]),
    edges=st.integers(1, 200),
    count=st.integers(1, 5),
)
def test_shares_are_those_of_networkx_within_the_bound(
    seed: int, damping: float, edges: int, count: int
) -> None:
    facts = drawn(seed, edges=edges)
    graph = CompiledGraph.of_edges(["alone"], facts)
    draw = random.Random(seed)
    seeds = {draw.randrange(len(graph)): draw.random() + 0.01 for _ in range(count)}
    reference = by_networkx(graph, facts, seeds, damping)
    full = personalised_pagerank(graph, seeds, damping)
    assert full.error * full.degrees.sum() <= 2e-5
    assert within(full, reference, damping)
    for error in (0.1, 1e-3, 1e-5):
        near = local_push(graph, seeds, damping, error=error)
        assert near.error <= error * 20 + 1e-9  # a walk that starts at "alone" loses time there
        assert within(near, reference, damping)
        assert (near.shares <= reference + ROUNDING / (1 - damping)).all()


@pytest.mark.parametrize("seed", range(6))
def test_the_first_ones_are_certain_although_it_stops_early(seed: int) -> None:
    facts = drawn(seed, entities=3_000, edges=30_000)
    graph = CompiledGraph.of_edges((), facts)
    seeds = {entity: 1.0 + entity % 3 for entity in random.Random(seed).sample(range(len(graph)), 5)}
    reference = by_networkx(graph, facts, seeds, 0.5)
    early = personalised_pagerank(graph, seeds, top=20)
    assert early.top(20) == np.argsort(-reference, kind="stable")[:20].tolist()
    assert early.sweeps < personalised_pagerank(graph, seeds, tolerance=1e-8).sweeps
    assert within(early, reference)


def test_remains_of_earlier_forms_do_not_count() -> None:
    facts = drawn(1)
    graph = CompiledGraph.of_edges((), facts)
    later = graph.changed(
        added=[Edge("e1", "new", "r", 900)],
        removed=[3, 4],
        touched=[end for e in facts[2:4] for end in e[:2]],
    )
    left = [edge for edge in facts if edge.triple not in (3, 4)] + [Edge("e1", "new", "r", 900)]
    assert within(personalised_pagerank(later, {0: 1.0}), by_networkx(later, left, {0: 1.0}, 0.5))
    assert within(personalised_pagerank(graph, {0: 1.0}), by_networkx(graph, facts, {0: 1.0}, 0.5))


def test_local_push_does_not_look_at_the_whole_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    edges_from = CompiledGraph.edges_from

    def counted(graph: CompiledGraph, entities: np.ndarray) -> np.ndarray:
        found = edges_from(graph, entities)
        looked.append(len(found))
        return found

    monkeypatch.setattr(CompiledGraph, "edges_from", counted)
    for size in (2_000, 20_000):
        looked.clear()
        graph = CompiledGraph.of_edges((), drawn(2, entities=size, edges=5 * size))
        local_push(graph, {0: 1.0}, 0.5, error=1e-3)
        assert sum(looked) <= 1 / (1e-3 * 0.5)


def test_nothing_in_nothing_out() -> None:
    empty = CompiledGraph.of_edges((), ())
    for search in (personalised_pagerank, local_push):
        assert len(search(empty, {}).shares) == 0
        assert len(search(empty, {3: 1.0}).shares) == 0
        alone = search(CompiledGraph.of_edges(["a", "b"], ()), {0: 2.0})
        assert alone.shares.tolist() == [1.0, 0.0]
        assert alone.top(5) == [0]
        none = search(CompiledGraph.of_edges((), drawn(0)), {})
        assert not none.shares.any()
        assert none.top(5) == []


@pytest.mark.parametrize("weight", [1e-300, 1e300, 5e-324])
def test_weights_of_seeds_may_be_of_any_size(weight: float) -> None:
    graph = CompiledGraph.of_edges((), drawn(4))
    found = personalised_pagerank(graph, {0: weight, 1: weight})
    assert found.shares.sum() == pytest.approx(1.0, abs=1e-4)


def test_weights_of_triples_are_numbers_from_0() -> None:
    edges = [
        Edge("a", "b", "r", 1, float("nan")),
        Edge("b", "c", "r", 2, -1.0),
        Edge("c", "a", "r", 3, 1e-30),
    ]
    for search in (personalised_pagerank, local_push):
        shares = search(CompiledGraph.of_edges((), edges), {0: 1.0, 1: 1.0}).shares
        assert np.isfinite(shares).all()
        assert shares.sum() == pytest.approx(1.0, abs=1e-4)


def test_a_hub_of_100000_edges_costs_little() -> None:
    graph = CompiledGraph.of_edges((), [Edge("hub", f"e{n}", "r", n + 1) for n in range(100_000)])
    begin = time.process_time()
    found = personalised_pagerank(graph, {graph.ids["e7"]: 1.0}, top=2)
    near = local_push(graph, {graph.ids["e7"]: 1.0}, error=1e-4)
    assert time.process_time() - begin < 1.0
    assert [graph.keys[entity] for entity in found.top(2)] == ["e7", "hub"]
    assert near.top(1) == found.top(1)
    assert np.isfinite(found.shares).all()


@pytest.mark.parametrize(
    ("seeds", "damping"), [({0: -1.0}, 0.5), ({0: float("nan")}, 0.5), ({0: 1.0}, 1.0), ({0: 1.0}, -0.1)]
)
def test_what_makes_no_walk_is_refused(seeds: dict[int, float], damping: float) -> None:
    graph = CompiledGraph.of_edges((), drawn(0))
    for search in (personalised_pagerank, local_push):
        with pytest.raises(InputError):
            search(graph, seeds, damping)


def test_a_tie_that_no_sweep_can_break_ends_the_search() -> None:
    draw = np.random.default_rng(0)
    ends = draw.integers(0, 2_000, (30_000, 2)).tolist()
    edges = [Edge(f"e{a}", f"e{b}", "r", n) for n, (a, b) in enumerate(ends, start=1)]
    twins = [Edge("e0", twin, "r", 30_001 + n) for n, twin in enumerate(3 * ["left", "right"])]
    graph = CompiledGraph.of_edges((), [*edges, *twins])
    seeds = {graph.ids["e0"]: 1.0}
    full = personalised_pagerank(graph, seeds, tolerance=1e-9)
    first = personalised_pagerank(graph, seeds, top=20, tolerance=1e-9)
    assert {graph.ids["left"], graph.ids["right"]} <= set(first.top(20))
    assert first.top(20) == full.top(20)
    assert first.sweeps < full.sweeps
