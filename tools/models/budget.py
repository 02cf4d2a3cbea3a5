"""Budgets, and the ledger of what was spent."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from kedge.errors import BudgetExceeded

__all__ = ["Budget", "Ledger", "Meter", "Spending"]

P = ParamSpec("P")
T = TypeVar("T")


class Budget(BaseModel):
    """What one question may cost. `None` means no limit.

    `rounds` counts turns of a loop after the first look; `steps` the sub-questions of one plan; `seconds` is
    wall time; `calls` and `tokens` are those of language models, so the extractive cast never uses them up.

    Example:
        >>> Budget(rounds=1).rounds
        1
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rounds: int = Field(default=3, ge=0)
    steps: int = Field(default=32, ge=1)
    seconds: float | None = Field(default=60.0, gt=0)
    calls: int | None = Field(default=None, ge=0)
    tokens: int | None = Field(default=None, ge=0)


class Spending(BaseModel):
    """What one role, or all of them, used: decisions made, model calls, tokens, cache hits, seconds."""

    model_config = ConfigDict(frozen=True)

    decisions: int = 0
    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cache_hits: int = 0
    seconds: float = 0.0

    def __add__(self, other: Spending) -> Spending:
        names = type(self).model_fields
        return Spending(**{name: getattr(self, name) + getattr(other, name) for name in names})


class Ledger(BaseModel):
    """The bill of one question: in total and per role. `cost` is `None` when no price is known, never 0."""

    model_config = ConfigDict(frozen=True)

    seconds: float = 0.0
    roles: dict[str, Spending] = Field(default_factory=dict)
    cost: float | None = None

    @property
    def total(self) -> Spending:
        """The sum over roles; `seconds` is time inside roles, which is less than wall time."""
        return sum(self.roles.values(), Spending())


@dataclass
class Meter:
    """Watches one question's budget and writes its ledger.

    Example:
        >>> import asyncio
        >>> async def shout(text: str) -> str:
        ...     return text.upper()
        >>> meter = Meter(Budget(seconds=5))
        >>> asyncio.run(meter.play("read", shout, "ahoy"))
        'AHOY'
        >>> meter.ledger().roles["read"].decisions
        1
    """

    budget: Budget = field(default_factory=Budget)
    started: float = field(default_factory=time.monotonic)
    roles: dict[str, Spending] = field(default_factory=dict)
    whole: Meter | None = None

    @property
    def elapsed(self) -> float:
        """Seconds since the question was asked."""
        return time.monotonic() - self.started

    def share(self, parts: int, *, turns: int = 1) -> Meter:
        """A meter for one of so many parts of the question; what it is charged, this one is charged, too.

        Calls and tokens that are left are divided by `parts`, seconds by `turns`: how many parts, this one
        included, have to be done one after another.

        Example:
            >>> Meter(Budget(seconds=None, calls=12)).share(4).budget.calls
            3
        """
        budget, total = self.budget, sum(self.roles.values(), Spending())
        tokens = total.prompt_tokens + total.completion_tokens
        shared: dict[str, float | None] = {
            "calls": None if budget.calls is None else max(1, (budget.calls - total.calls) // parts),
            "tokens": None if budget.tokens is None else max(1, (budget.tokens - tokens) // parts),
            "seconds": None if budget.seconds is None else (budget.seconds - self.elapsed) / turns,
        }
        return Meter(budget.model_copy(update=shared), whole=self)

    def check(self) -> None:
        """Raise `BudgetExceeded` when the time is up: nothing more may be started."""
        if self.whole is not None:
            self.whole.check()
        self._check("seconds", self.elapsed, self.budget.seconds)

    def check_call(self) -> None:
        """Raise `BudgetExceeded` when no further model call may be made."""
        self.check()
        if self.whole is not None:
            self.whole.check_call()
        total = sum(self.roles.values(), Spending())
        self._check("calls", total.calls, self.budget.calls)
        self._check("tokens", total.prompt_tokens + total.completion_tokens, self.budget.tokens)

    def _check(self, name: str, spent: float, limit: float | None) -> None:
        if limit is not None and spent >= limit:
            raise BudgetExceeded(f"the budget of {limit:g} {name} is used up", fix=f"allow more {name}")

    def charge(self, role: str, spending: Spending) -> None:
        """Add what a role used."""
        if self.whole is not None:
            self.whole.charge(role, spending)
        self.roles[role] = self.roles.get(role, Spending()) + spending

    async def play(self, role: str, part: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Let a role make one decision, if there is time, and write down what it took."""
        self.check()
        before = time.monotonic()
        try:
            return await part(*args, **kwargs)
        finally:
            self.charge(role, Spending(decisions=1, seconds=time.monotonic() - before))

    def ledger(self) -> Ledger:
        """The bill so far."""
        return Ledger(seconds=self.elapsed, roles=dict(self.roles))
