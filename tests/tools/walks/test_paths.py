from __future__ import annotations

import gc
import random
import time
import weakref
from collections.abc import Iterable

import numpy as np
import pytest

from kedge.tools.knowledge_base import KnowledgeGraph, entity_key
from kedge.tools.knowledge_base.rows import TripleRow
from kedge.tools.walks import CompiledGraph, PathWalker, compiled, read_label, step_label
from kedge.tools.walks import paths as paths_module


def graph_of(facts: Iterable[tuple[str, str, str]]) -> KnowledgeGraph:
    graph = KnowledgeGraph()
    graph.add(
        TripleRow(number, "d", None, s, relation, o, entity_key(s), entity_key(o), 1.0)
        for number, (s, relation, o) in enumerate(facts, start=1)
    )
    return graph


def random_graph(seed: int) -> KnowledgeGraph:
    """Self-loops, parallel edges, cycles and inverse labels included."""
    draw = random.Random(seed)
    labels = ("likes", "made_by", "~made_by")
    return graph_of(
        (f"e{draw.randrange(12)}", draw.choice(labels), f"e{draw.randrange(9)}") for _ in range(60)
    )


def by_networkx(graph: KnowledgeGraph, here: set[str], words: str, backwards: bool) -> set[str]:
    """The reference: one step of a set of entities, read off networkx."""
    found = set()
    for subject, object_, data in graph.nx.edges(data=True):
        label = read_label(data["relation"])
        if label.words == words:
            origin, target = (subject, object_) if label.inverse == backwards else (object_, subject)
            found |= {target} if origin in here else set()
    return found


@pytest.mark.parametrize("seed", range(8))
def test_steps_are_those_of_networkx(seed: int) -> None:
    graph = random_graph(seed)
    arrays = CompiledGraph.of(graph)
    draw = random.Random(seed)
    for step in range(2 * len(arrays.relations)):
        here = set(draw.sample(arrays.keys, 4))
        entities = np.sort(np.array([arrays.ids[key] for key in here], np.int32))
        reached = {arrays.keys[at] for at in arrays.targets[arrays.edges(entities, step)]}
        assert reached == by_networkx(graph, here, arrays.words(step), bool(step & 1))
        everywhere = {arrays.keys[at] for at in arrays.landing(step)}
        assert everywhere == by_networkx(graph, set(arrays.keys), arrays.words(step), bool(step & 1))
        after = arrays.steps_from(arrays.landing(step))
        assert arrays.successors(step).tolist() == after.tolist()


@pytest.mark.parametrize("seed", range(8))
def test_a_walk_never_turns_straight_back_to_where_it_was(seed: int) -> None:
    graph = random_graph(seed)
    arrays = CompiledGraph.of(graph)
    start = arrays.keys[seed]
    for step in arrays.steps_from(np.array([seed], np.int32)):
        walker = PathWalker(arrays, [seed])
        there = by_networkx(graph, {start}, arrays.words(step), bool(step & 1))
        back = by_networkx(graph, there, arrays.words(step), not step & 1) - {start}
        found = walker.walk((int(step), int(step) ^ 1))
        assert {arrays.keys[at] for at in found.entities} == back


@pytest.mark.parametrize("seed", range(8))
def test_a_witness_is_a_walk_of_the_graph(seed: int) -> None:
    graph = random_graph(seed)
    arrays = CompiledGraph.of(graph)
    edges = {key: {s, o} for s, o, key in graph.nx.edges(keys=True)}
    walker, draw, checked = PathWalker(arrays, [0]), random.Random(seed), 0
    for _ in range(20):
        path = tuple(draw.randrange(2 * len(arrays.relations)) for _ in range(3))
        for end in walker.walk(path).entities[:2]:
            triples = walker.witness(path, int(end))
            assert len(triples) == 3
            assert arrays.keys[0] in edges[triples[0]]
            assert edges[triples[0]] & edges[triples[1]]
            assert arrays.keys[int(end)] in edges[triples[2]]
            checked += 1
    assert checked


def test_parallel_edges_support_what_they_reach() -> None:
    graph = graph_of([("a", "likes", "b"), ("a", "likes", "b"), ("a", "likes", "c"), ("a", "likes", "a")])
    arrays = CompiledGraph.of(graph)
    found = PathWalker(arrays, [arrays.ids["a"]]).walk((0,))
    support = dict(zip((arrays.keys[at] for at in found.entities), found.support.tolist(), strict=True))
    assert support == {"a": 1, "b": 2, "c": 1}


def test_hidden_entities_are_not_reached() -> None:
    arrays = CompiledGraph.of(graph_of([("a", "likes", "b"), ("a", "likes", "c"), ("b", "likes", "d")]))
    walker = PathWalker(arrays, [arrays.ids["a"]], without=[arrays.ids["b"]])
    assert [arrays.keys[at] for at in walker.walk((0,)).entities] == ["c"]
    assert not len(walker.walk((0, 0)))


def test_a_hub_costs_little_and_is_cut_with_a_count(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = [(f"film {n}", "genre", "Drama") for n in range(100_000)]
    arrays = CompiledGraph.of(graph_of(facts))
    begin = time.perf_counter()
    found = PathWalker(arrays, [arrays.ids["film 0"]]).walk((0, 1))
    assert time.perf_counter() - begin < 1.0
    assert len(found) == paths_module.MAX_FRONTIER
    assert found.cut == 99_999 - paths_module.MAX_FRONTIER
    monkeypatch.setattr(paths_module, "MAX_FRONTIER", 200_000)
    assert len(PathWalker(arrays, [arrays.ids["film 0"]]).walk((0, 1))) == 99_999


def test_an_empty_graph_and_a_lonely_entity_lead_nowhere() -> None:
    assert len(CompiledGraph.of(KnowledgeGraph())) == 0
    graph = KnowledgeGraph()
    graph.nx.add_node("alone", name="Alone")
    arrays = CompiledGraph.of(graph)
    walker = PathWalker(arrays, [0])
    assert not len(walker.steps_from(()))
    assert len(walker.walk(())) == 1


@pytest.mark.parametrize(
    ("label", "words", "inverse"),
    [
        ("directed_by", "directed by", False),
        ("~directed_by", "directed by", True),
        ("plays_in_club_inverse", "plays in club", True),
        ("__film__film__release_date_s", "release date s", False),
        ("/people/person/place_of_birth", "place of birth", False),
        ("http://dbpedia.org/ontology/birthPlace", "birth place", False),
        ("出生地", "出生地", False),
        ("___", "___", False),
    ],
)
def test_labels_are_read_by_one_rule(label: str, words: str, inverse: bool) -> None:
    found = read_label(label)
    assert (found.words, found.inverse) == (words, inverse)


def test_labels_that_say_the_same_are_one_relation() -> None:
    arrays = CompiledGraph.of(graph_of([("a", "made_by", "b"), ("b", "~made_by", "a"), ("c", "madeBy", "b")]))
    assert arrays.relations == ("made by",)
    here = np.array([arrays.ids["b"]], np.int32)
    assert sorted(arrays.keys[at] for at in arrays.targets[arrays.edges(here, 1)]) == ["a", "a", "c"]
    assert [step_label(arrays, step) for step in (0, 1)] == ["made by", "~made by"]


def test_the_compiled_form_follows_the_graph_and_goes_with_it() -> None:
    graph = graph_of([("a", "likes", "b")])
    first = compiled(graph)
    assert compiled(graph) is first
    graph.add([TripleRow(9, "d", None, "b", "likes", "c", "b", "c", 1.0)])
    assert len(compiled(graph)) == 3
    gone = weakref.ref(graph)
    del graph
    gc.collect()
    assert gone() is None
