"""Who may come in over HTTP: an ASGI application before the doors that listen."""

from __future__ import annotations

import hmac
import ipaddress
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any, Final
from urllib.parse import urlsplit

from kedge.errors import InputError

__all__ = ["Guard", "check_address", "is_loopback"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

BURST: Final = 10  # seconds' worth of requests that may come at once
DIGITS: Final = 12  # of a length that is worth reading
REMEMBERED: Final = 10_000  # clients whose rate is known


def is_loopback(host: str) -> bool:
    """Whether a host's name or address is this machine's own.

    Example:
        >>> is_loopback("localhost"), is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("0.0.0.0")
        (True, True, True, False)
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def check_address(host: str, token: str | None) -> None:
    """Refuse to listen where others can come in unless they need a token.

    Raises:
        InputError: the host is not this machine's own, and there is no token.
    """
    if not is_loopback(host) and not token:
        raise InputError(
            f"everybody who can reach {host} could come in", fix="set KEDGE_TOKEN, or leave --host out"
        )


class Guard:
    """Refuses requests from other origins, without the token, too large, or too many.

    With `local`, the name by which a client reaches the server must be this machine's own, so that no page
    in a browser comes in under a name that it made point here.

    Args:
        app: The application behind.
        token: What `Authorization: Bearer` must hold; nothing is asked for without.
        local: Whether the server listens on this machine's own address only.
        rate: Requests a second that one client may send, over ten seconds.
        largest: Bytes of one request.
        free: Paths that need no token, since nothing of the documents is there.
    """

    def __init__(
        self,
        app: Application,
        *,
        token: str | None = None,
        local: bool = True,
        rate: float = 100.0,
        largest: int = 4 * 2**20,
        free: Collection[str] = (),
    ) -> None:
        self._app = app
        self._token = token
        self._free = free
        self._local = local
        self._rate = rate
        self._largest = largest
        self._too_large = (413, f"a request may have {largest:,} bytes")
        self._clients: OrderedDict[str, tuple[float, float]] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # nobody here speaks anything else
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
        }
        token = None if scope.get("path") in self._free else self._token
        refusal = self._refusal(headers, (scope.get("client") or ("", 0))[0], token)
        if refusal is not None:
            await _refuse(send, *refusal)
            return
        body = await self._body(receive)
        if body is None:
            await _refuse(send, *self._too_large)
            return
        await self._app(scope, body, send)

    def _refusal(self, headers: dict[str, str], client: str, token: str | None) -> tuple[int, str] | None:
        """The status and the reason to refuse a request with, if there is one."""
        if self._too_many(client):
            return 429, "too many requests; wait a second"
        host, origin = headers.get("host", ""), headers.get("origin")
        if self._local and not is_loopback(_split(f"//{host}")[0]):
            return 421, "this server is reached as localhost only"
        if origin is not None and not self._may_come_from(origin, host):
            return 403, "pages of other origins may not come in"
        if token is not None and not _bears(headers.get("authorization", ""), token):
            return 401, "a bearer token is needed"
        declared = headers.get("content-length", "0")
        fits = declared.isdecimal() and len(declared) < DIGITS and int(declared) <= self._largest
        return None if fits else self._too_large

    def _may_come_from(self, origin: str, host: str) -> bool:
        name, place = _split(origin)
        return (bool(host) and place == host) or (self._local and is_loopback(name))

    def _too_many(self, client: str) -> bool:
        """A bucket for each client: a request takes one drop, and time fills it again."""
        now, full = time.monotonic(), self._rate * BURST
        left, last = self._clients.pop(client, (full, now))
        left = min(full, left + (now - last) * self._rate)
        self._clients[client] = (left - 1 if left >= 1 else left, now)
        if len(self._clients) > REMEMBERED:
            self._clients.popitem(last=False)
        return left < 1

    async def _body(self, receive: Receive) -> Receive | None:
        """The request's body, read to its end, as messages to be received; `None` where it is too long."""
        messages: deque[Message] = deque()
        taken = 0
        while True:
            message = await receive()
            messages.append(message)
            taken += len(message.get("body", b""))
            if taken > self._largest:
                return None
            if message["type"] != "http.request" or not message.get("more_body", False):
                break

        async def again() -> Message:
            return messages.popleft() if messages else await receive()

        return again


def _split(url: str) -> tuple[str, str]:
    """The name of a URL's host, and the name with its port; nothing where it is no URL."""
    try:
        parts = urlsplit(url)
        return parts.hostname or "", parts.netloc
    except ValueError:
        return "", ""


def _bears(authorization: str, token: str) -> bool:
    scheme, _, given = authorization.partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), token.encode())


async def _refuse(send: Send, status: int, why: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    headers += [(b"www-authenticate", b"Bearer")] if status == 401 else []
    headers += [(b"retry-after", b"1")] if status == 429 else []
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": why.encode()})
