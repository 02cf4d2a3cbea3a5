"""Budgets are checked before anything is started, and the ledger forgets nothing."""

from __future__ import annotations

import asyncio

import pytest

from kedge.errors import BudgetExceeded
from kedge.tools.models import Budget, Meter, Spending


async def reply() -> str:
    return "done"


@pytest.mark.parametrize(
    ("budget", "spent"),
    [
        (Budget(calls=2), Spending(calls=2)),
        (Budget(tokens=10), Spending(prompt_tokens=6, completion_tokens=4)),
        (Budget(calls=0), Spending()),
    ],
)
async def test_no_call_is_made_beyond_the_budget(budget: Budget, spent: Spending) -> None:
    meter = Meter(budget)
    meter.charge("read", spent)
    with pytest.raises(BudgetExceeded, match="is used up"):
        meter.check_call()
    assert await meter.play("read", reply) == "done", "what calls no model may go on"


async def test_nothing_is_started_when_the_time_is_up() -> None:
    meter, started = Meter(Budget(seconds=0.01)), False

    async def start() -> None:
        nonlocal started
        started = True

    await asyncio.sleep(0.02)
    with pytest.raises(BudgetExceeded, match="seconds"):
        await meter.play("read", start)
    assert not started


async def test_the_ledger_adds_up_per_role() -> None:
    meter = Meter()
    await meter.play("read", reply)
    await meter.play("read", reply)
    await meter.play("judge", reply)
    meter.charge("judge", Spending(calls=1, prompt_tokens=5))
    ledger = meter.ledger()
    assert (ledger.roles["read"].decisions, ledger.roles["judge"].decisions) == (2, 1)
    assert (ledger.total.decisions, ledger.total.calls, ledger.total.prompt_tokens) == (3, 1, 5)
    assert ledger.cost is None, "an unknown price is not a price of nothing"


async def test_a_failed_decision_is_charged_too() -> None:
    async def fail() -> None:
        raise ValueError("off")

    meter = Meter()
    with pytest.raises(ValueError, match="off"):
        await meter.play("read", fail)
    assert meter.ledger().roles["read"].decisions == 1
