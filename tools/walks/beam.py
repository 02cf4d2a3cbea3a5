"""A beam walk that is drawn towards a question, and towards the concepts it has not met yet."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from kedge.tools.encoders import Encoder, FloatArray
from kedge.tools.knowledge_base import KnowledgeGraph, Triple, entity_key

__all__ = ["Aim", "Hop", "Walk", "beam_walk"]

# score = RELEVANCE·cos(aim, triple) + GAIN·(uncovered concepts that the target resembles) − HUB·(its degree)
RELEVANCE, GAIN, HUB = 0.7, 0.3, 0.05
GAIN_FLOOR = 0.35  # similarity of a short name to an unrelated concept; only what lies above counts as gain
MAX_FANOUT = 96  # triples scored per entity: keeps a hub of any degree at a bounded cost


@dataclass(frozen=True, slots=True)
class Hop:
    """One step: from entity `origin` over `triple` to entity `target` (either direction), and its score."""

    origin: str
    target: str
    triple: Triple
    relevance: float
    score: float


@dataclass(frozen=True, slots=True)
class Walk:
    """A path on the graph from `start`; empty when nothing was worth a step."""

    start: str
    hops: tuple[Hop, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "hops", tuple(self.hops))  # a checkpoint has a list

    @property
    def end(self) -> str:
        """The entity where the walk stands."""
        return self.hops[-1].target if self.hops else self.start

    @property
    def entities(self) -> tuple[str, ...]:
        """All entities met, in order."""
        return (self.start, *(hop.target for hop in self.hops))

    @property
    def score(self) -> float:
        """Mean score of its hops, 0 for an empty walk."""
        return sum(hop.score for hop in self.hops) / len(self.hops) if self.hops else 0.0


@dataclass(frozen=True, slots=True)
class Aim:
    """What a walk looks for: a text, and concepts with weights that it should still meet."""

    text: str
    concepts: tuple[str, ...] = ()
    weights: tuple[float, ...] = ()


async def beam_walk(
    graph: KnowledgeGraph,
    encoder: Encoder,
    starts: Sequence[str],
    aim: Aim,
    *,
    depth: int = 3,
    width: int = 3,
    tabu: Collection[int] = (),
) -> list[Walk]:
    """The `width` best walks of each length up to `depth` hops from each start, best first.

    Triples in `tabu` are not used; starts that are not in the graph are left out. A hop scores by its
    relevance to the aim, plus gain on concepts not met yet, less a small charge for hubs.
    """
    known = [start for start in dict.fromkeys(starts) if start in graph.nx]
    if not known:
        return []
    scorer = await _Scorer.make(graph, encoder, aim)
    finished: list[Walk] = []
    beams = {start: [Walk(start)] for start in known}
    for _ in range(depth):
        steps = {start: [_steps(graph, walk, tabu) for walk in walks] for start, walks in beams.items()}
        await scorer.learn(triple for per_walk in steps.values() for hops in per_walk for triple, _ in hops)
        for start, walks in beams.items():
            grown = [
                replace(walk, hops=(*walk.hops, scorer.hop(walk.end, target, triple)))
                for walk, hops in zip(walks, steps[start], strict=True)
                for triple, target in hops
            ]
            beams[start] = sorted(grown, key=_rank)[:width]
            finished += beams[start]
    return sorted(finished, key=_rank)


def _rank(walk: Walk) -> tuple[float, int, tuple[int, ...]]:
    """Best score first; ties go to the shorter walk, then to the older triples: the order never varies."""
    return (-walk.score, len(walk.hops), tuple(hop.triple.id for hop in walk.hops))


def _steps(graph: KnowledgeGraph, walk: Walk, tabu: Collection[int]) -> list[tuple[Triple, str]]:
    """Triples that lead on from the end of a walk to an entity that it has not met."""
    met = set(walk.entities)
    steps = [
        (triple, target)
        for triple, target in _neighbours(graph, walk.end)
        if target not in met and triple.id not in tabu
    ]
    return steps[:MAX_FANOUT]


def _neighbours(graph: KnowledgeGraph, entity: str) -> Iterator[tuple[Triple, str]]:
    """Every triple at an entity, with the entity at its other end."""
    names = graph.nx.nodes
    for subject, target, key, data in graph.nx.out_edges(entity, keys=True, data=True):
        yield _triple(key, names[subject]["name"], names[target]["name"], data), target
    for origin, this, key, data in graph.nx.in_edges(entity, keys=True, data=True):
        yield _triple(key, names[origin]["name"], names[this]["name"], data), origin


def _triple(key: int, subject: str, object_: str, data: dict[str, object]) -> Triple:
    return Triple(
        id=key,
        subject=subject,
        relation=str(data["relation"]),
        object=object_,
        chunk_id=data["chunk_id"],  # type: ignore[arg-type]
        confidence=float(data["confidence"]),  # type: ignore[arg-type]
    )


@dataclass(slots=True)
class _Scorer:
    """Scores hops; remembers the vectors of texts it has seen during one walk."""

    graph: KnowledgeGraph
    encoder: Encoder
    aim: FloatArray
    concepts: FloatArray
    weights: FloatArray
    max_degree: int
    vectors: dict[str, FloatArray]

    @classmethod
    async def make(cls, graph: KnowledgeGraph, encoder: Encoder, aim: Aim) -> _Scorer:
        vectors = await encoder.encode([aim.text, *aim.concepts])
        weights = np.asarray(aim.weights or [1.0] * len(aim.concepts), dtype=np.float32)
        return cls(graph, encoder, vectors[0], vectors[1:], weights, max(graph.max_degree, 1), {})

    async def learn(self, triples: Iterator[Triple]) -> None:
        """Encode what is new, in one batch."""
        texts = {text for triple in triples for text in (_sentence(triple), triple.subject, triple.object)}
        new = sorted(texts - self.vectors.keys())
        if new:
            self.vectors.update(zip(new, await self.encoder.encode(new), strict=True))

    def hop(self, origin: str, target: str, triple: Triple) -> Hop:
        name = triple.object if entity_key(triple.object) == target else triple.subject
        relevance = float(self.vectors[_sentence(triple)] @ self.aim)
        hub = math.log1p(self.graph.nx.degree[target]) / math.log1p(self.max_degree)
        score = RELEVANCE * relevance + GAIN * self._gain(self.vectors[name]) - HUB * hub
        return Hop(origin, target, triple, relevance, score)

    def _gain(self, vector: FloatArray) -> float:
        total = float(self.weights.sum())
        if not total:
            return 0.0
        return float(self.weights @ np.maximum(0.0, self.concepts @ vector - GAIN_FLOOR)) / total


def _sentence(triple: Triple) -> str:
    return f"{triple.subject} {triple.relation} {triple.object}"
