"""`kedge add`, `list`, `show` and `remove`."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kedge._cli._app import CHUNK, FAILED, JSON_KEYS, PARTLY, TRIPLE, BaseOption, JsonOption, complain
from kedge._cli._base import chat_model, open_base
from kedge._cli._output import display, emit, record
from kedge.errors import InputError, LoadError

if TYPE_CHECKING:
    from kedge.graphs.ingest import Estimate
    from kedge.tools.knowledge_base import AddReport, ParsedDocument
    from kedge.tools.models import Spending

__all__ = ["register"]

DOCUMENT = "id, source, container, title, kind, characters, chunks, added_at, external_id, metadata"
ADDED = (
    "added, replaced, unchanged, duplicates, removed, failed [source, error [message, fix]], chunks, "
    "triples, seconds, skipped [message, fix], ledger [seconds, roles, cost]"
)
SHOWN = f"document [{DOCUMENT}], text; chunks [{CHUNK}] with --chunks; triples [{TRIPLE}] with --triples"
REMOVED = "removed, missing, chunks, triples, seconds"

UNASKED_CALLS = 50  # of a model; more are worth a question
MOST_SKIPPED = 10  # lines; a folder may be full of files that are no documents


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.command(epilog=JSON_KEYS + ADDED)(add)
    app.command(name="list", epilog=f"{JSON_KEYS}for each document {DOCUMENT}")(list_documents)
    app.command(epilog=JSON_KEYS + SHOWN)(show)
    app.command(epilog=JSON_KEYS + REMOVED)(remove)


def add(
    paths: Annotated[
        list[str], typer.Argument(help="Files, folders or globs; `-` reads text from standard input.")
    ],
    base: BaseOption = None,
    encoding: Annotated[
        str | None, typer.Option(help="How text files are encoded.  [default: UTF-8, or what the file says]")
    ] = None,
    text_field: Annotated[
        str | None, typer.Option(help="JSON key or CSV column that holds the text.  [default: guessed]")
    ] = None,
    title_field: Annotated[str | None, typer.Option(help="The one that holds the title.")] = None,
    id_field: Annotated[str | None, typer.Option(help="The one that holds an id of yours.")] = None,
    name: Annotated[
        str | None, typer.Option(help="What text from standard input is called; the same name replaces it.")
    ] = None,
    no_triples: Annotated[
        bool, typer.Option("--no-triples", help="Leave out the graph; several times faster.")
    ] = False,
    model: Annotated[
        str | None,
        typer.Option(metavar="URL", help="An OpenAI-compatible chat model that reads the triples."),
    ] = None,
    model_name: Annotated[
        str | None, typer.Option(help="Its name, if several are served.  [default: $KEDGE_MODEL_NAME]")
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask whether what a model will take is all right.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Add documents: text, Markdown, HTML, PDF, DOCX, CSV, JSONL, images.

    Unchanged files are left alone, and a changed file replaces what it said before, so the same command also
    brings a knowledge base up to date. Files that cannot be read are reported and the others added.
    """
    from kedge._cli._progress import watching
    from kedge.tools.knowledge_base import Fields, find
    from kedge.tools.models import Budget, Meter

    given = {"text": text_field, "title": title_field, "id": id_field}
    fields = (
        Fields(**{role: field for role, field in given.items() if field}) if any(given.values()) else None
    )
    # Found before the knowledge base is made: a wrong path leaves nothing behind.
    skipped: list[LoadError] = []
    files = find([path for path in paths if path != "-"], on_skip=skipped.append)
    sources: list[str | Path | ParsedDocument] = [*files]
    sources += _standard_input(name, encoding) if "-" in paths else []
    options: dict[str, Any] = {"fields": fields, "encoding": encoding}
    reading = chat_model(model, model_name) if model else None
    meter = Meter(Budget(seconds=None))
    with open_base(base, create=True) as opened:
        if reading is not None and not yes:
            _confirm(opened.estimate(*sources, model=reading, slots=reading.slots or 1, **options))
        with watching(len(sources)) as tell:
            report = opened.add(
                *sources, triples=not no_triples, model=reading, meter=meter, on_progress=tell, **options
            )
    if as_json:
        emit(record(report) | {"skipped": skipped, "ledger": meter.ledger().model_dump(mode="json")})
    else:
        _summarise(report, len(skipped), meter.ledger().total if reading else None)
        for error in skipped[:MOST_SKIPPED]:
            complain(error, about="note")
        if len(skipped) > MOST_SKIPPED:
            more = len(skipped) - MOST_SKIPPED
            typer.echo(f"note: {more:,} more were skipped, --json lists them", err=True)
    if report.failed:
        for failure in report.failed:
            complain(failure.error, about="failed")
        done = report.added or report.unchanged or report.duplicates
        raise typer.Exit(PARTLY if done else FAILED)


def list_documents(base: BaseOption = None, as_json: JsonOption = False) -> None:
    """List the documents."""
    with open_base(base) as opened:
        documents = opened.documents()
    if as_json:
        emit(documents)
        return
    from kedge._views.terminal import documents_table

    if documents:
        display(documents_table(documents))
    else:
        typer.echo("no documents yet; add some with `kedge add`", err=True)


def show(
    document: Annotated[str, typer.Argument(help="Its id, source, or an id of yours.")],
    chunks: Annotated[bool, typer.Option("--chunks", help="Its chunks instead of its text.")] = False,
    triples: Annotated[bool, typer.Option("--triples", help="The triples read from it.")] = False,
    base: BaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a document: where it came from and what it says."""
    with open_base(base) as opened:
        found = opened.document(document)
        parts = opened.chunks_of(found.id) if chunks or triples else []
        known = opened.triples(chunks=[chunk.id for chunk in parts]) if triples else []
        text = opened.text(found.id)
    if as_json:
        emit(
            {"document": found, "text": text}
            | ({"chunks": parts} if chunks else {})
            | ({"triples": known} if triples else {})
        )
        return
    from kedge._views.clean import clean
    from kedge._views.terminal import chunk_renderable, facts, triples_table

    about = {
        "id": found.id,
        "title": found.title,
        "source": found.source,
        "kind": found.kind,
        "added": found.added_at,
    }
    about |= {"your id": found.external_id} if found.external_id else {}
    sizes = {"characters": found.characters, "chunks": found.chunks}
    display(facts([*about.items(), *sizes.items(), *found.metadata.items()]), "")
    if chunks:
        display(*(chunk_renderable(chunk) for chunk in parts))
    if triples:
        display(triples_table(known))
    if not chunks and not triples:
        typer.echo(clean(text))


def remove(
    documents: Annotated[list[str], typer.Argument(help="Ids, sources, or the files they came from.")],
    base: BaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove documents, and everything that was read from them."""
    with open_base(base) as opened:
        report = opened.remove(*documents)
    if as_json:
        emit(report)
    else:
        from kedge._views.words import plural

        gone = (
            plural(len(report.removed), "document"),
            plural(report.chunks, "chunk"),
            plural(report.triples, "triple"),
        )
        typer.echo(f"removed {', '.join(gone)}")
    for missing in report.missing:
        complain(InputError(f"no document is called {missing!r}", fix="`kedge list` shows them"))
    if report.missing:
        raise typer.Exit(PARTLY if report.removed else FAILED)


def _standard_input(name: str | None, encoding: str | None) -> list[ParsedDocument]:
    from kedge.tools.knowledge_base.loaders import load_text

    content = sys.stdin.buffer.read()
    # Without a name, other text is another document: nothing that was stored is replaced by accident.
    source = name or f"stdin-{hashlib.blake2b(content, digest_size=4).hexdigest()}"
    return [
        item
        for item in load_text(content, source=source, encoding=encoding)
        if not isinstance(item, LoadError)
    ]


def _confirm(expected: Estimate) -> None:
    """Go on with what is small, ask about what is not; without anybody to ask, `--yes` has to be given."""
    if expected.calls <= UNASKED_CALLS:
        return
    from kedge._views.words import plural

    typer.echo(
        f"{plural(expected.documents, 'document')}, {plural(expected.chunks, 'chunk')}: {expected}", err=True
    )
    if not sys.stdin.isatty():
        raise InputError("nobody can be asked whether that is all right", fix="repeat the command with --yes")
    typer.confirm("Go on?", abort=True, err=True)


def _summarise(report: AddReport, skipped: int, spent: Spending | None) -> None:
    from kedge._views.terminal import facts

    figures = [
        ("added", report.added - report.replaced),
        ("replaced", report.replaced),
        ("unchanged", report.unchanged),
        ("duplicates", report.duplicates),
        ("removed", report.removed),
        ("failed", len(report.failed)),
        ("skipped", skipped),
    ]
    lines: list[tuple[str, object]] = [(name, count) for name, count in figures if count] or [("added", 0)]
    size = f"{report.chunks:,} chunks, {report.triples:,} triples in {report.seconds:.1f} s"
    if spent is not None:
        tokens = f"{spent.prompt_tokens:,} + {spent.completion_tokens:,} tokens"
        paid = "" if spent.cost is None else f", cost {spent.cost:,.2f}"
        known = f", {spent.cache_hits:,} known already" if spent.cache_hits else ""
        lines.append(("model", f"{spent.calls:,} calls{known}, {tokens}{paid}"))
    display(facts([*lines, ("read", size)]))
