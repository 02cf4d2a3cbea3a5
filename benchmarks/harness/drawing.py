"""Chance that is the same on every machine: numbers that belong to words."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

from kedge.benchmarks.datasets import Question

__all__ = ["drawn", "in_development", "pick"]


def drawn(seed: int, *parts: str) -> float:
    """A number from 0 up to 1 that belongs to these words and this seed: the same on every machine.

    Example:
        >>> 0 <= drawn(7, "a") < 1, drawn(7, "a") == drawn(7, "a") != drawn(8, "a")
        (True, True)
    """
    digest = blake2b("\n".join((str(seed), *parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64


def pick(seed: int, choices: Sequence[str], *parts: str) -> str:
    """One of the choices, drawn for these words."""
    return choices[int(drawn(seed, *parts) * len(choices))]


def in_development(question: Question) -> bool:
    """Whether thresholds may be chosen on a question; its twin is always on the same side."""
    twin = question.extra.get("twin")
    return drawn(0, "development", question.id if not question.answerable or twin is None else twin) < 0.5
