"""Batched self-consistency, with a judge whose bias is known."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.agents.grading import batched, design
from kedge.errors import DecisionFailed
from kedge.tools.knowledge_base import Chunk

COUNT = 20
TRUE = [((7 * n) % COUNT) / COUNT for n in range(COUNT)]  # true grades, in no order
PASSAGES = [Chunk(n, "d", "s", "", "", str(n), 0, 2) for n in range(COUNT)]


class BiasedJudge:
    """Grades the truth plus what the place in the batch adds, plus noise."""

    def __init__(self, bias: float = 0.1, *, curved: bool = False, noise: float = 0.0) -> None:
        self.bias, self.curved, self.noise = bias, curved, noise
        self.random = random.Random(1)
        self.calls = 0

    async def __call__(self, question: str, passages: Sequence[Chunk]) -> Mapping[int, float]:
        self.calls += 1
        return {place: TRUE[p.id] + self.added(place, len(passages)) for place, p in enumerate(passages)}

    def added(self, place: int, size: int) -> float:
        middle = (size - 1) / 2
        bias = abs(place - middle) - middle / 2 if self.curved else middle - place
        return self.bias * bias + self.random.gauss(0, self.noise)


def errors(grades: Sequence[float]) -> list[float]:
    """How far each grade is off, apart from what all are off by."""
    off = [grade - true for grade, true in zip(grades, TRUE, strict=True)]
    return [value - fmean(off) for value in off]


@pytest.mark.parametrize("curved", [False, True])
async def test_the_balanced_design_removes_a_bias_of_place(curved: bool) -> None:
    judge = BiasedJudge(curved=curved)
    grades = await batched(judge, "?", PASSAGES, size=10, rounds=10, top=COUNT)
    assert grades.rounds == 10
    assert max(map(abs, errors(grades.mean))) < 1e-9
    assert judge.calls == grades.calls == 20
    order = sorted(range(COUNT), key=lambda n: -grades.mean[n])
    assert order == sorted(range(COUNT), key=lambda n: -TRUE[n])


async def test_single_calls_and_repeated_ones_in_the_same_order_do_not() -> None:
    judge = BiasedJudge()
    once = await batched(judge, "?", PASSAGES, size=10, rounds=1)
    assert max(map(abs, errors(once.mean))) > 0.3
    same = [await judge("?", PASSAGES[:10]) for _ in range(10)]
    repeated = [fmean(reply[n] for reply in same) for n in range(10)]
    assert max(abs(a - b) for a, b in zip(repeated, TRUE, strict=False)) > 0.3


async def test_a_pair_of_rounds_cancels_a_linear_bias() -> None:
    grades = await batched(BiasedJudge(), "?", PASSAGES, size=10, rounds=2)
    assert max(map(abs, errors(grades.mean))) < 1e-9
    assert max(grades.variance) > 0.1, "the bias shows in the variance"


async def test_random_orders_leave_what_the_design_removes() -> None:
    """The same number of calls, shuffled freely."""
    draw, judge = random.Random(3), BiasedJudge()
    seen: dict[int, list[float]] = {n: [] for n in range(COUNT)}
    for _ in range(10):
        order = draw.sample(range(COUNT), COUNT)
        for batch in (order[:10], order[10:]):
            reply = await judge("?", [PASSAGES[n] for n in batch])
            for place, grade in reply.items():
                seen[batch[place]].append(grade)
    assert max(map(abs, errors([fmean(seen[n]) for n in range(COUNT)]))) > 0.1


async def test_it_stops_once_the_best_are_stable() -> None:
    quiet, noisy = BiasedJudge(), BiasedJudge(noise=0.5)
    stopped = await batched(quiet, "?", PASSAGES, size=10, rounds=20, top=5)
    assert stopped.stable
    assert stopped.rounds == 4
    assert quiet.calls == 8
    assert (await batched(noisy, "?", PASSAGES, size=10, rounds=20, top=5)).rounds > 4


async def test_noise_shows_as_variance_and_shrinks_with_rounds() -> None:
    few = await batched(BiasedJudge(0, noise=0.3), "?", PASSAGES, rounds=2, top=COUNT)
    many = await batched(BiasedJudge(0, noise=0.3), "?", PASSAGES, rounds=40, top=COUNT)
    assert fmean(many.variance) == pytest.approx(0.09, rel=0.3)
    assert fmean(e * e for e in errors(many.mean)) < fmean(e * e for e in errors(few.mean)) / 4


async def test_what_a_reply_lacks_is_asked_about_alone() -> None:
    asked: list[int] = []

    async def forgetful(question: str, passages: Sequence[Chunk]) -> Mapping[int, float]:
        asked.append(len(passages))
        return {place: 1.0 for place, p in enumerate(passages) if p.id != 3 or len(passages) == 1} | {77: 1.0}

    grades = await batched(forgetful, "?", PASSAGES, size=10, rounds=2)
    assert grades.mean == (1.0,) * COUNT
    assert Counter(asked) == {10: 4, 1: 2}
    assert grades.calls == 6


async def test_a_judge_that_fails_now_and_then_is_made_up_for() -> None:
    async def moody(question: str, passages: Sequence[Chunk]) -> Mapping[int, float]:
        if len(passages) > 1 or passages[0].id == 0:
            raise DecisionFailed("no")
        return {0: TRUE[passages[0].id]}

    grades = await batched(moody, "?", PASSAGES, rounds=2)
    assert grades.mean[1:] == tuple(TRUE[1:])
    assert grades.mean[0] == pytest.approx(fmean(TRUE[1:])), "nothing is known of it: it is like the others"

    async def broken(question: str, passages: Sequence[Chunk]) -> Mapping[int, float]:
        raise DecisionFailed("no")

    with pytest.raises(DecisionFailed, match="none of 20 passages"):
        await batched(broken, "?", PASSAGES, rounds=2)


async def test_nothing_to_grade() -> None:
    assert (await batched(BiasedJudge(), "?", [])).mean == ()


@given(st.integers(1, 40), st.integers(1, 12), st.integers(1, 12), st.integers(0, 9))
def test_every_round_shows_every_passage_once(count: int, size: int, rounds: int, seed: int) -> None:
    for batches in design(count, size, rounds, seed):
        assert sorted(number for batch in batches for number in batch) == list(range(count))
        assert max(map(len, batches)) <= size


@given(st.integers(1, 4), st.sampled_from([2, 4, 6, 8, 10]), st.integers(0, 9))
def test_full_batches_take_every_place_once(batches: int, size: int, seed: int) -> None:
    plan = design(batches * size, size, size, seed)
    for number in range(batches * size):
        places = [batch.index(number) for turn in plan for batch in turn if number in batch]
        assert sorted(places) == list(range(size))


def test_company_changes() -> None:
    met: Counter[tuple[int, int]] = Counter()
    for turn in design(20, 10, 10):
        for batch in turn:
            met.update(combinations(sorted(batch), 2))
    assert max(met.values()) < 10, "no two passages are always together"
    assert len(met) > 150
