"""Measures against cases worked out by hand."""

from __future__ import annotations

import math
import random

import pytest

from kedge.agents.decisions import Plan, SubQuestion
from kedge.benchmarks.metrics import (
    bootstrap,
    contains,
    edit_distance,
    exact_match,
    f1,
    hit_at,
    mcnemar,
    normalise,
    permutation_test,
    recall_at,
    same_shape,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The Grey Heron", "grey heron"),
        ("a  An THE", ""),
        ("Sorley & Daughters", "sorley daughters"),
        ("U.S.", "us"),
        ("theatre", "theatre"),
        ("6,350 crans", "6350 crans"),
    ],
)
def test_normalise_follows_squad(text: str, expected: str) -> None:
    assert normalise(text) == expected


@pytest.mark.parametrize(
    ("answer", "gold", "expected"),
    [
        ("the Hesk", ["Hesk"], 1.0),
        ("Hesk island", ["Hesk"], 0.0),
        ("twice", ["2", "twice"], 1.0),
        (None, [], 1.0),
        ("", [], 1.0),
        (None, ["Hesk"], 0.0),
        ("Hesk", [], 0.0),
        # As in SQuAD, a gold answer of nothing but an article is no gold answer.
        ("", ["the"], 1.0),
    ],
)
def test_exact_match(answer: str | None, gold: list[str], expected: float) -> None:
    assert exact_match(answer, gold) == expected


@pytest.mark.parametrize(
    ("answer", "gold", "expected"),
    [
        ("Captain Ines Marrick", ["Ines Marrick"], 0.8),  # precision 2/3, recall 1
        ("Little Tamsin", ["Great Tamsin"], 0.5),
        ("Quern Holm", ["Hesk", "Holm"], 2 / 3),  # the better of 0 and 2/3
        ("far far away", ["far"], 0.5),  # a repeated word matches once: precision 1/3, recall 1
        ("Hesk", ["Quern Holm"], 0.0),
        (None, [], 1.0),
        (None, ["Hesk"], 0.0),
        ("Hesk", [], 0.0),
    ],
)
def test_f1(answer: str | None, gold: list[str], expected: float) -> None:
    assert f1(answer, gold) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("answer", "gold", "expected"),
    [
        ("She was born on Little Tamsin.", ["Little Tamsin"], 1.0),
        ("Tamsin, Little", ["Little Tamsin"], 0.0),
        ("In 1858", ["58"], 0.0),
        ("Fifty-eight, that is 58.", ["58"], 1.0),
        ("anything", [], 0.0),
        (None, [], 1.0),
    ],
)
def test_contains_looks_for_whole_words(answer: str | None, gold: list[str], expected: float) -> None:
    assert contains(answer, gold) == expected


def test_recall_counts_distinct_gold_among_the_first_k() -> None:
    ranked = ["x", "a", "a", "b"]
    assert [recall_at(k, ranked, ["a", "b"]) for k in (0, 1, 2, 3, 4, 9)] == [0, 0, 0.5, 0.5, 1, 1]


def test_hit_is_any_gold() -> None:
    assert [hit_at(k, ["x", "b"], {"a", "b"}) for k in (1, 2)] == [0.0, 1.0]


def test_recall_without_gold_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one gold id"):
        recall_at(5, ["a"], [])


def test_bootstrap_agrees_with_the_normal_interval() -> None:
    values = [1.0] * 300 + [0.0] * 100
    interval = bootstrap(values, seed=3)
    half = 1.96 * math.sqrt(0.75 * 0.25 / 400)
    assert interval.mean == 0.75
    assert interval.low == pytest.approx(0.75 - half, abs=0.004)
    assert interval.high == pytest.approx(0.75 + half, abs=0.004)
    assert interval.n == 400


def test_bootstrap_repeats_with_its_seed_and_covers_the_mean() -> None:
    values = [math.sqrt(number) for number in range(30)]
    first = bootstrap(values, seed=1)
    assert first == bootstrap(values, seed=1) != bootstrap(values, seed=2)
    assert first.low < first.mean < first.high
    wide = bootstrap(values, seed=1, level=0.99)
    assert wide.low <= first.low
    assert wide.high >= first.high


def test_bootstrap_needs_values() -> None:
    with pytest.raises(ValueError, match="at least one value"):
        bootstrap([])


def test_permutation_test_is_exact_for_few_pairs() -> None:
    # Differences 1, 1, 1: of 8 sign patterns only +++ and --- are as extreme.
    assert permutation_test([1, 1, 1], [0, 0, 0]) == 0.25
    # Differences 3, 1, -1: sums 3 1 5 3 and their negatives; observed 3; 6 of 8 are at least as extreme.
    assert permutation_test([3, 1, 0], [0, 0, 1]) == 0.75
    assert permutation_test([0.5, 1], [0.5, 1]) == 1.0


def test_permutation_test_by_sampling_agrees_with_the_exact_one() -> None:
    draw = random.Random(5)
    ours = [draw.random() + 0.25 for _ in range(12)]
    theirs = [draw.random() for _ in range(12)]
    exact = permutation_test(ours, theirs, resamples=2**12)
    sampled = permutation_test(ours, theirs, resamples=2**12 - 1, seed=1)
    assert 0 < exact < 1
    assert sampled == pytest.approx(exact, abs=0.03)
    assert sampled == permutation_test(theirs, ours, resamples=2**12 - 1, seed=1)


def test_permutation_test_never_says_impossible() -> None:
    assert permutation_test([1.0] * 400, [0.0] * 400, resamples=999) == pytest.approx(1 / 1000)


@pytest.mark.parametrize(
    ("only_ours", "only_theirs", "expected"),
    [(5, 0, 2 / 32), (0, 0, 1.0), (3, 3, 1.0), (8, 2, 2 * (1 + 10 + 45) / 1024), (1, 9, 2 * (1 + 10) / 1024)],
)
def test_mcnemar(only_ours: int, only_theirs: int, expected: float) -> None:
    ours = [True] * only_ours + [False] * only_theirs + [True, False]
    theirs = [False] * only_ours + [True] * only_theirs + [True, False]
    assert mcnemar(ours, theirs) == pytest.approx(expected)


def test_mcnemar_holds_for_many_questions() -> None:
    assert mcnemar([True] * 9000 + [False] * 9000, [False] * 9000 + [True] * 9000) == 1.0


def test_paired_tests_need_pairs() -> None:
    with pytest.raises(ValueError, match="equal length"):
        permutation_test([1.0], [])
    with pytest.raises(ValueError, match="equal length"):
        mcnemar([], [])


def graph(*before: str) -> Plan:
    """Steps 1, 2, ... that depend on these steps, such as "12"."""
    return Plan(
        steps=tuple(
            SubQuestion(id=str(number), question="?", depends_on=tuple(names))
            for number, names in enumerate(before, 1)
        )
    )


def test_plans_of_one_shape_may_stand_in_another_order() -> None:
    assert same_shape(graph("", "", "1", "23"), graph("", "1", "", "23"))
    assert edit_distance(graph("", "", "1", "23"), graph("", "1", "", "23")) == 0
    assert not same_shape(graph("", "", "1", "23"), graph("", "", "1", "3"))


@pytest.mark.parametrize(
    ("ours", "gold", "expected"),
    [
        (graph(""), graph("", "1"), 2 / 3),  # a step and a dependency are missing, of three
        (graph("", "1"), graph(""), 2 / 3),
        (graph("", ""), graph("", "1"), 1 / 3),
        (graph("", "", "12"), graph("", "1", "2"), 2 / 5),
    ],
)
def test_edit_distance_is_a_share_of_the_larger_graph(ours: Plan, gold: Plan, expected: float) -> None:
    assert edit_distance(ours, gold) == pytest.approx(expected)


def test_edit_distance_of_large_plans_ends() -> None:
    large = graph(*("1" if number else "" for number in range(20)))
    other = graph("", *(str(number % 7 + 1) for number in range(7)), *("" for _ in range(12)))
    assert 0 < edit_distance(large, other) <= 2
