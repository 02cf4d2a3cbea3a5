"""The application: its help, its exit codes, and how failures are told."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from kedge import __version__
from kedge.errors import KedgeError

__all__ = [
    "ABSTAINED",
    "CHUNK",
    "FAILED",
    "INTERRUPTED",
    "JSON_KEYS",
    "PARTLY",
    "TRIPLE",
    "BaseOption",
    "JsonOption",
    "app",
    "complain",
]

FAILED, PARTLY, ABSTAINED, INTERRUPTED = 1, 3, 4, 130

EXIT_CODES = """\
Exit codes:

\b
  0    done; for ask: answered
  1    could not be done; standard error says why
  2    the command line was not understood
  3    partly done: some documents failed
  4    ask: declined to answer
  130  interrupted
"""

BaseOption = Annotated[
    Path | None,
    typer.Option("--base", "-b", metavar="DIR", help="The knowledge base.  [default: $KEDGE_BASE or .kedge]"),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="One JSON document on standard output, and nothing else there.")
]


class Group(TyperGroup):
    """Tells the failures that a person can mend in one line each."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KedgeError as error:
            if ctx.params.get("debug"):
                raise
            complain(error)
            raise typer.Exit(FAILED) from None
        except KeyboardInterrupt:
            writes = ctx.invoked_subcommand in ("add", "remove")
            safe = "; what was reported as done is safe, run the same command to continue"
            typer.echo(f"\ninterrupted{safe if writes else ''}", err=True)
            raise typer.Exit(INTERRUPTED) from None


def _say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"kedge {__version__}")
        raise typer.Exit


# What `--json` prints is documented below each command; keys are only ever added.
JSON_KEYS = "JSON keys: "
CHUNK = "id, document_id, source, title, heading, text, start, end, kind, page, times"
TRIPLE = "id, subject, relation, object, chunk_id, confidence"

app = typer.Typer(
    cls=Group,
    name="kedge",
    no_args_is_help=True,
    # Plain help and errors: drawing them with rich would double the time of `kedge --help`.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=EXIT_CODES,
)


@app.callback()
def kedge(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback when something fails.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Tell the version.")
    ] = False,
) -> None:
    """Ask your own documents, and get a cited answer or an honest refusal.

    Start with `kedge add FOLDER`, then `kedge ask "a question"`. Every command explains itself:
    `kedge ask --help`.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that lacks a character still gets the rest


def complain(error: KedgeError, *, about: str = "error") -> None:
    """Print one line on standard error: what is wrong, and what to do about it."""
    from kedge._views.clean import one_line

    typer.echo(f"{one_line(about)}: {one_line(str(error))}", err=True)
