"""The beam walk on graphs small enough to draw."""

from __future__ import annotations

from kedge.testing import FakeEncoder
from kedge.tools.knowledge_base import KnowledgeGraph, entity_key
from kedge.tools.knowledge_base.rows import TripleRow
from kedge.tools.walks import Aim, Walk, beam_walk


def graph(*facts: tuple[str, str, str]) -> KnowledgeGraph:
    made = KnowledgeGraph()
    made.add(
        TripleRow(i, "d", i, subject, relation, object_, entity_key(subject), entity_key(object_), 1.0)
        for i, (subject, relation, object_) in enumerate(facts, start=1)
    )
    return made


FILMS = graph(
    ("Loose Ankles", "directed by", "Ted Wilde"),
    ("Loose Ankles", "released in", "1930"),
    ("Ted Wilde", "buried in", "Forest Lawn"),
    ("Ted Wilde", "born in", "New York"),
)


def path(walk: Walk) -> list[str]:
    return list(walk.entities)


async def walk(graph: KnowledgeGraph, start: str, text: str, **options: object) -> list[Walk]:
    return await beam_walk(graph, FakeEncoder(), [start], Aim(text), **options)  # type: ignore[arg-type]


async def test_the_first_hop_is_the_one_that_the_aim_is_about() -> None:
    best = (await walk(FILMS, "loose ankles", "Loose Ankles directed by", depth=1))[0]
    assert path(best) == ["loose ankles", "ted wilde"]


async def test_two_hops_reach_what_one_cannot() -> None:
    found = await walk(FILMS, "loose ankles", "Ted Wilde buried in Forest Lawn", depth=2)
    assert ["loose ankles", "ted wilde", "forest lawn"] in [path(w) for w in found]


async def test_edges_are_walked_in_both_directions() -> None:
    found = await walk(FILMS, "forest lawn", "Loose Ankles directed by Ted Wilde", depth=2)
    assert ["forest lawn", "ted wilde", "loose ankles"] in [path(w) for w in found]


async def test_a_tabu_triple_is_not_used() -> None:
    found = await walk(FILMS, "loose ankles", "directed by", tabu={1})
    assert all("ted wilde" not in path(w) for w in found)


async def test_no_entity_is_met_twice_and_nothing_is_found_from_nowhere() -> None:
    ring = graph(("a", "next", "b"), ("b", "next", "a"), ("a", "is", "a"))
    found = await walk(ring, "a", "next", depth=3)
    assert {tuple(path(w)) for w in found} == {("a", "b")}
    assert await walk(ring, "z", "next") == []
    assert await walk(KnowledgeGraph(), "a", "next") == []


async def test_every_hop_joins_the_one_before() -> None:
    for found in await walk(FILMS, "1930", "born in New York", depth=3, width=4):
        ends = [found.start, *(hop.target for hop in found.hops)]
        assert [hop.origin for hop in found.hops] == ends[:-1]


async def test_a_hub_costs_no_more_than_its_share() -> None:
    hub = graph(*((f"ship {i}", "moored at", "Averrin") for i in range(2000)))
    encoder = FakeEncoder()
    asked: list[int] = []
    plain = encoder.encode

    async def counting(texts: list[str]) -> object:
        asked.append(len(texts))
        return await plain(texts)

    encoder.encode = counting  # type: ignore[method-assign,assignment]
    await beam_walk(hub, encoder, ["averrin"], Aim("ship 7"), depth=1)
    assert sum(asked) < 400


async def test_the_order_never_varies() -> None:
    first = await walk(FILMS, "ted wilde", "anything at all", width=9)
    again = await walk(FILMS, "ted wilde", "anything at all", width=9)
    assert first == again
