"""How the doors listen, and how they end."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import uvicorn

from kedge._doors.guard import Application, Receive, Scope, Send
from kedge.errors import InputError

__all__ = ["listener", "serve"]

KEPT_ALIVE = 75  # seconds that an idle connection stays open; the usual 5 cut off clients that think a while
FAREWELL = 3  # seconds for what is under way when the server ends


class _Listener(uvicorn.Server):
    """Hangs up when it ends, so that work under way ends as it does when its client goes."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for connection in list(self.server_state.connections):
            if connection.transport is not None:
                connection.transport.abort()
        await super().shutdown(sockets)


def listener(app: Application, host: str, port: int) -> uvicorn.Server:
    """A server that is ready to `serve()`; it tells of nothing but what goes wrong."""
    config = uvicorn.Config(
        _quiet(app),
        host=host,
        port=port,
        ws="none",
        log_level="warning",
        timeout_keep_alive=KEPT_ALIVE,
        timeout_graceful_shutdown=FAREWELL,
    )
    return _Listener(config)


async def serve(app: Application, host: str, port: int, on_ready: Callable[[], object] | None = None) -> None:
    """Serve until cancelled or interrupted; `on_ready` is called once clients may come.

    Raises:
        InputError: nobody can listen there.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        bound = socket.create_server((host, port), family=family)
    except OSError as error:
        why = f"cannot listen at {host}:{port}: {error.strerror}"
        raise InputError(why, fix="choose another --port, or end what listens there") from None
    with bound:
        server = listener(app, host, port)
        serving = asyncio.ensure_future(server.serve([bound]))
        while not (server.started or serving.done()):
            await asyncio.sleep(0.02)
        if on_ready is not None and server.started:
            on_ready()
        await serving


def _quiet(app: Application) -> Application:
    """The application without a word about requests that are cancelled, which only the server's end does."""

    async def ended(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await app(scope, receive, send)
        except asyncio.CancelledError:
            if scope["type"] != "http":
                raise

    return ended
