from __future__ import annotations

import random

from kedge.tools.knowledge_base.graph import KnowledgeGraph
from kedge.tools.knowledge_base.records import entity_key
from kedge.tools.knowledge_base.rows import MentionRow, TripleRow


def triple(number: int, subject: str, relation: str, target: str, chunk: int | None = 1) -> TripleRow:
    return TripleRow(
        number, "d", chunk, subject, relation, target, entity_key(subject), entity_key(target), 1.0
    )


def picture(graph: KnowledgeGraph) -> tuple[object, ...]:
    nodes = dict(graph.nx.nodes(data="name"))
    edges = sorted(
        (s, o, k, d["relation"], d["chunk_id"]) for s, o, k, d in graph.nx.edges(keys=True, data=True)
    )
    chunks = {node: graph.chunks_of(node) for node in nodes}
    entities = {chunk: graph.entities_of(chunk) for chunk in graph.chunks()}
    return nodes, edges, chunks, entities


def test_spellings_of_one_entity_are_one_node_named_by_the_commonest() -> None:
    graph = KnowledgeGraph()
    graph.add([triple(1, "Éva", "knows", "Bo"), triple(2, "EVA", "met", "Bo"), triple(3, "EVA", "saw", "Cy")])
    assert graph.name("eva") == "EVA"
    assert graph.names("Eva") == ["EVA", "Éva"]
    assert graph.nx.number_of_edges("eva", "bo") == 2


def test_chunks_and_entities_name_each_other() -> None:
    graph = KnowledgeGraph()
    graph.add([triple(1, "A", "r", "B", chunk=7)], [MentionRow(8, "a", "a"), MentionRow(8, "Z", "z")])
    assert graph.chunks_of("A") == {7, 8}
    assert graph.entities_of(8) == {"a", "z"}
    assert "Z" in graph


def test_triples_of_no_text_have_no_chunk() -> None:
    graph = KnowledgeGraph()
    graph.add([triple(1, "A", "r", "B", chunk=None)])
    assert graph.chunks_of("A") == set()
    assert graph.chunks() == set()


def test_an_entity_that_nothing_names_any_more_goes() -> None:
    graph = KnowledgeGraph()
    first, second = triple(1, "A", "r", "B"), triple(2, "A", "r", "C")
    graph.add([first, second])
    before = graph.revision
    graph.remove([first])
    assert "B" not in graph
    assert "A" in graph
    assert graph.revision != before


def test_the_busiest_entity_is_known_after_each_change() -> None:
    graph = KnowledgeGraph()
    assert graph.max_degree == 0
    first, second = triple(1, "A", "r", "B"), triple(2, "A", "r", "C")
    graph.add([first, second])
    assert graph.max_degree == 2
    graph.remove([first])
    assert graph.max_degree == 1


def test_a_graph_kept_in_step_equals_one_built_anew() -> None:
    generator = random.Random(1)
    names = ["Ada", "ADA", "Bo", "bo", "Cy", "Dé", "De"]
    graph = KnowledgeGraph()
    present: list[TripleRow] = []
    mentions: list[MentionRow] = []
    for number in range(300):
        if present and generator.random() < 0.45:
            gone = present.pop(generator.randrange(len(present)))
            graph.remove([gone])
        elif mentions and generator.random() < 0.2:
            graph.remove([], [mentions.pop()])
        else:
            subject, target, other = generator.choices(names, k=3)
            row = triple(number, subject, "r", target, generator.choice([1, 2, 3, None]))
            mention = MentionRow(number, other, entity_key(other))
            graph.add([row], [mention])
            present.append(row)
            mentions.append(mention)
        fresh = KnowledgeGraph()
        fresh.add(present, mentions)
        assert picture(graph) == picture(fresh)
