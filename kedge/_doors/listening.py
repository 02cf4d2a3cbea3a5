"""How the doors listen."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import uvicorn

    from kedge._doors.guard import Application

__all__ = ["listener"]

KEPT_ALIVE = 75  # seconds that an idle connection stays open; the usual 5 cut off clients that think a while
FAREWELL = 3  # seconds for what is under way when the server ends


def listener(app: Application, host: str, port: int) -> uvicorn.Server:
    """A server that is ready to `serve()`; it tells of nothing but what goes wrong."""
    import uvicorn

    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        ws="none",
        log_level="warning",
        timeout_keep_alive=KEPT_ALIVE,
        timeout_graceful_shutdown=FAREWELL,
    )
    return uvicorn.Server(config)
