"""How far an addition is: a bar with rate and remaining time on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from kedge._cli._output import console
from kedge._views.clean import one_line

if TYPE_CHECKING:
    from rich.console import Console

    from kedge.tools.knowledge_base import Progress

__all__ = ["pace", "watching"]

LINE_EVERY = 10.0  # seconds


@contextmanager
def watching(files: int) -> Iterator[Callable[[Progress], None]]:
    """Give the function that is to be told of progress on so many files; shown on standard error."""
    screen = console(stderr=True)
    with _bar(screen, files) if screen.is_interactive else _lines(screen) as tell:
        yield tell


def pace(done: float, total: float | None, seconds: float) -> str:
    """Rate and remaining time, as far as they are known.

    Example:
        >>> pace(50, 200, 10.0), pace(50, None, 10.0), pace(0, 200, 10.0)
        ('5.0/s, 0:00:30 left', '5.0/s', '')
    """
    if not done or not seconds:
        return ""
    rate = done / seconds
    shown = f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.1f}/s"
    return shown if total is None else f"{shown}, {timedelta(seconds=round((total - done) / rate))} left"


@contextmanager
def _bar(screen: Console, files: int) -> Iterator[Callable[[Progress], None]]:
    from rich import progress
    from rich.text import Text

    class Pace(progress.ProgressColumn):
        def render(self, task: progress.Task) -> Text:
            return Text(pace(task.completed, task.total, task.elapsed or 0.0), "cyan")

    columns = (
        progress.SpinnerColumn(),
        progress.TextColumn("{task.description}", markup=False),
        progress.BarColumn(bar_width=30),
        progress.MofNCompleteColumn(),
        progress.TimeElapsedColumn(),
        Pace(),
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
        of = f" of {now.total:,}" if now.total else ""
        screen.print(f"{now.done:,}{of} {now.unit}, {pace(now.done, now.total, said - started)}")

    yield tell
