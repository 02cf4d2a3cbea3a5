"""An OpenAI-compatible server on loopback whose replies, delays and faults are scripted."""

from __future__ import annotations

import asyncio
import json
import random
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from itertools import count
from typing import Self

from kedge.testing._encoder import FakeEncoder
from kedge.testing._replies import (
    Reply,
    StubRequest,
    embeddings_body,
    error_body,
    events,
    json_bytes,
    whole_body,
)
from kedge.testing._wire import Connection, Request, response, stream_head

__all__ = ["Script", "StubServer"]

Answered = str | Reply
Script = Answered | Sequence[Answered] | Callable[[StubRequest], Answered]
"""What a server says: always the same, one after the other (the last one for ever), or a function."""

PATHS = ("/chat/completions", "/completions", "/embeddings")


class StubServer:
    """A server that speaks `/v1/chat/completions`, `/v1/completions`, `/v1/embeddings` and `/v1/models`.

    It runs in a thread of its own, so that blocking and asynchronous tests use it alike: `with` and
    `async with` start and stop it. `python -m kedge.testing` runs one in a process of its own.

    Args:
        script: What it says: a text or a `Reply`, several (one after the other, the last one for ever), or a
            function of the `StubRequest`.
        latency: Seconds before each reply, or a function that draws them.
        model: The one model it has, others get 404; `None` takes every name.
        api_key: The key that it wants, if any.
        port: 0 takes a free one.
        seed: What the latencies are drawn from.
        keep: How many requests are remembered.

    Example:
        >>> import httpx
        >>> def ask(server: StubServer) -> httpx.Response:
        ...     return httpx.post(f"{server.url}/chat/completions", json={"messages": []}, trust_env=False)
        >>> with StubServer(["one", Reply.error(503)]) as server:
        ...     print(ask(server).json()["choices"][0]["message"]["content"])
        ...     print(ask(server).status_code, server.served)
        one
        503 2
    """

    def __init__(
        self,
        script: Script = "ok",
        *,
        latency: float | Callable[[random.Random], float] = 0.0,
        model: str | None = None,
        api_key: str | None = None,
        port: int = 0,
        seed: int = 0,
        keep: int = 10_000,
    ) -> None:
        self._script = script
        self._latency = latency
        self._model = model
        self._api_key = api_key
        self._port = port
        self._random = random.Random(seed)  # noqa: S311 - delays, not secrets
        self._keep = keep
        self._encoder = FakeEncoder()
        self._turns = count()
        self._connections: set[Connection] = set()
        self.requests: list[StubRequest] = []
        """The requests that asked a model for something, oldest first."""
        self.served = 0
        """How many those were, remembered or not."""
        self.in_flight = 0
        """How many of them are being answered now."""
        self.most_in_flight = 0
        """The most that ever were at once."""

    @property
    def url(self) -> str:
        """The base URL that clients are given; it ends in `/v1`."""
        return f"http://127.0.0.1:{self._port}/v1"

    def __enter__(self) -> Self:
        started: Future[int] = Future()
        self._thread = threading.Thread(target=self._run, args=(started,), name="stub server", daemon=True)
        self._thread.start()
        self._port = started.result()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(self, *_: object) -> None:
        self.__exit__()

    def _run(self, started: Future[int]) -> None:
        asyncio.run(self._serve(started))

    async def _serve(self, started: Future[int]) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        try:
            server = await self._loop.create_server(
                lambda: Connection(self._answer, self._connections), "127.0.0.1", self._port, backlog=1024
            )
        except OSError as error:
            started.set_exception(error)
            return
        started.set_result(server.sockets[0].getsockname()[1])
        await self._stop.wait()
        server.close()
        for connection in list(self._connections):
            connection.close()

    async def _answer(self, connection: Connection, request: Request) -> None:
        path = request.path.partition("?")[0].removeprefix("/v1")
        if path == "/stub":
            seen = {"served": self.served, "in_flight": self.in_flight, "most_in_flight": self.most_in_flight}
            connection.send(response(200, json_bytes(seen)))
        elif self._api_key and request.headers.get("authorization") != f"Bearer {self._api_key}":
            _refuse(connection, Reply.error(401, "Incorrect API key provided.", kind="invalid_api_key"))
        elif path == "/models" and request.method == "GET":
            models = [{"id": self._model or "stub", "object": "model", "owned_by": "kedge"}]
            connection.send(response(200, json_bytes({"object": "list", "data": models})))
        elif path in PATHS and request.method == "POST":
            self.served += 1
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
            try:
                await self._reply(connection, path, request)
            finally:
                self.in_flight -= 1
        else:
            _refuse(connection, Reply.error(404, "Not Found", kind="NotFoundError"))

    async def _reply(self, connection: Connection, path: str, request: Request) -> None:
        try:
            asked = StubRequest(path, json.loads(request.body), request.headers)
        except ValueError:
            _refuse(connection, Reply.error(400, "The body is not JSON.", kind="BadRequestError"))
            return
        if len(self.requests) < self._keep:
            self.requests.append(asked)
        name = asked.body.get("model")
        if self._model is not None and name != self._model:
            missing = f"The model `{name}` does not exist."
            _refuse(connection, Reply.error(404, missing, kind="NotFoundError"))
            return
        reply = self._scripted(asked)
        if (seconds := self._seconds(reply)) > 0:
            await asyncio.sleep(seconds)
        if reply.reset:
            connection.reset()
        elif reply.status != 200:
            _refuse(connection, reply)
        elif reply.body is not None:
            await _send(
                connection, reply, reply.body if isinstance(reply.body, bytes) else reply.body.encode()
            )
        elif path == "/embeddings":
            inputs = asked.body["input"]
            texts = [inputs] if isinstance(inputs, str) else inputs
            vectors = (await self._encoder.encode(texts)).tolist()
            await _send(connection, reply, embeddings_body(asked, vectors))
        elif asked.body.get("stream"):
            await _send_events(connection, reply, asked)
        else:
            await _send(connection, reply, whole_body(asked, reply))

    def _scripted(self, request: StubRequest) -> Reply:
        if callable(self._script):
            said = self._script(request)
        elif isinstance(self._script, str | Reply):
            said = self._script
        else:
            said = self._script[min(next(self._turns), len(self._script) - 1)]
        return Reply(said) if isinstance(said, str) else said

    def _seconds(self, reply: Reply) -> float:
        if reply.latency is not None:
            return reply.latency
        return self._latency(self._random) if callable(self._latency) else self._latency


def _refuse(connection: Connection, reply: Reply) -> None:
    connection.send(response(reply.status, error_body(reply), reply.headers))


async def _send(connection: Connection, reply: Reply, body: bytes) -> None:
    """A body at once, or in ten dripping pieces, or only its beginning."""
    whole = response(200, body, reply.headers)
    start = len(whole) - len(body)
    stop = len(whole) if reply.cut is None else start + reply.cut
    if reply.drip:
        connection.send(whole[:start])
        step = max(1, len(body) // 10)
        for position in range(start, stop, step):
            await asyncio.sleep(reply.drip)
            connection.send(whole[position : min(position + step, stop)])
    else:
        connection.send(whole[:stop])
    if reply.cut is not None:
        connection.close()


async def _send_events(connection: Connection, reply: Reply, request: StubRequest) -> None:
    connection.send(stream_head(reply.headers))
    for number, event in enumerate(events(request, reply)):
        if reply.cut is not None and number >= reply.cut:
            break
        if reply.drip:
            await asyncio.sleep(reply.drip)
        connection.send(event)
    connection.close()
