"""How far two judges agree, and how far beyond chance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

__all__ = ["Agreement", "agreement"]


@dataclass(frozen=True, slots=True)
class Agreement:
    """The share of `n` cases that two judges see alike, and Cohen's kappa: 1 is full, 0 what chance gives.

    Kappa is `None` where either could not but agree: both always said the same one thing.
    """

    share: float
    kappa: float | None
    n: int


def agreement(ours: Sequence[Hashable], theirs: Sequence[Hashable]) -> Agreement:
    """How far two judges agree, case by case.

    Raises:
        ValueError: The two are of different lengths, or empty.

    Example:
        >>> agreement([True, True, False, False], [True, False, False, False])
        Agreement(share=0.75, kappa=0.5, n=4)
    """
    if len(ours) != len(theirs) or not ours:
        raise ValueError("agreement needs two lists of equal length, with at least one case")
    n = len(ours)
    alike = sum(a == b for a, b in zip(ours, theirs, strict=True)) / n
    one, other = Counter(ours), Counter(theirs)
    chance = sum(one[said] * other[said] for said in one) / n**2
    return Agreement(alike, None if chance == 1 else (alike - chance) / (1 - chance), n)
