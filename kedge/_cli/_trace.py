"""`kedge trace verify`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kedge._cli._app import FAILED, JSON_KEYS, JsonOption
from kedge._cli._output import emit, record

__all__ = ["register"]

EXPLAINED = (
    "Exits with 1 when the chain is broken. Records missing from the end, and a file written anew from a "
    "changed record on, show only with --head: note the last hash somewhere else.\n\n"
)


def register(app: typer.Typer) -> None:
    """Add this group of commands to the application."""
    group = typer.Typer(help="What models were asked and said, as written down with KEDGE_TRACE.")
    group.callback()(_group)
    group.command(epilog=EXPLAINED + JSON_KEYS + "records, head, fault")(verify)
    app.add_typer(group, name="trace")


def _group() -> None:
    """Makes `verify` a command of the group, not the group itself."""


def verify(
    file: Annotated[Path, typer.Argument(help="A trace: JSON Lines, each record with the hash of the last.")],
    head: Annotated[
        str | None, typer.Option(metavar="HASH", help="A hash that the trace is known to have had.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check that no record of a trace was changed, removed, added or moved."""
    from kedge.tools.models import verify_trace

    found = verify_trace(file, head=head)
    if as_json:
        emit(record(found))
    elif found.fault is None:
        typer.echo(f"{found.records:,} records, unchanged; the last hash is {found.head}")
    if found.fault is not None:
        if not as_json:
            typer.echo(f"error: {file}: {found.fault} ({found.records:,} records before that hold)", err=True)
        raise typer.Exit(FAILED)
