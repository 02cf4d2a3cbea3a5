"""Passage recall on multi-hop questions: `python -m kedge.benchmarks.suites.multihop [--sets NAME ...]`.

No language model is called and nothing is trained on these questions. The weights of `passage_walk` were
chosen on the calibration half (by a hash of the question's id); recall on the other half is shown beside.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import perf_counter

import numpy as np
from rich.console import Console
from rich.table import Table

from kedge.benchmarks.metrics import Interval, bootstrap, permutation_test, recall_at
from kedge.benchmarks.suites._multihop_sets import (
    SETS,
    Case,
    Key,
    cases,
    in_calibration,
    is_present,
    opened,
    ranked,
)
from kedge.tools.encoders import Encoder, MiniLM
from kedge.tools.knowledge_base import Evidence, KnowledgeBase
from kedge.tools.search import bm25, dense, hybrid, late_interaction, ppr, reciprocal_rank_fusion
from kedge.tools.walks import Weights, evidence_of, look, look_further

__all__ = [
    "ABLATIONS",
    "BASELINES",
    "DEPTHS",
    "METHODS",
    "ROUNDS",
    "Row",
    "main",
    "markdown",
    "measure",
    "run",
]

Find = Callable[[KnowledgeBase, str, int], Awaitable[list[Evidence]]]

DEPTHS = (2, 5, 10, 20)
ROUNDS = (0, 1, 2, 3, 5)
OPEN_LOOP = "open loop, T = 0"
CLOSED_LOOP = "closed loop, T = 2"
FETCHED = 40  # chunks asked for, so that 20 passages remain where several chunks are of one passage


def _loop(rounds: int, weights: Weights) -> Find:
    async def find(base: KnowledgeBase, question: str, k: int) -> list[Evidence]:
        survey = await look(base, question, weights=weights)
        for _ in range(rounds):
            if survey.finished:
                break
            survey = await look_further(base, survey, weights=weights)
        return evidence_of(base, survey, k)

    return find


async def _restart(base: KnowledgeBase, question: str, k: int) -> list[Evidence]:
    """The loop without pivots: search anew, with more weight on what the best passage lacks, and fuse."""
    start = await look(base, question)
    gap = (await look_further(base, start)).gap
    again = await look(base, " ".join((question, *gap)))
    found = [evidence_of(base, survey, k) for survey in (start, again)]
    items = {item.chunk.id: item for ranking in found for item in ranking}
    order = reciprocal_rank_fusion([[item.chunk.id for item in ranking] for ranking in found])
    return [replace(items[chunk], score=score) for chunk, score in order[:k]]


BASELINES: dict[str, Find] = {
    "BM25": bm25,
    "dense": dense,
    "fusion": hybrid,
    "late interaction": late_interaction,
    "PPR": ppr,
}
LOOPS: dict[str, Find] = {
    (OPEN_LOOP if rounds == 0 else f"closed loop, T = {rounds}"): _loop(rounds, Weights())
    for rounds in ROUNDS
}
ABLATIONS: dict[str, Find] = {
    "restart, no pivot": _restart,
    "no coverage check": _loop(2, Weights(cover=0.0, gap=0.0, rest=0.0, step=0.0)),
    "no meaning of the rest": _loop(2, Weights(rest=0.0, step=0.45)),
    "no words of the gap": _loop(2, Weights(cover=0.0, gap=0.0, step=0.2)),
    "no prefix": _loop(2, Weights(kept=0.0, step=0.3)),
    "no titles in scores": _loop(2, Weights(title=0.0, about=0.0, step=0.4)),
    "no rarity of names": _loop(2, Weights(rare=0.0, step=0.4)),
}
METHODS = {**BASELINES, **LOOPS, **ABLATIONS}


@dataclass(frozen=True)
class Row:
    """What a method reached on a set. `recall` holds an interval for each of `DEPTHS`, in percent.

    `other_half` is recall@5 on the questions that no weight was chosen on; `p` is the paired permutation
    test of recall@5 against the open loop; times are of a question, in milliseconds.
    """

    set: str
    method: str
    recall: tuple[Interval, ...]
    calibration_half: float
    other_half: float
    p: float | None
    median_ms: float
    p99_ms: float

    def cells(self) -> tuple[str, ...]:
        """The row as text."""
        at = dict(zip(DEPTHS, self.recall, strict=True))
        return (
            self.set,
            self.method,
            str(at[5].n),
            f"{at[2].mean:.1f}",
            f"{at[5].mean:.1f} [{at[5].low:.1f}, {at[5].high:.1f}]",
            f"{at[10].mean:.1f}",
            f"{at[20].mean:.1f}",
            f"{self.calibration_half:.1f} / {self.other_half:.1f}",
            "" if self.p is None else f"{self.p:.4f}",
            f"{self.median_ms:.0f} / {self.p99_ms:.0f}",
        )


COLUMNS = (
    "set",
    "method",
    "n",
    "R@2",
    "R@5 [95 %]",
    "R@10",
    "R@20",
    "R@5 calibration / other half",
    "p against T = 0",
    "ms median / p99",
)


async def measure(
    name: str, base: KnowledgeBase, asked: Sequence[Case], methods: dict[str, Find]
) -> list[Row]:
    """Ask all questions with each method."""
    rows: list[Row] = []
    reference: list[float] | None = None
    for method, find in methods.items():
        await find(base, asked[0].question.question, FETCHED)  # what is loaded once is not timed
        found, times = await _asked(base, asked, find)
        recalls = {
            k: [recall_at(k, keys, case.gold) for keys, case in zip(found, asked, strict=True)]
            for k in DEPTHS
        }
        if method == OPEN_LOOP:
            reference = recalls[5]
        compared = reference is not None and method != OPEN_LOOP
        row = Row(
            name,
            method,
            tuple(_percent(bootstrap(recalls[k], resamples=2_000)) for k in DEPTHS),
            _half(asked, recalls[5], calibration=True),
            _half(asked, recalls[5], calibration=False),
            permutation_test(recalls[5], reference) if compared and reference else None,
            float(np.median(times)),
            float(np.quantile(times, 0.99)),
        )
        rows.append(row)
    return rows


async def run(
    data: Path,
    cache: Path,
    chosen: Sequence[str],
    methods: Sequence[str],
    *,
    encoder: Encoder,
    console: Console,
) -> list[Row]:
    """Build or reuse the bases of these sets, and measure the open loop and these methods on each.

    Raises:
        InputError: The data are not there.
    """
    is_present(data, chosen)
    # The open loop first: the others are compared with it.
    measured = {name: METHODS[name] for name in dict.fromkeys([OPEN_LOOP, *methods])}
    rows: list[Row] = []
    for name in chosen:
        start = perf_counter()
        async with await opened(SETS[name], data, cache, encoder) as base:
            built = perf_counter()
            rows += await measure(name, base, cases(SETS[name], data), measured)
        console.print(f"{name}: opened in {built - start:.0f} s, measured in {perf_counter() - built:.0f} s")
    return rows


def markdown(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table."""
    lines = [" | ".join(COLUMNS), " | ".join("---" for _ in COLUMNS)]
    lines += [" | ".join(row.cells()) for row in rows]
    return "\n".join(f"| {line} |" for line in lines) + "\n"


def table(rows: Sequence[Row]) -> Table:
    """The rows for a terminal."""
    shown = Table(*COLUMNS)
    for row in rows:
        shown.add_row(*row.cells(), style="bold" if row.method == CLOSED_LOOP else "")
    return shown


async def _asked(
    base: KnowledgeBase, asked: Sequence[Case], find: Find
) -> tuple[list[list[Key]], list[float]]:
    found: list[list[Key]] = []
    times: list[float] = []
    for case in asked:
        start = perf_counter()
        evidence = await find(base, case.question.question, FETCHED)
        times.append(1_000 * (perf_counter() - start))
        found.append(ranked(base, evidence))
    return found, times


def _half(asked: Sequence[Case], scores: Sequence[float], *, calibration: bool) -> float:
    kept = [s for s, case in zip(scores, asked, strict=True) if in_calibration(case.question) == calibration]
    return 100 * sum(kept) / len(kept) if kept else float("nan")


def _percent(interval: Interval) -> Interval:
    return Interval(100 * interval.mean, 100 * interval.low, 100 * interval.high, interval.n)


def main(given: Sequence[str]) -> int:
    """Measure, show, write."""
    parser = argparse.ArgumentParser(prog="python -m kedge.benchmarks.suites.multihop", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the data sets")
    parser.add_argument("--cache", type=Path, default=Path(".bench"), help="where bases are built and kept")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS)[:4], metavar="NAME")
    parser.add_argument(
        "--methods",
        nargs="+",
        choices=METHODS,
        default=[*BASELINES, *LOOPS],
        metavar="NAME",
        help=f"which: {'; '.join(METHODS)} (by default all but ablations)",
    )
    parser.add_argument("--ablations", action="store_true", help="also the loop with parts left out")
    parser.add_argument("--output", type=Path, help="folder for multihop.md and multihop.json")
    options = parser.parse_args(given)
    console = Console() if sys.stdout.isatty() else Console(width=200)
    rows = asyncio.run(
        run(
            options.data,
            options.cache,
            options.sets,
            [*options.methods, *(ABLATIONS if options.ablations else ())],
            encoder=MiniLM(),
            console=console,
        )
    )
    console.print(table(rows))
    if options.output is not None:
        options.output.mkdir(parents=True, exist_ok=True)
        (options.output / "multihop.md").write_text(markdown(rows))
        (options.output / "multihop.json").write_text(json.dumps([asdict(row) for row in rows], indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
