"""One HTTP session for each event loop, closed together with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from weakref import WeakKeyDictionary

import aiohttp

__all__ = ["open_session"]

LONGEST_LINE = 2**23  # bytes of one event of a stream: log-probabilities make them long
IDLE_SECONDS = 4.0  # less than the five after which common servers hang up

_opened: WeakKeyDictionary[
    asyncio.AbstractEventLoop, tuple[aiohttp.ClientSession, AsyncIterator[aiohttp.ClientSession]]
] = WeakKeyDictionary()


async def open_session() -> aiohttp.ClientSession:
    """The session of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _opened:
        held = _held()
        _opened[loop] = await anext(held), held
    return _opened[loop][0]


async def _held() -> AsyncIterator[aiohttp.ClientSession]:
    """Never goes on after its first item: a loop that ends closes the generators that it has begun."""
    # How many calls are in flight is for limiters to say.
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_SECONDS)
    async with aiohttp.ClientSession(
        connector=connector, read_bufsize=LONGEST_LINE, cookie_jar=aiohttp.DummyCookieJar()
    ) as session:
        yield session
