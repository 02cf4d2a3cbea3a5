"""A knowledge base as agents that speak A2A: coordinator, graph, text and image. Extra: `a2a`."""

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

PORT = 8809


def app(
    base: KnowledgeBase,
    *,
    model: BaseChatModel | None = None,
    token: str | None = None,
    host: str = "127.0.0.1",
    port: int = PORT,
    agents: Mapping[str, str] | None = None,
    rate: float = 100.0,
) -> Guard:
    """An ASGI application with four agents, each below `/agents/NAME/` with its card.

    A task streams what its agent does, can be cancelled, and ends with artifacts: the answer, the evidence,
    the trace, and the image that was looked at. The coordinator asks the others by A2A messages.

    Args:
        base: The knowledge base that they answer from.
        model: A chat model; without one the extractive cast answers.
        token: What `Authorization: Bearer` must hold.
        host: Where it will listen.
        port: On which port; both stand in the cards.
        agents: URLs of agents elsewhere that take the place of `graph`, `text` or `image` for the
            coordinator; they are sent the same token.
        rate: Requests a second that one client may send.

    Raises:
        InputError: others than this machine could come in without a token.
        MissingExtra: the SDK is not installed.

    Example:
        >>> from kedge import KnowledgeBase
        >>> with KnowledgeBase.open(tmp / "base", create=True) as base:
        ...     agents = app(base)
    """
    if find_spec("a2a") is None:
        raise MissingExtra("a2a", "a2a-sdk")
    from kedge._doors.a2a_agents import COORDINATOR, worker
    from kedge._doors.a2a_client import A2APost
    from kedge._doors.a2a_server import AGENTS, site
    from kedge._doors.actions import Desk
    from kedge._doors.guard import Guard, check_address, is_loopback

    check_address(host, token)
    url, desk = f"http://{host}:{port}", Desk(base, model)
    known = {name: f"{url}/agents/{name}" for name in AGENTS if name != COORDINATOR}
    post = A2APost({**known, **(agents or {})}, token)
    workers = {name: worker(name, desk, post) for name in AGENTS}
    served = site(workers, url, guarded=token is not None, on_close=post.aclose)
    return Guard(served, token=token, local=is_loopback(host), rate=rate)


async def run(
    base: KnowledgeBase,
    *,
    model: BaseChatModel | None = None,
    token: str | None = None,
    host: str = "127.0.0.1",
    port: int = PORT,
    on_ready: Callable[[], object] | None = None,
) -> None:
    """Serve the agents at `http://HOST:PORT`, until cancelled; `on_ready` is called once clients may come.

    Raises:
        InputError: others than this machine could come in without a token, or somebody else listens there.
        MissingExtra: the SDK is not installed.
    """
    served = app(base, model=model, token=token, host=host, port=port)
    from kedge._doors.listening import serve

    await serve(served, host, port, on_ready)
