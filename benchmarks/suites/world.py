"""Answers on the example world: `kedge bench world [--split test] [--output FOLDER]`.

Every question is asked with every method that needs no language model. An answerable question scores by
token F1 against its gold answers, an abstention from it counts 0; an unanswerable one is right when it is
refused. The rules of the extractive cast were written with the `demo` and `dev` questions in view: only
`test` says anything about other questions.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter

import numpy as np

from kedge.agents.extractive import ExtractiveCast
from kedge.benchmarks.datasets import Question, averrin
from kedge.benchmarks.metrics import Interval, bootstrap, f1, permutation_test
from kedge.graphs.answer import Answer
from kedge.graphs.context import Context
from kedge.graphs.run import stream
from kedge.tools.knowledge_base import KnowledgeBase, find

__all__ = ["Row", "main", "markdown", "measure"]

EXAMPLES = Path("examples")
BASELINE = "retrieve_read"
METHODS = (BASELINE, "metakgrag")
COLUMNS = (
    "method",
    "answerable",
    "F1 [95 %]",
    "unanswerable",
    "refused [95 %]",
    "p of the joint score",
    "ms median",
)


@dataclass(frozen=True)
class Row:
    """What a method reached, as shares from 0 to 1; `p` is the paired test against the baseline."""

    method: str
    answered: Interval
    refused: Interval
    p: float | None
    median_ms: float

    def cells(self) -> tuple[str, ...]:
        """The row as text, shares in percent."""
        share = [
            f"{100 * s.mean:.1f} [{100 * s.low:.1f}, {100 * s.high:.1f}]"
            for s in (self.answered, self.refused)
        ]
        p = "" if self.p is None else f"{self.p:.3f}"
        counts = (str(self.answered.n), str(self.refused.n))
        return (self.method, counts[0], share[0], counts[1], share[1], p, f"{self.median_ms:.0f}")


async def measure(base: KnowledgeBase, questions: Sequence[Question]) -> list[Row]:
    """Ask all questions with each method, the baseline first."""
    rows: list[Row] = []
    reference: list[float] = []
    for method in METHODS:
        scores, times = [], []
        for question in questions:
            start = perf_counter()
            scores.append(_score(question, await _ask(base, question.question, method)))
            times.append(1_000 * (perf_counter() - start))
        reference = reference or scores
        groups = {
            kind: [score for score, q in zip(scores, questions, strict=True) if q.answerable == kind]
            for kind in (True, False)
        }
        rows.append(
            Row(
                method,
                bootstrap(groups[True]),
                bootstrap(groups[False]),
                None if method == BASELINE else permutation_test(scores, reference),
                float(np.median(times)),
            )
        )
    return rows


async def _ask(base: KnowledgeBase, question: str, method: str) -> Answer:
    context = Context(base, ExtractiveCast(base.encoder))
    items = [item async for item in stream(question, context, method=method)]
    assert isinstance(items[-1], Answer)  # noqa: S101 - what a stream ends with
    return items[-1]


def _score(question: Question, answer: Answer) -> float:
    if not question.answerable:
        return float(answer.text is None)
    return f1(answer.text, question.answers)


def markdown(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table."""
    lines = [" | ".join(COLUMNS), " | ".join("---" for _ in COLUMNS)]
    lines += [" | ".join(row.cells()) for row in rows]
    return "\n".join(f"| {line} |" for line in lines) + "\n"


async def _run(examples: Path, split: str) -> list[Row]:
    questions = [q for q in averrin(examples / "questions.jsonl") if q.extra["split"] == split]
    with tempfile.TemporaryDirectory() as folder:
        async with KnowledgeBase.open(Path(folder) / "world", create=True) as base:
            await base.aadd(
                list(find([examples / "world"])), extract=ExtractiveCast(base.encoder).extract_triples
            )
            return await measure(base, questions)


def main(given: Sequence[str]) -> int:
    """Measure, show, write."""
    parser = argparse.ArgumentParser(prog="kedge bench world", description=__doc__)
    parser.add_argument(
        "--examples", type=Path, default=EXAMPLES, help="folder of the world and its questions"
    )
    parser.add_argument("--split", choices=("demo", "dev", "test"), default="test")
    parser.add_argument("--output", type=Path, help="folder for world.md and world.json")
    options = parser.parse_args(given)
    rows = asyncio.run(_run(options.examples, options.split))
    sys.stdout.write(markdown(rows))
    if options.output is not None:
        options.output.mkdir(parents=True, exist_ok=True)
        (options.output / "world.md").write_text(markdown(rows))
        (options.output / "world.json").write_text(json.dumps([asdict(row) for row in rows], indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
