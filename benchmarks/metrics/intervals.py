"""How sure a score or a difference between two systems is. Everything random takes a seed."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["Interval", "bootstrap", "mcnemar", "permutation_test", "stratified"]

_CELLS = 4_000_000  # numbers drawn at once; bounds memory to some tens of megabytes


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with its confidence interval, over `n` values."""

    mean: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}] (n = {self.n})"


def bootstrap(
    values: Sequence[float], *, level: float = 0.95, resamples: int = 10_000, seed: int = 0
) -> Interval:
    """The mean of `values` and its percentile bootstrap interval.

    Raises:
        ValueError: There are no values.

    Example:
        >>> print(bootstrap([0.5] * 8))
        0.500 [0.500, 0.500] (n = 8)
    """
    if not values:
        raise ValueError("an interval needs at least one value")
    return stratified([(1.0, values)], level=level, resamples=resamples, seed=seed)


def stratified(
    parts: Sequence[tuple[float, Sequence[float]]],
    *,
    level: float = 0.95,
    resamples: int = 10_000,
    seed: int = 0,
) -> Interval:
    """The sum of weighted means and its percentile bootstrap interval; each part is drawn from by itself.

    Args:
        parts: The weight and the values of each part.
        level: Of the interval.
        resamples: How many times values are drawn.
        seed: Of the drawing.

    Raises:
        ValueError: A part has no values.

    Example:
        >>> print(stratified([(0.7, [1.0, 1.0]), (0.3, [0.0])]))
        0.700 [0.700, 0.700] (n = 3)
    """
    if not all(len(values) for _, values in parts):
        raise ValueError("an interval needs at least one value")
    draw = np.random.default_rng(seed)
    mean, means, n = 0.0, np.zeros(resamples), 0
    for weight, values in parts:
        scores = np.asarray(values, dtype=np.float64)
        drawn = [
            scores[draw.integers(len(scores), size=(rows, len(scores)))].mean(axis=1)
            for rows in _portions(resamples, len(scores))
        ]
        mean += weight * float(scores.mean())
        means += weight * np.concatenate(drawn)
        n += len(scores)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(mean), float(low), float(high), n)


def permutation_test(
    ours: Sequence[float], theirs: Sequence[float], *, resamples: int = 10_000, seed: int = 0
) -> float:
    """The two-sided p-value of a paired permutation test of the difference in means.

    The signs of the differences are flipped in all ways if there are at most `resamples` of them (the test is
    then exact), else in `resamples` random ways.

    Args:
        ours: A score for each question.
        theirs: The other system's score for the same question, in the same order.
        resamples: How many sign flips to try.
        seed: Seed of the random flips.

    Raises:
        ValueError: The two are of different lengths, or empty.

    Example:
        >>> permutation_test([1, 1, 1], [0, 0, 0])
        0.25
    """
    if len(ours) != len(theirs) or not ours:
        raise ValueError("a paired test needs two lists of equal length, with at least one pair")
    differences = np.asarray(ours, dtype=np.float64) - np.asarray(theirs, dtype=np.float64)
    differences = differences[differences != 0]
    observed = abs(differences.sum())
    bound = observed - 1e-9 * max(1.0, observed)  # sums in another order may differ in the last digit
    n = len(differences)
    if n < 60 and 2**n <= resamples:
        signs = np.array(list(itertools.product((1, -1), repeat=n)))
        return float((abs(signs @ differences) >= bound).mean())
    draw = np.random.default_rng(seed)
    extreme = sum(
        int((abs((1 - 2 * draw.integers(2, size=(rows, n))) @ differences) >= bound).sum())
        for rows in _portions(resamples, n)
    )
    return (extreme + 1) / (resamples + 1)


def mcnemar(ours: Sequence[bool], theirs: Sequence[bool]) -> float:
    """The two-sided p-value of McNemar's exact test: do two systems differ in what they get right?

    Raises:
        ValueError: The two are of different lengths, or empty.

    Example:
        >>> mcnemar([True] * 5, [False] * 5)
        0.0625
    """
    if len(ours) != len(theirs) or not ours:
        raise ValueError("a paired test needs two lists of equal length, with at least one pair")
    only_ours = sum(a and not b for a, b in zip(ours, theirs, strict=True))
    only_theirs = sum(b and not a for a, b in zip(ours, theirs, strict=True))
    n = only_ours + only_theirs
    return min(1.0, 2 * _tail(n, min(only_ours, only_theirs)) / (1 << n))


def _tail(n: int, most: int) -> int:
    """The number of ways to choose at most `most` of `n`."""
    ways = total = 1
    for k in range(most):
        ways = ways * (n - k) // (k + 1)  # from each binomial coefficient to the next: no factorials
        total += ways
    return total


def _portions(total: int, width: int) -> list[int]:
    """`total` rows in portions of at most `_CELLS` cells."""
    rows = max(1, _CELLS // max(1, width))
    return [min(rows, total - start) for start in range(0, total, rows)]
