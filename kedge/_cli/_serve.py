"""`kedge serve`: models on this machine, and knowledge bases for other programs."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kedge._cli import _serve_doors
from kedge._cli._output import console

if TYPE_CHECKING:
    from kedge.tools.models.vllm_server import ServerEvent, VllmServer

__all__ = ["register"]

PORT = 8000


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    serve = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Run a server on this machine.")
    for command in (vllm, _serve_doors.mcp, _serve_doors.a2a, _serve_doors.ui):
        serve.command()(command)
    app.add_typer(serve, name="serve")


def vllm(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A folder with a model, or a name on the hub.")
    ],
    flags: Annotated[
        list[str] | None,
        typer.Argument(metavar="[-- FLAG...]", help="After `--`: further arguments for `vllm serve`."),
    ] = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="What clients call the model.")] = None,
    host: Annotated[
        str, typer.Option(help="Where to listen; whoever can reach it can use it.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = PORT,
    context: Annotated[
        int | None, typer.Option(min=1, metavar="TOKENS", help="Longest prompt and answer together.")
    ] = None,
    kv_gib: Annotated[
        float | None, typer.Option(min=0.01, metavar="GIB", help="Memory for the KV cache.  [CPU: 2]")
    ] = None,
    gpus: Annotated[int, typer.Option(min=1, help="GPUs to spread the model over.")] = 1,
    dtype: Annotated[str, typer.Option(help="Type of the weights, as vLLM calls it.")] = "auto",
    lora_rank: Annotated[int, typer.Option(min=0, help="Highest rank of adapters; 0 serves none.")] = 32,
    restarts: Annotated[int, typer.Option(min=0, help="How often to start it again when it dies.")] = 3,
    installed: Annotated[
        Path | None,
        typer.Option("--vllm", metavar="DIR", help="The environment that has vLLM.  [$KEDGE_VLLM]"),
    ] = None,
    log: Annotated[Path | None, typer.Option(metavar="FILE", help="Where its output goes.")] = None,
) -> None:
    """Serve a model with vLLM, on a GPU or the CPU, until Ctrl-C.

    To use it, set KEDGE_MODEL_URL to the URL that it prints and KEDGE_MODEL_NAME to the model's name. With
    KEDGE_API_KEY set, here and there, the server refuses everybody else.
    """
    from kedge._settings import Settings
    from kedge.tools.models.vllm_options import LoraLimits, VllmOptions
    from kedge.tools.models.vllm_server import VllmServer

    settings = Settings.read()
    options = VllmOptions(
        model,
        name=name,
        vllm=installed or settings.vllm,
        host=host,
        port=port,
        context=context,
        kv_gib=kv_gib,
        gpus=gpus,
        dtype=dtype,
        lora=LoraLimits(rank=lora_rank) if lora_rank else None,
        flags=tuple(flags or ()),
    )
    if settings.api_key:
        os.environ["VLLM_API_KEY"] = (
            settings.api_key
        )  # not as an argument, which everybody on the machine sees
    log = log or settings.cache() / "vllm" / f"{options.served_name.replace('/', '--')}.log"
    with _telling() as tell:
        server = VllmServer(options, log, on_event=tell, restarts=restarts, api_key=settings.api_key)
        try:
            asyncio.run(_serve(server))
        except KeyboardInterrupt:  # how one ends a server; it has stopped by now
            typer.echo("stopped", err=True)


async def _serve(server: VllmServer) -> None:
    async with server:
        typer.echo(f"{server.name} is served at {server.url}")
        if not server.adopted:
            typer.echo(f"log: {server.log}", err=True)
            await server.wait()


@contextmanager
def _telling() -> Iterator[Callable[[ServerEvent], None]]:
    """Give the function that is to be told of events; shown on standard error."""
    from kedge._views.clean import one_line

    screen = console(stderr=True)
    status = screen.status("")

    def tell(event: ServerEvent) -> None:
        message = one_line(event.message)
        if event.kind == "died":
            message = f"vLLM ended: {message}"
        if event.kind in ("starting", "loading") and screen.is_interactive:
            status.update(f"{message} ({event.seconds:.0f} s)")
            status.start()
        else:
            status.stop()
            screen.print(f"{message} ({event.seconds:.0f} s)")

    try:
        yield tell
    finally:
        status.stop()
