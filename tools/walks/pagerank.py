"""Personalised PageRank on the compiled graph, with a bound on how wrong it can be.

A walk follows an edge with probability `d` (the damping), in either direction and in proportion to its
weight, and starts anew at the seeds otherwise. With `A` the symmetric matrix of weights, `D` its row sums
and `s` the seeds, the shares `y` of the walk's time solve

    (I - d·A·D⁻¹)·y = (1 - d)·s

Whatever `x` is guessed, its residual `r = (1 - d)·s - (I - d·A·D⁻¹)·x` bounds its error at each entity `v`:

    |y(v) - x(v)| ≤ D(v) · max|r(u)/D(u)| / (1 - d)

since `D⁻¹·A` only averages, so that no term of the series `Σ dⁱ·(A·D⁻¹)ⁱ·r` exceeds `D(v)·max|r/D|·dⁱ`.

Both searches below lower the residual and read the error off it. *Local push* (Andersen, Chung and Lang,
FOCS 2006) moves the residual of single entities to their neighbours; it looks at no more than
`1 / (error·(1 - d))` edges however large the graph is. `personalised_pagerank` pushes while few edges are
concerned, then goes on with conjugate gradients, one sweep over all edges a step. The textbook's power
iteration takes the same sweeps but halves the error where these divide it by five to ten. With `top` it
stops as soon as the bound proves that the order of the first ones is final, or that no float32 could tell
those apart whose order is open.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from kedge.errors import InputError
from kedge.tools.walks.compiled import CompiledGraph, IntArray

if TYPE_CHECKING:
    from scipy import sparse

__all__ = ["Visits", "local_push", "personalised_pagerank"]

FloatArray = npt.NDArray[np.float32]

_FEW: Final = 20  # a push of at most this part of all edges is cheaper than a sweep
_SWEEPS: Final = 200
_ROUNDING: Final = 4e-7  # the part of a float32 that may be lost to rounding
_LAST_DIGIT: Final = 6e-8  # the part of a float32 below which it cannot tell one number from another
_AHEAD: Final = 2  # steps around the first entities that are looked at to settle their order
_UNDECIDED: Final = 4_096  # entities that may still be among the first, up to which they alone are compared


@dataclass(frozen=True, slots=True)
class Visits:
    """Shares of a walk's time, and how wrong they can be.

    Attributes:
        shares: float32, shape `(entities,)`, not negative.
        error: The true share of an entity differs by at most this, times `degrees` of it, and by
            its own rounding as a float32, which `1 / (1 - damping)` may multiply.
        degrees: float32, the same shape: the sum of the weights of an entity's edges.
        sweeps: How often all edges were looked at.
    """

    shares: FloatArray
    error: float
    degrees: FloatArray
    sweeps: int = 0

    def top(self, count: int) -> list[int]:
        """The entities with the largest shares, best first, ties by number; none that may be 0."""
        chosen = np.flatnonzero(self.shares > self.error * self.degrees)
        if 0 < count < len(chosen):
            shares = self.shares[chosen]
            chosen = chosen[shares >= np.partition(shares, len(shares) - count)[len(shares) - count]]
        order = np.lexsort((chosen, -self.shares[chosen]))[: max(0, count)]
        return [int(entity) for entity in chosen[order]]


def personalised_pagerank(
    graph: CompiledGraph,
    seeds: Mapping[int, float],
    damping: float = 0.5,
    *,
    top: int | None = None,
    tolerance: float = 1e-6,
) -> Visits:
    """How a walk from the seeds divides its time among all entities.

    Args:
        graph: The graph; edges count in both directions, a loop twice.
        seeds: Where the walk starts, with weights; entities that are not in the graph count for nothing.
        damping: The probability of following an edge rather than starting anew.
        top: Stop when the first `top` entities and their order are certain.
        tolerance: Stop when the bounds of all entities add up to less.

    Raises:
        InputError: when the damping is not in [0, 1), a weight is negative or not finite, or the tolerance
            is not positive.

    Example:
        >>> from kedge.tools.walks import Edge
        >>> line = CompiledGraph.of_edges((), [Edge("a", "b", "next", 1)])
        >>> personalised_pagerank(line, {0: 1.0}).shares.round(3)
        array([0.667, 0.333], dtype=float32)
    """
    if not tolerance > 0:
        raise InputError(f"the tolerance {tolerance} is not positive", fix="1e-6 is usual")
    matrix = _Matrix.of(graph)
    shares, residual, scale = _start(matrix, seeds, damping)
    # While the walk is near its seeds, few edges are concerned: each push settles another step of it exactly.
    for _ in range(_SWEEPS):
        active = np.flatnonzero(residual)
        if int(matrix.counts[active].sum()) * _FEW > len(graph.targets) or not len(active):
            break
        matrix.push(active, shares, residual, damping)
    if float(residual.sum()) <= tolerance:
        bound = float((residual * matrix.inverse).max(initial=0.0))
        return Visits(shares * scale, float(bound * scale), matrix.degrees)
    found = _conjugate(matrix, shares, residual, damping, top, tolerance)
    return Visits(found.shares * scale, float(found.error * scale), matrix.degrees, found.sweeps)


def local_push(
    graph: CompiledGraph, seeds: Mapping[int, float], damping: float = 0.5, *, error: float = 1e-6
) -> Visits:
    """The same shares near the seeds, by work that does not grow with the graph.

    Every share is at most the true one, and less by at most `error` times the entity's degree.

    Raises:
        InputError: as `personalised_pagerank`, and when the error is not positive.

    Example:
        >>> from kedge.tools.walks import Edge
        >>> line = CompiledGraph.of_edges((), [Edge("a", "b", "next", 1)])
        >>> local_push(line, {0: 1.0}, error=0.01).shares.round(1)
        array([0.7, 0.3], dtype=float32)
    """
    if not error > 0:
        raise InputError(f"the error {error} is not positive", fix="1e-6 is usual")
    matrix = _Matrix.of(graph)
    shares, residual, scale = _start(matrix, seeds, damping)
    reached: IntArray = np.flatnonzero(residual).astype(np.int32)
    while len(active := reached[residual[reached] > np.float32(error) * matrix.degrees[reached]]):
        reached = np.union1d(reached, matrix.push(active, shares, residual, damping))
    bound = float((residual[reached] * matrix.inverse[reached]).max(initial=0.0))
    return Visits(shares * scale, float(bound * scale), matrix.degrees)


@dataclass(frozen=True, slots=True)
class _Matrix:
    """The weights of the edges, the sums of them, and how many they are, by entity."""

    graph: CompiledGraph
    weights: sparse.csr_array[Any, Any]
    degrees: FloatArray
    inverse: FloatArray
    counts: IntArray

    @classmethod
    def of(cls, graph: CompiledGraph) -> _Matrix:
        weights = graph.matrix()
        degrees = graph.weighted_degrees()
        inverse = np.divide(1, degrees, out=np.zeros_like(degrees), where=degrees > 0)
        return cls(graph, weights, degrees, inverse, graph.degrees())

    def spread(self, values: FloatArray) -> FloatArray:
        """The sum over each entity's neighbours, by weight."""
        found: FloatArray = self.weights @ values
        # Without remains of earlier forms, entity `e` is row `e`.
        return found if len(found) == len(values) else found[self.graph.place]

    def push(
        self, active: npt.NDArray[Any], shares: FloatArray, residual: FloatArray, damping: float
    ) -> IntArray:
        """Settle the residual of some entities: a part stays as their share, the rest goes to neighbours."""
        graph, given = self.graph, residual[active]
        edges = graph.edges_from(active)
        targets = graph.targets[edges]
        shares[active] += np.float32(1 - damping) * given
        residual[active] = 0
        each = np.repeat(np.float32(damping) * given * self.inverse[active], self.counts[active])
        np.add.at(residual, targets, graph.weights[edges] * each)
        return targets


def _start(
    matrix: _Matrix, seeds: Mapping[int, float], damping: float
) -> tuple[FloatArray, FloatArray, np.float32]:
    """What is settled from the outset, the residual, and what all shares are multiplied by at the end.

    A walk that starts where no edge leads on starts anew with its next step. Such starts are settled here;
    the time that is lost to them is spread over all shares by the factor.
    """
    if not 0 <= damping < 1:
        raise InputError(f"the damping {damping} is not in [0, 1)", fix="0.5 is usual here, 0.85 on the web")
    start = np.zeros(len(matrix.degrees))
    for entity, weight in seeds.items():
        if not (weight >= 0 and np.isfinite(weight)):
            raise InputError(
                f"seed {entity} has the weight {weight}", fix="give weights that are not negative"
            )
        if 0 <= entity < len(start):
            start[entity] = weight
    if largest := start.max(initial=0.0):
        start /= largest  # so that neither very large nor very small weights leave the range of their sum
        start /= start.sum()
    isolated = matrix.degrees == 0
    lost = damping * float(start[isolated].sum())
    shares = np.where(isolated, (1 - damping) * start, 0).astype(np.float32)
    residual = np.where(isolated, 0, start).astype(np.float32)
    return shares, residual, np.float32(1 / (1 - lost))


def _conjugate(
    matrix: _Matrix,
    shares: FloatArray,
    residual: FloatArray,
    damping: float,
    top: int | None,
    tolerance: float,
) -> Visits:
    """Conjugate gradients for `x = y/D`, in the inner product weighted by `D`, where `D⁻¹·A` is symmetric."""
    degrees, total = matrix.degrees, float(matrix.degrees.sum())
    onward = np.float32(damping) * matrix.inverse
    # What a long walk leaves at every end of an edge alike is known before: it is settled at once.
    level = float(residual.sum()) / total
    rounding = _ROUNDING / (1 - damping) * level
    common = np.where(degrees > 0, np.float32(level), np.float32(0))
    x = shares * matrix.inverse + common
    r = np.float32(1 - damping) * (residual * matrix.inverse - common)
    direction, square = r.copy(), float((r * degrees) @ r)
    race = _Race(matrix, damping, min(top or 0, len(x)))
    bound, sweeps = float(np.abs(r).max()) / (1 - damping), 0
    while bound * total > tolerance and sweeps < _SWEEPS and not race.decided(x, r, bound + rounding):
        turned = direction - onward * matrix.spread(direction)
        length = np.float32(square / float((direction * degrees) @ turned))
        x += length * direction
        r -= length * turned
        before, square = square, float((r * degrees) @ r)
        direction *= np.float32(square / before)
        direction += r
        bound, sweeps = float(np.abs(r).max()) / (1 - damping), sweeps + 1
    x[race.left] += race.ahead
    # Where no edge leads, the shares were settled before.
    found = np.where(degrees > 0, np.maximum(x, 0) * degrees, shares)
    return Visits(found, bound + rounding, degrees, sweeps)


class _Race:
    """Which entities may still be among the first, and whether their order is certain.

    The error of `x` is `Σ dⁱ·Pⁱ·r`, where `P` averages over neighbours. For the few that are still in the
    race its first terms are added up, so that what is left is `dⁱ` of the bound. `ahead` is that sum for
    those in `left`.
    """

    def __init__(self, matrix: _Matrix, damping: float, count: int) -> None:
        self._matrix = matrix
        self._damping = np.float32(damping)
        self._rounding = np.float32(_ROUNDING / (1 - damping))
        self._count = count
        self._candidates: npt.NDArray[Any] | None = None
        self.left: npt.NDArray[Any] = np.zeros(0, np.intp)
        self.ahead: FloatArray = np.zeros(0, np.float32)

    def decided(self, x: FloatArray, r: FloatArray, bound: float) -> bool:
        """Whether the first ones are certain when no `x` is more wrong than the bound."""
        if not self._count:
            return False
        if self._candidates is None:
            low, high = self._limits(x, self._matrix.degrees, bound)
            kept = self._running(low, high)
            if len(kept) > _UNDECIDED:
                return False
            self._candidates = kept
        degrees = self._matrix.degrees[self._candidates]
        low, high = self._limits(x[self._candidates], degrees, bound)
        kept = self._running(low, high)
        self._candidates = self._candidates[kept]
        values, degrees = x[self._candidates], degrees[kept]
        # Worth a look ahead only if the order would be certain were these the true values.
        nearest = bound * float(self._damping) ** (_AHEAD + 1)
        if not self._certain(values, degrees, nearest):
            return False
        ahead, terms = self._ahead(self._candidates, r, _AHEAD)
        nearer = bound * float(self._damping) ** terms
        if not self._certain(values + ahead, degrees, nearer):
            return False
        self.left, self.ahead = self._candidates, ahead
        return True

    def _certain(self, x: FloatArray, degrees: FloatArray, bound: float) -> bool:
        """Whether the order is certain, or what is left of the error is less than a float32 can tell."""
        return self._ordered(*self._limits(x, degrees, bound)) or bool((bound <= _LAST_DIGIT * x).all())

    def _ordered(self, low: FloatArray, high: FloatArray) -> bool:
        """Whether exactly `count` are in front, each surely before the next."""
        first = self._running(low, high)
        order = first[np.argsort(-low[first], kind="stable")]
        return len(first) == self._count and bool((low[order][:-1] > high[order][1:]).all())

    def _running(self, low: FloatArray, high: FloatArray) -> npt.NDArray[Any]:
        """Who can reach what `count` others surely have; the rest is out for good."""
        return np.flatnonzero(high >= np.partition(low, len(low) - self._count)[len(low) - self._count])

    def _limits(self, x: FloatArray, degrees: FloatArray, bound: float) -> tuple[FloatArray, FloatArray]:
        shares = degrees * x
        slack = np.float32(bound) * degrees + self._rounding * np.abs(shares)
        return shares - slack, shares + slack

    def _ahead(self, entities: npt.NDArray[Any], r: FloatArray, steps: int) -> tuple[FloatArray, int]:
        """The first terms of the error, and how many: fewer than asked where hubs make them dear."""
        graph, matrix = self._matrix.graph, self._matrix
        if not steps or int(matrix.counts[entities].sum()) * _FEW > len(graph.targets):
            return r[entities], 1
        edges = graph.edges_from(entities)
        targets = graph.targets[edges]
        met = np.zeros(len(graph), bool)
        met[targets] = True
        near, values = np.flatnonzero(met), np.empty(len(graph), np.float32)
        values[near], terms = self._ahead(near, r, steps - 1)
        owners = np.repeat(np.arange(len(entities)), matrix.counts[entities])
        mean = np.bincount(owners, graph.weights[edges] * values[targets], len(entities))
        found = r[entities] + self._damping * matrix.inverse[entities] * mean.astype(np.float32)
        return found, terms + 1
