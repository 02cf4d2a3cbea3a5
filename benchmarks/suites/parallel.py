"""Parallel sub-questions: `python -m kedge.benchmarks.suites.parallel [--output FOLDER]`.

The model is a stub that takes 50 ms a call, so that what is measured is the scheduling: wall time beside the
critical path (the calls that have to be made one after another), calls, how full the model's slots are kept,
and what is lost where searches fail or hang.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from kedge.agents.decisions import Gap, Judgement, Operation, Plan, Reading, SubQuestion
from kedge.agents.scripted import ScriptedCast
from kedge.benchmarks.suites._schedulers import bare_asyncio, critical_path, send_by_levels, supervisor
from kedge.graphs.answer import Answer
from kedge.graphs.context import Context
from kedge.graphs.run import stream
from kedge.tools.knowledge_base import Evidence, KnowledgeBase
from kedge.tools.models import Budget, Meter

__all__ = ["METHODS", "SHAPES", "Losses", "Row", "losses", "main", "markdown", "slots", "waits"]

CALL = 0.05  # seconds that the stub model takes
RUNS = 15
METHODS = ("parallel", "sequential", "splitting")
OTHERS = {
    "bare asyncio": bare_asyncio,
    "`Send` by levels": send_by_levels,
    "supervisor": supervisor,
}
COLUMNS = ("plan", "method", "calls", "critical path ms", "wall ms least", "median", "p95", "least over path")


def _step(id: str, *before: str, operation: Operation = "search") -> SubQuestion:
    put_in = "".join(f" after #{name}" for name in before) if operation == "search" else ""
    return SubQuestion(
        id=id, question=f"When was person {id}{put_in} born?", depends_on=before, operation=operation
    )


def _compared(number: int) -> Plan:
    steps = [_step(str(n)) for n in range(number)]
    names = tuple(step.id for step in steps)
    return Plan(steps=(*steps, SubQuestion(id="first", question="Who was born first?", depends_on=names,
                                           operation="earliest")))  # fmt: skip


def _chained(hops: int) -> Plan:
    return Plan(steps=tuple(_step(str(n), *([str(n - 1)] if n else [])) for n in range(hops)))


SHAPES = {
    "2-way comparison": _compared(2),
    "4-way comparison": _compared(4),
    "2-hop chain": _chained(2),
    "4-hop chain": _chained(4),
    "4-hop chain beside 4 alone": Plan(
        steps=(*_chained(4).steps, *(_step(str(n)) for n in range(4, 8)),
               _step("last", "3", *map(str, range(4, 8)), operation="earliest"))
    ),
}  # fmt: skip


@dataclass
class Stub:
    """A model that takes its time and has so many slots; `busy` is seconds that slots were in use."""

    slots: int | None = None
    seconds: float = CALL
    calls: int = 0
    busy: float = 0.0
    free: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self.free = asyncio.Semaphore(self.slots or 1_000_000)

    async def __call__(self) -> None:
        """One call."""
        self.calls += 1
        async with self.free:
            before = perf_counter()
            await asyncio.sleep(self.seconds)
            self.busy += perf_counter() - before


@dataclass
class SlowCast(ScriptedCast):
    """A scripted cast whose decisions each take a call of the stub."""

    model: Stub = field(default_factory=Stub)

    async def plan(self, question: str, gaps: Sequence[Gap] = ()) -> Plan:
        """The scripted plan, after a call."""
        await self.model()
        return await super().plan(question, gaps)

    async def read(self, question: str, evidence: Sequence[Evidence]) -> Reading:
        """The scripted reading, after a call."""
        await self.model()
        return await super().read(question, evidence)

    async def judge(self, question: str, evidence: Sequence[Evidence]) -> Judgement:
        """The scripted judgement, after a call."""
        await self.model()
        return await super().judge(question, evidence)


def _year(question: str, evidence: Sequence[Evidence]) -> Reading:
    """Person 3 was born in 1803, and what is asked as a whole was in 1800."""
    asked = re.search(r"person (\d+)", question)
    return Reading(answer=str(1800 + int(asked[1]) if asked else 1800), confidence=1.0)


def _cast(plan: Plan, model: Stub) -> SlowCast:
    enough = Judgement(sufficient=True, confidence=1.0)
    return SlowCast({"plan": [plan], "read": _year, "judge": [enough]}, model=model)


async def _nothing(base: KnowledgeBase, query: str, k: int) -> list[Evidence]:
    return []


@dataclass(frozen=True)
class Row:
    """How long a method took for a plan, in milliseconds, and its calls; `first` is until the first event.

    On a machine with other work the least time says most about the method.
    """

    plan: str
    method: str
    calls: int
    path: float
    least: float
    median: float
    p95: float
    first: float | None = None

    def cells(self) -> tuple[str, ...]:
        """The row as text."""
        figures = (self.path, self.least, self.median, self.p95, self.least - self.path)
        shown = [f"{figure:.1f}".removesuffix(".0") for figure in figures]
        return (self.plan, self.method, str(self.calls), *shown)


async def waits(base: KnowledgeBase, runs: int = RUNS) -> list[Row]:
    """Run each plan with each method, alone on the machine as far as it goes."""
    rows: list[Row] = []
    for name, plan in SHAPES.items():
        path = 1_000 * CALL * critical_path(plan)
        asks: dict[str, Callable[[Stub], Awaitable[float | None]]] = {
            **{method: _asked(base, plan, method) for method in METHODS},
            **{other: _run(plan, run) for other, run in OTHERS.items()},
        }
        for method, ask in asks.items():
            await ask(Stub(seconds=0.0))  # what is loaded once is not timed
            times, firsts, calls = [], [], 0
            for _ in range(runs):
                stub, before = Stub(), perf_counter()
                first = await ask(stub)
                times.append(1_000 * (perf_counter() - before))
                calls = stub.calls
                firsts += [] if first is None else [1_000 * first]
            median, p95 = float(np.median(times)), float(np.quantile(times, 0.95))
            first_event = max(firsts, default=None)
            rows.append(Row(name, method, calls, path, min(times), median, p95, first_event))
    return rows


def _asked(base: KnowledgeBase, plan: Plan, method: str) -> Callable[[Stub], Awaitable[float]]:
    async def ask(model: Stub) -> float:
        context = Context(base, _cast(plan, model), search=_nothing, meter=Meter(Budget(rounds=10)))
        before, first = perf_counter(), 0.0
        async for _ in stream("Who was born first?", context, method=method):
            first = first or perf_counter() - before
        return first

    return ask


def _run(plan: Plan, run: Callable[..., Awaitable[None]]) -> Callable[[Stub], Awaitable[None]]:
    async def ask(model: Stub) -> None:
        await run(plan, model)

    return ask


async def slots(base: KnowledgeBase, questions: int = 100, number: int = 8) -> float:
    """The share of the model's slots that is in use while so many questions are asked at once."""
    model = Stub(slots=number)
    before = perf_counter()
    await asyncio.gather(
        *(_asked(base, SHAPES["4-way comparison"], "parallel")(model) for _ in range(questions))
    )
    return model.busy / (number * (perf_counter() - before))


@dataclass(frozen=True)
class Losses:
    """What became of the branches where a tenth of the searches failed and a tenth hung."""

    branches: int
    broken: int
    named: int
    siblings: int
    kept: int


async def losses(base: KnowledgeBase, questions: int = 50) -> Losses:
    """Ask 4-way comparisons; every tenth search fails, every tenth other one hangs."""
    plan = SHAPES["4-way comparison"]
    number = 0
    broken: set[tuple[int, str]] = set()

    def breaking(asked: int) -> Any:
        async def search(base: KnowledgeBase, query: str, k: int) -> list[Evidence]:
            nonlocal number
            number += 1
            if number % 5 == 0:
                broken.add((asked, query))
                if number % 10 == 0:
                    raise ConnectionError("the index is gone")
                await asyncio.sleep(3_600)
            return []

        return search

    async def ask(asked: int) -> Answer:
        meter = Meter(Budget(rounds=0, seconds=6.0))
        context = Context(base, _cast(plan, Stub()), search=breaking(asked), meter=meter)
        items = [item async for item in stream("Who was born first?", context, method="parallel")]
        assert isinstance(items[-1], Answer)  # noqa: S101 - what a stream ends with
        return items[-1]

    answers = await asyncio.gather(*(ask(n) for n in range(questions)))
    named = sum(any(query in warning for warning in answers[n].warnings) for n, query in broken)
    kept = sum(
        event.data["state"] == "done" and "answer" in event.data and (n, event.data["question"]) not in broken
        for n, answer in enumerate(answers)
        for event in answer.trace
        if event.kind == "branch" and event.data["id"] != "first"
    )
    branches = 4 * questions
    return Losses(branches, len(broken), named, branches - len(broken), kept)


def markdown(rows: Sequence[Row], full: float, lost: Losses) -> str:
    """Everything as Markdown."""
    lines = [" | ".join(COLUMNS), " | ".join("---" for _ in COLUMNS)]
    lines += [" | ".join(row.cells()) for row in rows]
    table = "\n".join(f"| {line} |" for line in lines)
    firsts = [row.first for row in rows if row.first is not None]
    return (
        f"{table}\n\nFirst event after {np.median(firsts):.2f} ms, at most {max(firsts):.2f} ms. "
        f"100 questions at once keep {100 * full:.1f} % of 8 slots in use. "
        f"Of {lost.branches} branches {lost.broken} failed or hung: {lost.named} of them are named in the "
        f"answers, and {lost.kept} of {lost.siblings} others came to their answers.\n"
    )


async def _measured(runs: int) -> tuple[list[Row], float, Losses]:
    with tempfile.TemporaryDirectory() as folder:
        async with KnowledgeBase.open(Path(folder) / "base", create=True) as base:
            return await waits(base, runs), await slots(base), await losses(base)


def main(given: Sequence[str]) -> int:
    """Measure, show, write."""
    parser = argparse.ArgumentParser(prog="kedge bench parallel", description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS, help="how often each plan is run")
    parser.add_argument("--output", type=Path, help="folder for parallel.md and parallel.json")
    options = parser.parse_args(given)
    rows, full, lost = asyncio.run(_measured(options.runs))
    sys.stdout.write(markdown(rows, full, lost))
    if options.output is not None:
        options.output.mkdir(parents=True, exist_ok=True)
        (options.output / "parallel.md").write_text(markdown(rows, full, lost))
        figures = {"rows": [asdict(row) for row in rows], "slots": full, "losses": asdict(lost)}
        (options.output / "parallel.json").write_text(json.dumps(figures, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
