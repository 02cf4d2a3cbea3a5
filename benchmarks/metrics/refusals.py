"""Measures of declining: how much is declined, whether rightly, and what it costs in answers.

Every record counts: a question whose method failed is neither answered nor declined, and stays in the
denominator.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from kedge.agents.decisions import AbstentionReason

__all__ = ["WEIGHT", "Outcome", "Ratios", "joint", "outcome_of", "ratios"]

Outcome = Literal["answered", "declined", "clarification", "gave up", "failed"]
WEIGHT = 0.7  # of correct answers in the joint score, as UAEval4RAG's published figures have it


def outcome_of(text: str | None, reason: AbstentionReason | None = None, *, failed: bool = False) -> Outcome:
    """What became of a question: an abstention that asks which thing is meant is a clarification.

    Who ran out of budget gave up: nothing was said about the documents, so it is no acceptable refusal.

    Example:
        >>> outcome_of("1388"), outcome_of(None, "missing hop"), outcome_of(None, "budget")
        ('answered', 'declined', 'gave up')
    """
    if failed:
        return "failed"
    if text:
        return "answered"
    if reason == "under-specified":
        return "clarification"
    return "gave up" if reason == "budget" else "declined"


@dataclass(frozen=True, slots=True)
class Ratios:
    """Shares of all `n` questions, from 0 to 1; `acceptable` is declined or asked for a clarification.

    `answered`, `unanswered` and `clarification` add up to 1 together with `failed`.
    """

    answered: float
    unanswered: float
    clarification: float
    acceptable: float
    failed: float
    n: int


def ratios(outcomes: Sequence[Outcome]) -> Ratios:
    """The ratios of unanswerable questions.

    Raises:
        ValueError: There are no outcomes.

    Example:
        >>> ratios(["answered", "declined", "clarification", "failed"]).acceptable
        0.5
    """
    n = len(outcomes)
    if not n:
        raise ValueError("ratios need at least one outcome")
    share = {kind: outcomes.count(kind) / n for kind in Outcome.__args__}  # type: ignore[attr-defined]
    return Ratios(
        share["answered"],
        share["declined"] + share["gave up"],
        share["clarification"],
        share["declined"] + share["clarification"],
        share["failed"],
        n,
    )


def joint(correct: float, acceptable: float, *, weight: float = WEIGHT) -> float:
    """The joint score `weight * correct + (1 - weight) * acceptable` (UAEval4RAG, 2412.12300).

    Args:
        correct: Share of the answerable questions that are answered correctly.
        acceptable: Share of the unanswerable ones that are declined acceptably.
        weight: Of the first.

    Example:
        >>> round(joint(0.884, 0.843), 4)  # published: 87.20 with prompt 1
        0.8717
    """
    return weight * correct + (1 - weight) * acceptable
