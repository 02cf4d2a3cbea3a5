"""Sync doors to an async core: one background event loop that all of them share.

A loop of its own makes the doors work where a loop is already running (notebooks), and keeps connections
and locks of encoders and models on one loop for the life of the process.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from functools import cache
from typing import Any, TypeVar

__all__ = ["wait"]

T = TypeVar("T")


@cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="kedge", daemon=True).start()
    return loop


def wait(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end from ordinary code; Ctrl-C cancels it and waits until it has cleaned up.

    Example:
        >>> async def ahoy() -> str:
        ...     return "ahoy"
        >>> wait(ahoy())
        'ahoy'
    """
    # Not `run_coroutine_threadsafe`: its future is over as soon as it is cancelled, the coroutine is not.
    loop = _loop()
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
