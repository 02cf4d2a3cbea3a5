from __future__ import annotations

import random
import threading
import time
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kedge.tools.knowledge_base import KnowledgeGraph, entity_key
from kedge.tools.knowledge_base.rows import MentionRow, TripleRow
from kedge.tools.search import _ppr
from kedge.tools.walks import CompiledGraph, Edge, compiled


def row(number: int, subject: str, relation: str, target: str, confidence: float = 1.0) -> TripleRow:
    chunk = number // 3 + 1
    return TripleRow(
        number, "d", chunk, subject, relation, target, entity_key(subject), entity_key(target), confidence
    )


def drawn(draw: random.Random, numbers: Sequence[int], entities: int = 15) -> list[TripleRow]:
    labels = ("likes", "made_by", "~made_by", "вид")
    return [
        row(
            n,
            f"E{draw.randrange(entities)}",
            draw.choice(labels),
            f"e{draw.randrange(entities)}",
            draw.random(),
        )
        for n in numbers
    ]


def picture(graph: CompiledGraph) -> set[tuple[str, str, bool, str, int, float]]:
    """Every edge of a compiled graph, in words."""
    owners, groups = graph.table()
    found = set()
    for owner, group in zip(owners.tolist(), groups.tolist(), strict=True):
        step = int(graph.steps[group])
        for at in range(graph.groups[group], graph.groups[group + 1]):
            target, triple = graph.keys[graph.targets[at]], int(graph.triples[at])
            weight = float(graph.weights[at])
            found.add((graph.keys[owner], graph.words(step), bool(step & 1), target, triple, weight))
    return found


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_after_any_changes_it_is_the_graph_compiled_anew(seed: int) -> None:
    draw = random.Random(seed)
    graph = KnowledgeGraph()
    rows: dict[int, TripleRow] = {}
    forms: list[tuple[CompiledGraph, set[tuple[str, str, bool, str, int, float]]]] = []
    for turn in range(12):
        gone = draw.sample(sorted(rows), min(len(rows), draw.randrange(6)))
        new = drawn(draw, range(100 * turn + 1, 100 * turn + 1 + draw.randrange(9)))
        graph.change(added=new, removed=[rows.pop(number) for number in gone])
        rows |= {found.id: found for found in new}
        if draw.random() < 0.7:
            now = compiled(graph)
            assert picture(now) == picture(CompiledGraph.of(graph))
            assert now.size == 2 * len(rows)
            fresh = CompiledGraph.of(graph)
            assert {now.keys[e] for e in np.flatnonzero(now.degrees())} == {
                fresh.keys[e] for e in np.flatnonzero(fresh.degrees())
            }
            steps = {now.words(s): s & ~1 for s in range(2 * len(now.relations))}
            for step in range(2 * len(fresh.relations)):
                same = steps[fresh.words(step)] + (step & 1)
                assert {now.keys[e] for e in now.landing(same)} == {
                    fresh.keys[e] for e in fresh.landing(step)
                }
            forms.append((now, picture(now)))
    for form, before in forms:
        assert picture(form) == before


def test_two_changes_of_one_form_know_nothing_of_each_other() -> None:
    first = CompiledGraph.of_edges((), [Edge("a", "b", "r", 1)])
    one = first.changed(added=[Edge("a", "c", "r", 2)])
    other = first.changed(added=[Edge("d", "a", "s", 3)])
    assert [len(picture(form)) for form in (first, one, other)] == [2, 4, 4]
    assert {edge[3] for edge in picture(other)} == {"a", "b", "d"}
    assert one.keys[2] == "c"
    assert other.keys[2] == "d"


def test_remains_are_cleared_away() -> None:
    graph = KnowledgeGraph()
    graph.add([row(1, "a", "r", "b")])
    for number in range(2, 8_000, 4):
        rows = [row(number + n, "hub", "r", f"e{n}") for n in range(4)]
        graph.add(rows)
        compiled(graph)
        graph.remove(rows)
        found = compiled(graph)
    assert len(found.targets) <= 10_000 + 20
    assert len(picture(found)) == 2


def test_bases_do_not_see_each_other() -> None:
    one, other = KnowledgeGraph(), KnowledgeGraph()
    one.add([row(1, "a", "r", "b")])
    other.add([row(1, "c", "s", "d")])
    first = compiled(one)
    other.add([row(2, "d", "s", "e")])
    assert compiled(one) is first
    assert list(first.keys) == ["a", "b"]
    assert list(compiled(other).keys) == ["c", "d", "e"]


def test_who_reads_while_another_writes_sees_whole_documents() -> None:
    """Every document is a triangle with a number of its own: a reader never finds two sides of one."""
    graph = KnowledgeGraph()
    stop = threading.Event()
    odd: list[int] = []

    def read() -> None:
        while not stop.is_set():
            form = compiled(graph)
            numbers, counts = np.unique(
                form.triples[form.edges_from(np.arange(len(form)))] // 3, return_counts=True
            )
            odd.extend(numbers[counts != 6].tolist())

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    before: list[TripleRow] = []
    for turn in range(1, 150):
        sides = [("a", "b"), ("b", f"c{turn % 7}"), (f"c{turn % 7}", "a")]
        new = [row(3 * turn + n, s, "r", o) for n, (s, o) in enumerate(sides)]
        graph.change(added=new, removed=before if turn % 2 else ())
        before = new
    stop.set()
    for reader in readers:
        reader.join()
    assert not odd


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_the_search_follows_changes_as_if_made_anew(seed: int) -> None:
    draw = random.Random(seed)
    graph = KnowledgeGraph()
    rows: dict[int, TripleRow] = {}
    mentions: list[MentionRow] = []
    for turn in range(8):
        gone = draw.sample(sorted(rows), min(len(rows), draw.randrange(6)))
        new = drawn(draw, range(100 * turn + 1, 100 * turn + 1 + draw.randrange(9)))
        named = [MentionRow(100 * turn + n, f"Name {n}", f"name {n}") for n in range(draw.randrange(3))]
        unnamed = [mentions.pop() for _ in range(min(len(mentions), draw.randrange(2)))]
        graph.change(
            added=new,
            added_mentions=named,
            removed=[rows.pop(number) for number in gone],
            removed_mentions=unnamed,
        )
        rows |= {found.id: found for found in new}
        mentions += named
        if draw.random() < 0.6:
            likely = [(chunk, draw.random()) for chunk in sorted(graph.chunks())[:5]]
            query = "What does e1 like, and who is E3 of name 1?"
            followed = _ppr.walk(graph, query, likely)
            _ppr._INDEXES.clear()
            anew = _ppr.walk(graph, query, likely)
            assert dict(followed) == pytest.approx(dict(anew), abs=1e-5)


def test_names_that_differ_in_case_or_accents_are_one_entity_in_any_script() -> None:
    graph = KnowledgeGraph()
    graph.add([row(1, "Éva", "r", "ЁЛКА"), row(2, "EVA", "r", "ёлка"), row(3, "東京", "に", "日本")])
    found = compiled(graph)
    assert sorted(found.keys) == sorted({"eva", entity_key("ёлка"), "東京", "日本"})
    assert len(found.edges(np.array([found.ids["eva"]]), 0)) == 2


def test_a_document_costs_about_the_same_in_a_graph_ten_times_as_large() -> None:
    """The rows of a document are 20 triples between entities of ordinary degree."""
    spent: dict[int, float] = {}
    for size in (13_000, 130_000):
        draw = random.Random(size)
        graph = KnowledgeGraph()
        graph.add(drawn(draw, range(1, size + 1), entities=size // 3))
        compiled(graph)
        times = []
        for turn in range(40):
            rows = drawn(draw, range(size + 100 * turn + 1, size + 100 * turn + 21), entities=size // 3)
            begin = time.process_time()
            graph.add(rows)
            compiled(graph)
            graph.remove(rows)
            compiled(graph)
            times.append(time.process_time() - begin)
        spent[size] = float(np.median(times))
    assert spent[130_000] < 3 * spent[13_000]
