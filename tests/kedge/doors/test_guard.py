"""The guard before the doors, request by request."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge._doors import guard as guarding
from kedge._doors.guard import Guard


async def status(guard: Guard, client: str = "127.0.0.1", body: bytes = b"", **headers: str) -> int:
    """The status that a request gets; 200 where it comes through."""
    sent: list[Any] = []
    given_headers = {"host": "localhost:8808", **headers}
    scope = {
        "type": "http",
        "client": (client, 5),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in given_headers.items()],
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await guard(scope, receive, send)
    return int(sent[0]["status"])


async def through(scope: Any, receive: Any, send: Any) -> None:
    assert (await receive())["type"] == "http.request"
    await send({"type": "http.response.start", "status": 200, "headers": []})


async def test_beyond_this_machine_only_pages_of_the_server_itself_come_in() -> None:
    guard = Guard(through, token="t", local=False)
    bearer = {"authorization": "Bearer t", "host": "kedge.example"}
    assert await status(guard, **bearer) == 200
    assert await status(guard, **bearer, origin="https://kedge.example") == 200
    assert await status(guard, **bearer, origin="http://localhost") == 403
    assert await status(guard, authorization="Bearer t", host="", origin="null") == 403
    assert await status(guard, host="kedge.example", authorization="Basic t") == 401


@pytest.mark.parametrize("length", ["4194305", "9" * 5_000, "-1", "many", ""])
async def test_a_length_that_cannot_be_is_refused(length: str) -> None:
    assert await status(Guard(through), **{"content-length": length}) == 413


async def test_clients_have_a_rate_each_and_time_restores_it(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(guarding.time, "monotonic", lambda: now)
    guard = Guard(through, rate=0.2)  # two at once, then one in five seconds
    assert [await status(guard) for _ in range(3)] == [200, 200, 429]
    assert await status(guard, client="127.0.0.2") == 200
    now += 5.0
    assert [await status(guard) for _ in range(2)] == [200, 429]


async def test_the_clients_that_are_remembered_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guarding, "REMEMBERED", 10)
    guard = Guard(through)
    for number in range(50):
        await status(guard, client=f"127.0.0.{number}")
    assert len(guard._clients) == 10


@given(
    st.text(st.characters(max_codepoint=255), max_size=40),
    st.text(st.characters(max_codepoint=255), max_size=40),
)
async def test_no_header_breaks_it(origin: str, authorization: str) -> None:
    guard = Guard(through, token="t")
    assert await status(guard, origin=origin, authorization=authorization, host=origin) in (401, 403, 421)
