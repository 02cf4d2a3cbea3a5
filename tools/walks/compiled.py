"""The graph compiled to flat arrays: every step of a walk becomes a slice instead of a dictionary look-up."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from kedge.tools.knowledge_base import KnowledgeGraph

__all__ = ["CompiledGraph", "IntArray", "Label", "compiled", "read_label"]

IntArray = npt.NDArray[np.int32]
LongArray = npt.NDArray[np.int64]
WeightArray = npt.NDArray[np.float32]

_INVERSE_MARKS: Final = ("_inverse", " inverse", "^-1")
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SEPARATORS: Final = re.compile(r"[\s_./:|-]+")


@dataclass(frozen=True, slots=True)
class Label:
    """A relation's label in words, and whether it says the inverse of what the words say."""

    words: str
    inverse: bool = False


@lru_cache(maxsize=65536)
def read_label(label: str) -> Label:
    """Put a relation's label into words; one rule for every graph.

    Of a path such as `__music__recording__artist` or `/people/person/gender` the last part counts, the others
    are its domain. Underscores, hyphens, dots and camel case separate words. `~` in front, and `_inverse` or
    `^-1` behind, turn the relation round. A label in which nothing of this occurs stays as it is.

    Example:
        >>> [read_label(label).words for label in ("__music__album__artist", "birthPlace", "/book/author")]
        ['artist', 'birth place', 'author']
        >>> read_label("~directed_by")
        Label(words='directed by', inverse=True)
    """
    inverse = label.startswith("~")
    text = label.removeprefix("~").strip()
    for mark in _INVERSE_MARKS:
        if text.endswith(mark):
            text, inverse = text.removesuffix(mark), not inverse
    if text.startswith("__"):
        text = text.rstrip("_").rsplit("__", 1)[-1]
    elif text.startswith(("/", "http://", "https://")):
        text = re.split(r"[/#]", text.rstrip("/#"))[-1]
    words = _SEPARATORS.sub(" ", _CAMEL.sub(" ", text)).strip().casefold()
    return Label(words or label, inverse)


@dataclass(frozen=True, slots=True)
class CompiledGraph:
    """A graph in compressed sparse rows, by entity and, within an entity, by step.

    A *step* is a relation walked in one direction: `2 * r` follows relation `r` from subject to object,
    `2 * r + 1` back; `step ^ 1` is the way back. Edges whose labels mean the same (see `read_label`) are one
    relation. The groups of entity `e` are `rows[e]:rows[e + 1]`, in the order of their steps; group `g` is
    step `steps[g]`, and its edges are `groups[g]:groups[g + 1]`.

    Attributes:
        keys: Entity keys; an entity is its place in this tuple.
        ids: From key to entity.
        relations: The words of each relation.
        rows: int32, shape `(entities + 1,)`.
        steps: int32, shape `(groups,)`.
        groups: int32, shape `(groups + 1,)`.
        targets: int32, shape `(2 * triples,)`: where each edge leads.
        triples: int64, the same shape: the id of each edge's triple.
        weights: float32, the same shape: the confidence of each edge's triple.
    """

    keys: tuple[str, ...]
    ids: dict[str, int]
    relations: tuple[str, ...]
    rows: IntArray
    steps: IntArray
    groups: IntArray
    targets: IntArray
    triples: LongArray
    weights: WeightArray
    _cache: dict[object, IntArray] = field(default_factory=dict, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.keys)

    @classmethod
    def of(cls, graph: KnowledgeGraph) -> CompiledGraph:
        """Compile a graph: time and memory grow linearly with its triples."""
        keys = tuple(graph.nx.nodes)
        ids = {key: at for at, key in enumerate(keys)}
        relations: dict[str, int] = {}
        subjects, objects, types, triples, weights = [], [], [], [], []
        for subject, object_, triple, data in graph.nx.edges(keys=True, data=True):
            label = read_label(str(data["relation"]))
            step = 2 * relations.setdefault(label.words, len(relations)) + label.inverse
            subjects.append(ids[subject])
            objects.append(ids[object_])
            types.append(step)
            triples.append(triple)
            weights.append(data["confidence"])
        return cls._from_edges(
            keys,
            ids,
            tuple(relations),
            np.array((subjects, objects, types), np.int32).reshape(3, -1),
            np.array(triples, np.int64),
            np.array(weights, np.float32),
        )

    @classmethod
    def _from_edges(
        cls,
        keys: tuple[str, ...],
        ids: dict[str, int],
        relations: tuple[str, ...],
        edges: IntArray,
        triples: LongArray,
        weights: WeightArray,
    ) -> CompiledGraph:
        subjects, objects, types = edges
        origins = np.concatenate((subjects, objects))
        steps = np.concatenate((types, types ^ 1))
        targets = np.concatenate((objects, subjects))
        order = np.lexsort((targets, steps, origins))
        origins, steps = origins[order], steps[order]
        first = np.ones(len(order), bool)
        first[1:] = (origins[1:] != origins[:-1]) | (steps[1:] != steps[:-1])
        starts = np.flatnonzero(first)
        return cls(
            keys=keys,
            ids=ids,
            relations=relations,
            rows=np.searchsorted(origins[starts], np.arange(len(keys) + 1)).astype(np.int32),
            steps=steps[starts].astype(np.int32),
            groups=np.append(starts, len(order)).astype(np.int32),
            targets=targets[order].astype(np.int32),
            triples=np.concatenate((triples, triples))[order],
            weights=np.concatenate((weights, weights))[order],
        )

    def words(self, step: int) -> str:
        """The words of a step's relation, whichever its direction."""
        return self.relations[step >> 1]

    def steps_from(self, entities: IntArray) -> IntArray:
        """The steps that lead on from any of these entities, ascending."""
        return np.unique(self.steps[_ranges(self.rows[entities], self.rows[entities + 1])])

    def edges(self, entities: IntArray, step: int) -> IntArray:
        """The positions in `targets` of all edges from these entities by one step."""
        groups = _ranges(self.rows[entities], self.rows[entities + 1])
        groups = groups[self.steps[groups] == step]
        return _ranges(self.groups[groups], self.groups[groups + 1])

    def landing(self, step: int) -> IntArray:
        """Every entity that a step reaches from anywhere, ascending."""
        if (key := ("landing", step)) not in self._cache:
            # They are the entities that the way back leaves from.
            groups = np.flatnonzero(self.steps == step ^ 1)
            self._cache[key] = (np.searchsorted(self.rows, groups, side="right") - 1).astype(np.int32)
        return self._cache[key]

    def successors(self, step: int) -> IntArray:
        """The steps that can follow a step somewhere in the graph, ascending."""
        if (key := ("successors", step)) not in self._cache:
            self._cache[key] = self.steps_from(self.landing(step))
        return self._cache[key]


def _ranges(starts: IntArray, ends: IntArray) -> IntArray:
    """The concatenation of `start:end` for each pair."""
    lengths = ends - starts
    total = int(lengths.sum())
    offsets = np.repeat(starts - np.cumsum(lengths) + lengths, lengths)
    return (offsets + np.arange(total, dtype=np.int32)).astype(np.int32, copy=False)


_COMPILED: WeakKeyDictionary[KnowledgeGraph, tuple[int, CompiledGraph]] = WeakKeyDictionary()


def compiled(graph: KnowledgeGraph) -> CompiledGraph:
    """The compiled form of a graph, made anew when the graph has changed since the last call."""
    revision, found = _COMPILED.get(graph, (None, None))
    if found is None or revision != graph.revision:
        found = CompiledGraph.of(graph)
        _COMPILED[graph] = (graph.revision, found)
    return found
