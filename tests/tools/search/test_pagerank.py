from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from scipy import sparse

from kedge.tools.search import personalised_pagerank


@pytest.mark.parametrize("damping", [0.5, 0.85])
@pytest.mark.parametrize("seed", range(5))
def test_it_agrees_with_networkx(seed: int, damping: float) -> None:
    """Also with dangling nodes and weights."""
    random = np.random.default_rng(seed)
    dense = np.where(random.random((30, 30)) < 0.1, random.random((30, 30)), 0.0)
    dense[3] = 0
    seeds = random.random(30) * (random.random(30) < 0.3)
    seeds[7] = 1.0
    graph = nx.from_numpy_array(dense, create_using=nx.DiGraph)
    expected = nx.pagerank(graph, damping, dict(enumerate(seeds)), tol=1e-12, max_iter=1000)
    found = personalised_pagerank(sparse.csr_array(dense), seeds, damping, tolerance=1e-12, max_steps=1000)
    np.testing.assert_allclose(found, [expected[i] for i in range(30)], atol=1e-8)


def test_a_graph_without_edges_stays_at_the_seeds() -> None:
    found = personalised_pagerank(sparse.csr_array((3, 3)), np.array([1.0, 0.0, 3.0]))
    np.testing.assert_allclose(found, [0.25, 0, 0.75])
