from __future__ import annotations

import random
import time

import pytest

from kedge.errors import InputError
from kedge.testing import FakeEncoder
from kedge.tools.knowledge_base import KnowledgeGraph, entity_key
from kedge.tools.knowledge_base.rows import TripleRow
from kedge.tools.walks import compiled, neighbourhood


def graph_of(facts: list[tuple[str, str, str]]) -> KnowledgeGraph:
    graph = KnowledgeGraph()
    graph.add(
        TripleRow(n, "d", None, s, r, o, entity_key(s), entity_key(o), 1.0)
        for n, (s, r, o) in enumerate(facts, start=1)
    )
    return graph


FACTS = [
    ("Ada", "was born in", "Varde"),
    ("Ada", "designed the lighthouse of", "Skerry"),
    ("Skerry", "lies off", "Norland"),
    ("Norland", "trades with", "Ustria"),
    ("Éva", "likes", "bread"),
]


async def test_what_resembles_the_text_comes_first() -> None:
    found = await neighbourhood(
        graph_of(FACTS), FakeEncoder(), "Ada designed the lighthouse of Skerry", ["ADA"]
    )
    assert str(found.triples[0][0].relation) == "designed the lighthouse of"
    assert found.triples[0][1] == pytest.approx(max(value for _, value in found.triples))
    assert next(iter(found.entities)) == "ada"
    assert "norland" in found.entities
    assert "ustria" not in found.entities
    assert "eva" not in found.entities


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("hops", [1, 2, 3])
async def test_all_hangs_together_within_the_hops(seed: int, hops: int) -> None:
    draw = random.Random(seed)
    facts = [(f"e{draw.randrange(30)}", draw.choice("rst"), f"e{draw.randrange(30)}") for _ in range(90)]
    found = await neighbourhood(graph_of(facts), FakeEncoder(), "e1 r e2", ["e1", "e7"], hops=hops, most=12)
    assert 0 < len(found.triples) <= 12
    distance = {"e1": 0, "e7": 0}
    for triple, _ in found.triples:
        near = [distance[end] for end in (triple.subject, triple.object) if end in distance]
        assert near
        for end in (triple.subject, triple.object):
            distance[end] = min(distance.get(end, hops + 1), min(near) + 1)
    assert set(distance) == set(found.entities)
    assert max(distance.values()) <= hops


async def test_nothing_known_gives_nothing() -> None:
    for graph in (KnowledgeGraph(), graph_of(FACTS)):
        found = await neighbourhood(graph, FakeEncoder(), "?", ["nobody", ""])
        assert (dict(found.entities), found.triples) == ({}, ())
    with pytest.raises(InputError, match="within 0 hops"):
        await neighbourhood(KnowledgeGraph(), FakeEncoder(), "?", [], hops=0)


async def test_a_hub_is_no_more_than_others() -> None:
    graph = graph_of([("hub", "has", f"e{n}") for n in range(100_000)] + [("hub", "hub", "hub")])
    compiled(graph).weighted_degrees()
    begin = time.process_time()
    for start in ("hub", "e5"):
        found = await neighbourhood(graph, FakeEncoder(), "e5 has hub", [start])
        assert 0 < len(found.triples) <= 40
    assert time.process_time() - begin < 5
