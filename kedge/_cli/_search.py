"""`kedge search` and `kedge stats`."""

from __future__ import annotations

from typing import Annotated

import typer

from kedge._cli._app import CHUNK, JSON_KEYS, TRIPLE, BaseOption, JsonOption
from kedge._cli._base import open_base
from kedge._cli._output import display, emit

__all__ = ["register"]

FOUND = f"for each result chunk [{CHUNK}], score, reason, triple [{TRIPLE}]"
SIZES = "documents, chunks, triples, entities, images, bytes, encoder, version, revision"
SEARCHES = ("bm25", "dense", "hybrid", "late_interaction", "ppr")


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.command(epilog=JSON_KEYS + FOUND)(search)
    app.command(epilog=JSON_KEYS + SIZES)(stats)


def search(
    query: Annotated[str, typer.Argument(help="Words, or a whole question.")],
    how: Annotated[
        str,
        typer.Option(
            help=f"{', '.join(SEARCHES[:-1])} or {SEARCHES[-1]}.", autocompletion=lambda: list(SEARCHES)
        ),
    ] = "hybrid",
    k: Annotated[int, typer.Option("-k", min=1, help="How many.")] = 10,
    base: BaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Search the chunks, best first."""
    with open_base(base) as opened:
        found = opened.search(query, k, how=how)
    if as_json:
        emit(found)
        return
    from kedge._views.terminal import evidence_renderable

    if found:
        display(evidence_renderable(found))
    else:
        typer.echo("nothing found", err=True)


def stats(base: BaseOption = None, as_json: JsonOption = False) -> None:
    """Tell how large the knowledge base is."""
    with open_base(base) as opened:
        size, path = opened.stats(), opened.path
    if as_json:
        emit(size)
        return
    from dataclasses import asdict

    from kedge._views.terminal import facts

    figures = asdict(size)
    figures["size on disk"] = f"{figures.pop('bytes') / 1e6:,.1f} MB"
    display(facts([("path", path), *figures.items()]))
