"""Asking by workers on a Ray cluster: every worker opens the knowledge bases for itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

from kedge.benchmarks.harness.asking import Ask, Task
from kedge.errors import KedgeError, MissingExtra

__all__ = ["spread"]


class _Worker:
    """Lives in a process of its own, perhaps on another machine."""

    def __init__(self, make: Callable[[], AbstractAsyncContextManager[Ask]]) -> None:
        self._make = make
        self._stack = AsyncExitStack()
        self._opening = asyncio.Lock()
        self._ask: Ask | None = None

    async def ask(self, task: Task) -> Mapping[str, Any]:
        async with self._opening:
            if self._ask is None:
                self._ask = await self._stack.enter_async_context(self._make())
        return await self._ask(task)


@asynccontextmanager
async def spread(
    make: Callable[[], AbstractAsyncContextManager[Ask]], *, workers: int, at_once: int
) -> AsyncGenerator[Ask]:
    """Asks whichever worker is free, on the cluster that `RAY_ADDRESS` names, or on one that is started here.

    Args:
        make: Opens what a worker asks; it is sent to the workers, so that files it names must be there, too.
        workers: How many.
        at_once: Questions in flight, for each worker.

    Raises:
        KedgeError: A worker was lost; what was recorded until then is kept.
        MissingExtra: Ray is not installed.
    """
    try:
        import ray
    except ImportError:
        raise MissingExtra("cluster", "ray") from None
    ray.init(ignore_reinit_error=True, include_dashboard=False, log_to_driver=False)
    actors: list[Any] = [ray.remote(_Worker).remote(make) for _ in range(workers)]
    free: asyncio.Queue[Any] = asyncio.Queue()
    for _ in range(at_once):
        for actor in actors:
            free.put_nowait(actor)

    async def ask(task: Task) -> Mapping[str, Any]:
        actor = await free.get()
        try:
            row: Mapping[str, Any] = await actor.ask.remote(task)
        except ray.exceptions.RayActorError as error:
            fix = "the same command goes on from there"
            raise KedgeError(f"a worker was lost: {str(error).splitlines()[0]}", fix=fix) from None
        finally:
            free.put_nowait(actor)
        return row

    try:
        yield ask
    finally:
        for actor in actors:
            ray.kill(actor)
        ray.shutdown()
