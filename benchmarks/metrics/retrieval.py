"""Measures of retrieval. Ids are of any kind that gold labels use: chunks, documents or titles."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence

__all__ = ["hit_at", "recall_at"]


def recall_at(k: int, ranked: Sequence[Hashable], gold: Collection[Hashable]) -> float:
    """The share of the gold ids among the first `k` of `ranked`.

    Args:
        k: How many ids of `ranked` count; an id that comes twice takes two places.
        ranked: What was found, best first.
        gold: What should have been found; each id counts once.

    Raises:
        ValueError: There are no gold ids, so that the measure means nothing.

    Example:
        >>> recall_at(2, ["a", "x", "b"], {"a", "b"})
        0.5
    """
    wanted = set(gold)
    if not wanted:
        raise ValueError("recall needs at least one gold id")
    return len(wanted & set(ranked[:k])) / len(wanted)


def hit_at(k: int, ranked: Sequence[Hashable], gold: Collection[Hashable]) -> float:
    """1.0 if any gold id is among the first `k` of `ranked`, else 0.0; raises as `recall_at` does.

    Example:
        >>> hit_at(2, ["x", "b"], {"a", "b"})
        1.0
    """
    return float(recall_at(k, ranked, gold) > 0)
