"""Plans against gold decompositions: `python -m kedge.benchmarks.suites.planning [--data FOLDER] [--recall]`.

No language model is called and nothing is trained. The rules of the planner were written with the
calibration half of each data set in view (by a hash of the question's id); the figures are of the other half.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import process_time

import numpy as np

from kedge.agents.decisions import Plan, SubQuestion
from kedge.agents.extractive.language import STOP_WORDS, stem
from kedge.agents.extractive.planning import plan
from kedge.benchmarks.datasets import (
    Decomposition,
    Question,
    break_qdmr,
    fanoutqa,
    hotpotqa,
    musique_steps,
    squad,
    strategyqa,
)
from kedge.benchmarks.metrics import (
    Interval,
    bootstrap,
    edit_distance,
    permutation_test,
    recall_at,
    same_shape,
)
from kedge.benchmarks.suites._multihop_sets import SETS, Case, Key, cases, in_calibration, opened, ranked
from kedge.tools.encoders import MiniLM
from kedge.tools.knowledge_base import KnowledgeBase
from kedge.tools.search import hybrid

__all__ = ["PLANNERS", "Recall", "Row", "Split", "main", "markdown", "measure", "recalls", "splits"]

Planner = Callable[[str], Plan]

READ: Mapping[str, tuple[str, Callable[[Path], Iterator[Decomposition]]]] = {
    "Break, high level": ("decomposition/break_QDMR-high-level.jsonl", break_qdmr),
    "Break, low level": ("decomposition/break_QDMR.jsonl", break_qdmr),
    "StrategyQA": ("decomposition/strategyqa_train.json", strategyqa),
    "FanOutQA": ("decomposition/fanoutqa.json", fanoutqa),
    "MuSiQue": ("multihop_qa/musique100/questions.json", musique_steps),
}
DEPTH = 5


def _single(question: str) -> Plan:
    return Plan(steps=(SubQuestion(id="1", question=question),))


def _at_and(question: str) -> Plan:
    """Every part between "and" asked apart, which is all that `##` between sub-questions can say."""
    parts = [part for part in re.split(r",? and ", question) if part.strip()] or [question]
    return Plan(steps=tuple(SubQuestion(id=str(n), question=part) for n, part in enumerate(parts, 1)))


def _side_by_side(question: str) -> Plan:
    """Our plan where no step needs the answer of another, as with `##`; else the question as it is."""
    found = plan(question)
    asked = [step for step in found.steps if step.operation == "search"]
    return found if len(asked) > 1 and not any(step.depends_on for step in asked) else _single(question)


PLANNERS: Mapping[str, Planner] = {
    "always single": _single,
    "split at “and”": _at_and,
    "independent parts only": _side_by_side,
    "rules": plan,
}


@dataclass(frozen=True)
class Row:
    """How a planner did on a set, as shares from 0 to 1; `distance` is the normalised graph edit distance.

    `p` is the paired permutation test of the distances against always planning a single step.
    """

    set: str
    planner: str
    count: Interval
    shape: Interval
    over: float
    under: float
    distance: Interval
    p: float | None

    def cells(self) -> tuple[str, ...]:
        """The row as text, shares in percent."""
        shares = (
            _percent(self.count),
            _percent(self.shape),
            f"{100 * self.over:.1f}",
            f"{100 * self.under:.1f}",
        )
        distance = f"{self.distance.mean:.3f} [{self.distance.low:.3f}, {self.distance.high:.3f}]"
        p = "" if self.p is None else f"{self.p:.4f}"
        return (self.set, self.planner, str(self.count.n), *shares, distance, p)


COLUMNS = (
    "set",
    "planner",
    "n",
    "steps right [95 %]",
    "graph right [95 %]",
    "too many steps",
    "too few",
    "edit distance [95 %]",
    "p against single",
)


@dataclass(frozen=True)
class Split:
    """The share of questions of a kind that are split at all."""

    set: str
    kind: str
    share: Interval

    def cells(self) -> tuple[str, ...]:
        """The row as text."""
        return (self.set, self.kind, str(self.share.n), _percent(self.share))


@dataclass(frozen=True)
class Recall:
    """Recall of the supporting passages among the first five, asked whole and asked in steps."""

    set: str
    whole: Interval
    steps: Interval
    p: float

    def cells(self) -> tuple[str, ...]:
        """The row as text."""
        return (self.set, str(self.whole.n), _percent(self.whole), _percent(self.steps), f"{self.p:.4f}")


def measure(name: str, asked: Sequence[Decomposition]) -> list[Row]:
    """The figures of every planner on these questions, the single step first."""
    rows: list[Row] = []
    reference: list[float] = []
    for planner, make in PLANNERS.items():
        plans = [make(item.question) for item in asked]
        pairs = [(ours, item.plan) for ours, item in zip(plans, asked, strict=True)]
        more = [len(ours.steps) - len(gold.steps) for ours, gold in pairs]
        distances = [edit_distance(ours, gold) for ours, gold in pairs]
        reference = reference or distances
        rows.append(
            Row(
                name,
                planner,
                bootstrap([float(extra == 0) for extra in more], resamples=2_000),
                bootstrap([float(same_shape(ours, gold)) for ours, gold in pairs], resamples=2_000),
                sum(extra > 0 for extra in more) / len(more),
                sum(extra < 0 for extra in more) / len(more),
                bootstrap(distances, resamples=2_000),
                None if make is _single else permutation_test(distances, reference),
            )
        )
    return rows


def splits(data: Path) -> list[Split]:
    """How many single-hop questions (SQuAD) are split, and how many of two kinds of two hops (HotpotQA)."""
    sources: dict[str, Iterator[Question]] = {
        "SQuAD 1.1": squad(data / "extractive_qa/squad11_13articles.json"),
        "HotpotQA-500": hotpotqa(data / "multihop_qa/hotpot500/questions.jsonl"),
    }
    rows: list[Split] = []
    for name, questions in sources.items():
        kinds: dict[str, list[float]] = {}
        for question in questions:
            if name != "SQuAD 1.1" or not in_calibration(question):
                split = float(len(plan(question.question).steps) > 1)
                kinds.setdefault(question.kind if name != "SQuAD 1.1" else "single hop", []).append(split)
        rows += [
            Split(name, kind, bootstrap(found, resamples=2_000)) for kind, found in sorted(kinds.items())
        ]
    return rows


def _is_calibration(item: Decomposition) -> bool:
    return in_calibration(Question(item.id, item.question, ()))


# --- recall ------------------------------------------------------------------------------------------------


async def recalls(name: str, base: KnowledgeBase, asked: Sequence[Case]) -> Recall:
    """Recall@5 with the whole question, and with its steps, whose passages are taken in turn."""
    whole, steps = [], []
    for case in asked:
        text = case.question.question
        whole.append(recall_at(DEPTH, ranked(base, await hybrid(base, text, 4 * DEPTH)), case.gold))
        found = [ranked(base, await hybrid(base, query, 4 * DEPTH)) for query in _queries(case.question)]
        steps.append(recall_at(DEPTH, _in_turn(found), case.gold))
    return Recall(name, bootstrap(whole), bootstrap(steps), permutation_test(steps, whole))


def _queries(question: Question) -> list[str]:
    """The steps that search, with gold answers in the place of references.

    Gold has other steps than ours: the answer of ours is that of the gold step with the most words in common
    (MuSiQue), or the object of the first gold triple that its question names the subject of (2Wiki).
    """
    known: dict[str, str] = {}
    texts: list[str] = []
    for step in plan(question.question).steps:
        if step.operation == "search":
            text = re.sub(r"#(\d+)", lambda match: known.get(match[1], ""), step.question)
            known[step.id] = _gold_answer(text, question)
            texts.append(text)
    return texts


def _gold_answer(text: str, question: Question) -> str:
    for subject, _, value in question.extra.get("gold_triples", ()):
        if subject.casefold() in text.casefold() and value.casefold() not in text.casefold():
            return str(value)
    words = _stems(text)
    shared = [
        (len(words & _stems(step["question"])), str(step["answer"]))
        for step in question.extra.get("question_decomposition", ())
    ]
    count, answer = max(shared, key=lambda pair: pair[0], default=(0, ""))
    return answer if count else ""


def _stems(text: str) -> set[str]:
    return {stem(word) for word in re.findall(r"\w+", text) if word.lower() not in STOP_WORDS}


def _in_turn(found: Sequence[Sequence[Key]]) -> list[Key]:
    """The best of each list, then the second of each, and so on; each passage once."""
    longest = max(map(len, found), default=0)
    return list(dict.fromkeys(keys[at] for at in range(longest) for keys in found if at < len(keys)))


async def _recall_rows(data: Path, cache: Path) -> list[Recall]:
    rows = []
    for name, calibration in (("musique100-none", False), ("2wiki500-none", True)):
        asked = [case for case in cases(SETS[name], data) if in_calibration(case.question) == calibration]
        async with await opened(SETS[name], data, cache, MiniLM()) as base:
            half = "calibration half" if calibration else "other half"
            rows.append(await recalls(f"{name.removesuffix('-none')}, {half}", base, asked[:100]))
    return rows


# --- the tables --------------------------------------------------------------------------------------------


def _percent(share: Interval) -> str:
    return f"{100 * share.mean:.1f} [{100 * share.low:.1f}, {100 * share.high:.1f}]"


def markdown(columns: Sequence[str], rows: Sequence[Row | Split | Recall]) -> str:
    """Rows as a Markdown table."""
    lines = [" | ".join(columns), " | ".join("---" for _ in columns), *(" | ".join(r.cells()) for r in rows)]
    return "\n".join(f"| {line} |" for line in lines) + "\n"


def _speed(asked: Sequence[Decomposition]) -> str:
    times = []
    for item in asked:
        start = process_time()
        plan(item.question)
        times.append(1_000 * (process_time() - start))
    middle, late = np.quantile(times, [0.5, 0.99])
    return f"Planning: {middle:.1f} ms of CPU time at the median, {late:.1f} at p99 (n = {len(times)}).\n"


def main(given: Sequence[str]) -> int:
    """Measure, show, write."""
    parser = argparse.ArgumentParser(prog="kedge bench planning", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the data sets")
    parser.add_argument("--cache", type=Path, default=Path(".bench"), help="where bases are built and kept")
    parser.add_argument("--calibration", action="store_true", help="the half that rules were written with")
    parser.add_argument("--recall", action="store_true", help="also search with the steps")
    parser.add_argument("--output", type=Path, help="folder for planning.md and planning.json")
    options = parser.parse_args(given)
    asked = {
        name: [item for item in read(options.data / path) if _is_calibration(item) == options.calibration]
        for name, (path, read) in READ.items()
    }
    rows = [row for name, items in asked.items() for row in measure(name, items)]
    split = splits(options.data)
    found = asyncio.run(_recall_rows(options.data, options.cache)) if options.recall else []
    measured: list[Row | Split | Recall] = [*rows, *split, *found]
    text = "\n".join(
        (
            markdown(COLUMNS, rows),
            markdown(("set", "kind", "n", "split [95 %]"), split),
            markdown(("set", "n", "R@5 whole [95 %]", "R@5 in steps [95 %]", "p"), found),
            _speed([item for items in asked.values() for item in items]),
        )
    )
    sys.stdout.write(text)
    if options.output is not None:
        options.output.mkdir(parents=True, exist_ok=True)
        (options.output / "planning.md").write_text(text)
        (options.output / "planning.json").write_text(json.dumps([asdict(row) for row in measured], indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
