"""Knowledge bases for MCP clients, and tools of MCP servers for methods. Extra: `mcp`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedge.errors import MissingExtra
from kedge.tools.search import hybrid

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from mcp.server import Server

    from kedge import KnowledgeBase
    from kedge._doors.guard import Guard
    from kedge._doors.mcp_client import ToolSearch
    from kedge.graphs.context import Search

__all__ = ["http_app", "run_http", "run_stdio", "search_with", "server"]

PORT = 8808


def server(
    bases: KnowledgeBase | Mapping[str, KnowledgeBase],
    *,
    model: BaseChatModel | None = None,
    writable: bool = False,
    roots: Sequence[Path] = (),
) -> Server[dict[str, Any]]:
    """An MCP server: search, ask, explore the graph, find paths, read documents, look at images.

    Its tools have typed arguments and results; what a caller can mend comes back as an error that says how.
    `ask` tells of its progress, and ends when it is cancelled. Documents, images, triples and runs are
    resources, too.

    Args:
        bases: A knowledge base, or several by name: every tool then takes the name as `base`.
        model: A chat model for `ask`; without one the extractive cast answers.
        writable: Whether `add_documents` is offered.
        roots: Folders from which files may be added; texts may be added without.

    Raises:
        InputError: a name cannot stand in a URI.
        MissingExtra: the SDK is not installed.

    Example:
        >>> from kedge import KnowledgeBase
        >>> with KnowledgeBase.open(tmp / "base", create=True) as base:
        ...     server(base).name
        'kedge'
    """
    _need_sdk()
    from kedge._doors.mcp_server import build

    named = bases if isinstance(bases, Mapping) else {"base": bases}
    return build(named, model=model, writable=writable, roots=roots)


def http_app(
    served: Server[dict[str, Any]],
    *,
    token: str | None = None,
    host: str = "127.0.0.1",
    rate: float = 100.0,
    largest: int = 4 * 2**20,
) -> Guard:
    """An ASGI application that serves `/mcp` as streamable HTTP.

    Args:
        served: The server.
        token: What `Authorization: Bearer` must hold.
        host: Where it will listen.
        rate: Requests a second that one client may send.
        largest: Bytes of one request.

    Raises:
        InputError: others than this machine could come in without a token.
    """
    from mcp.server.transport_security import TransportSecuritySettings

    from kedge._doors.guard import Guard, check_address, is_loopback

    check_address(host, token)
    # The guard does this, and more: for any name that is this machine's own.
    checked = TransportSecuritySettings(enable_dns_rebinding_protection=False)
    app = served.streamable_http_app(transport_security=checked, max_request_body_size=largest)
    return Guard(app, token=token, local=is_loopback(host), rate=rate, largest=largest)


async def run_stdio(served: Server[dict[str, Any]]) -> None:
    """Serve one client on standard input and output, until it goes."""
    from mcp.server.stdio import stdio_server

    async with stdio_server() as (read, write):
        await served.run(read, write, served.create_initialization_options())


async def run_http(
    served: Server[dict[str, Any]],
    *,
    host: str = "127.0.0.1",
    port: int = PORT,
    token: str | None = None,
    on_ready: Callable[[], object] | None = None,
) -> None:
    """Serve `http://HOST:PORT/mcp` until cancelled; `on_ready` is called once clients may come.

    Raises:
        InputError: others than this machine could come in without a token, or somebody else listens there.
    """
    from kedge._doors.listening import serve

    await serve(http_app(served, token=token, host=host), host, port, on_ready)


def search_with(
    server: str | Any,
    tool: str,
    *,
    argument: str = "query",
    arguments: Mapping[str, Any] | None = None,
    beside: Search = hybrid,
    seconds: float = 15.0,
) -> AbstractAsyncContextManager[ToolSearch]:
    """A search for methods that asks a tool of an MCP server beside the knowledge base.

    The connection lasts until the context is left. A tool that fails, or takes too long, does not stop a run:
    the search then gives what the knowledge base has, and notes the failure in `failures`. Await answers in
    the loop that opened it: `await base.aask(question, method="parallel", search=found)`.

    Args:
        server: A URL, or what the SDK's `Client` takes: `StdioServerParameters`, a transport, a server.
        tool: Its name. It gives texts, or records with `text` and perhaps `title`.
        argument: The name of its argument that takes the query.
        arguments: Its other arguments.
        beside: How the knowledge base is searched.
        seconds: How long the tool may take.

    Raises:
        InputError: there is no such tool, or it has no such argument.
        MissingExtra: the SDK is not installed.

    Example:
        >>> from kedge import KnowledgeBase
        >>> async def ask(base: KnowledgeBase, url: str) -> str:
        ...     async with search_with(url, "search_web") as found:
        ...         return str(await base.aask("Who built the pier?", method="parallel", search=found))
    """
    _need_sdk()
    from kedge._doors.mcp_client import connected

    return connected(server, tool, argument, arguments, beside, seconds)


def _need_sdk() -> None:
    if find_spec("mcp") is None:
        raise MissingExtra("mcp", "mcp")
