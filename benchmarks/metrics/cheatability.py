"""Cheatability: how much of a score needs no joining of facts (DiRe, 2005.00789; CRUMQs, 2510.11956).

A question is asked again with a part of its supports hidden, and again with the other part hidden: whoever
joins facts cannot answer it either time. The probe takes the more confident of the two answers, and the union
of what the two name as support.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from kedge.benchmarks.metrics.intervals import Interval

__all__ = ["Guess", "bipartitions", "cheatability", "combined", "conditional", "contrasted", "support_f1"]


@dataclass(frozen=True, slots=True)
class Guess:
    """An answer, how sure it is, and the ids of what is said to support it; `None` declines."""

    answer: str | None
    confidence: float = 0.0
    support: frozenset[Hashable] = frozenset()


def bipartitions(supports: Sequence[str], *, most: int = 8) -> list[tuple[frozenset[str], frozenset[str]]]:
    """All ways to divide supports into two parts, neither empty; of more than `most`, the evenest ones.

    Raises:
        ValueError: There are fewer than two different supports.

    Example:
        >>> [sorted(map(sorted, parts)) for parts in bipartitions(["a", "b"])]
        [[['a'], ['b']]]
        >>> len(bipartitions(["a", "b", "c"])), len(bipartitions(list("abcde")))
        (3, 8)
    """
    distinct = sorted(set(supports))
    if len(distinct) < 2:
        raise ValueError("there is nothing to disconnect with fewer than two supports")
    first, others = distinct[0], distinct[1:]
    found = [
        (part := frozenset((first, *chosen)), frozenset(distinct) - part)
        for size in range(len(others))
        for chosen in combinations(others, size)
    ]
    found.sort(key=lambda parts: (abs(len(parts[0]) - len(parts[1])), sorted(parts[0])))
    return found[:most]


def combined(one: Guess, other: Guess) -> Guess:
    """What the probe answers: the more confident answer, with all that either names as support.

    Example:
        >>> combined(Guess("a", 0.2, frozenset("x")), Guess("b", 0.7, frozenset("y"))).answer
        'b'
        >>> combined(Guess(None, 0.9), Guess("b", 0.1)).answer  # as coded, there is always an answer
        'b'
    """
    surest = max((one, other), key=lambda guess: (guess.answer is not None, guess.confidence))
    return Guess(surest.answer, surest.confidence, one.support | other.support)


def support_f1(found: Collection[Hashable], gold: Collection[Hashable]) -> float:
    """Harmonic mean of the precision and recall of supports, 0 to 1; no supports against none is 1.

    Example:
        >>> support_f1({"a", "b", "c", "d"}, {"a", "b"})
        0.6666666666666666
    """
    ours, theirs = set(found), set(gold)
    if not ours and not theirs:
        return 1.0
    return 2 * len(ours & theirs) / (len(ours) + len(theirs))


def conditional(probe: Sequence[float], original: Sequence[float]) -> list[float]:
    """Probe scores that count only as far as the whole question is answered: the smaller, one by one.

    Example:
        >>> conditional([1.0, 0.5], [0.0, 1.0])
        [0.0, 0.5]
    """
    return [min(cheat, whole) for cheat, whole in zip(probe, original, strict=True)]


def cheatability(
    probe: Sequence[float], original: Sequence[float], *, resamples: int = 10_000, seed: int = 0
) -> Interval:
    """The mean of the probe's scores over that of the original ones, with its paired bootstrap interval.

    Args:
        probe: For each question the probe's F1.
        original: For each the F1 with everything in view.
        resamples: How many times the questions are drawn again.
        seed: Of the drawing.

    Raises:
        ValueError: The two are of different lengths or empty, or nothing was answered in the original, so
            that there is no ratio.

    Example:
        >>> cheatability([0.2, 0.0], [1.0, 1.0]).mean
        0.1
    """
    if len(probe) != len(original) or not probe:
        raise ValueError("cheatability needs two lists of equal length, with at least one question")
    cheat, whole = np.asarray(probe, dtype=np.float64), np.asarray(original, dtype=np.float64)
    if whole.sum() == 0:
        raise ValueError("nothing was answered with everything in view: there is no ratio")
    draw = np.random.default_rng(seed)
    ratios = []
    for _ in range(0, resamples, 1000):
        rows = draw.integers(len(whole), size=(min(1000, resamples), len(whole)))
        below = whole[rows].sum(axis=1)
        ratios.append(cheat[rows].sum(axis=1)[below > 0] / below[below > 0])
    low, high = np.quantile(np.concatenate(ratios), (0.025, 0.975))
    return Interval(float(cheat.sum() / whole.sum()), float(low), float(high), len(whole))


def contrasted(scores: Sequence[float], sufficient: Sequence[Sequence[bool]]) -> list[float]:
    """The contrastive support-sufficiency transform: a score counts when all of its group is judged right.

    Args:
        scores: For each question the score with all supports.
        sufficient: For each question whether "are these enough?" was answered rightly: for all supports, and
            for each instance in which one of them was replaced.

    Example:
        >>> contrasted([1.0, 0.8], [[True, True, True], [True, False, True]])
        [1.0, 0.0]
    """
    return [score if right and all(right) else 0.0 for score, right in zip(scores, sufficient, strict=True)]
