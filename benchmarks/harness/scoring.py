"""What records come to: scores of every method, with intervals, failures in every denominator."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from kedge.agents.decisions import Reading
from kedge.benchmarks.datasets import Question
from kedge.benchmarks.harness.asking import record
from kedge.benchmarks.harness.drawing import in_development
from kedge.benchmarks.metrics import (
    WEIGHT,
    Interval,
    Ratios,
    area,
    bootstrap,
    calibration_error,
    joint,
    mcnemar,
    permutation_test,
    ratios,
    risk_coverage,
    stratified,
    threshold,
)
from kedge.graphs.answer import compose
from kedge.tools.knowledge_base import entity_key
from kedge.tools.models import Ledger

__all__ = ["BASELINE", "RIGHT", "Score", "Tally", "acceptable", "point", "prior", "scores"]

BASELINE = "retrieve_read"
RIGHT = 0.5  # F1 from which on an answer counts as right where it must be one or the other
RESAMPLES = 2_000

PARTS: Mapping[str, Callable[[Question], str]] = {
    "kind": lambda question: question.kind,
    "hops": lambda question: str(question.hops or ""),
    "external": lambda question: (
        f"{question.extra['external']:.2f}" if question.extra.get("external") is not None else ""
    ),
}
"""What scores are told apart by, where the questions say it."""


@dataclass(frozen=True)
class Score:
    """What a method reached; shares from 0 to 1, over all questions of the set, failures included.

    `leaked` is the F1 against the outside answer on questions to be refused: what is right there came from
    elsewhere. `thresholded` is the joint score on the held-out half when answers below `limit` are
    declined; `limit` was chosen on the development half. `p` and `p_right` compare with the baseline:
    a paired permutation test of the per-question scores, and McNemar's of what is right. There is no joint
    score where all questions can be answered, or none.
    """

    method: str
    f1: Interval
    em: Interval
    refused: Interval
    ratios: Ratios
    leaked: float
    joint: Interval | None
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


def scores(
    given: Sequence[Question],
    records: Sequence[Mapping[str, Any]],
    *,
    baseline: str = BASELINE,
    seed: int = 0,
) -> list[Score]:
    """A score for each method in the records, and for always refusing and always answering.

    A question without a record of a method counts as failed. Who always answers says what the answers of the
    other half of the questions suggest, whatever the documents say.
    """
    rows: defaultdict[str, dict[str, Mapping[str, Any]]] = defaultdict(dict)
    for row in records:
        rows[row["method"]][row["question"]] = row
    rows["always refuse"] = {item.id: _refused(item) for item in given}
    known = {side: [(i.question, i.answers[0]) for i in given if i.answerable and in_development(i) == side]
             for side in (True, False)}  # fmt: skip
    if all(known.values()):
        say = {side: prior(pairs) for side, pairs in known.items()}
        rows["always answer"] = {i.id: _said(i, say[not in_development(i)](i.question)) for i in given}
    made = {method: [_filled(item, method, held) for item in given] for method, held in rows.items()}
    base = made.get(baseline)
    return [
        _score(method, given, kept, base if method != baseline else None, seed)
        for method, kept in made.items()
    ]


@dataclass
class Tally:
    """How it goes so far: told one record at a time."""

    given: Mapping[str, Question]
    counts: dict[bool, int] = field(default_factory=lambda: {True: 0, False: 0})
    points: dict[bool, float] = field(default_factory=lambda: {True: 0.0, False: 0.0})
    failed: int = 0

    def add(self, row: Mapping[str, Any]) -> None:
        """Take a record in."""
        question = self.given[row["question"]]
        self.counts[question.answerable] += 1
        self.points[question.answerable] += point(question, row)
        self.failed += bool(row["failure"])

    def __str__(self) -> str:
        shown = [
            f"{name} {100 * self.points[side] / self.counts[side]:.0f}"
            for name, side in (("F1", True), ("refused", False))
            if self.counts[side]
        ]
        return ", ".join([*shown, f"{self.failed} failed"] if self.failed else shown)


def prior(known: Iterable[tuple[str, str]]) -> Callable[[str], str]:
    """What to say to a question, whatever it is about: the commonest answer to those that begin alike.

    Args:
        known: Questions with their answers, at least one.

    Example:
        >>> say = prior([("Who built it?", "Ada"), ("Who built that?", "Ada"), ("When was it?", "1902")])
        >>> say("Who built the pier?"), say("When was it?"), say("Why?")
        ('Ada', '1902', 'Ada')
    """
    by_opening: defaultdict[str, Counter[str]] = defaultdict(Counter)
    overall: Counter[str] = Counter()
    for question, answer in known:
        by_opening[_opening(question)][answer] += 1
        overall[answer] += 1

    def say(question: str) -> str:
        return (by_opening.get(_opening(question)) or overall).most_common(1)[0][0]

    return say


def point(question: Question, row: Mapping[str, Any]) -> float:
    """What a record earns: its F1, or 1 for an acceptable refusal where there is nothing to answer."""
    return float(row["f1"]) if question.answerable else acceptable(row)


def acceptable(row: Mapping[str, Any]) -> float:
    """1 for a record that declines, or asks what is meant."""
    return float(row["outcome"] in ("declined", "clarification"))


def _opening(question: str) -> str:
    return " ".join(re.findall(r"\w+", entity_key(question))[:2])


def _filled(item: Question, method: str, held: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    return held.get(item.id) or record(item, method, None, 0.0, failure="not asked")


def _refused(item: Question) -> Mapping[str, Any]:
    return record(item, "always refuse", None, 0.0) | {"outcome": "declined"}


def _said(item: Question, text: str) -> Mapping[str, Any]:
    reading = Reading(answer=text)
    return record(item, "always answer", compose(item.question, "", reading, [], ledger=Ledger()), 0.0)


def _score(
    method: str,
    given: Sequence[Question],
    kept: Sequence[Mapping[str, Any]],
    base: Sequence[Mapping[str, Any]] | None,
    seed: int,
) -> Score:
    pairs = list(zip(given, kept, strict=True))
    inside = [row for item, row in pairs if item.answerable]
    outside = [row for item, row in pairs if not item.answerable]
    told = [(row["confidence"], _right(item, row)) for item, row in pairs if row["text"]]
    points = [point(item, row) for item, row in pairs]
    other = [point(item, row) for item, row in zip(given, base, strict=True)] if base else None
    limit = _limit([pair for pair in pairs if in_development(pair[0])])
    held = [pair for pair in pairs if not in_development(pair[0])]
    return Score(
        method=method,
        f1=_interval([row["f1"] for row in inside], seed),
        em=_interval([row["em"] for row in inside], seed),
        refused=_interval([acceptable(row) for row in outside], seed),
        ratios=ratios([row["outcome"] for row in outside]) if outside else Ratios(0, 0, 0, 0, 0, 0),
        leaked=_mean([row["f1"] for row in outside]),
        joint=_joined([row["f1"] for row in inside], [acceptable(row) for row in outside], seed),
        held_out_joint=_joint(held, 0.0),
        thresholded=_joint(held, limit),
        limit=limit,
        area=area(risk_coverage(*map(list, zip(*told, strict=True)))) if told else 0.0,
        calibration=calibration_error(*map(list, zip(*told, strict=True))) if told else 0.0,
        failures=sum(bool(row["failure"]) for row in kept),
        median_ms=1_000 * median(row["seconds"] for row in kept) if kept else 0.0,
        p=permutation_test(points, other, seed=seed) if other else None,
        p_right=(mcnemar([p > RIGHT for p in points], [p > RIGHT for p in other]) if other else None),
        by={name: _by(pairs, part) for name, part in PARTS.items() if any(map(part, given))},
    )


def _right(item: Question, row: Mapping[str, Any]) -> float:
    """Whether something that was answered is right."""
    return float(item.answerable and row["f1"] > RIGHT)


def _limit(pairs: Sequence[tuple[Question, Mapping[str, Any]]]) -> float:
    """The confidence below which declining is better for the joint score, on these questions."""
    told = [(item, row) for item, row in pairs if row["text"]]
    weight = {True: 0.7 / (sum(i.answerable for i, _ in pairs) or 1),
              False: 0.3 / (sum(not i.answerable for i, _ in pairs) or 1)}  # fmt: skip
    if not told:
        return 0.0
    gains = [weight[True] * row["f1"] if item.answerable else 0.0 for item, row in told]
    losses = [0.0 if item.answerable else weight[False] for item, _ in told]
    return threshold([row["confidence"] for _, row in told], gains, losses)


def _joined(inside: Sequence[float], outside: Sequence[float], seed: int) -> Interval | None:
    if not inside or not outside:
        return None
    return stratified([(WEIGHT, inside), (1 - WEIGHT, outside)], seed=seed, resamples=RESAMPLES)


def _joint(pairs: Sequence[tuple[Question, Mapping[str, Any]]], limit: float) -> float:
    """The joint score when answers below a confidence are declined."""
    kept = [(i, r, bool(r["text"]) and r["confidence"] >= limit) for i, r in pairs]
    inside = [row["f1"] if given else 0.0 for item, row, given in kept if item.answerable]
    outside = [
        1.0 if row["text"] and not given else acceptable(row)
        for item, row, given in kept
        if not item.answerable
    ]
    return joint(_mean(inside), _mean(outside))


def _by(
    pairs: Sequence[tuple[Question, Mapping[str, Any]]], name: Callable[[Question], str]
) -> dict[str, dict[str, Any]]:
    """F1 and refusals of parts of the set; each part is divided by its own number of questions."""
    parts: defaultdict[str, list[tuple[Question, Mapping[str, Any]]]] = defaultdict(list)
    for item, row in pairs:
        parts[name(item)].append((item, row))
    return {
        part: {
            "answerable": sum(item.answerable for item, _ in inside),
            "f1": _mean([row["f1"] for item, row in inside if item.answerable]),
            "unanswerable": sum(not item.answerable for item, _ in inside),
            "refused": _mean([acceptable(row) for item, row in inside if not item.answerable]),
        }
        for part, inside in sorted(parts.items())
    }


def _interval(values: Sequence[float], seed: int) -> Interval:
    return bootstrap(values, seed=seed, resamples=RESAMPLES) if values else Interval(0.0, 0.0, 0.0, 0)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
