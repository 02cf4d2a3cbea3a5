"""What is missing, in the question's own words."""

from __future__ import annotations

from kedge.agents.decisions import Gap
from kedge.agents.extractive.questions import Question

__all__ = ["gap_of", "slot_of", "topic_of"]


def gap_of(kind: str, target: str, slot: str, description: str) -> Gap:
    """A gap of one of the kinds that decisions know."""
    return Gap(kind=kind, target=target, slot=slot, description=description)  # type: ignore[arg-type]


def topic_of(question: Question) -> str:
    """What the question is about: its first name, or its words."""
    return question.names[0] if question.names else " ".join(question.keys[:4]) or question.text[:60]


def slot_of(question: Question) -> str:
    """What is wanted of the topic."""
    asked = question.asked_with if question.asked_with in ("when", "where", "why", "how") else ""
    return (
        " ".join(part for part in (asked, *question.keys) if part)[:80] or question.focus or question.expects
    )
