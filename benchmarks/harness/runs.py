"""A run and its folder: what was asked, every record, the scores, and a report.

`manifest.json` says what the run was begun with, `questions.jsonl` what was asked, `records.jsonl` what came
of it, a line as soon as it is known. `scores.json`, `scores.md` and `report.html` are written at the end.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import asdict, dataclass
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from kedge.benchmarks.datasets import Question
from kedge.benchmarks.harness.asking import Ask, asked
from kedge.benchmarks.harness.journal import held
from kedge.benchmarks.harness.page import Table, markdown
from kedge.benchmarks.harness.report import report, score_table
from kedge.benchmarks.harness.scoring import Score, Tally, scores
from kedge.benchmarks.performance.machine import describe
from kedge.errors import InputError

__all__ = ["Run", "about", "fingerprint", "finished", "read_run", "recorded"]

KEPT = ("corpus", "external", "outside", "reason", "split", "supports", "topic", "twin")
"""What a run keeps of what a data set says besides."""

EVERY = 10.0  # seconds between two lines where there is no terminal


@dataclass(frozen=True)
class Run:
    """A run, read back from its folder."""

    folder: Path
    manifest: Mapping[str, Any]
    questions: tuple[Question, ...]
    records: tuple[Mapping[str, Any], ...]

    @property
    def methods(self) -> list[str]:
        """The methods that were asked, by name."""
        return sorted({row["method"] for row in self.records})


def read_run(folder: Path) -> Run:
    """A run that was finished, stopped on the way, or is still going on.

    Raises:
        InputError: This is the folder of no run.
        LoadError: A file of it is broken.
    """
    manifest, questions = folder / "manifest.json", folder / "questions.jsonl"
    if not manifest.is_file() or not (folder / "records.jsonl").is_file() or not questions.is_file():
        raise InputError(f"{folder} is not the folder of a run", fix="make one with `kedge bench run`")
    given = [json.loads(line) for line in questions.read_text(encoding="utf-8").splitlines()]
    return Run(
        folder,
        json.loads(manifest.read_text(encoding="utf-8")),
        tuple(_question(row) for row in given),
        tuple(held(folder / "records.jsonl").values()),
    )


async def recorded(
    folder: Path,
    given: Sequence[Question],
    methods: Sequence[str],
    ask: Ask,
    *,
    at_once: int = 2,
    console: Console,
) -> list[dict[str, Any]]:
    """Ask what was not asked yet, telling how it goes; the records of all these methods and questions."""
    asked_for = "".join(f"{json.dumps(_row(question), ensure_ascii=False)}\n" for question in given)
    (folder / "questions.jsonl").write_text(asked_for, encoding="utf-8")
    records: list[dict[str, Any]] = []
    by_id = {question.id: question for question in given}
    tallies = {method: Tally(by_id) for method in methods}
    with _watched(console, methods, len(given)) as watch:
        async with aclosing(asked(folder / "records.jsonl", given, methods, ask, at_once=at_once)) as rows:
            async for row in rows:
                records.append(row)
                tally = tallies[row["method"]]
                tally.add(row)
                watch.tell(row["method"], tally)
    return sorted(records, key=lambda row: methods.index(row["method"]))


def finished(
    folder: Path,
    title: str,
    given: Sequence[Question],
    records: Sequence[Mapping[str, Any]],
    *,
    tables: Mapping[str, Table] | None = None,
    figures: Mapping[str, Any] | None = None,
    facts: Mapping[str, Any] | None = None,
    parts: Iterable[str] = (),
) -> list[Score]:
    """Score the records, and write `scores.json`, `scores.md` and `report.html`.

    Args:
        folder: Of the run.
        title: Of the report.
        given: The questions.
        records: Of all methods.
        tables: More tables than that of the scores, by headline.
        figures: More for `scores.json`.
        facts: More to be told about the run.
        parts: More HTML for the report.
    """
    found = scores(given, records)
    shown = {"Methods": score_table(found), **(tables or {})}
    plain = {"scores": [asdict(score) for score in found], **(figures or {})}
    (folder / "scores.json").write_text(json.dumps(plain, indent=1) + "\n", encoding="utf-8")
    (folder / "scores.md").write_text("\n".join(map(markdown, shown.values())), encoding="utf-8")
    text = report(title, given, found, records, shown, facts=facts or {}, parts=parts)
    (folder / "report.html").write_text(text, encoding="utf-8")
    return found


def fingerprint(files: Iterable[Path]) -> str:
    """A hash of what these files hold, whatever they are called."""
    digests = sorted(blake2b(path.read_bytes(), digest_size=16).hexdigest() for path in files)
    return blake2b("\n".join(digests).encode(), digest_size=16).hexdigest()


@cache
def about() -> dict[str, str]:
    """What a run is made with: versions, machine, day, and the commit, if this is a checkout of Kedge."""
    git = shutil.which("git")
    home = Path(__file__).resolve().parents[2]
    if git is None or not (home / ".git").exists():
        return {**describe(), "commit": ""}
    asked_of = [git, "-C", str(home), "describe", "--always", "--dirty"]
    done = subprocess.run(asked_of, capture_output=True, text=True, check=False)  # noqa: S603
    return {**describe(), "commit": done.stdout.strip()}


class _Bars:
    """Shows how far every method is, on a terminal."""

    def __init__(self, progress: Progress, methods: Sequence[str], total: int) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {
            method: progress.add_task(method, total=total, told="") for method in methods
        }

    def tell(self, method: str, tally: Tally) -> None:
        self._progress.update(self._tasks[method], advance=1, told=str(tally))


class _Lines:
    """Says now and then how far it is, where there is no terminal."""

    def __init__(self, console: Console, total: int) -> None:
        self._console, self._total, self._said = console, total, time.monotonic()

    def tell(self, method: str, tally: Tally) -> None:
        done = sum(tally.counts.values())
        if done == self._total or time.monotonic() - self._said > EVERY:
            self._said = time.monotonic()
            self._console.print(f"{method}: {done} of {self._total}, {tally}", highlight=False)


@contextmanager
def _watched(console: Console, methods: Sequence[str], total: int) -> Iterator[_Bars | _Lines]:
    if not console.is_terminal:
        yield _Lines(console, total)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[told]}"),
    )
    with Progress(*columns, console=console) as progress:
        yield _Bars(progress, methods, total)


def _row(question: Question) -> dict[str, Any]:
    extra = {name: question.extra[name] for name in KEPT if question.extra.get(name) is not None}
    return {**asdict(question), "extra": extra}


def _question(row: Mapping[str, Any]) -> Question:
    return Question(**{**row, "answers": tuple(row["answers"]), "gold": tuple(row["gold"])})
