"""What a method tells while it runs, and leaves behind as its trace."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Event", "EventKind"]

EventKind = Literal[
    "started",
    "linked",
    "perceived",
    "evaluated",
    "adjusted",
    "steered",
    "searched",
    "looked",
    "described",
    "planned",
    "branch",
    "routed",
    "adapted",
    "verified",
    "halted",
    "answered",
]


class Event(BaseModel):
    """One step of a method: what happened, in a sentence for people and in `data` for programs."""

    model_config = ConfigDict(frozen=True)

    kind: EventKind
    message: str
    round: int = 0
    seconds: float = 0.0
    data: dict[str, Any] = Field(default_factory=dict)
