"""Budgets, and the ledger of what was spent."""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from threading import Lock
from typing import ParamSpec, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from kedge.errors import BudgetExceeded

__all__ = ["Budget", "Ledger", "Meter", "Spending", "playing"]

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
    """What one role, or all of them, used.

    `calls` counts requests that were sent, those that failed included; `cached_tokens` are those prompt
    tokens that the server remembered, `reasoning_tokens` those completion tokens that were thinking. A
    cache hit is no call. `seconds` is the time inside decisions, `model_seconds` the part of it that models
    took, summed over calls at once. `cost` is `None` when a call's price is not known, never 0.

    Example:
        >>> (Spending(calls=1, cost=0.25) + Spending(decisions=1)).cost
        0.25
        >>> (Spending(calls=1, cost=0.25) + Spending(calls=1)).cost is None
        True
    """

    model_config = ConfigDict(frozen=True)

    decisions: int = 0
    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    cache_hits: int = 0
    seconds: float = 0.0
    model_seconds: float = 0.0
    cost: float | None = None

    def __add__(self, other: Spending) -> Spending:
        return Spending(
            decisions=self.decisions + other.decisions,
            calls=self.calls + other.calls,
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            reasoning_tokens=self.reasoning_tokens + other.reasoning_tokens,
            cache_hits=self.cache_hits + other.cache_hits,
            seconds=self.seconds + other.seconds,
            model_seconds=self.model_seconds + other.model_seconds,
            cost=_total_cost(self, other),
        )


def _total_cost(*parts: Spending) -> float | None:
    known = [part.cost for part in parts if part.cost is not None]
    unknown = any(part.calls for part in parts if part.cost is None)
    return None if unknown or not known else sum(known)


class Ledger(BaseModel):
    """The bill of one question: in total and per role. `cost` is `None` when a price is unknown, never 0."""

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
    _calling: int = field(default=0, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    @property
    def elapsed(self) -> float:
        """Seconds since the question was asked."""
        return time.monotonic() - self.started

    @property
    def remaining(self) -> float:
        """Seconds until the time is up."""
        seconds = math.inf if self.budget.seconds is None else max(0.0, self.budget.seconds - self.elapsed)
        return seconds if self.whole is None else min(seconds, self.whole.remaining)

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
        calls = sum(spending.calls for spending in self.roles.values())
        self._check("calls", calls + self._calling, self.budget.calls)
        tokens = sum(spending.prompt_tokens + spending.completion_tokens for spending in self.roles.values())
        self._check("tokens", tokens, self.budget.tokens)

    def _check(self, name: str, spent: float, limit: float | None) -> None:
        if limit is not None and spent >= limit:
            raise BudgetExceeded(f"the budget of {limit:g} {name} is used up", fix=f"allow more {name}")

    def charge(self, role: str, spending: Spending) -> None:
        """Add what a role used."""
        if self.whole is not None:
            self.whole.charge(role, spending)
        with self._lock:
            self.roles[role] = self.roles.get(role, Spending()) + spending

    @contextmanager
    def calling(self) -> Iterator[None]:
        """Holds one call of the budget while a model is asked; what it used is charged before this ends.

        Raises:
            BudgetExceeded: no further call may be made.
        """
        with self._lock:
            self.check_call()
            self._calling += 1
        try:
            with nullcontext() if self.whole is None else self.whole.calling():
                yield
        finally:
            with self._lock:
                self._calling -= 1

    async def play(self, role: str, part: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Let a role make one decision, if there is time, and write down what it took."""
        self.check()
        before = time.monotonic()
        outer = playing.set((self, role))
        try:
            return await part(*args, **kwargs)
        finally:
            playing.reset(outer)
            self.charge(role, Spending(decisions=1, seconds=time.monotonic() - before))

    def ledger(self) -> Ledger:
        """The bill so far."""
        ledger = Ledger(seconds=self.elapsed, roles=dict(self.roles))
        return ledger.model_copy(update={"cost": ledger.total.cost})


playing: ContextVar[tuple[Meter, str] | None] = ContextVar("playing", default=None)
"""The meter and the role of the decision that is being made: how a model client knows whom to charge."""
