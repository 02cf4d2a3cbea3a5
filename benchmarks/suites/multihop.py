"""Passage recall on multi-hop questions: `kedge bench multihop [--sets NAME ...]`.

`metakgrag` is the loop as it is shipped; its parts are taken out by replacing nodes of its graph. The other
loops are `passage_walk` alone, which is one of the places where `metakgrag` looks.

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
from random import Random
from time import perf_counter
from typing import Any

import numpy as np
from langgraph.runtime import Runtime
from rich.console import Console
from rich.table import Table

from kedge.agents.extractive import ExtractiveCast
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
from kedge.benchmarks.suites.curves import draw
from kedge.graphs import metakgrag
from kedge.graphs.context import Context
from kedge.graphs.evidence import along, leading
from kedge.tools.encoders import Encoder, MiniLM
from kedge.tools.knowledge_base import Evidence, KnowledgeBase
from kedge.tools.models import Budget, Meter
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


def _shipped(rounds: int = 3, **nodes: Any) -> Find:
    """The passages of the best round of `metakgrag`, and behind them the others that it saw."""
    cycle = metakgrag.wired(**nodes).compile() if nodes else metakgrag.graph

    async def find(base: KnowledgeBase, question: str, k: int) -> list[Evidence]:
        meter = Meter(Budget(rounds=rounds, seconds=None))
        context = Context(base, ExtractiveCast(base.encoder), meter=meter)
        state = await cycle.ainvoke({"question": question, "trace": []}, context=context)
        best = max(state["rounds"], key=lambda turn: (turn.judgement.sufficient, turn.quality))
        return list(leading(best.evidence, state["evidence"]))[:k]

    return find


async def _random_pivot(state: metakgrag.State, runtime: Runtime[Context]) -> metakgrag.State:
    """`adjust` without a look at what was perceived: it starts anywhere that was walked, for the question."""
    change = await metakgrag.adjust(state, runtime)
    walked = sorted({entity for walk in state["walks"] for entity in walk.entities})
    if "courses" in change and walked:
        draw = Random(f"{state['question']} {len(state['rounds'])}")  # noqa: S311 - a sample, not a secret
        change["courses"] = [metakgrag.Course(starts=(draw.choice(walked),), aim=state["question"])]
    return change


async def _from_scratch(state: metakgrag.State, runtime: Runtime[Context]) -> metakgrag.State:
    """`adjust` without a pivot: the next aim, from where the question began, and nothing found is kept."""
    change = await metakgrag.adjust(state, runtime)
    if "courses" in change:
        course = state["courses"][0].model_copy(update={"aim": change["courses"][-1].aim})
        survey = await look(runtime.context.base, course.aim)
        change |= {"courses": [course], "walks": (), "evidence": (), "survey": survey}
    return change


def _unheeded(*diagnoses: str) -> Any:
    """`evaluate`, which takes these diagnoses for sufficient."""

    async def evaluate(state: metakgrag.State, runtime: Runtime[Context]) -> metakgrag.State:
        change = await metakgrag.evaluate(state, runtime)
        [turn] = change["rounds"]
        if turn.diagnosis in diagnoses:
            change["rounds"] = [turn.model_copy(update={"diagnosis": "sufficient"})]
        return change

    return evaluate


async def _no_passages(state: metakgrag.State, runtime: Runtime[Context]) -> metakgrag.State:
    """`perceive` on the graph alone: only the chunks that its walks were read from."""
    change = await metakgrag.perceive(state, runtime)
    hops = [hop.triple for walk in change["sight"].walks for hop in walk.hops]
    return change | {"evidence": leading(along(runtime.context.base, hops), state.get("evidence", ()))}


async def _no_graph(state: metakgrag.State, runtime: Runtime[Context]) -> metakgrag.State:
    """`perceive` without walks: the courses start nowhere."""
    course = state["courses"][-1].model_copy(update={"starts": (), "lead": None})
    return await metakgrag.perceive({**state, "courses": [*state["courses"][:-1], course]}, runtime)


SHIPPED_OPEN = "metakgrag, T = 0"
SHIPPED: dict[str, Find] = {f"metakgrag, T = {rounds}": _shipped(rounds) for rounds in ROUNDS}
SHIPPED_ABLATIONS: dict[str, Find] = {
    "metakgrag, no perceive: pivot at random": _shipped(adjust=_random_pivot),
    "metakgrag, no coverage check": _shipped(evaluate=_unheeded("coverage")),
    "metakgrag, no relevance check": _shipped(evaluate=_unheeded("drift")),
    "metakgrag, restart, no pivot": _shipped(adjust=_from_scratch),
    "metakgrag, no passages": _shipped(perceive=_no_passages),
    "metakgrag, no graph": _shipped(perceive=_no_graph),
}
METHODS: dict[str, Find] = {**BASELINES, **LOOPS, **ABLATIONS, **SHIPPED, **SHIPPED_ABLATIONS}


@dataclass(frozen=True)
class Row:
    """What a method reached on a set. `recall` holds an interval for each of `DEPTHS`, in percent.

    `other_half` is recall@5 on the questions that no weight was chosen on; `p` is the paired permutation
    test of recall@5 against the open loop (of `metakgrag`, for its own); times are of a question, in
    milliseconds.
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
    opened: dict[str, list[float]] = {}
    for method, find in methods.items():
        await find(base, asked[0].question.question, FETCHED)  # what is loaded once is not timed
        found, times = await _asked(base, asked, find)
        recalls = {
            k: [recall_at(k, keys, case.gold) for keys, case in zip(found, asked, strict=True)]
            for k in DEPTHS
        }
        against = SHIPPED_OPEN if method in SHIPPED or method in SHIPPED_ABLATIONS else OPEN_LOOP
        reference = opened.get(against)
        if method == against:
            opened[method] = recalls[5]
        row = Row(
            name,
            method,
            tuple(_percent(bootstrap(recalls[k], resamples=2_000)) for k in DEPTHS),
            _half(asked, recalls[5], calibration=True),
            _half(asked, recalls[5], calibration=False),
            permutation_test(recalls[5], reference) if reference else None,
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
    limit: int | None = None,
) -> list[Row]:
    """Build or reuse the bases of these sets, and measure the open loop and these methods on each.

    Raises:
        InputError: The data are not there.
    """
    is_present(data, chosen)
    # The open loops first: the others are compared with them.
    shipped = [SHIPPED_OPEN] if any(name in SHIPPED or name in SHIPPED_ABLATIONS for name in methods) else []
    measured = {name: METHODS[name] for name in dict.fromkeys([OPEN_LOOP, *shipped, *methods])}
    rows: list[Row] = []
    for name in chosen:
        start = perf_counter()
        async with await opened(SETS[name], data, cache, encoder) as base:
            built = perf_counter()
            rows += await measure(name, base, cases(SETS[name], data)[:limit], measured)
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
    parser = argparse.ArgumentParser(prog="kedge bench multihop", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the data sets")
    parser.add_argument("--cache", type=Path, default=Path(".bench"), help="where bases are built and kept")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS)[:4], metavar="NAME")
    parser.add_argument(
        "--methods",
        nargs="+",
        choices=METHODS,
        default=[*BASELINES, *LOOPS, *SHIPPED],
        metavar="NAME",
        help=f"which: {'; '.join(METHODS)} (by default all but ablations)",
    )
    parser.add_argument("--limit", type=int, help="the first questions of each set; all when not given")
    parser.add_argument("--ablations", action="store_true", help="also the loop with parts left out")
    parser.add_argument("--curves", action="store_true", help="also multihop.svg (needs matplotlib)")
    parser.add_argument("--output", type=Path, help="folder for multihop.md and multihop.json")
    options = parser.parse_args(given)
    console = Console() if sys.stdout.isatty() else Console(width=200)
    rows = asyncio.run(
        run(
            options.data,
            options.cache,
            options.sets,
            [*options.methods, *((*ABLATIONS, *SHIPPED_ABLATIONS) if options.ablations else ())],
            encoder=MiniLM(),
            console=console,
            limit=options.limit,
        )
    )
    console.print(table(rows))
    if options.output is not None:
        options.output.mkdir(parents=True, exist_ok=True)
        (options.output / "multihop.md").write_text(markdown(rows))
        (options.output / "multihop.json").write_text(json.dumps([asdict(row) for row in rows], indent=1))
        if options.curves:
            points: dict[str, list[tuple[float, float]]] = {}
            for row in rows:
                if row.method in SHIPPED:
                    after = float(row.method.rpartition(" ")[2])
                    points.setdefault(row.set, []).append((after, row.recall[DEPTHS.index(5)].mean))
            path = options.output / "multihop.svg"
            draw("Passages for multi-hop questions, metakgrag", "rounds (T)", "recall@5", points, path)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
