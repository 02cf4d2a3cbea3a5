"""`kedge graph`."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kedge._cli._app import JSON_KEYS, BaseOption, JsonOption
from kedge._cli._base import open_base
from kedge._cli._output import display, emit, write_page
from kedge.errors import InputError

if TYPE_CHECKING:
    from kedge._views.graph import Picture

__all__ = ["register"]

PICTURE = "title, nodes [id, label, kind, note], edges [source, target, label, quote, origin, path], note"
MOST_LINES = 60


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command(epilog=JSON_KEYS + PICTURE)(graph)


def graph(
    entity: Annotated[
        str | None, typer.Argument(help="A name; without one, the best-connected part.")
    ] = None,
    answer: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The evidence of an answer saved with `kedge ask --json`; `-` for standard input.",
        ),
    ] = None,
    hops: Annotated[int, typer.Option(min=1, max=6, help="How far from the name.")] = 1,
    most: Annotated[int, typer.Option(min=1, max=2000, help="Most entities to show.")] = 300,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write it as an interactive page.")
    ] = None,
    base: BaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what is around an entity in the knowledge graph, or the evidence of an answer."""
    if entity is not None and answer is not None:
        raise InputError("an entity and --answer were both given", fix="choose one")
    picture = _of_answer(answer) if answer is not None else _of_entity(entity, base, hops, most)
    if html is not None:
        from kedge._views.graph import graph_html

        write_page(html, graph_html(picture.nodes, picture.edges, title=picture.title, note=picture.note))
        typer.echo(f"wrote {html}", err=True)
    if as_json:
        emit(picture.as_dict())
    elif html is None:
        _draw(picture)


def _of_answer(path: Path) -> Picture:
    from pydantic import ValidationError

    from kedge._views.graph import picture_of_answer
    from kedge.graphs.answer import Answer
    from kedge.tools.knowledge_base import entity_key

    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
        answer = Answer.model_validate_json(text)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}", fix="check the path") from None
    except (ValidationError, UnicodeDecodeError):
        raise InputError(f"{path} does not hold an answer", fix="save one with `kedge ask --json`") from None
    return picture_of_answer(answer, key=entity_key)


def _of_entity(entity: str | None, base: Path | None, hops: int, most: int) -> Picture:
    from kedge._views.graph import picture_of_triples
    from kedge.tools.knowledge_base import entity_key

    with open_base(base) as opened:
        triples = opened.triples()
        centre = entity_key(entity) if entity is not None else None
        names = {entity_key(name): name for triple in triples for name in (triple.subject, triple.object)}
        if not names:
            raise InputError("the knowledge base has no graph", fix="add documents without --no-triples")
        if centre is not None and centre not in names:
            raise InputError(f"no entity is called {entity!r}", fix=_suggestion(centre, names))
        return picture_of_triples(triples, opened.chunks, key=entity_key, centre=centre, hops=hops, most=most)


def _suggestion(key: str, names: dict[str, str]) -> str:
    from kedge._doors.names import near_names

    near = near_names(key, list(names))
    return (
        f"did you mean {', '.join(repr(names[name]) for name in near)}?"
        if near
        else "`kedge graph` shows some"
    )


def _draw(picture: Picture) -> None:
    from kedge._views.clean import one_line
    from kedge._views.terminal import path_tree

    labels = {node.id: node.label for node in picture.nodes}
    steps: list[Any] = [
        SimpleNamespace(subject=labels[e.source], relation=e.label, object=labels[e.target], citation=None)
        for e in picture.edges
    ]
    from rich.text import Text

    more = f"; {len(steps) - MOST_LINES} relations more, --html shows all" if len(steps) > MOST_LINES else ""
    display(
        Text(one_line(picture.title), "bold"),
        path_tree(steps[:MOST_LINES]),
        Text(picture.note + more, "dim"),
    )
