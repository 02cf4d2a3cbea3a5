"""Walking a path of relations: a frontier is the set of all entities that the same steps reach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kedge.tools.walks.compiled import CompiledGraph, IntArray

__all__ = ["MAX_FRONTIER", "Frontier", "PathWalker", "step_label"]

MAX_FRONTIER = 50_000  # entities kept of one frontier, the best supported first


@dataclass(frozen=True, slots=True)
class Frontier:
    """Entities that one path of steps reaches, ascending, and by how many edges each is reached.

    `cut` tells how many entities were let go because there were more than `MAX_FRONTIER`.
    """

    entities: IntArray
    support: IntArray
    cut: int = 0

    def __len__(self) -> int:
        return len(self.entities)


class PathWalker:
    """Walks paths from fixed starts; what two paths have in common is walked once.

    A step right back along the relation just walked does not return to where the walk was before: films that
    share an actor with a film are other films.

    Args:
        graph: The compiled graph.
        starts: Where all paths begin, as places in `graph.keys`.
        without: Entities that no path may reach.

    Example:
        >>> from kedge.tools.knowledge_base.graph import KnowledgeGraph
        >>> from kedge.tools.knowledge_base.rows import TripleRow
        >>> source = KnowledgeGraph()
        >>> source.add([TripleRow(1, "d", None, "Ada", "wrote", "Notes", "ada", "notes", 1.0)])
        >>> graph = CompiledGraph.of(source)
        >>> [graph.keys[entity] for entity in PathWalker(graph, [graph.ids["ada"]]).walk((0,)).entities]
        ['notes']
    """

    def __init__(self, graph: CompiledGraph, starts: Sequence[int], without: Sequence[int] = ()) -> None:
        self.graph = graph
        self._without = np.asarray(without, np.int32)
        entities = np.unique(np.asarray(starts, np.int32))
        self._known: dict[tuple[int, ...], Frontier] = {
            (): Frontier(entities, np.ones(len(entities), np.int32))
        }

    def walk(self, path: Sequence[int]) -> Frontier:
        """Where a path of steps leads; empty when the graph has no such walk."""
        path = tuple(path)
        if (known := self._known.get(path)) is not None:
            return known
        before = self.walk(path[:-1])
        reached = self.graph.targets[self.graph.edges(before.entities, path[-1])]
        entities, support = np.unique(reached, return_counts=True)
        if len(path) > 1 and path[-1] == path[-2] ^ 1:
            fresh = ~np.isin(entities, self.walk(path[:-2]).entities)
            entities, support = entities[fresh], support[fresh]
        if len(self._without):
            fresh = ~np.isin(entities, self._without)
            entities, support = entities[fresh], support[fresh]
        cut = max(0, len(entities) - MAX_FRONTIER)
        if cut:
            kept = np.sort(np.argsort(-support, kind="stable")[:MAX_FRONTIER])
            entities, support = entities[kept], support[kept]
        found = Frontier(entities, support.astype(np.int32), before.cut + cut)
        self._known[path] = found
        return found

    def steps_from(self, path: Sequence[int]) -> IntArray:
        """The steps that lead on from where a path leads, ascending."""
        return self.graph.steps_from(self.walk(path).entities)

    def witness(self, path: Sequence[int], end: int) -> tuple[int, ...]:
        """Ids of triples that form one walk along a path to `end`, in order; empty when there is none."""
        graph, triples = self.graph, []
        here = end
        for length in range(len(path), 0, -1):
            edges = graph.edges(np.array([here], np.int32), path[length - 1] ^ 1)
            edges = edges[np.isin(graph.targets[edges], self.walk(path[: length - 1]).entities)]
            if not len(edges):
                return ()
            best = int(edges[np.argmax(graph.weights[edges])])
            triples.append(int(graph.triples[best]))
            here = int(graph.targets[best])
        return tuple(reversed(triples))


def step_label(graph: CompiledGraph, step: int) -> str:
    """A step as people read it: `directed by`, or `~directed by` for the way back."""
    return f"{'~' if step & 1 else ''}{graph.words(step)}"
