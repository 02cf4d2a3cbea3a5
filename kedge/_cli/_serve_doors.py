"""`kedge serve mcp`, `a2a` and `ui`: knowledge bases for other programs, and as a web page."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kedge._cli._app import INTERRUPTED, BaseOption
from kedge._cli._base import chat_model, open_base
from kedge._settings import Settings
from kedge.errors import InputError

if TYPE_CHECKING:
    from kedge._api import KnowledgeBase

__all__ = ["a2a", "mcp", "ui"]

BasesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--base",
        "-b",
        metavar="[NAME=]DIR",
        help="A knowledge base; several, each with a name, are kept apart.  [default: $KEDGE_BASE or .kedge]",
    ),
]
HostOption = Annotated[
    str, typer.Option(help="Where to listen; elsewhere than on this machine needs KEDGE_TOKEN.")
]
ModelOption = Annotated[
    str | None,
    typer.Option(metavar="URL", help="An OpenAI-compatible chat model.  [default: $KEDGE_MODEL_URL]"),
]
ModelNameOption = Annotated[
    str | None, typer.Option(help="Its name, if several are served.  [default: $KEDGE_MODEL_NAME]")
]


def mcp(
    bases: BasesOption = None,
    http: Annotated[
        bool,
        typer.Option("--http", help="Listen, instead of serving one client on standard input and output."),
    ] = False,
    host: HostOption = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8808,
    writable: Annotated[
        bool, typer.Option("--writable", help="Let clients add documents, as texts that they send.")
    ] = False,
    add_from: Annotated[
        list[Path] | None,
        typer.Option(metavar="DIR", help="Let clients add files from this folder, too; may be repeated."),
    ] = None,
    model: ModelOption = None,
    model_name: ModelNameOption = None,
) -> None:
    """Serve knowledge bases to MCP clients, until the client goes or Ctrl-C.

    Over HTTP, clients must send the token that KEDGE_TOKEN holds, if it is set.
    """
    from kedge.mcp import run_http, run_stdio, server

    token = Settings.read().token
    with opened(bases) as named:
        served = server(
            named,
            model=chat_model(model, model_name),
            writable=writable or bool(add_from),
            roots=add_from or (),
        )
        if not http:
            signal.signal(signal.SIGINT, _leave)
            asyncio.run(run_stdio(served))
            return
        ready = partial(typer.echo, f"listening at http://{host}:{port}/mcp", err=True)
        asyncio.run(run_http(served, host=host, port=port, token=token, on_ready=ready))


def _leave(*_: object) -> None:
    """End the process: nothing else ends a read of standard input, and what was stored is safe."""
    typer.echo("\ninterrupted", err=True)
    os._exit(INTERRUPTED)


def a2a(
    base: BaseOption = None,
    host: HostOption = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8809,
    model: ModelOption = None,
    model_name: ModelNameOption = None,
) -> None:
    """Serve a knowledge base as A2A agents (coordinator, graph, text, image), until Ctrl-C.

    Clients must send the token that KEDGE_TOKEN holds, if it is set.
    """
    from kedge.a2a import run

    chosen, token = chat_model(model, model_name), Settings.read().token
    ready = partial(typer.echo, f"listening at http://{host}:{port}", err=True)
    with open_base(base) as served:
        asyncio.run(run(served, model=chosen, token=token, host=host, port=port, on_ready=ready))


def ui(
    bases: BasesOption = None,
    host: HostOption = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8810,
    show: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    model: ModelOption = None,
    model_name: ModelNameOption = None,
) -> None:
    """Serve a web page to ask, watch, read and look around in, until Ctrl-C.

    It asks for the token that KEDGE_TOKEN holds, if it is set.
    """
    import webbrowser

    from kedge.ui import run

    url, token = f"http://{host}:{port}/", Settings.read().token

    def ready() -> None:
        typer.echo(f"listening at {url}", err=True)
        if show:
            webbrowser.open(url)

    with opened(bases) as named:
        chosen = chat_model(model, model_name)
        asyncio.run(run(named, model=chosen, token=token, host=host, port=port, on_ready=ready))


@contextmanager
def opened(bases: list[str] | None) -> Iterator[dict[str, KnowledgeBase]]:
    """The knowledge bases that options name, open: the only one is called `base` unless it has a name."""
    given = bases or [""]
    with ExitStack() as stack:
        named: dict[str, KnowledgeBase] = {}
        for text in given:
            name, equals, directory = text.rpartition("=")
            if len(given) > 1 and not equals:
                raise InputError(
                    f"the knowledge base {text} has no name", fix="give --base NAME=DIR for each"
                )
            if name in named:
                raise InputError(f"two knowledge bases are called {name!r}", fix="give each its own name")
            found = stack.enter_context(open_base(Path(directory) if directory else None))
            named[name or "base"] = found
        yield named
