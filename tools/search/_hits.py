"""What all searches share: hits are chunk ids with scores, and become evidence at the end."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeVar

from kedge.errors import InputError
from kedge.tools.knowledge_base.records import Evidence

if TYPE_CHECKING:
    from kedge.tools.knowledge_base import KnowledgeBase

__all__ = ["SPARE", "Hit", "Key", "as_evidence", "best", "check"]

Key = TypeVar("Key", int, tuple[str, int])
Hit = tuple[int, float]

# Hits beyond k, for chunks that an index still names while their document is being removed.
SPARE = 10


def check(k: int) -> None:
    """Raises InputError unless at least one result is wanted."""
    if k < 1:
        raise InputError(f"cannot search for the best {k}", fix="k must be at least 1")


def best(scores: Iterable[tuple[Key, float]]) -> list[tuple[Key, float]]:
    """Highest score first; equal scores in the order of what is scored: chunk ids, or pages.

    Example:
        >>> best([(9, 0.5), (4, 0.5), (7, 0.8)])
        [(7, 0.8), (4, 0.5), (9, 0.5)]
    """
    return sorted(scores, key=lambda hit: (-hit[1], hit[0]))


def as_evidence(base: KnowledgeBase, hits: list[Hit], k: int, reason: str) -> list[Evidence]:
    """The chunks of the first k hits that still exist."""
    scores = dict(hits[: k + SPARE])
    return [Evidence(chunk, scores[chunk.id], reason) for chunk in base.chunks(list(scores))][:k]
