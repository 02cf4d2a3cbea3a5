"""Asking by workers on a Ray cluster, where Ray is installed."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from kedge.benchmarks.harness.asking import Ask, Task
from kedge.benchmarks.harness.cluster import spread
from kedge.errors import KedgeError, MissingExtra
from tests.benchmarks._questions import QUESTIONS


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


class Here:
    """Stands in for Ray: workers live in this process, and how much each is given at once is written down."""

    class exceptions:  # noqa: N801 - as Ray calls it
        class RayActorError(Exception):
            """A worker was lost."""

    def __init__(self) -> None:
        self.most: dict[int, int] = {}
        self.killed = 0
        self.lost = False

    def init(self, **_: object) -> None:
        pass

    shutdown = init

    def kill(self, _: object) -> None:
        self.killed += 1

    def remote(self, made: Any) -> Any:
        def actor(make: Any) -> Any:
            worker, running = made(make), [0]

            async def ask(task: Task) -> Mapping[str, Any]:
                if self.lost:
                    raise self.exceptions.RayActorError("gone")
                running[0] += 1
                self.most[id(worker)] = max(self.most.get(id(worker), 0), running[0])
                await asyncio.sleep(0.01)
                row: Mapping[str, Any] = await worker.ask(task)
                running[0] -= 1
                return row

            return SimpleNamespace(ask=SimpleNamespace(remote=ask))

        return SimpleNamespace(remote=actor)


async def test_free_workers_are_asked_and_each_opens_once(monkeypatch: pytest.MonkeyPatch) -> None:
    here, opened = Here(), []
    monkeypatch.setitem(sys.modules, "ray", here)

    @asynccontextmanager
    async def make() -> AsyncGenerator[Ask]:
        opened.append(1)
        async with echoing() as ask:
            yield ask

    tasks = [Task(f"m/{n}", QUESTIONS[n % 5], "m") for n in range(20)]
    async with spread(make, workers=2, at_once=3) as ask:
        rows = await asyncio.gather(*map(ask, tasks))
    assert [row["question"] for row in rows] == [task.question.id for task in tasks]
    assert list(here.most.values()) == [3, 3]
    assert (len(opened), here.killed) == (2, 2)


async def test_a_worker_that_is_lost_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    here = Here()
    here.lost = True
    monkeypatch.setitem(sys.modules, "ray", here)
    async with spread(echoing, workers=1, at_once=1) as ask:
        with pytest.raises(KedgeError, match="a worker was lost: gone"):
            await ask(Task("m/a", QUESTIONS[0], "m"))


@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("default")
@pytest.mark.enable_socket
async def test_workers_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray")
    for name in ("raylet_start_wait_time_s", "agent_register_timeout_ms"):
        monkeypatch.setenv(f"RAY_{name}", "400000")  # where much else is running
    async with spread(echoing, workers=1, at_once=2) as ask:
        rows = [await ask(Task(f"m/{question.id}", question, "m")) for question in QUESTIONS]
    assert [row["question"] for row in rows] == [question.id for question in QUESTIONS]
