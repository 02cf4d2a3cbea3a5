from __future__ import annotations

import asyncio
import os
import signal

import pytest

from kedge.tools.waiting import wait


async def failing() -> None:
    raise ValueError("told to whoever waits")


def test_what_a_coroutine_raises_is_raised() -> None:
    with pytest.raises(ValueError, match="whoever waits"):
        wait(failing())


@pytest.mark.skipif(os.name != "posix", reason="signals as on POSIX")
def test_an_interruption_waits_until_the_coroutine_has_cleaned_up() -> None:
    cleaned: list[str] = []

    async def working() -> None:
        asyncio.get_running_loop().call_later(0.1, os.kill, os.getpid(), signal.SIGINT)
        try:
            await asyncio.sleep(30)
        finally:
            await asyncio.sleep(0.1)
            cleaned.append("yes")

    with pytest.raises(KeyboardInterrupt):
        wait(working())
    assert cleaned == ["yes"]
