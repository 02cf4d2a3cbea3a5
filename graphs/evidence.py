"""Evidence as methods handle it: found along walks, merged, matched with concepts, drawn as a path."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

from kedge.agents.decisions import Concept, Finding, Link, Reading, Support
from kedge.tools.knowledge_base import Evidence, KnowledgeBase, Triple, entity_key
from kedge.tools.search import reciprocal_rank_fusion
from kedge.tools.walks import Hop, Walk

__all__ = ["along", "drifted", "fused", "leading", "matches", "path", "stated", "told"]

DRIFT = 0.15
LISTED = 20  # answers that are written out


def along(base: KnowledgeBase, walked: Iterable[Triple]) -> list[Evidence]:
    """The chunks that triples were read from, in their order, each with its first triple."""
    triples: dict[int, Triple] = {}
    for triple in walked:
        # A triple that was read from no text is its own chunk, under its negative number.
        triples.setdefault(-triple.id if triple.chunk_id is None else triple.chunk_id, triple)
    chunks = base.chunks(list(triples))
    return [Evidence(chunk, 1.0, f"walk: {triples[chunk.id]}", triples[chunk.id]) for chunk in chunks]


def stated(base: KnowledgeBase, finding: Finding | None) -> list[Triple]:
    """The triples that lead to a finding's first answer, in the order of the path."""
    if finding is None or not finding.triples:
        return []
    known = {triple.id: triple for triple in base.triples(ids=sorted(set(finding.triples)))}
    return [known[number] for number in dict.fromkeys(finding.triples) if number in known]


def told(base: KnowledgeBase, finding: Finding | None, facts: Sequence[Evidence]) -> Reading:
    """A finding as a reading: its answers with the facts that lead there, or why there are none."""
    if finding is None:
        return Reading(answer=None, reason="out of corpus", confidence=1.0)
    if not finding.answers or not finding.trusted:
        return Reading(answer=None, reason="missing hop", gaps=finding.gaps, confidence=finding.coverage)
    graph = base.graph
    names = tuple(graph.name(key) for key in finding.answers)
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    chunks = [item.chunk for item in facts]
    return Reading(
        answer=", ".join(names[:LISTED]) + more,
        answers=names,
        support=tuple(Support(chunk_id=chunk.id, start=0, end=len(chunk.text)) for chunk in chunks),
        confidence=finding.coverage,
    )


def drifted(walks: Sequence[Walk]) -> Hop | None:
    """The hop where relevance fell on the walk that went furthest, if it did."""
    hops = max((walk.hops for walk in walks), key=len, default=())
    return next((b for a, b in pairwise(hops) if b.relevance < a.relevance - DRIFT), None)


def fused(rankings: Sequence[Sequence[Evidence]]) -> tuple[Evidence, ...]:
    """Merge rankings by reciprocal rank; a chunk that a walk found keeps the walk's triple as its reason."""
    items: dict[int, Evidence] = {}
    for item in (item for ranking in rankings for item in ranking):
        if item.chunk.id not in items or item.triple is not None:
            items[item.chunk.id] = item
    order = reciprocal_rank_fusion([[item.chunk.id for item in ranking] for ranking in rankings])
    return tuple(replace(items[chunk_id], score=score) for chunk_id, score in order)


def leading(first: Sequence[Evidence], others: Sequence[Evidence]) -> tuple[Evidence, ...]:
    """These first, then the others without them."""
    seen = {item.chunk.id for item in first}
    return (*first, *(item for item in others if item.chunk.id not in seen))


def matches(
    concepts: Sequence[Concept], links: Sequence[Link], walks: Sequence[Walk], evidence: Sequence[Evidence]
) -> dict[str, float]:
    """How well each concept is met: 1 when a walk goes through its entity, else the share of its words."""
    entities = {entity for walk in walks if walk.hops for entity in walk.entities}
    walked = {link.concept for link in links if link.entity in entities}
    texts = [entity_key(item.chunk.indexed_text) for item in evidence]
    return {c.text: 1.0 if c in walked else _found(c.text, texts) for c in concepts}


def _found(text: str, texts: Sequence[str]) -> float:
    # The first letters stand for the stem: "directed" is met by "director".
    stems = [word[: max(4, len(word) - 3)] for word in entity_key(text).split()]
    shares = (sum(stem in other for stem in stems) / len(stems) for other in texts if stems)
    return max(shares, default=0.0)


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

    def says(triple: Triple) -> bool:
        return entity_key(triple.subject) in quoted and entity_key(triple.object) in quoted

    arriving = [walk for walk in walks if walk.hops and walk.end == entity_key(reading.answer or "")]
    walked = [hop.triple for walk in arriving[:1] for hop in walk.hops]
    return list(dict.fromkeys((*walked, *filter(says, base.triples(chunks=sorted(cited))))))
