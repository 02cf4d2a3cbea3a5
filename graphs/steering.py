"""A person at the helm: what a loop proposes after each round, and what a person makes of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal

from pydantic import BaseModel, ConfigDict

from kedge.agents.decisions import Gap

__all__ = ["Choice", "Pause", "Proposal"]


class Proposal(BaseModel):
    """What is wrong with a round, and where the next one would start and what it would look for.

    `coverage` says how well each concept of the question is met, 0 to 1. `starts` are keys of entities,
    `kept` the relations already walked from there that stay as they are.
    """

    model_config = ConfigDict(frozen=True)

    round: int
    diagnosis: str
    coverage: dict[str, float] = {}
    gaps: tuple[Gap, ...] = ()
    starts: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    aim: str


class Choice(BaseModel):
    """What a person decides: go on as proposed, from another entity or towards another aim, or stop here.

    Example:
        >>> Choice().action
        'accept'
        >>> Choice(action="change", start="Ted Wilde", aim="burial").aim
        'burial'
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    action: Literal["accept", "change", "stop"] = "accept"
    start: str | None = None
    aim: str | None = None


Pause = Callable[[Proposal], Awaitable[Choice]]
"""Shows a proposal and comes back with what was decided."""
