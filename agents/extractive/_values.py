"""Values that answers state, and what comparing two of them says."""

from __future__ import annotations

from kedge.agents.extractive._passages import Passage
from kedge.agents.extractive.language import dates, numbers
from kedge.agents.extractive.questions import Comparison
from kedge.tools.knowledge_base.records import entity_key

__all__ = ["moment", "value", "verdict"]


def moment(passage: Passage) -> tuple[int, ...] | None:
    """When a passage happened: the first full date in it, else in its chunk or title."""
    for text in (passage.text, passage.chunk.text[:400], passage.chunk.title, passage.chunk.heading):
        for date in dates(text):
            if date.earliest is not None:
                return date.earliest
    return None


def value(answer: str) -> float | None:
    """A date in years or a number, to be compared."""
    for date in dates(answer):
        if date.earliest is not None:
            year, month, day, minute = date.earliest
            return year + (month - 1) / 12 + (day - 1) / 372 + minute / 535_680
    for number in numbers(answer):
        return number.value
    return None


def verdict(comparison: Comparison, first: str, second: str, confidence: tuple[float, float]) -> str | None:
    """What the two values say."""
    operands = comparison.operands
    if comparison.operator == "both":
        return "yes" if first == second == "yes" else "no"
    if comparison.operator == "either":
        if first == second:
            return operands[0 if confidence[0] >= confidence[1] else 1] if first == "yes" else None
        return operands[0 if first == "yes" else 1]
    if comparison.operator == "same":
        return ("yes" if _same(first, second) else "no") if first and second else None
    low, high = value(first), value(second)
    if low is None or high is None or low == high:
        return None
    smaller = 0 if low < high else 1
    return operands[smaller if comparison.operator == "low" else 1 - smaller]


def _same(first: str, second: str) -> bool:
    one, other = ({entity_key(part) for part in answer.split("|")} for answer in (first, second))
    return bool(one & other)
