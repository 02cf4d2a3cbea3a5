"""Scoring: every method on every question, recorded as it is answered, and what the records come to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from langchain_core.language_models import BaseChatModel

from kedge.agents.decisions import Reading
from kedge.agents.roles import Cast
from kedge.benchmarks.crumq.corpus import Worlds
from kedge.benchmarks.crumq.journal import each
from kedge.benchmarks.crumq.records import Item, credit, drawn
from kedge.benchmarks.crumq.shortcuts import prior
from kedge.benchmarks.metrics import (
    Interval,
    Ratios,
    area,
    bootstrap,
    calibration_error,
    contains,
    exact_match,
    joint,
    mcnemar,
    outcome_of,
    permutation_test,
    ratios,
    risk_coverage,
    threshold,
)
from kedge.errors import KedgeError
from kedge.graphs.answer import Answer, compose
from kedge.graphs.context import Context
from kedge.graphs.run import stream
from kedge.tools.knowledge_base import KnowledgeBase
from kedge.tools.models import Budget, Ledger, Meter

__all__ = ["BASELINE", "Score", "answered", "asked", "in_development", "plain", "record", "scores", "tallied"]

BASELINE = "retrieve_read"
RIGHT = 0.5  # F1 from which on an answer counts as right where it must be one or the other
BUDGET = Budget(seconds=None)  # a busy machine must not turn answers into refusals


@dataclass(frozen=True)
class Task:
    """One question for one method."""

    id: str
    item: Item
    method: str


async def answered(
    base: KnowledgeBase, question: str, method: str, cast: Cast, model: BaseChatModel | None = None
) -> Answer:
    """A method's answer to a question."""
    answer: Answer | None = None
    context = Context(base, cast, model=model, meter=Meter(BUDGET))
    async with aclosing(stream(question, context, method=method)) as told:
        async for part in told:
            if isinstance(part, Answer):
                answer = part
    assert answer is not None  # noqa: S101 - what a stream ends with
    return answer


async def asked(
    path: Path,
    given: Sequence[Item],
    methods: Sequence[str],
    both: Worlds,
    cast: Cast,
    *,
    model: BaseChatModel | None = None,
    at_once: int = 2,
) -> AsyncGenerator[dict[str, Any]]:
    """A record for every question and method, as they come; those in the file are not asked again.

    An answerable question is asked of all documents, another of the internal ones. A method that fails leaves
    a record that says so.
    """

    async def ask(task: Task) -> Mapping[str, Any]:
        start = perf_counter()
        try:
            answer = await answered(both.of(task.item.corpus), task.item.question, task.method, cast, model)
        except (KedgeError, ConnectionError, TimeoutError) as error:
            return record(task.item, task.method, None, perf_counter() - start, failure=str(error))
        return record(task.item, task.method, answer, perf_counter() - start)

    tasks = [Task(f"{method}/{item.id}", item, method) for method in methods for item in given]
    async with aclosing(each(path, tasks, ask, at_once=at_once)) as rows:
        async for row in rows:
            yield row


def record(
    item: Item, method: str, answer: Answer | None, seconds: float, *, failure: str = ""
) -> dict[str, Any]:
    """What is kept of an answer: what was said, on what grounds, and what it is worth."""
    text = answer.text if answer else None
    reason = answer.abstention.reason if answer and answer.abstention else None
    return {
        "question": item.id,
        "method": method,
        "text": text,
        "reason": reason,
        "outcome": outcome_of(text, reason, failed=answer is None),
        "confidence": answer.confidence if answer else 0.0,
        "f1": credit(text, item.answers) if text and item.answers else 0.0,
        "em": exact_match(text, item.answers) if text and item.answers else 0.0,
        "holds": contains(text, item.answers) if text and item.answers else 0.0,
        "seconds": round(seconds, 4),
        "failure": failure,
        "path": [f"{s.subject} — {s.relation} → {s.object}" for s in answer.path] if answer else [],
        "citations": [{"title": c.title, "quote": c.quote[:400]} for c in answer.citations] if answer else [],
        "trace": [f"{event.kind}: {event.message}"[:200] for event in answer.trace] if answer else [],
        "calls": sum(role.calls for role in answer.ledger.roles.values()) if answer else 0,
    }


@dataclass(frozen=True)
class Score:
    """What a method reached; shares from 0 to 1, over all questions of the set, failures included.

    `leaked` is the F1 against the outside answer on questions to be refused: what is right there came from
    elsewhere. `thresholded` is the joint score on the held-out half when answers below `limit` are
    declined; `limit` was chosen on the development half. `p` and `p_right` compare with the baseline:
    a paired permutation test of the per-question scores, and McNemar's of what is right.
    """

    method: str
    f1: Interval
    em: Interval
    refused: Interval
    ratios: Ratios
    leaked: float
    joint: float
    held_out_joint: float
    thresholded: float
    limit: float
    area: float
    calibration: float
    failures: int
    median_ms: float
    p: float | None
    p_right: float | None
    by: Mapping[str, Mapping[str, Any]]


def in_development(item: Item) -> bool:
    """Whether thresholds may be chosen on a question; its twin is always on the same side."""
    name = item.id if not item.answerable or item.twin is None else item.twin
    return drawn(0, "development", name) < 0.5


def scores(given: Sequence[Item], records: Sequence[Mapping[str, Any]], *, seed: int = 0) -> list[Score]:
    """A score for each method in the records, and for always refusing and always answering.

    A question without a record of a method counts as failed. Who always answers says what the answers of the
    development half suggest, whatever the documents say.
    """
    rows: defaultdict[str, dict[str, Mapping[str, Any]]] = defaultdict(dict)
    for row in records:
        rows[row["method"]][row["question"]] = row
    rows["always refuse"] = {item.id: _refused(item) for item in given}
    known = [(i.question, i.answers[0]) for i in given if i.answerable and in_development(i)]
    if known:
        say = prior(known)
        rows["always answer"] = {item.id: _said(item, say(item.question)) for item in given}
    made = {method: [_filled(item, method, held) for item in given] for method, held in rows.items()}
    base = made.get(BASELINE)
    return [_score(method, given, kept, base, seed) for method, kept in made.items()]


def tallied(given: Sequence[Item], records: Sequence[Mapping[str, Any]]) -> tuple[float, float, int]:
    """How it goes so far: mean F1 of answerable questions, the share refused of the others, and how many."""
    items = {item.id: item for item in given}
    answerable = [row["f1"] for row in records if items[row["question"]].answerable]
    refused = [_acceptable(row) for row in records if not items[row["question"]].answerable]
    return _mean(answerable), _mean(refused), len(records)


def _filled(item: Item, method: str, held: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    return held.get(item.id) or record(item, method, None, 0.0, failure="not asked")


def _refused(item: Item) -> Mapping[str, Any]:
    return record(item, "always refuse", None, 0.0) | {"outcome": "declined"}


def _said(item: Item, text: str) -> Mapping[str, Any]:
    reading = Reading(answer=text)
    return record(item, "always answer", compose(item.question, "", reading, [], ledger=Ledger()), 0.0)


def _score(
    method: str,
    given: Sequence[Item],
    kept: Sequence[Mapping[str, Any]],
    base: Sequence[Mapping[str, Any]] | None,
    seed: int,
) -> Score:
    pairs = list(zip(given, kept, strict=True))
    inside = [row for item, row in pairs if item.answerable]
    outside = [row for item, row in pairs if not item.answerable]
    told = [(row["confidence"], _right(item, row)) for item, row in pairs if row["text"]]
    points = [_point(item, row) for item, row in pairs]
    other = [_point(item, row) for item, row in zip(given, base, strict=True)] if base else None
    compared = other is not None and method != BASELINE
    limit = _limit([pair for pair in pairs if in_development(pair[0])])
    held = [pair for pair in pairs if not in_development(pair[0])]
    return Score(
        method=method,
        f1=_interval([row["f1"] for row in inside], seed),
        em=_interval([row["em"] for row in inside], seed),
        refused=_interval([_acceptable(row) for row in outside], seed),
        ratios=ratios([row["outcome"] for row in outside]) if outside else Ratios(0, 0, 0, 0, 0, 0),
        leaked=_mean([row["f1"] for row in outside]),
        joint=_joint(pairs, 0.0),
        held_out_joint=_joint(held, 0.0),
        thresholded=_joint(held, limit),
        limit=limit,
        area=area(risk_coverage(*map(list, zip(*told, strict=True)))) if told else 0.0,
        calibration=calibration_error(*map(list, zip(*told, strict=True))) if told else 0.0,
        failures=sum(bool(row["failure"]) for row in kept),
        median_ms=1_000 * median(row["seconds"] for row in kept) if kept else 0.0,
        p=permutation_test(points, other, seed=seed) if compared and other else None,
        p_right=(
            mcnemar([p > RIGHT for p in points], [p > RIGHT for p in other]) if compared and other else None
        ),
        by={
            "kind": _by(pairs, lambda item: item.kind),
            "hops": _by(pairs, lambda item: str(item.hops)),
            "external": _by(pairs, lambda item: f"{item.external:.2f}"),
        },
    )


def _acceptable(row: Mapping[str, Any]) -> float:
    return float(row["outcome"] in ("declined", "clarification"))


def _right(item: Item, row: Mapping[str, Any]) -> float:
    """Whether something that was answered is right."""
    return float(item.answerable and row["f1"] > RIGHT)


def _point(item: Item, row: Mapping[str, Any]) -> float:
    """What a record earns: its F1, or 1 for an acceptable refusal where there is nothing to answer."""
    return float(row["f1"]) if item.answerable else _acceptable(row)


def _limit(pairs: Sequence[tuple[Item, Mapping[str, Any]]]) -> float:
    """The confidence below which declining is better for the joint score, on these questions."""
    told = [(item, row) for item, row in pairs if row["text"]]
    weight = {True: 0.7 / (sum(i.answerable for i, _ in pairs) or 1),
              False: 0.3 / (sum(not i.answerable for i, _ in pairs) or 1)}  # fmt: skip
    if not told:
        return 0.0
    gains = [weight[True] * row["f1"] if item.answerable else 0.0 for item, row in told]
    losses = [0.0 if item.answerable else weight[False] for item, _ in told]
    return threshold([row["confidence"] for _, row in told], gains, losses)


def _joint(pairs: Sequence[tuple[Item, Mapping[str, Any]]], limit: float) -> float:
    """The joint score when answers below a confidence are declined."""
    kept = [(i, r, bool(r["text"]) and r["confidence"] >= limit) for i, r in pairs]
    inside = [row["f1"] if given else 0.0 for item, row, given in kept if item.answerable]
    outside = [
        1.0 if row["text"] and not given else _acceptable(row)
        for item, row, given in kept
        if not item.answerable
    ]
    return joint(_mean(inside), _mean(outside))


def _by(
    pairs: Sequence[tuple[Item, Mapping[str, Any]]], name: Callable[[Item], str]
) -> dict[str, dict[str, Any]]:
    """F1 and refusals of parts of the set; each part is divided by its own number of questions."""
    parts: defaultdict[str, list[tuple[Item, Mapping[str, Any]]]] = defaultdict(list)
    for item, row in pairs:
        parts[name(item)].append((item, row))
    return {
        part: {
            "answerable": sum(item.answerable for item, _ in inside),
            "f1": _mean([row["f1"] for item, row in inside if item.answerable]),
            "unanswerable": sum(not item.answerable for item, _ in inside),
            "refused": _mean([_acceptable(row) for item, row in inside if not item.answerable]),
        }
        for part, inside in sorted(parts.items())
    }


def _interval(values: Sequence[float], seed: int) -> Interval:
    return bootstrap(values, seed=seed, resamples=2_000) if values else Interval(0.0, 0.0, 0.0, 0)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def plain(score: Score) -> dict[str, Any]:
    """The score as JSON takes it."""
    return asdict(score)
