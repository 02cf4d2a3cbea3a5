"""`kedge doctor` and `kedge version`."""

from __future__ import annotations

import platform

import typer

from kedge import __version__
from kedge._cli._app import FAILED, JSON_KEYS, BaseOption, JsonOption
from kedge._cli._output import display, emit

__all__ = ["register"]

MARKS = {"ok": ("✓", "green"), "missing": ("–", "yellow"), "problem": ("✗", "bold red")}


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.command(epilog=f"{JSON_KEYS}checks [name, status, detail, fix, required], healthy")(doctor)
    app.command(epilog=f"{JSON_KEYS}kedge, python")(version)


def doctor(base: BaseOption = None, as_json: JsonOption = False) -> None:
    """Say what works here, what is missing, and what to do about it."""
    from kedge._doctor import examine
    from kedge._settings import Settings

    checks = examine(Settings.read(), base)
    if as_json:
        emit({"checks": checks, "healthy": all(check.healthy for check in checks)})
    else:
        from rich.table import Table
        from rich.text import Text

        from kedge._views.clean import one_line

        table = Table(box=None, pad_edge=False, show_header=False)
        for check in checks:
            mark, style = MARKS[check.status]
            detail = Text(one_line(check.detail))
            if check.fix:
                detail.append(f"\n→ {one_line(check.fix)}", "dim")
            table.add_row(Text(mark, style), Text(check.name), detail)
        display(table)
    if not all(check.healthy for check in checks):
        raise typer.Exit(FAILED)


def version(as_json: JsonOption = False) -> None:
    """Tell the version."""
    if as_json:
        emit({"kedge": __version__, "python": platform.python_version()})
    else:
        typer.echo(f"kedge {__version__} (Python {platform.python_version()})")
