"""A closed loop over passages: what does the question still lack, and which name leads there?

A *trail* is a chain of chunks; each but the first is about, or mentions, a name that the one before mentions.
Round 0 searches the question itself. Every later round takes the best trails that were not followed yet
(their ends are the pivots), measures which of the question's words they lack (their gap), and follows the
names at their ends towards the chunks that close the gap. The prefix of a trail is kept, and a chunk keeps
the best trail that ever reached it, so a round can only add.

With w(t) the information of a question's term t in nats, as a share of the sum over the question's terms:

    first chunk  meaning·cos(question, c) + words·Σ w(t)·tf/(tf + 1.2) + title·(the question names its title)
    next chunk   kept·(score of the trail) + about·(its title is the name)
                 + rare/√(chunks that mention the name)
                 + cover·(share of the question that the longer trail covers)
                 + gap·Σ over lacking terms w(t)·tf/(tf + 1.2) + rest·cos(rest of the question, c)
                 − step − deeper·(chunks of the trail beyond the first)

where the rest of the question is its vector with half of its component along each chunk of the trail taken
out. The names in a chunk are the graph's entities and the titles of other documents that stand in its text,
so the loop works on a base without triples, too, if its documents have titles.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel, ConfigDict

from kedge.errors import InputError
from kedge.tools.encoders._protocol import FloatArray
from kedge.tools.knowledge_base.records import Evidence
from kedge.tools.walks._passage_facts import Facts, Passage, facts_of, plain

if TYPE_CHECKING:
    from kedge.tools.knowledge_base import KnowledgeBase, KnowledgeGraph

__all__ = ["WEIGHTS", "Survey", "Trail", "Weights", "evidence_of", "look", "look_further", "passage_walk"]

FIRST_HITS = 100  # chunks that each index gives to round 0
PIVOTS = 5  # trails followed in a round
COMMON = 25  # a name in more chunks than this leads only to those that it is the title of
LONGEST = 3  # chunks in a trail
LACKING = 0.4  # a trail of several chunks is followed only if it lacks more of the question than this
NAMING = 0.5  # a title in the question counts from this share of the largest information of any term
ON_THE_WAY = 0.1  # what a chunk counts less than the trail that goes on from it
TRAILS_KEPT = 200


@dataclass(frozen=True, slots=True)
class Weights:
    """The weights of the formulas above: fitted on half of the questions of three public sets, then rounded.

    Others are for ablations.
    """

    meaning: float = 0.6
    words: float = 1.2
    title: float = 0.5
    kept: float = 0.4
    about: float = 0.35
    rare: float = 0.6
    cover: float = 0.5
    gap: float = 1.2
    rest: float = 0.5
    step: float = 0.6
    deeper: float = 0.1


WEIGHTS = Weights()


class Trail(BaseModel):
    """A chain of chunks, best first chunk first. `names[i]` led from `chunks[i]` to the next (entity keys).

    `covered` is the share of the question's information that its chunks hold together.
    """

    model_config = ConfigDict(frozen=True)

    chunks: tuple[int, ...]
    names: tuple[str, ...]
    score: float
    covered: float

    @property
    def end(self) -> int:
        """The chunk it leads to."""
        return self.chunks[-1]


class Survey(BaseModel):
    """What a question has found so far: the best trail to each chunk, best first. Plain, small, immutable.

    `followed` holds the chunks whose trails were followed, with the scores they had; `pivots` those of the
    last round, `gap` the question's terms that the best of these lacked, and `gain` by how much the mean
    score of the ten best trails grew. `finished` says that another round would do nothing.
    """

    model_config = ConfigDict(frozen=True)

    question: str
    trails: tuple[Trail, ...] = ()
    rounds: int = 0
    followed: Mapping[int, float] = {}
    pivots: tuple[int, ...] = ()
    gap: tuple[str, ...] = ()
    gain: float = 0.0
    finished: bool = False


async def passage_walk(base: KnowledgeBase, query: str, k: int = 10, *, rounds: int = 2) -> list[Evidence]:
    """The chunks that best answer a question together, best first: a search and `rounds` looks further.

    Raises:
        InputError: when k is less than 1, or rounds is negative.
    """
    if k < 1 or rounds < 0:
        raise InputError(f"cannot search for the best {k} in {rounds} rounds", fix="k from 1, rounds from 0")
    survey = await look(base, query)
    for _ in range(rounds):
        if survey.finished:
            break
        survey = await look_further(base, survey)
    return await asyncio.to_thread(evidence_of, base, survey, k)


async def look(base: KnowledgeBase, question: str, *, weights: Weights = WEIGHTS) -> Survey:
    """Round 0: chunks by meaning, by words and by title."""
    [vector] = await base.encoder.encode([question])

    def search() -> Survey:
        view = _View.of(base, question, vector, weights)
        named = {chunk for chunks in view.titles_in(view.plain).values() for chunk in chunks}
        found = [hit for hit, _ in base.full_text.search(question, FIRST_HITS)]
        found += [hit for hit, _ in base.vectors.query(vector, FIRST_HITS)]
        passages = view.facts.passages(base, [*named, *found])
        trails = [view.first(passage, passage.id in named) for passage in passages.values()]
        return Survey(question=question, trails=_best(trails), finished=not trails)

    return await asyncio.to_thread(search)


async def look_further(base: KnowledgeBase, survey: Survey, *, weights: Weights = WEIGHTS) -> Survey:
    """One more round: from the best trails not followed yet, by the names at their ends, towards the gap."""
    [vector] = await base.encoder.encode([survey.question])

    def extend() -> Survey:
        view = _View.of(base, survey.question, vector, weights)
        pivots = [t for t in survey.trails[: 2 * PIVOTS] if _worth(survey, t)][:PIVOTS]
        if not pivots:
            return survey.model_copy(update={"finished": True, "pivots": (), "gap": (), "gain": 0.0})
        before = view.facts.passages(base, [chunk for trail in pivots for chunk in trail.chunks])
        pivots = [trail for trail in pivots if all(chunk in before for chunk in trail.chunks)]
        leads = [view.leads(before[trail.end]) for trail in pivots]
        passages = before | view.facts.passages(base, [chunk for lead in leads for chunk in lead])
        grown = [
            longer
            for trail, lead in zip(pivots, leads, strict=True)
            for longer in view.longer(trail, lead, passages)
        ]
        trails = _best([*survey.trails, *grown])
        lacking = view.lacking(before[chunk] for chunk in pivots[0].chunks) if pivots else ()
        return Survey(
            question=survey.question,
            trails=trails,
            rounds=survey.rounds + 1,
            followed={**survey.followed, **{trail.end: trail.score for trail in pivots}},
            pivots=tuple(trail.end for trail in pivots),
            gap=tuple(lacking),
            gain=_level(trails) - _level(survey.trails),
            finished=not pivots,
        )

    return await asyncio.to_thread(extend)


def evidence_of(base: KnowledgeBase, survey: Survey, k: int) -> list[Evidence]:
    """The k best chunks that still exist; the reason tells the names that led there.

    A trail speaks for all its chunks: each counts as much as the best trail through it, less a little where
    the trail goes on.
    """
    trails, graph = {trail.end: trail for trail in survey.trails}, base.graph
    scores = {trail.end: trail.score for trail in survey.trails}
    for trail in survey.trails:
        for chunk in trail.chunks[:-1]:
            scores[chunk] = max(scores.get(chunk, -math.inf), trail.score - ON_THE_WAY)
    order = sorted(scores, key=lambda chunk: (-scores[chunk], chunk))
    found: list[Evidence] = []
    for held in base.chunks(order[: 2 * k + 10])[:k]:
        names = trails[held.id].names if held.id in trails else ()
        via = " and then ".join(graph.name(name) for name in names)
        reason = f"reached through {via}" if via else "found by words, meaning and title"
        found.append(Evidence(held, scores[held.id], reason))
    return found


def _worth(survey: Survey, trail: Trail) -> bool:
    """Whether to follow a trail: a new or better one that may grow and does not hold nearly everything."""
    if trail.score <= survey.followed.get(trail.end, -math.inf) or len(trail.chunks) >= LONGEST:
        return False
    return len(trail.chunks) == 1 or trail.covered < 1 - LACKING


def _best(trails: Iterable[Trail]) -> tuple[Trail, ...]:
    """The best trail to each chunk, best first, ties by chunk."""
    best: dict[int, Trail] = {}
    for trail in trails:
        if trail.end not in best or trail.score > best[trail.end].score:
            best[trail.end] = trail
    return tuple(sorted(best.values(), key=lambda trail: (-trail.score, trail.end))[:TRAILS_KEPT])


def _level(trails: Sequence[Trail]) -> float:
    return sum(trail.score for trail in trails[:10]) / 10


@dataclass(frozen=True, slots=True)
class _View:
    """A base as seen from one question. `shares` are the terms' shares of the question's information."""

    base: KnowledgeBase
    graph: KnowledgeGraph
    facts: Facts
    vector: FloatArray
    shares: Mapping[str, float]
    plain: str
    weights: Weights

    @classmethod
    def of(cls, base: KnowledgeBase, question: str, vector: FloatArray, weights: Weights) -> _View:
        facts, index, text = facts_of(base), base.full_text, plain(question)
        information = index.information(dict.fromkeys(index.terms(question)))
        total = sum(information.values()) or 1.0
        shares = {term: value / total for term, value in information.items()}
        return cls(base, base.graph, facts, vector, shares, f" {text} ", weights)

    def titles_in(self, text: str) -> dict[str, list[int]]:
        """The titles that stand in a (plain) text and say enough to be meant, with their chunks."""
        index = self.base.full_text
        enough = NAMING * math.log1p(2 * len(index) + 1)
        return {
            name: chunks
            for name, chunks in self.facts.named(text).items()
            if sum(index.information(index.terms(name)).values()) >= enough
        }

    def first(self, passage: Passage, named: bool) -> Trail:
        weight, meaning = self.weights, float(self.vector @ passage.vector)
        score = weight.meaning * meaning + weight.words * _said(passage, self.shares) + weight.title * named
        covered = sum(share for term, share in self.shares.items() if term in passage.terms)
        return Trail(chunks=(passage.id,), names=(), score=score, covered=covered)

    def leads(self, passage: Passage) -> dict[int, tuple[float, str]]:
        """Where the names in a chunk lead: chunks with the best name for each, and what it is worth."""
        leads: dict[int, tuple[float, str]] = {}
        known: dict[str, tuple[set[int], str]] = {}
        for name in sorted(self.graph.entities_of(passage.id)):
            known.setdefault(plain(name), (self.graph.chunks_of(name), name))
        for title in self.titles_in(passage.words):
            known.setdefault(title, (set(), title))
        for short, (mentioned, name) in known.items():
            # What the question or the passage itself is about leads nowhere new.
            if not short or short == passage.title or f" {short} " in self.plain:
                continue
            titled = set(self.facts.titled(short))
            near = mentioned if len(mentioned) <= COMMON else set()
            rare = self.weights.rare / math.sqrt(len(mentioned) or self.holders(short))
            for chunk in near | titled:
                worth = rare + self.weights.about * (chunk in titled)
                if chunk not in leads or worth > leads[chunk][0]:
                    leads[chunk] = worth, name
        return leads

    def holders(self, name: str) -> float:
        """In how many chunks a name stands at most: those that hold its rarest term."""
        index = self.base.full_text
        most = max(index.information(index.terms(name)).values(), default=0.0)
        return max(1.0, len(index) / math.expm1(most)) if most else float(len(index))

    def lacking(self, passages: Iterable[Passage]) -> dict[str, float]:
        """The question's terms, with their shares, that none of these chunks holds; the largest first."""
        held = {term for passage in passages for term in passage.terms}
        lacking = {term: share for term, share in self.shares.items() if term not in held}
        return dict(sorted(lacking.items(), key=lambda item: -item[1]))

    def longer(
        self, trail: Trail, leads: Mapping[int, tuple[float, str]], passages: Mapping[int, Passage]
    ) -> list[Trail]:
        """The trail with one chunk more, for each chunk that its end leads to in another document."""
        chain = [passages[chunk] for chunk in trail.chunks]
        documents = {passage.document_id for passage in chain}
        weight, lacking = self.weights, self.lacking(chain)
        rest = self.vector.copy()
        for held in chain:
            rest -= 0.5 * float(rest @ held.vector) * held.vector
        rest /= float(np.linalg.norm(rest)) or 1.0
        fixed = weight.kept * trail.score - weight.step - weight.deeper * (len(chain) - 1)
        longer: list[Trail] = []
        for chunk, (worth, name) in leads.items():
            if chunk not in passages or passages[chunk].document_id in documents:
                continue
            passage = passages[chunk]
            covered = trail.covered + sum(share for term, share in lacking.items() if term in passage.terms)
            score = fixed + worth + weight.cover * covered + weight.gap * _said(passage, lacking)
            score += weight.rest * float(rest @ passage.vector)
            longer.append(
                Trail(chunks=(*trail.chunks, chunk), names=(*trail.names, name), score=score, covered=covered)
            )
        return longer


def _said(passage: Passage, shares: Mapping[str, float]) -> float:
    """How much of these terms a chunk says; a repeated term says more, up to its share."""
    counts = ((share, passage.terms.get(term, 0)) for term, share in shares.items())
    return sum(share * count / (count + 1.2) for share, count in counts)
