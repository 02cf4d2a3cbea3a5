from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import networkx as nx
import pytest

from kedge.agents.decisions import Concept
from kedge.agents.extractive.linking import EntityIndex, index_of, link
from kedge.tools.knowledge_base.records import entity_key

NAMES = [
    "Kiss and Tell (1945 film)",
    "The Godfather",
    "Tom Hanks",
    "Colin Hanks",
    "Éva Löwe",
    "International Widget Works",
    "3 June 1912",
    "St. Pauli",
    "New York",
    "capital",
]


class Graph:
    def __init__(self, names: list[str]) -> None:
        self.nx: nx.MultiDiGraph[str] = nx.MultiDiGraph()
        self.revision = 1
        for name in names:
            self.nx.add_node(entity_key(name), name=name)


def _index() -> EntityIndex:
    return EntityIndex({entity_key(name): name for name in NAMES})


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("tom hanks", "tom hanks"),
        ("Eva Lowe", "eva lowe"),
        ("Kiss and Tell", "kiss and tell (1945 film)"),
        ("Godfather", "the godfather"),
        ("IWW", "international widget works"),
        ("June 3, 1912", "3 june 1912"),
        ("St Pauli", "st. pauli"),
        ("Tom Hnaks", "tom hanks"),
        ("Widget Works", "international widget works"),
    ],
)
def test_forms_of_a_name_find_it(text: str, key: str) -> None:
    found = _index().find(text)
    assert found[0][0] == key
    assert 0.4 <= found[0][1] <= 1.0


def test_an_exact_match_is_surest() -> None:
    index = _index()
    assert index.find("Tom Hanks")[0] == ("tom hanks", 1.0)
    assert index.find("Kiss and Tell")[0][1] < 1.0


def test_a_shared_surname_gives_both_with_lower_scores() -> None:
    found = dict(_index().find("Hanks"))
    assert {"tom hanks", "colin hanks"} <= set(found)
    assert max(found.values()) < 0.8


@pytest.mark.parametrize("text", ["", "   ", "?!", "Zyxwv Qqq", "中文"])
def test_nothing_is_found_for_nothing(text: str) -> None:
    assert _index().find(text) == []


def test_link_uses_the_graph_of_now() -> None:
    graph: Any = Graph(["Tom Hanks"])
    base: Any = SimpleNamespace(graph=graph)
    concepts = [Concept(text="Tom Hanks", kind="name"), Concept(text="capital", kind="relation")]
    assert [(found.entity, found.score) for found in link(concepts, base)] == [("tom hanks", 1.0)]
    first = index_of(graph)
    assert index_of(graph) is first
    graph.nx.add_node("capital", name="capital")
    graph.revision = 2
    assert index_of(graph) is not first
    assert [found.entity for found in link(concepts, base)] == ["tom hanks", "capital"]


def test_large_graphs_are_indexed_and_searched_fast() -> None:
    names = {f"person {i % 997} family {i}": f"Person {i % 997} Family {i}" for i in range(100_000)}
    begin = time.process_time()
    index = EntityIndex(names)
    assert time.process_time() - begin < 6
    begin = time.process_time()
    for i in range(20):
        index.find(f"Person {i} Fmaily {i}")
    assert (time.process_time() - begin) / 20 < 0.05
