"""What `kedge bench run` adds to the methods that it asks, and how long scoring takes."""

from __future__ import annotations

from collections.abc import Mapping
from time import process_time
from typing import TYPE_CHECKING, Any

from rich.console import Console

from kedge.agents.decisions import Reading
from kedge.benchmarks.datasets import Question
from kedge.benchmarks.harness.asking import Task, record
from kedge.benchmarks.harness.runs import recorded
from kedge.benchmarks.harness.scoring import scores
from kedge.benchmarks.performance.figures import Figure, Reference
from kedge.graphs.answer import compose
from kedge.tools.models import Ledger

if TYPE_CHECKING:
    from kedge.benchmarks.performance.measures import Site

__all__ = ["harness"]

QUESTIONS = 2_000
RECORDS = 10_000


async def harness(site: Site) -> list[Figure]:
    """CPU time of a question beyond the method that answers it, and of scoring 10,000 records."""
    given = [
        Question(f"q{n}", f"Who is number {n}?", ("Ada Quill",), answerable=n % 3 > 0) for n in range(RECORDS)
    ]
    answer = compose("?", "m", Reading(answer="Ada Quill", confidence=0.5), [], ledger=Ledger())

    async def ask(task: Task) -> Mapping[str, Any]:
        return record(task.question, task.method, answer, 0.0)

    some = given[:QUESTIONS]
    start = process_time()
    for question in some:
        await ask(Task(question.id, question, "m"))
    alone = process_time() - start
    start = process_time()
    await recorded(site.scratch, some, ["m"], ask, console=Console(quiet=True))
    whole = process_time() - start
    halves = [record(question, method, answer, 0.0) for method in "mn" for question in given[: RECORDS // 2]]
    start = process_time()
    scores(given[: RECORDS // 2], halves)
    scoring = process_time() - start
    added, made = (
        1_000 * (whole - alone) / QUESTIONS,
        Reference("making the record", 1_000 * alone / QUESTIONS),
    )
    return [
        Figure("harness", "CPU of a question beyond its method", added, "ms", QUESTIONS, 1.0, reference=made),
        Figure("harness", "CPU of scoring 10,000 records", scoring, "s", RECORDS, 10.0),
    ]
