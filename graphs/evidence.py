"""Evidence as methods handle it: found along walks, merged, matched with concepts, drawn as a path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import mean

from kedge.agents.decisions import Concept, Link, Reading
from kedge.tools.knowledge_base import Evidence, KnowledgeBase, Triple, entity_key
from kedge.tools.search import reciprocal_rank_fusion
from kedge.tools.walks import Walk

__all__ = ["along", "fused", "match", "path"]


def along(base: KnowledgeBase, walks: Sequence[Walk]) -> list[Evidence]:
    """The chunks that the hops were read from, best walk first, each with its first triple."""
    triples: dict[int, Triple] = {}
    for triple in (hop.triple for walk in walks for hop in walk.hops):
        # A triple that was read from no text is its own chunk, under its negative number.
        triples.setdefault(-triple.id if triple.chunk_id is None else triple.chunk_id, triple)
    chunks = base.chunks(list(triples))
    return [Evidence(chunk, 1.0, f"walk: {triples[chunk.id]}", triples[chunk.id]) for chunk in chunks]


def fused(rankings: Sequence[Sequence[Evidence]]) -> tuple[Evidence, ...]:
    """Merge rankings by reciprocal rank; a chunk that a walk found keeps the walk's triple as its reason."""
    items: dict[int, Evidence] = {}
    for item in (item for ranking in rankings for item in ranking):
        if item.chunk.id not in items or item.triple is not None:
            items[item.chunk.id] = item
    order = reciprocal_rank_fusion([[item.chunk.id for item in ranking] for ranking in rankings])
    return tuple(replace(items[chunk_id], score=score) for chunk_id, score in order)


def match(
    concept: Concept, links: Sequence[Link], walks: Sequence[Walk], evidence: Sequence[Evidence]
) -> float:
    """How well a concept is met: 1 when a walk goes through its entity, else the share of its words found."""
    entities = {entity for walk in walks if walk.hops for entity in walk.entities}
    if any(link.concept == concept and link.entity in entities for link in links):
        return 1.0
    words = entity_key(concept.text).split()
    texts = [entity_key(item.chunk.indexed_text) for item in evidence]
    # The first letters stand for the stem: "directed" is met by "director".
    return max(
        (mean(word[: max(4, len(word) - 3)] in text for word in words) for text in texts if words),
        default=0.0,
    )


def path(
    base: KnowledgeBase, walks: Sequence[Walk], reading: Reading, evidence: Sequence[Evidence]
) -> list[Triple]:
    """What leads to the answer: the best walk that ends at it, and the triples that the quotations state."""
    chunks = {item.chunk.id: item.chunk for item in evidence}
    cited = {s.chunk_id: chunks[s.chunk_id] for s in reading.support if s.chunk_id in chunks}
    quoted = entity_key(
        " ".join(
            f"{cited[s.chunk_id].title} {cited[s.chunk_id].text[s.start : s.end]}" for s in reading.support
        )
    )

    def stated(triple: Triple) -> bool:
        return entity_key(triple.subject) in quoted and entity_key(triple.object) in quoted

    arriving = [walk for walk in walks if walk.hops and walk.end == entity_key(reading.answer or "")]
    walked = [hop.triple for walk in arriving[:1] for hop in walk.hops]
    return list(dict.fromkeys((*walked, *filter(stated, base.triples(chunks=sorted(cited))))))
