"""Runs side by side: on the questions that all of them were asked, with paired tests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from kedge.benchmarks.datasets import Question
from kedge.benchmarks.harness.page import Table, percent
from kedge.benchmarks.harness.runs import Run
from kedge.benchmarks.harness.scoring import RIGHT, Score, point, scores
from kedge.benchmarks.metrics import Interval, bootstrap, mcnemar, permutation_test
from kedge.errors import InputError

__all__ = ["Comparison", "Pair", "compared", "pair_table"]


@dataclass(frozen=True)
class Pair:
    """Two systems on the same questions: what the first earns more than the second, and whether by chance.

    `p` is a paired permutation test of what each question earned, `p_holm` the same, corrected for as many
    tests as there are pairs (Holm 1979); `p_right` is McNemar's test of what is right.
    """

    one: str
    other: str
    difference: Interval
    p: float
    p_holm: float
    p_right: float


@dataclass(frozen=True)
class Comparison:
    """The questions that all runs have in common, and what every method of every run made of them.

    `records` have the name of run and method where a run has the method alone.
    """

    questions: tuple[Question, ...]
    records: tuple[Mapping[str, Any], ...]
    scores: list[Score]
    pairs: list[Pair]
    left_out: int


def compared(runs: Sequence[Run], *, seed: int = 0) -> Comparison:
    """Compare every method of every run with every other; scores are compared with the first one's.

    Questions are the same where id, words and answers are. One without a record counts as failed.

    Raises:
        InputError: The runs have no question in common, or nothing is there to be compared.
    """
    named = _named(runs)
    asked = [{question.id: question for question in run.questions} for run in runs]
    shared = tuple(
        question
        for question in asked[0].values()
        if all(_same(question, other.get(question.id)) for other in asked[1:])
    )
    if not shared:
        raise InputError("these runs have no question in common", fix="compare runs on the same data")
    ids = {question.id for question in shared}
    records = tuple(
        {**row, "method": name + row["method"]}
        for name, run in zip(named, runs, strict=True)
        for row in run.records
        if row["question"] in ids
    )
    systems = list(dict.fromkeys(row["method"] for row in records))
    if len(systems) < 2:
        raise InputError("there is one system, and nothing to compare it with", fix="name another run")
    return Comparison(
        shared,
        records,
        scores(shared, records, baseline=systems[0], seed=seed),
        _pairs(shared, records, systems, seed),
        len({question for run in asked for question in run} - ids),
    )


def pair_table(pairs: Sequence[Pair]) -> Table:
    """The pairs as a table; differences in percent points."""
    head = ("one", "other", "n", "difference [95 %]", "p", "p, corrected", "p of right")
    rows = [
        (
            pair.one,
            pair.other,
            str(pair.difference.n),
            percent(pair.difference),
            f"{pair.p:.4f}",
            f"{pair.p_holm:.4f}",
            f"{pair.p_right:.4f}",
        )
        for pair in pairs
    ]
    return head, list(rows)


def _named(runs: Sequence[Run]) -> list[str]:
    """What stands before the names of a run's methods: nothing, where there is one run."""
    if len(runs) == 1:
        return [""]
    short = [run.folder.resolve().name for run in runs]
    alone = len(set(short)) == len(short)
    return [f"{name}: " for name in (short if alone else [str(run.folder) for run in runs])]


def _same(one: Question, other: Question | None) -> bool:
    return other is not None and (one.question, set(one.answers)) == (other.question, set(other.answers))


def _pairs(
    given: Sequence[Question], records: Sequence[Mapping[str, Any]], systems: Sequence[str], seed: int
) -> list[Pair]:
    held: defaultdict[str, dict[str, Mapping[str, Any]]] = defaultdict(dict)
    for row in records:
        held[row["method"]][row["question"]] = row
    earned = {
        system: [
            point(question, kept) if (kept := held[system].get(question.id)) else 0.0 for question in given
        ]
        for system in systems
    }
    found = []
    for one, other in combinations(systems, 2):
        ours, theirs = earned[one], earned[other]
        difference = bootstrap([a - b for a, b in zip(ours, theirs, strict=True)], seed=seed)
        p = permutation_test(ours, theirs, seed=seed)
        p_right = mcnemar([a > RIGHT for a in ours], [b > RIGHT for b in theirs])
        found.append((one, other, difference, p, p_right))
    corrected = _holm([p for *_, p, _ in found])
    return [
        Pair(one, other, difference, p, p_holm, p_right)
        for (one, other, difference, p, p_right), p_holm in zip(found, corrected, strict=True)
    ]


def _holm(p: Sequence[float]) -> list[float]:
    """Each p, corrected for the number of tests."""
    corrected, worst = [0.0] * len(p), 0.0
    for rank, place in enumerate(sorted(range(len(p)), key=p.__getitem__)):
        worst = max(worst, min(1.0, (len(p) - rank) * p[place]))
        corrected[place] = worst
    return corrected
