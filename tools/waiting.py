"""Sync doors to an async core: a background event loop that all of them share.

A loop of its own makes the doors work where a loop is already running (notebooks), and keeps connections
and locks of encoders and models on one loop for the life of the process.
"""

from __future__ import annotations

import asyncio
import atexit
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from functools import cache
from queue import SimpleQueue
from typing import Any, TypeVar

__all__ = ["iterate", "wait"]

T = TypeVar("T")

LAST_SECONDS = 2.0  # for connections to be closed when the process ends

_here = threading.local()


@cache
def _loop(depth: int) -> asyncio.AbstractEventLoop:
    runner = asyncio.Runner()
    loop, over = runner.get_loop(), asyncio.Event()

    def run() -> None:
        _here.depth = depth + 1
        with runner:
            runner.run(over.wait())

    thread = threading.Thread(target=run, name=f"kedge {depth}", daemon=True)
    thread.start()

    def end() -> None:
        loop.call_soon_threadsafe(over.set)
        thread.join(LAST_SECONDS)

    atexit.register(end)
    return loop


def _this_loop() -> asyncio.AbstractEventLoop:
    """The loop for this thread to wait for: a thread that runs one of them must wait for another."""
    return _loop(getattr(_here, "depth", 0))


def wait(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end from ordinary code; Ctrl-C cancels it and waits until it has cleaned up.

    Example:
        >>> async def ahoy() -> str:
        ...     return "ahoy"
        >>> wait(ahoy())
        'ahoy'
    """
    # Not `run_coroutine_threadsafe`: its future is over as soon as it is cancelled, the coroutine is not.
    loop = _this_loop()
    finished = threading.Event()
    task: asyncio.Task[T]

    def begin() -> None:
        nonlocal task
        task = loop.create_task(coroutine)
        task.add_done_callback(lambda _: finished.set())

    loop.call_soon_threadsafe(begin)
    try:
        finished.wait()
    except KeyboardInterrupt:
        loop.call_soon_threadsafe(lambda: task.cancel())
        finished.wait()
        raise
    return task.result()


def iterate(start: Callable[[], AsyncIterator[T]]) -> Iterator[T]:
    """Go through an asynchronous iterator from ordinary code; leaving early cancels it.

    Example:
        >>> async def count() -> AsyncIterator[int]:
        ...     yield 1
        ...     yield 2
        >>> list(iterate(count))
        [1, 2]
    """
    items: SimpleQueue[T | None] = SimpleQueue()
    task: asyncio.Task[None]

    async def pump() -> None:
        async for item in start():
            items.put(item)

    async def begin() -> None:
        nonlocal task
        task = asyncio.create_task(pump())
        task.add_done_callback(lambda _: items.put(None))

    async def end() -> None:
        task.cancel()
        await asyncio.wait([task])

    wait(begin())
    try:
        while (item := items.get()) is not None:
            yield item
        task.result()
    finally:
        wait(end())
