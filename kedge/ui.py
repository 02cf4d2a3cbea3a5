"""Knowledge bases on a web page: ask, watch the loop, read what is cited, look around. Extra: `ui`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING

from kedge.errors import MissingExtra

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from kedge import KnowledgeBase
    from kedge._doors.guard import Guard

__all__ = ["app", "run"]

PORT = 8810
LARGEST = 12 * 2**20  # bytes of a request: a question with an image


def app(
    bases: KnowledgeBase | Mapping[str, KnowledgeBase],
    *,
    model: BaseChatModel | None = None,
    token: str | None = None,
    host: str = "127.0.0.1",
    rate: float = 100.0,
) -> Guard:
    """An ASGI application: the page at `/`, and what it asks for below `/api/`.

    The page loads nothing from elsewhere. What a method tells comes as server-sent events; whoever closes
    that stream cancels the work.

    Args:
        bases: A knowledge base, or several by name, to choose from.
        model: A chat model; without one the extractive cast answers.
        token: What `Authorization: Bearer` must hold; the page asks for it.
        host: Where it will listen.
        rate: Requests a second that one client may send.

    Raises:
        InputError: others than this machine could come in without a token, or a name cannot stand in a URI.
        MissingExtra: starlette or uvicorn is not installed.

    Example:
        >>> from kedge import KnowledgeBase
        >>> with KnowledgeBase.open(tmp / "base", create=True) as base:
        ...     page = app(base)
    """
    for package in ("starlette", "uvicorn"):
        if find_spec(package) is None:
            raise MissingExtra("ui", package)
    from kedge._doors.guard import Guard, check_address, is_loopback
    from kedge._doors.web import FILES, build

    check_address(host, token)
    named = bases if isinstance(bases, Mapping) else {"base": bases}
    served = build(named, model)
    return Guard(served, token=token, local=is_loopback(host), rate=rate, largest=LARGEST, free=FILES)


async def run(
    bases: KnowledgeBase | Mapping[str, KnowledgeBase],
    *,
    model: BaseChatModel | None = None,
    token: str | None = None,
    host: str = "127.0.0.1",
    port: int = PORT,
    on_ready: Callable[[], object] | None = None,
) -> None:
    """Serve the page at `http://HOST:PORT/`, until cancelled; `on_ready` is called once it can be opened.

    Raises:
        InputError: others than this machine could come in without a token, a name cannot stand in a URI, or
            somebody else listens there.
        MissingExtra: starlette or uvicorn is not installed.
    """
    served = app(bases, model=model, token=token, host=host)
    from kedge._doors.listening import serve

    await serve(served, host, port, on_ready)
