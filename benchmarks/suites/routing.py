"""Answers of every method, and of the router: `python -m kedge.benchmarks.suites.routing [--sets NAME ...]`.

Each question is asked with each method, by the extractive cast. The router `research` is compared with every
single method, and with the oracle, which takes for each question the method that answered it best.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from kedge.agents.extractive import ExtractiveCast
from kedge.benchmarks.datasets import Question
from kedge.benchmarks.metrics import Interval, bootstrap, f1, permutation_test
from kedge.benchmarks.suites._multihop_sets import SETS, cases, in_calibration, is_present, opened
from kedge.graphs.answer import Answer
from kedge.graphs.context import Context
from kedge.graphs.run import stream
from kedge.tools.encoders import MiniLM
from kedge.tools.knowledge_base import KnowledgeBase

__all__ = ["METHODS", "Asked", "Row", "ask", "compared", "main", "markdown"]

METHODS = ("retrieve_read", "metakgrag", "sequential", "splitting", "parallel", "research")
AGAINST = ("sequential", "research")
COLUMNS = ("set", "method", "n", "F1 [95 %]", "answered", "searches", "reads", "s median",
           "p against sequential", "p against research")  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """One question with one method: what it scored and what it cost."""

    set: str
    id: str
    method: str
    text: str | None
    score: float
    searches: int
    reads: int
    seconds: float
    route: str = ""


async def ask(name: str, base: KnowledgeBase, question: Question, method: str) -> Asked:
    """Ask one question; an abstention scores 0."""
    context = Context(base, ExtractiveCast(base.encoder))
    items = [item async for item in stream(question.question, context, method=method)]
    answer = items[-1]
    assert isinstance(answer, Answer)  # noqa: S101 - what a stream ends with
    roles = answer.ledger.roles
    made = {role: roles[role].decisions if role in roles else 0 for role in ("search", "read")}
    routes = [event.message.split(":")[0] for event in answer.trace if event.kind == "routed"]
    score = f1(answer.text, question.answers)
    return Asked(name, question.id, method, answer.text, score, made["search"], made["read"],
                 answer.ledger.seconds, " then ".join(routes))  # fmt: skip


@dataclass(frozen=True)
class Row:
    """What a method reached on a set; `p` are paired permutation tests against `AGAINST`."""

    set: str
    method: str
    score: Interval
    answered: float
    searches: float
    reads: float
    median: float
    p: tuple[float | None, ...]

    def cells(self) -> tuple[str, ...]:
        """The row as text, shares in percent."""
        s = self.score
        score = f"{100 * s.mean:.1f} [{100 * s.low:.1f}, {100 * s.high:.1f}]"
        shown = ["" if p is None else f"{p:.3f}" for p in self.p]
        return (self.set, self.method, str(s.n), score,
                f"{100 * self.answered:.0f}", f"{self.searches:.2f}", f"{self.reads:.2f}",
                f"{self.median:.2f}", *shown)  # fmt: skip


def compared(asked: Sequence[Asked]) -> list[Row]:
    """A row for each method of each set, and one for the oracle."""
    rows: list[Row] = []
    for name in dict.fromkeys(one.set for one in asked):
        here = [one for one in asked if one.set == name]
        methods = {m: [one for one in here if one.method == m] for m in dict.fromkeys(o.method for o in here)}
        single = [done for method, done in methods.items() if method != "research"]
        # Of equally good ones the oracle takes the cheapest.
        best = [max(tried, key=lambda one: (one.score, -one.seconds)) for tried in zip(*single, strict=True)]
        for method, done in {**methods, "oracle": best}.items():
            scores = [one.score for one in done]
            others = [[one.score for one in methods.get(other, [])] for other in AGAINST]
            rows.append(
                Row(
                    name,
                    method,
                    bootstrap(scores),
                    float(np.mean([one.text is not None for one in done])),
                    float(np.mean([one.searches for one in done])),
                    float(np.mean([one.reads for one in done])),
                    float(np.median([one.seconds for one in done])),
                    tuple(
                        permutation_test(scores, other) if other and method != against else None
                        for against, other in zip(AGAINST, others, strict=True)
                    ),
                )
            )
    return rows


def markdown(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table."""
    lines = [" | ".join(COLUMNS), " | ".join("---" for _ in COLUMNS)]
    lines += [" | ".join(row.cells()) for row in rows]
    return "\n".join(f"| {line} |" for line in lines) + "\n"


def _kept(records: Path) -> Iterator[Asked]:
    if records.exists():
        yield from (Asked(**json.loads(line)) for line in records.read_text().splitlines())


async def _run(options: argparse.Namespace) -> list[Asked]:
    """Ask what is not yet in the records, and add it to them as it comes."""
    is_present(options.data, options.sets)
    options.records.parent.mkdir(parents=True, exist_ok=True)
    done = {(one.set, one.id, one.method): one for one in _kept(options.records)}
    wanted: list[Asked] = []
    with options.records.open("a") as file:
        for name in options.sets:
            async with await opened(SETS[name], options.data, options.cache, MiniLM()) as base:
                for question in _chosen(name, options):
                    for method in options.methods:
                        one = done.get((name, question.id, method)) or await ask(name, base, question, method)
                        if (name, question.id, method) not in done:
                            file.write(json.dumps(asdict(one)) + "\n")
                            file.flush()
                        wanted.append(one)
    return sorted(wanted, key=lambda one: (options.sets.index(one.set), options.methods.index(one.method)))


def _chosen(name: str, options: argparse.Namespace) -> list[Question]:
    questions = [case.question for case in cases(SETS[name], options.data)]
    kept = [q for q in questions if not options.kind or q.kind == options.kind]
    if options.half:
        kept = [q for q in kept if in_calibration(q) == (options.half == "calibration")]
    return kept[: options.limit]


def main(given: Sequence[str]) -> int:
    """Measure, show, write."""
    parser = argparse.ArgumentParser(prog="kedge bench routing", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the data sets")
    parser.add_argument("--cache", type=Path, default=Path(".bench"), help="where bases are built and kept")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=["hotpot500"], metavar="NAME")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS), metavar="NAME")
    parser.add_argument("--kind", default="", help="only questions of this kind, in the words of the set")
    parser.add_argument("--half", choices=("calibration", "other"), help="only this half of them")
    parser.add_argument("--limit", type=int, help="at most so many questions of a set")
    parser.add_argument(
        "--records",
        type=Path,
        default=Path(".bench/routing.jsonl"),
        help="the answers so far, added to",
    )
    parser.add_argument("--output", type=Path, help="folder for routing.md")
    options = parser.parse_args(given)
    rows = compared(asyncio.run(_run(options)))
    sys.stdout.write(markdown(rows))
    if options.output is not None:
        options.output.mkdir(parents=True, exist_ok=True)
        (options.output / "routing.md").write_text(markdown(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
