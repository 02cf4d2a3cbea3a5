"""As much of HTTP/1.1 as a stub server needs, cheap enough to be measured against."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

__all__ = ["Connection", "Request", "response", "stream_head"]

RESET = struct.pack("ii", 1, 0)  # linger for no time at all: closing sends RST instead of FIN


@dataclass(frozen=True, slots=True)
class Request:
    """One request, read to its end; header names in small letters."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


def response(status: int, body: bytes, headers: Mapping[str, str] | None = None) -> bytes:
    """A whole JSON response."""
    lines = [_status_line(status), "Content-Type: application/json", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join((*lines, "", "")).encode("latin-1") + body


def stream_head(headers: Mapping[str, str]) -> bytes:
    """The start of a stream of server-sent events, which ends when the connection does."""
    lines = [_status_line(200), "Content-Type: text/event-stream; charset=utf-8", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join((*lines, "", "")).encode("latin-1")


def _status_line(status: int) -> str:
    phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else "Unknown"
    return f"HTTP/1.1 {status} {phrase}"


class Connection(asyncio.Protocol):
    """One client: its requests are answered one after the other, and forgotten when it goes away."""

    def __init__(
        self, answer: Callable[[Connection, Request], Awaitable[None]], connections: set[Connection]
    ) -> None:
        self._answer = answer
        self._connections = connections
        self._buffer = bytearray()
        self._task: asyncio.Task[None] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has come."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - TCP
        self._transport = transport
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone: whatever it waited for is given up."""
        self._connections.discard(self)
        self._transport = None
        if self._task is not None:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        """Part of a request."""
        self._buffer += data
        self._next()

    def send(self, data: bytes) -> None:
        """Send something, if the client is still there."""
        if self._transport is not None:
            self._transport.write(data)

    def close(self) -> None:
        """Send what is left, and hang up."""
        if self._transport is not None:
            self._transport.close()

    def reset(self) -> None:
        """Hang up so that the client sees a reset connection."""
        if self._transport is not None:
            raw = self._transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            self._transport.abort()

    def _next(self) -> None:
        if self._task is None and (request := self._whole_request()) is not None:
            self._task = asyncio.get_running_loop().create_task(self._run(request))

    async def _run(self, request: Request) -> None:
        try:
            await self._answer(self, request)
        except asyncio.CancelledError:
            return
        except BaseException:
            self.close()
            raise
        finally:
            self._task = None
        self._next()

    def _whole_request(self) -> Request | None:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return None
        first, *lines = self._buffer[:end].decode("latin-1").split("\r\n")
        pairs = (line.split(":", 1) for line in lines)
        headers = {name.lower(): value.strip() for name, value in pairs}
        if "chunked" in headers.get("transfer-encoding", ""):
            self.send(response(411, b"{}"))
            self.close()
            return None
        stop = end + 4 + int(headers.get("content-length", 0))
        if len(self._buffer) < stop:
            return None
        body = bytes(self._buffer[end + 4 : stop])
        del self._buffer[:stop]
        method, path, _ = first.split(" ", 2)
        return Request(method, path, headers, body)
