"""How well words of a question name the relations of a graph, and the kinds of things it holds."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

import numpy as np

from kedge.agents.extractive._relation_words import GROUPS, WEAK
from kedge.agents.extractive.lexicon import STOP_WORDS
from kedge.agents.extractive.spans import lemma, stem
from kedge.tools.encoders._protocol import Encoder, FloatArray
from kedge.tools.walks.compiled import CompiledGraph, IntArray, compiled

if TYPE_CHECKING:
    from kedge.tools.knowledge_base.graph import KnowledgeGraph

__all__ = ["RelationMatcher", "matcher_of"]

# How surely a word names a relation: it is in its label, in another form, it means the same, it is near.
SAME_WORD: Final = 1.0
SAME_STEM: Final = 0.95
SAME_MEANING: Final = 0.85
NEAR: Final = 0.8
LIKE: Final = 0.5  # and how surely likeness to what a relation leads to
PREPOSITION: Final = 0.3
# A relation's label names where it leads; walked backwards it says a little less.
BACKWARDS: Final = 0.9
# Cosine above a word's usual cosine with relations, from which on it says something, and where it says all.
_NEAR_FROM, _NEAR_SPAN = 0.12, 0.35
_KIND_SPAN: Final = 0.25
_SAMPLED: Final = 600  # entities looked at to learn what kinds of things the graph holds
_BACKGROUND: Final = (
    "located in", "part of", "born in", "member of", "made by", "used for", "date", "name", "type of", "has",
    "owner", "created by", "parent", "number of", "related to", "leader", "works for", "cause of",
)  # fmt: skip
USUAL: Final = 0.1  # share of the entities that a step leads to, from which on a step from there is usual
_DISTINCT: Final = 4.0  # edges to one entity, on average, up to which it counts as an individual
_DATE: Final = re.compile(r"(?:\d{1,2} )?(?:[a-z]+ )?(?:\d{1,2},? )?\d{4}s?|\d{4}-\d\d(?:-\d\d)?")
_NUMBER: Final = re.compile(r"[-+]?\d[\d.,]*%?")


class RelationMatcher:
    """Tables of how well words name the steps of one graph; a word is looked up once and remembered.

    Args:
        graph: The graph, compiled.
        names: The usual spelling of each entity, in the graph's order.
        encoder: Compares words with relations and kinds.
    """

    def __init__(self, graph: CompiledGraph, names: Sequence[str], encoder: Encoder) -> None:
        self.graph = graph
        self._names = names
        self._encoder = encoder
        self._relations: FloatArray | None = None
        self._kinds: FloatArray = np.zeros((0, 0), np.float32)
        self._usual: FloatArray = np.zeros((0, 0), np.float32)
        self._common: FloatArray = np.zeros((0, 0), np.float32)
        self._dates: FloatArray = np.zeros(0, np.float32)
        self._numbers: FloatArray = np.zeros(0, np.float32)
        self._individual: FloatArray = np.zeros(0, np.float32)
        self._usual_steps: dict[int, IntArray] = {}
        self._rows: dict[str, tuple[FloatArray, FloatArray]] = {}
        self._phrases = frozenset(words for words in graph.relations if " of " in words)
        self._label_words = [_content(words) for words in graph.relations]

    @property
    def phrases(self) -> frozenset[str]:
        """Labels with "of" inside: in a question they are one word, not two facts."""
        return self._phrases

    @property
    def steps(self) -> int:
        """How many steps the graph has: two for each relation."""
        return 2 * len(self.graph.relations)

    async def learn(self, words: Sequence[str]) -> None:
        """Look up the words that are not known yet; everything else about this class is then arithmetic."""
        new = sorted(set(words) - self._rows.keys())
        if not new or not self.steps:
            return
        if self._relations is None:
            await self._prepare()
        vectors = await self._encoder.encode([lemma(word) for word in new])
        for word, vector in zip(new, vectors, strict=True):
            self._rows[word] = self._row(word, vector)

    def usual(self, step: int) -> IntArray:
        """The steps by which at least `USUAL` of the entities go on that a step leads to, ascending."""
        if step not in self._usual_steps:
            there = self.graph.landing(step)
            self._usual_steps[step] = np.array(
                [
                    other
                    for other in self.graph.successors(step).tolist()
                    if len(np.intersect1d(there, self.graph.landing(other ^ 1), assume_unique=True))
                    >= USUAL * len(there)
                ],
                np.int32,
            )
        return self._usual_steps[step]

    def naming(self, words: Sequence[str]) -> FloatArray:
        """How well each word names each step, 0 to 1, shape `(words, steps)`."""
        return self._stacked(words, 0)

    def reaching(self, words: Sequence[str]) -> FloatArray:
        """How well each word names what each step leads to, 0 to 1, shape `(words, steps)`."""
        return self._stacked(words, 1)

    def answering(self, kind: str) -> FloatArray:
        """How well what each step leads to fits a kind of answer, 0 to 1, shape `(steps,)`."""
        if kind == "date":
            return self._dates
        if kind == "number":
            return self._numbers
        if kind not in self._rows:
            return np.zeros(self.steps, np.float32)
        # Who it is tells one from others: a few values that many share are a category.
        likeness = self._rows[kind][1] / LIKE
        return likeness * self._individual if kind == "person" else likeness

    def _stacked(self, words: Sequence[str], table: int) -> FloatArray:
        if not words:
            return np.zeros((0, self.steps), np.float32)
        return np.stack([self._rows[word][table] for word in words])

    async def _prepare(self) -> None:
        """Encode relations, and samples of what each step leads to."""
        relations = await self._encoder.encode([*self.graph.relations, *_BACKGROUND])
        self._relations = relations[: len(self.graph.relations)]
        self._usual = relations
        samples = self._samples()
        texts = sorted({text for pair in samples for names in pair for text in names})
        vectors = dict(zip(texts, await self._encoder.encode(texts), strict=True))
        self._kinds = np.stack(
            [
                np.concatenate([_mean([vectors[text] for text in texts]) for texts in (names, facts)])
                for names, facts in samples
            ]
        )
        self._dates = np.array([_share(_DATE, names) for names, _ in samples], np.float32)
        self._numbers = np.array([_share(_NUMBER, names) for names, _ in samples], np.float32)
        self._common = self._in_common()
        sizes = np.array([len(self.graph.landing(step)) for step in range(self.steps)])
        _, groups = self.graph.table()
        edges = np.bincount(self.graph.steps[groups], np.diff(self.graph.groups)[groups], self.steps)
        self._individual = np.minimum(1.0, _DISTINCT * sizes / np.maximum(1, edges)).astype(np.float32)

    def _in_common(self) -> FloatArray:
        """For each step, the share of what it leads to that each relation also leads to."""
        graph, steps = self.graph, self.steps
        owners, groups = graph.table()
        arriving = graph.steps[groups] ^ 1
        forward = np.flatnonzero(arriving % 2 == 0)
        # Pairs of steps that arrive at one entity: every group with every forward group of the same owner.
        first = np.searchsorted(owners[forward], owners, side="left")
        count = np.searchsorted(owners[forward], owners, side="right") - first
        left = np.repeat(np.arange(len(owners)), count)
        right = forward[np.repeat(first - np.cumsum(count) + count, count) + np.arange(len(left))]
        pairs = arriving[left].astype(np.int64) * (steps // 2) + arriving[right] // 2
        both = np.bincount(pairs, minlength=steps * (steps // 2)).reshape(steps, steps // 2)
        return (both / np.maximum(1, np.bincount(arriving, minlength=steps))[:, None]).astype(np.float32)

    def _samples(self) -> list[tuple[list[str], list[str]]]:
        """For each step, names of entities that it leads to, and what the graph says of them."""
        draw = random.Random(0)  # noqa: S311 - a sample, not a secret
        size = min(12, max(2, _SAMPLED // max(1, self.steps)))
        found = []
        for step in range(self.steps):
            landing = self.graph.landing(step)
            chosen = [int(landing[at]) for at in draw.sample(range(len(landing)), min(size, len(landing)))]
            names = [self._names[entity] for entity in chosen]
            found.append((names, [self._described(entity) for entity in chosen]))
        return found

    def _described(self, entity: int) -> str:
        graph = self.graph
        parts = [self._names[entity]]
        here = np.array([entity], np.int32)
        for step in graph.steps_from(here)[:8]:
            other = self._names[int(graph.targets[graph.edges(here, int(step))[0]])]
            parts.append(f"{graph.words(int(step))} {'of ' if step & 1 else ''}{other}")
        return ", ".join(parts)

    def _row(self, word: str, vector: FloatArray) -> tuple[FloatArray, FloatArray]:
        assert self._relations is not None  # noqa: S101 - `learn` prepares first
        cosines = self._usual @ vector
        usual = float(max(cosines.mean(), cosines[: len(self._relations)].mean()))
        near = NEAR * np.clip((self._relations @ vector - usual - _NEAR_FROM) / _NEAR_SPAN, 0.0, 1.0)
        if word in WEAK:
            near[:] = 0.0
        exact = np.array([_lexical(word, words) for words in self._label_words], np.float32)
        if exact.max() >= SAME_MEANING:
            near *= 0.5  # a word that has its relation says less of the others
        naming = np.repeat(np.maximum(exact, near), 2).astype(np.float32)
        naming[1::2] *= BACKWARDS
        if word in WEAK:
            return naming, np.zeros_like(naming)
        doubled = np.concatenate((vector, vector)) / 2
        likeness = self._kinds @ doubled
        reaching = np.clip((likeness - likeness.mean()) / _KIND_SPAN, 0.0, 1.0).astype(np.float32) * LIKE
        if exact.max() >= SAME_MEANING:
            reaching *= 0.5
        # What a relation leads to bears its name, an actor, a club, by whichever way it is reached.
        heads = np.array(
            [_lexical(word, ((kept[-1],), weak)) for kept, weak in self._label_words], np.float32
        )
        named = (self._common * heads).max(axis=1)
        return naming, np.maximum(reaching, named)


def _content(words: str) -> tuple[tuple[str, ...], frozenset[str]]:
    """The words of a label that carry its meaning, and its prepositions."""
    plain = words.split()
    kept = tuple(word for word in plain if word not in STOP_WORDS) or tuple(plain) or (words,)
    return kept, frozenset(plain) & WEAK


def _lexical(word: str, label: tuple[tuple[str, ...], frozenset[str]]) -> float:
    kept, prepositions = label
    if word in WEAK:
        return PREPOSITION * (word in prepositions)
    if word in kept or (" " in word and {*word.split()} - STOP_WORDS == {*kept}):
        return SAME_WORD
    if stem(word) in {stem(other) for other in kept}:
        return SAME_STEM
    groups = GROUPS.get(word, frozenset())
    if groups and any(groups & GROUPS.get(other, frozenset()) for other in (*kept, " ".join(kept))):
        return SAME_MEANING
    return 0.0


def _mean(vectors: Sequence[FloatArray]) -> FloatArray:
    total = np.stack(vectors).sum(axis=0)
    return np.asarray(total / max(float(np.linalg.norm(total)), 1e-9), np.float32)


def _share(pattern: re.Pattern[str], names: Sequence[str]) -> float:
    return sum(bool(pattern.fullmatch(name.casefold())) for name in names) / max(1, len(names))


_MATCHERS: WeakKeyDictionary[KnowledgeGraph, tuple[CompiledGraph, Encoder, RelationMatcher]]
_MATCHERS = WeakKeyDictionary()


def matcher_of(graph: KnowledgeGraph, encoder: Encoder) -> RelationMatcher:
    """The matcher of a graph and an encoder, made anew when the graph has changed."""
    arrays = compiled(graph)
    known = _MATCHERS.get(graph)
    if known is None or known[0] is not arrays or known[1] is not encoder:
        names = [graph.nx.nodes[key]["name"] if key in graph.nx else key for key in arrays.keys]
        known = (arrays, encoder, RelationMatcher(arrays, names, encoder))
        _MATCHERS[graph] = known
    return known[2]
