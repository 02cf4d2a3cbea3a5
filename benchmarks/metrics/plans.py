"""How like a plan is to the one that people made: as graphs, whatever the words of their steps."""

from __future__ import annotations

from functools import lru_cache

import networkx as nx

from kedge.agents.decisions import Plan

__all__ = ["SECONDS", "edit_distance", "same_shape"]

SECONDS = 0.2  # the most that the search for the cheapest edits of one pair of graphs may take

Shape = tuple[int, frozenset[tuple[int, int]]]


def same_shape(ours: Plan, gold: Plan) -> bool:
    """Whether the two have as many steps, and depend on each other in the same way.

    Example:
        >>> from kedge.agents.decisions import SubQuestion
        >>> one = SubQuestion(id="1", question="Who directed Jaws?")
        >>> two = SubQuestion(id="2", question="When was #1 born?", depends_on=("1",))
        >>> same_shape(Plan(steps=(one, two)), Plan(steps=(one, two.model_copy(update={"depends_on": ()}))))
        False
    """
    return _same(_shape(ours), _shape(gold))


def edit_distance(ours: Plan, gold: Plan) -> float:
    """The normalised graph edit distance of two plans, without regard to words; 0 is best.

    As in Break's evaluation with structure only (Wolfson et al. 2020; `normalized_graph_edit_distance` in
    allenai/break-evaluator): inserting or deleting a step or a dependency costs 1, putting one step in the
    place of another nothing; the sum is divided by the steps and dependencies of the larger graph. The
    search stops after `SECONDS`, so that the distance of very large plans is an upper bound.
    """
    return _distance(_shape(ours), _shape(gold))


def _shape(plan: Plan) -> Shape:
    place = {step.id: number for number, step in enumerate(plan.steps)}
    edges = ((place[name], place[step.id]) for step in plan.steps for name in step.depends_on)
    return len(place), frozenset(edges)


def _graph(shape: Shape) -> nx.DiGraph[int]:
    graph: nx.DiGraph[int] = nx.DiGraph()
    graph.add_nodes_from(range(shape[0]))
    graph.add_edges_from(sorted(shape[1]))
    return graph


@lru_cache(maxsize=65536)
def _same(one: Shape, other: Shape) -> bool:
    if one[0] != other[0] or len(one[1]) != len(other[1]):
        return False
    return bool(nx.is_isomorphic(_graph(one), _graph(other)))


@lru_cache(maxsize=65536)
def _distance(one: Shape, other: Shape) -> float:
    if _same(one, other):
        return 0.0
    largest = max(one[0] + len(one[1]), other[0] + len(other[1]))
    found = nx.graph_edit_distance(
        _graph(one), _graph(other), node_subst_cost=lambda a, b: 0.0, timeout=SECONDS
    )
    # Nothing in time: everything goes and everything comes.
    cost = found if found is not None else one[0] + len(one[1]) + other[0] + len(other[1])
    return float(cost) / largest
