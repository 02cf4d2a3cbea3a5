"""The graph compiled to flat arrays: every step of a walk becomes a slice instead of a dictionary look-up.

A compiled graph never changes. A change of the graph makes the next one: the rows of the entities that it
touches are written behind all others, in arrays that both share, and what they were before stays where it
was, for those who still walk on it. When half of an array is such remains, the graph is compiled anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from threading import RLock
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from scipy import sparse

    from kedge.tools.knowledge_base import KnowledgeGraph
    from kedge.tools.knowledge_base.rows import TripleRow

__all__ = ["CompiledGraph", "Edge", "IntArray", "Label", "compiled", "read_label"]

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


class Edge(NamedTuple):
    """A triple as it is compiled: two keys, the relation's label, the triple's id and its weight."""

    subject: str
    object: str
    relation: str
    triple: int
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class CompiledGraph:
    """A graph in compressed sparse rows, by entity and, within an entity, by step.

    A *step* is a relation walked in one direction: `2 * r` follows relation `r` from subject to object,
    `2 * r + 1` back; `step ^ 1` is the way back. Edges whose labels mean the same (see `read_label`) are one
    relation. The groups of entity `e` are those of its row `place[e]`, `rows[row]:rows[row + 1]`, in the
    order of their steps; group `g` is step `steps[g]`, and its edges are `groups[g]:groups[g + 1]`.

    Attributes:
        keys: Entity keys; an entity is its place in this list. Entities that are gone keep their place and
            have no edges. The list is shared with later forms of the graph and may have grown with them.
        ids: From key to entity, shared likewise.
        relations: The words of each relation.
        place: int32, shape `(entities,)`: the row of each entity.
        rows: int32, shape `(rows + 1,)`.
        steps: int32, shape `(groups,)`.
        groups: int32, shape `(groups + 1,)`.
        targets: int32, shape `(edges,)`: where each edge leads.
        triples: int64, the same shape: the id of each edge's triple.
        weights: float32, the same shape: the confidence of each edge's triple.
        size: How many edges are in use: two for each triple.

    Example:
        >>> graph = CompiledGraph.of_edges(["ada", "notes"], [Edge("ada", "notes", "wrote", 1)])
        >>> more = graph.changed(added=[Edge("ada", "letters", "wrote", 2)], removed=[1], touched=["notes"])
        >>> [len(held.edges(np.array([0]), 0)) for held in (graph, more)], more.keys[2]
        ([1, 1], 'letters')
    """

    keys: Sequence[str]
    ids: dict[str, int]
    relations: tuple[str, ...]
    place: IntArray
    rows: IntArray
    steps: IntArray
    groups: IntArray
    targets: IntArray
    triples: LongArray
    weights: WeightArray
    size: int
    _shared: _Shared = field(repr=False, compare=False)
    _cache: dict[object, Any] = field(default_factory=dict, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.place)

    @classmethod
    def of(cls, graph: KnowledgeGraph) -> CompiledGraph:
        """Compile a graph: time and memory grow linearly with its triples."""
        return cls.of_edges(
            graph.nx.nodes,
            (
                Edge(subject, object_, str(data["relation"]), triple, float(data["confidence"]))
                for subject, object_, triple, data in graph.nx.edges(keys=True, data=True)
            ),
        )

    @classmethod
    def of_edges(cls, keys: Iterable[str], edges: Iterable[Edge]) -> CompiledGraph:
        """Compile entities and edges; the ends of edges are entities, too."""
        shared = _Shared()
        none = np.zeros(0, np.int32)
        empty = cls(
            keys=shared.keys,
            ids=shared.ids,
            relations=(),
            place=none,
            rows=shared.grown("rows", none, np.zeros(1, np.int32)),
            steps=shared.grown("steps", none, none),
            groups=shared.grown("groups", none, np.zeros(1, np.int32)),
            targets=shared.grown("targets", none, none),
            triples=shared.grown("triples", np.zeros(0, np.int64), np.zeros(0, np.int64)),
            weights=shared.grown("weights", np.zeros(0, np.float32), np.zeros(0, np.float32)),
            size=0,
            _shared=shared,
        )
        return empty.changed(keys=keys, added=edges)

    def changed(
        self,
        *,
        keys: Iterable[str] = (),
        added: Iterable[Edge] = (),
        removed: Sequence[int] = (),
        touched: Iterable[str] = (),
    ) -> CompiledGraph:
        """The graph after a change; this one stays what it is.

        The time it takes grows with the change and the degrees of the entities that it touches. What grows
        with the graph is a copy of `place`, 4 bytes for each entity.

        Args:
            keys: Entities that there are from now on, with or without edges.
            added: Edges that come.
            removed: Ids of triples that go.
            touched: The ends of the triples that go.
        """
        with self._shared.lock:
            return self._changed(keys, added, removed, touched)

    def _changed(
        self,
        keys: Iterable[str],
        added: Iterable[Edge],
        removed: Sequence[int],
        touched: Iterable[str],
    ) -> CompiledGraph:
        shared, known = self._shared.tip(self), len(self)
        ids = shared.ids
        for key in keys:
            shared.id_of(key)
        subjects, objects, types, triples, weights = [], [], [], [], []
        for edge in added:
            label = read_label(edge.relation)
            subjects.append(shared.id_of(edge.subject))
            objects.append(shared.id_of(edge.object))
            types.append(2 * shared.relation_of(label.words) + label.inverse)
            triples.append(edge.triple)
            weights.append(edge.weight)
        new = _Edges.both_ways(subjects, objects, types, triples, weights)
        gone = np.array([ids[key] for key in touched if key in ids], np.int32)
        came = np.arange(known, len(ids), dtype=np.int32)
        ends = np.unique(np.concatenate((new.origins, gone, came)))
        held = self._edges_of(ends[ends < known])
        left = held.without(np.array(removed, np.int64)) if len(removed) else held
        rows, steps, groups, edges = left.joined(new).in_rows(ends)
        place = np.concatenate((self.place, np.zeros(len(ids) - known, np.int32)))
        place[ends] = len(self.rows) - 1 + np.arange(len(ends), dtype=np.int32)
        relations = self.relations
        if len(shared.relations) > len(relations):
            relations = tuple(shared.relations)
        return CompiledGraph(
            keys=shared.keys,
            ids=ids,
            relations=relations,
            place=place,
            rows=shared.grown("rows", self.rows, rows + np.int32(len(self.steps))),
            steps=shared.grown("steps", self.steps, steps),
            groups=shared.grown("groups", self.groups, groups + np.int32(len(self.targets))),
            targets=shared.grown("targets", self.targets, edges.targets),
            triples=shared.grown("triples", self.triples, edges.triples),
            weights=shared.grown("weights", self.weights, edges.weights),
            size=self.size - len(held) + len(edges),
            _shared=shared,
        )

    def _edges_of(self, entities: IntArray) -> _Edges:
        """All edges from some entities."""
        rows = self.place[entities]
        groups = _ranges(self.rows[rows], self.rows[rows + 1])
        at = _ranges(self.groups[groups], self.groups[groups + 1])
        owners = np.repeat(entities, self.rows[rows + 1] - self.rows[rows])
        counts = self.groups[groups + 1] - self.groups[groups]
        return _Edges(
            np.repeat(owners, counts),
            np.repeat(self.steps[groups], counts),
            self.targets[at],
            self.triples[at],
            self.weights[at],
        )

    def words(self, step: int) -> str:
        """The words of a step's relation, whichever its direction."""
        return self.relations[step >> 1]

    def steps_from(self, entities: IntArray) -> IntArray:
        """The steps that lead on from any of these entities, ascending."""
        rows = self.place[entities]
        return np.unique(self.steps[_ranges(self.rows[rows], self.rows[rows + 1])])

    def edges(self, entities: IntArray, step: int) -> IntArray:
        """The positions in `targets` of all edges from these entities by one step."""
        rows = self.place[entities]
        groups = _ranges(self.rows[rows], self.rows[rows + 1])
        groups = groups[self.steps[groups] == step]
        return _ranges(self.groups[groups], self.groups[groups + 1])

    def edges_from(self, entities: IntArray) -> IntArray:
        """The positions in `targets` of all edges from these entities, entity by entity."""
        rows = self.place[entities]
        return _ranges(self.groups[self.rows[rows]], self.groups[self.rows[rows + 1]])

    def table(self) -> tuple[IntArray, IntArray]:
        """Every group in use: whose it is, ascending, and which."""
        if "table" not in self._cache:
            starts, ends = self.rows[self.place], self.rows[self.place + 1]
            owners = np.repeat(np.arange(len(self), dtype=np.int32), ends - starts)
            self._cache["table"] = owners, _ranges(starts, ends)
        owners, groups = self._cache["table"]
        return owners, groups

    def degrees(self) -> IntArray:
        """How many edges lead on from each entity."""
        if "degrees" not in self._cache:
            self._cache["degrees"] = (
                self.groups[self.rows[self.place + 1]] - self.groups[self.rows[self.place]]
            )
        found: IntArray = self._cache["degrees"]
        return found

    def weighted_degrees(self) -> WeightArray:
        """The sum of the weights of each entity's edges."""
        if "weighted" not in self._cache:
            ones = np.ones(len(self), np.float32)
            self._cache["weighted"] = (self.matrix() @ ones)[self.place]
        found: WeightArray = self._cache["weighted"]
        return found

    def matrix(self) -> sparse.csr_array[Any, Any]:
        """The weights of all edges, shape `(rows, entities)`: entity `e` is row `place[e]`."""
        if "matrix" not in self._cache:
            from scipy import sparse  # which is slow to import: only PageRank needs it

            self._cache["matrix"] = sparse.csr_array(
                (self.weights, self.targets, self.groups[self.rows]), shape=(len(self.rows) - 1, len(self))
            )
        return self._cache["matrix"]

    def landing(self, step: int) -> IntArray:
        """Every entity that a step reaches from anywhere, ascending."""
        if (key := ("landing", step)) not in self._cache:
            # They are the entities that the way back leaves from.
            owners, groups = self.table()
            self._cache[key] = owners[self.steps[groups] == step ^ 1]
        found: IntArray = self._cache[key]
        return found

    def successors(self, step: int) -> IntArray:
        """The steps that can follow a step somewhere in the graph, ascending."""
        if (key := ("successors", step)) not in self._cache:
            self._cache[key] = self.steps_from(self.landing(step))
        found: IntArray = self._cache[key]
        return found


@dataclass(frozen=True, slots=True)
class _Edges:
    """Edges one by one, each in one direction."""

    origins: IntArray
    steps: IntArray
    targets: IntArray
    triples: LongArray
    weights: WeightArray

    def __len__(self) -> int:
        return len(self.targets)

    @classmethod
    def both_ways(
        cls,
        subjects: Sequence[int],
        objects: Sequence[int],
        types: Sequence[int],
        triples: Sequence[int],
        weights: Sequence[float],
    ) -> _Edges:
        origins, targets, steps = np.array((subjects, objects, types), np.int32).reshape(3, -1)
        numbers = np.array(triples, np.int64)
        shares = np.nan_to_num(np.array(weights, np.float32), posinf=1.0).clip(0.0)
        return cls(
            np.concatenate((origins, targets)),
            np.concatenate((steps, steps ^ 1)),
            np.concatenate((targets, origins)),
            np.concatenate((numbers, numbers)),
            np.concatenate((shares, shares)),
        )

    def at(self, chosen: npt.NDArray[Any]) -> _Edges:
        return _Edges(
            self.origins[chosen],
            self.steps[chosen],
            self.targets[chosen],
            self.triples[chosen],
            self.weights[chosen],
        )

    def without(self, triples: LongArray) -> _Edges:
        return self.at(~np.isin(self.triples, triples))

    def joined(self, other: _Edges) -> _Edges:
        return _Edges(
            np.concatenate((self.origins, other.origins)),
            np.concatenate((self.steps, other.steps)),
            np.concatenate((self.targets, other.targets)),
            np.concatenate((self.triples, other.triples)),
            np.concatenate((self.weights, other.weights)),
        )

    def in_rows(self, owners: IntArray) -> tuple[IntArray, IntArray, IntArray, _Edges]:
        """Sorted into one row for each owner: where rows end, steps of groups, where groups end, edges."""
        edges = self.at(np.lexsort((self.targets, self.steps, self.origins)))
        first = np.ones(len(edges), bool)
        first[1:] = (edges.origins[1:] != edges.origins[:-1]) | (edges.steps[1:] != edges.steps[:-1])
        starts = np.flatnonzero(first)
        rows = np.searchsorted(edges.origins[starts], owners, side="right")
        return (
            rows.astype(np.int32),
            edges.steps[starts],
            np.append(starts[1:], len(edges))[: len(starts)].astype(np.int32),
            edges,
        )


class _Shared:
    """What all forms of one graph share: keys, relations, and arrays that grow behind what each form sees."""

    def __init__(self) -> None:
        self.lock = RLock()
        self.keys: list[str] = []
        self.ids: dict[str, int] = {}
        self.relations: dict[str, int] = {}
        self._arrays: dict[str, npt.NDArray[Any]] = {}
        self._used: dict[str, int] = {}

    def tip(self, graph: CompiledGraph) -> _Shared:
        """Itself if this form is the last one, else a copy: forms that part do not write over each other."""
        if len(graph.place) == len(self.keys) and len(graph.rows) == self._used["rows"]:
            return self
        other = _Shared()
        other.keys = list(self.keys[: len(graph)])
        other.ids = {key: at for at, key in enumerate(other.keys)}
        other.relations = {words: at for at, words in enumerate(graph.relations)}
        return other

    def id_of(self, key: str) -> int:
        """The entity of a key, a new one if there was none."""
        if key not in self.ids:
            self.keys.append(key)
            self.ids[key] = len(self.ids)
        return self.ids[key]

    def relation_of(self, words: str) -> int:
        """The relation of these words, a new one if there was none."""
        return self.relations.setdefault(words, len(self.relations))

    def grown(self, name: str, seen: npt.NDArray[Any], more: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """What was seen of an array, and more behind it; room is doubled when there is none."""
        end = len(seen) + len(more)
        array = self._arrays.get(name)
        if array is None or end > len(array):
            array = np.empty(max(end, 2 * len(seen)), seen.dtype)
            array[: len(seen)] = seen
            self._arrays[name] = array
        array[len(seen) : end] = more
        self._used[name] = end
        return array[:end]


def _ranges(starts: IntArray, ends: IntArray) -> IntArray:
    """The concatenation of `start:end` for each pair."""
    if len(starts) == 1:
        return np.arange(starts[0], ends[0], dtype=np.int32)
    lengths = ends - starts
    total = int(lengths.sum())
    offsets = np.repeat(starts - np.cumsum(lengths) + lengths, lengths)
    return (offsets + np.arange(total, dtype=np.int32)).astype(np.int32, copy=False)


_SPARE: Final = 10_000  # edges that may lie unused in a small graph
_COMPILED: WeakKeyDictionary[KnowledgeGraph, tuple[int, CompiledGraph]] = WeakKeyDictionary()


def compiled(graph: KnowledgeGraph) -> CompiledGraph:
    """The compiled form of a graph as of now: the last one, changed as the graph has changed since."""
    with graph.lock:
        revision, found = _COMPILED.get(graph, (graph.revision, None))
        changes = graph.changes_since(revision)
        if found is None or changes is None or len(found.targets) > 2 * found.size + _SPARE:
            found = CompiledGraph.of(graph)
        else:
            for change in changes:
                found = found.changed(
                    keys=(mention.entity for mention in change.added_mentions),
                    added=(_edge(row) for row in change.added),
                    removed=[row.id for row in change.removed],
                    touched=(key for row in change.removed for key in (row.subject_key, row.object_key)),
                )
        _COMPILED[graph] = graph.revision, found
        return found


def _edge(row: TripleRow) -> Edge:
    return Edge(row.subject_key, row.object_key, row.relation, row.id, row.confidence)
