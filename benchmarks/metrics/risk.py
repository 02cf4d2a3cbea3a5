"""Confidence: whether it orders answers by how right they are, and whether it says how right they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["Point", "area", "calibration_error", "risk_coverage", "threshold"]


@dataclass(frozen=True, slots=True)
class Point:
    """At this threshold of confidence, how much is answered, and the share of that which is wrong."""

    threshold: float
    coverage: float
    risk: float


def risk_coverage(confidence: Sequence[float], scores: Sequence[float]) -> list[Point]:
    """The curve of risk over coverage, from the most confident answers on; ties are taken together.

    Args:
        confidence: Of each answer.
        scores: How right each is, 0 to 1; risk is 1 less their mean.

    Raises:
        ValueError: The two are of different lengths, or empty.

    Example:
        >>> [(point.coverage, point.risk) for point in risk_coverage([0.9, 0.5], [1.0, 0.0])]
        [(0.5, 0.0), (1.0, 0.5)]
    """
    if len(confidence) != len(scores) or not scores:
        raise ValueError("a curve needs two lists of equal length, with at least one answer")
    order = np.argsort(-np.asarray(confidence, dtype=np.float64), kind="stable")
    sure, right = np.asarray(confidence)[order], np.asarray(scores, dtype=np.float64)[order]
    taken = np.arange(1, len(right) + 1)
    risk = 1 - np.cumsum(right) / taken
    last = np.append(sure[1:] != sure[:-1], True)
    return [
        Point(float(sure[at]), float(taken[at] / len(right)), float(risk[at])) for at in np.flatnonzero(last)
    ]


def area(points: Sequence[Point]) -> float:
    """The area below the curve of risk over coverage: the mean risk over all coverages, 0 is best.

    Within a step the risk is that of its end, as in the mean of selective risks (Geifman and El-Yaniv 2017).

    Example:
        >>> area(risk_coverage([0.9, 0.5], [1.0, 0.0]))
        0.25
    """
    before, total = 0.0, 0.0
    for point in points:
        total += (point.coverage - before) * point.risk
        before = point.coverage
    return total


def calibration_error(confidence: Sequence[float], scores: Sequence[float], *, bins: int = 10) -> float:
    """The expected calibration error: how far confidence is from the share that is right, bin by bin.

    Bins are of equal width, open below and closed above; the first is closed at 0, too (Guo et al. 2017).

    Raises:
        ValueError: The two are of different lengths, or empty.

    Example:
        >>> calibration_error([0.75, 0.75], [1.0, 0.0])
        0.25
    """
    if len(confidence) != len(scores) or not scores:
        raise ValueError("a calibration error needs two lists of equal length, with at least one answer")
    sure, right = np.asarray(confidence, dtype=np.float64), np.asarray(scores, dtype=np.float64)
    place = np.clip(np.ceil(sure * bins).astype(int) - 1, 0, bins - 1)
    error = 0.0
    for number in np.unique(place):
        inside = place == number
        error += inside.mean() * abs(right[inside].mean() - sure[inside].mean())
    return float(error)


def threshold(confidence: Sequence[float], gains: Sequence[float], losses: Sequence[float]) -> float:
    """The confidence from which on answering pays most, in all; answers below it are declined.

    Choose it on questions for development only.

    Args:
        confidence: Of each answer.
        gains: What each earns when it is given.
        losses: What each earns when it is declined instead.

    Example:
        >>> threshold([0.9, 0.6, 0.2], gains=[1, 1, 0], losses=[0, 0, 1])
        0.6
    """
    best, chosen = sum(losses), 2.0
    for limit in sorted(set(confidence), reverse=True):
        earned = sum(
            gain if sure >= limit else loss
            for sure, gain, loss in zip(confidence, gains, losses, strict=True)
        )
        if earned > best:
            best, chosen = earned, limit
    return chosen
