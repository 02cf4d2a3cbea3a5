"""The suites of plans: what they count, and what they must find."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kedge.benchmarks.suites._schedulers import critical_path
from kedge.benchmarks.suites.parallel import SHAPES, losses, markdown, slots, waits
from kedge.benchmarks.suites.routing import Asked, compared
from kedge.testing import FakeEncoder
from kedge.tools.knowledge_base import KnowledgeBase


@pytest.fixture
async def base(tmp_path: Path) -> AsyncIterator[KnowledgeBase]:
    async with KnowledgeBase.open(tmp_path / "base", encoder=FakeEncoder(), create=True) as base:
        yield base


def test_the_critical_path_counts_calls_one_after_another() -> None:
    assert [critical_path(plan) for plan in SHAPES.values()] == [2, 2, 3, 5, 5]


async def test_no_sibling_is_lost_and_every_failure_is_named(base: KnowledgeBase) -> None:
    lost = await losses(base, questions=5)
    assert (lost.broken, lost.named) == (4, 4)
    assert lost.kept == lost.siblings == 16


async def test_calls_and_the_critical_path(base: KnowledgeBase) -> None:
    rows = await waits(base, runs=1)
    calls = {(row.plan, row.method): row.calls for row in rows}
    assert calls["4-way comparison", "parallel"] == 5
    assert calls["4-way comparison", "sequential"] == 9
    assert all(row.least >= 0.99 * row.path for row in rows if row.method == "parallel")
    assert all(row.first is not None and row.first < 20 for row in rows if row.method == "parallel")
    assert 0 < await slots(base, questions=4, number=2) <= 1.0
    assert "4-hop chain" in markdown(rows, 0.9, await losses(base, questions=2))


def test_the_oracle_takes_the_best_and_then_the_cheapest() -> None:
    asked = [
        Asked("set", "1", "metakgrag", "a", 1.0, 2, 1, 0.5),
        Asked("set", "2", "metakgrag", None, 0.0, 2, 1, 0.5),
        Asked("set", "1", "parallel", "a", 1.0, 3, 3, 0.9),
        Asked("set", "2", "parallel", "b", 0.5, 3, 3, 0.9),
        Asked("set", "1", "research", "a", 1.0, 3, 3, 0.9),
        Asked("set", "2", "research", None, 0.0, 3, 3, 0.9),
    ]
    rows = {row.method: row for row in compared(asked)}
    assert rows["oracle"].score.mean == 0.75
    assert rows["oracle"].searches == 2.5
    assert rows["research"].p[1] is None
