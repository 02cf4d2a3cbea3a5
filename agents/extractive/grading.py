"""Grading passages: what the reader takes them for, and how like the question they are."""

from __future__ import annotations

import math
from collections.abc import Sequence

from kedge.agents.extractive._weights import HELPS, chance
from kedge.tools.encoders import Encoder, PassageReader
from kedge.tools.knowledge_base.records import Chunk

__all__ = ["grade", "signs"]


async def grade(
    question: str, passages: Sequence[Chunk], encoder: Encoder, reader: PassageReader
) -> tuple[float, ...]:
    """How probably each passage helps to answer, 0 to 1, in the order given."""
    found = await signs(question, passages, encoder, reader)
    return tuple(chance(HELPS, each) for each in found)


async def signs(
    question: str, passages: Sequence[Chunk], encoder: Encoder, reader: PassageReader
) -> list[dict[str, float]]:
    """What `HELPS` weighs: the reader's relevance (log odds, in tens), and the cosine with the question."""
    if not passages:
        return []
    readings = await reader.read(question, [(p.title, p.text) for p in passages])
    asked, *vectors = await encoder.encode([question, *(f"{p.title}: {p.text}" for p in passages)])
    return [
        {"relevant": _log_odds(reading.relevant) / 10.0, "cosine": float(asked @ vector)}
        for reading, vector in zip(readings, vectors, strict=True)
    ]


def _log_odds(share: float) -> float:
    kept = min(max(share, 1e-4), 1.0 - 1e-4)
    return math.log(kept / (1.0 - kept))
