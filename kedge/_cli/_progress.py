"""How far an addition is: a bar with rate and remaining time on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kedge._cli._output import console
from kedge._views.clean import one_line

if TYPE_CHECKING:
    from rich.console import Console

    from kedge.tools.knowledge_base import Progress

__all__ = ["watching"]

LINE_EVERY = 10.0  # seconds


@contextmanager
def watching(files: int) -> Iterator[Callable[[Progress], None]]:
    """Give the function that is to be told of progress on so many files; shown on standard error."""
    screen = console(stderr=True)
    with _bar(screen, files) if screen.is_terminal else _lines(screen) as tell:
        yield tell


@contextmanager
def _bar(screen: Console, files: int) -> Iterator[Callable[[Progress], None]]:
    from rich import progress
    from rich.text import Text

    class Rate(progress.ProgressColumn):
        def render(self, task: progress.Task) -> Text:
            return Text(f"{task.speed:,.0f}/s" if task.speed else "", "cyan")

    columns = (
        progress.SpinnerColumn(),
        progress.TextColumn("{task.description}", markup=False),
        progress.BarColumn(bar_width=30),
        progress.MofNCompleteColumn(),
        Rate(),
        progress.TimeElapsedColumn(),
        progress.TextColumn("left"),
        progress.TimeRemainingColumn(compact=True),
        progress.TextColumn("{task.fields[current]}", style="dim", markup=False),
    )
    with progress.Progress(*columns, console=screen, transient=True) as bar:
        many = files > 1  # one file may hold any number of documents
        task = bar.add_task("files" if many else "reading", total=files if many else None, current="")

        def tell(now: Progress) -> None:
            current = one_line(now.current, max(10, screen.width - 80))
            bar.update(task, completed=now.done, total=now.total, description=now.unit, current=current)

        yield tell


@contextmanager
def _lines(screen: Console) -> Iterator[Callable[[Progress], None]]:
    started = said = time.monotonic()

    def tell(now: Progress) -> None:
        nonlocal said
        if time.monotonic() - said < LINE_EVERY:
            return
        said = time.monotonic()
        rate = now.done / (said - started)
        of = f" of {now.total:,}" if now.total else ""
        left = f", {(now.total - now.done) / rate:,.0f} s left" if now.total and rate else ""
        screen.print(f"{now.done:,}{of} {now.unit}, {rate:,.0f}/s{left}")

    yield tell
