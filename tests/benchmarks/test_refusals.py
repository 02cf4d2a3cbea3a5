"""Refusals, confidence and cheatability, against cases worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.benchmarks.metrics import (
    Guess,
    agreement,
    area,
    bipartitions,
    calibration_error,
    cheatability,
    combined,
    conditional,
    contrasted,
    joint,
    outcome_of,
    ratios,
    risk_coverage,
    support_f1,
    threshold,
)

SHARES = st.floats(0, 1, allow_nan=False)
PAIRS = st.lists(st.tuples(SHARES, SHARES), min_size=1, max_size=30)


# Refusals


def test_every_outcome_stays_in_the_denominator() -> None:
    found = ratios(
        ["answered", "declined", "declined", "clarification", "gave up", "failed", "failed", "answered"]
    )
    assert (found.answered, found.unanswered, found.clarification) == (2 / 8, 3 / 8, 1 / 8)
    assert (found.acceptable, found.failed, found.n) == (3 / 8, 2 / 8, 8)
    assert found.answered + found.unanswered + found.clarification + found.failed == 1
    with pytest.raises(ValueError, match="at least one"):
        ratios([])


def test_outcomes() -> None:
    assert outcome_of("1388", failed=True) == "failed"
    assert outcome_of("", "missing hop") == "declined"
    assert outcome_of(None, "under-specified") == "clarification"


@pytest.mark.parametrize(
    # UAEval4RAG, 2412.12300, GPT-4o on TriviaQA: correctness, acceptable, joint. It rounds its parts.
    ("correct", "acceptable", "published"),
    [(0.880, 0.532, 0.7756), (0.884, 0.843, 0.8717), (0.748, 0.830, 0.7726)],
)
def test_the_joint_score_is_the_published_one(correct: float, acceptable: float, published: float) -> None:
    assert joint(correct, acceptable) == pytest.approx(published, abs=1e-3)


# Confidence


def test_risk_over_coverage_by_hand() -> None:
    points = risk_coverage([0.2, 0.9, 0.5, 0.5], [0.0, 1.0, 1.0, 0.0])
    assert [(p.threshold, p.coverage) for p in points] == [(0.9, 0.25), (0.5, 0.75), (0.2, 1.0)]
    assert [p.risk for p in points] == pytest.approx([0, 1 / 3, 0.5])
    assert area(points) == pytest.approx(0.5 * (1 / 3) + 0.25 * 0.5)


@given(PAIRS)
def test_without_ties_the_area_is_the_mean_of_selective_risks(pairs: list[tuple[float, float]]) -> None:
    scores = np.array([score for _, score in pairs])
    sure = list(np.linspace(1, 0, len(pairs)))
    risks = 1 - np.cumsum(scores) / np.arange(1, len(scores) + 1)
    assert area(risk_coverage(sure, list(scores))) == pytest.approx(float(risks.mean()))


def test_calibration_by_hand() -> None:
    # Bins: 0.05 and 0.1 together (mean 0.075, half right), 0.95 alone (right).
    assert calibration_error([0.05, 0.1, 0.95], [0, 1, 1]) == pytest.approx(2 / 3 * 0.425 + 1 / 3 * 0.05)
    assert calibration_error([0.0, 1.0], [0, 1]) == 0


@given(PAIRS)
def test_calibration_is_no_better_than_it_is_overall(pairs: list[tuple[float, float]]) -> None:
    """One bin compares the means; more bins cannot make it smaller than that."""
    sure, right = zip(*pairs, strict=True)
    overall = abs(float(np.mean(sure)) - float(np.mean(right)))
    assert calibration_error(sure, right, bins=1) == pytest.approx(overall, abs=1e-9)
    assert calibration_error(sure, right) >= overall - 1e-9


@given(st.lists(st.tuples(SHARES, SHARES, SHARES), min_size=1, max_size=12))
def test_the_threshold_is_the_best_one(rows: list[tuple[float, float, float]]) -> None:
    sure, gains, losses = (list(column) for column in zip(*rows, strict=True))

    def earned(limit: float) -> float:
        return sum(
            gain if one >= limit else loss for one, gain, loss in zip(sure, gains, losses, strict=True)
        )

    assert earned(threshold(sure, gains, losses)) == pytest.approx(max(map(earned, [*sure, 2.0])))


def test_measures_need_pairs() -> None:
    for measure in (risk_coverage, calibration_error, cheatability):
        with pytest.raises(ValueError, match="equal length"):
            measure([0.5], [1.0, 0.0])
        with pytest.raises(ValueError, match="at least one"):
            measure([], [])


# Cheatability


@given(st.integers(2, 7), st.integers(1, 70))
def test_bipartitions_divide(number: int, most: int) -> None:
    supports = [str(n) for n in range(number)]
    found = bipartitions(supports, most=most)
    assert len(found) == min(most, 2 ** (number - 1) - 1)
    assert len({frozenset(parts) for parts in found}) == len(found)
    assert all(one and other and not one & other and one | other == set(supports) for one, other in found)


def test_one_support_cannot_be_divided() -> None:
    with pytest.raises(ValueError, match="two supports"):
        bipartitions(["a", "a"])


def test_the_probe_as_coded() -> None:
    """DiRe's own example: the surer answer, the union of the supports."""
    both = combined(Guess("Rome", 0.3, frozenset({"s2"})), Guess("Paris", 0.6, frozenset({"s1", "x"})))
    assert both == Guess("Paris", 0.6, frozenset({"s1", "s2", "x"}))
    assert support_f1(both.support, {"s1", "s2"}) == pytest.approx(0.8)
    assert support_f1(set(), set()) == 1
    assert combined(Guess(None, 0.9), Guess(None, 0.2)).answer is None


def test_cheatability_is_a_ratio_of_means_not_a_mean_of_ratios() -> None:
    probe, whole = [0.5, 0.0, 1.0], [1.0, 1.0, 0.5]
    assert cheatability(probe, whole).mean == pytest.approx(1.5 / 2.5)
    assert cheatability(conditional(probe, whole), whole).mean == pytest.approx(1.0 / 2.5)
    with pytest.raises(ValueError, match="no ratio"):
        cheatability([1.0], [0.0])


@given(PAIRS)
def test_the_conditional_probe_never_exceeds_the_original(pairs: list[tuple[float, float]]) -> None:
    probe, whole = zip(*pairs, strict=True)
    if sum(whole) > 0:
        found = cheatability(conditional(probe, whole), whole, resamples=200)
        assert 0 <= found.low <= found.high <= 1 + 1e-9


def test_a_contrastive_group_counts_as_a_whole() -> None:
    assert contrasted([1.0, 0.7, 0.7], [[True, True], [True, False], []]) == [1.0, 0.0, 0.0]


# Agreement


def test_kappa_by_hand() -> None:
    """Cohen's own kind of table: 20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no."""
    ours = [True] * 25 + [False] * 25
    theirs = [True] * 20 + [False] * 5 + [True] * 10 + [False] * 15
    found = agreement(ours, theirs)
    assert (found.share, found.n) == (0.7, 50)
    assert found.kappa == pytest.approx(0.4)
    assert agreement([1, 1], [1, 1]).kappa is None
    with pytest.raises(ValueError, match="equal length"):
        agreement([1], [])
