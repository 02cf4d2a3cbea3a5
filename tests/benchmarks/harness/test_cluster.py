"""Asking by workers on a Ray cluster, where Ray is installed."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from kedge.benchmarks.harness.asking import Ask, Task
from kedge.benchmarks.harness.cluster import spread
from kedge.errors import MissingExtra
from tests.benchmarks.harness._questions import ITEMS


@asynccontextmanager
async def echoing() -> AsyncGenerator[Ask]:
    async def ask(task: Task) -> Mapping[str, Any]:
        return {"question": task.question.id, "method": task.method}

    yield ask


async def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtra, match=r"pip install 'kedge\[cluster\]'"):
        async with spread(echoing, workers=1, at_once=1):
            pass


@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("default")
@pytest.mark.enable_socket
async def test_workers_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray")
    for name in ("raylet_start_wait_time_s", "agent_register_timeout_ms"):
        monkeypatch.setenv(f"RAY_{name}", "400000")  # where much else is running
    async with spread(echoing, workers=1, at_once=2) as ask:
        rows = [await ask(Task(f"m/{question.id}", question, "m")) for question in ITEMS]
    assert [row["question"] for row in rows] == [question.id for question in ITEMS]
