"""Batched self-consistency: passages graded together, again and again in other company, and averaged.

After Batched Self-Consistency (arXiv 2505.12570), whose prompt and aggregation we could not read. A judge
that sees several passages at once is biased by their places and their neighbours. So each round draws the
batches anew, and the design is balanced. Rounds come in pairs in which a passage takes a place and then its
mirror image, so a pair cancels any bias that is linear in the place. Over as many rounds as a batch has
places (an even number, every batch full) each passage has taken each place exactly once.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import fmean, pvariance

from kedge.errors import DecisionFailed
from kedge.tools.knowledge_base import Chunk

__all__ = ["BatchJudge", "Grades", "batched", "design"]

BatchJudge = Callable[[str, Sequence[Chunk]], Awaitable[Mapping[int, float]]]
"""Grades several passages at once: a grade for each position, which may lack some."""


@dataclass(frozen=True)
class Grades:
    """What the rounds came to: for each passage the mean grade and its variance over rounds.

    `calls` counts the judge's; `stable` says that the best passages stayed the same, so rounds were saved.
    """

    mean: tuple[float, ...]
    variance: tuple[float, ...]
    rounds: int
    calls: int
    stable: bool


def design(count: int, size: int, rounds: int, seed: int = 0) -> list[list[list[int]]]:
    """For each round, batches of passage numbers in the order they are shown.

    Example:
        >>> [sorted(number for batch in batches for number in batch) for batches in design(4, 2, 2)]
        [[0, 1, 2, 3], [0, 1, 2, 3]]
    """
    if not count:
        return []
    draw = random.Random(seed)  # noqa: S311 - no secret
    batches = ceil(count / size)
    places = ceil(count / batches)
    order = list(range(count))
    draw.shuffle(order)
    first = {number: at % places for at, number in enumerate(order)}
    plan = []
    for turn in range(rounds):
        shift = 2 * _spread(turn // 2, ceil(places / 2))
        taken = {number: (place + shift) % places for number, place in first.items()}
        if turn % 2:
            taken = {number: places - 1 - place for number, place in taken.items()}
        drawn: list[list[int]] = [[] for _ in range(batches)]
        for place in range(places):
            here = [number for number in order if taken[number] == place]
            for batch, number in zip(draw.sample(range(batches), len(here)), here, strict=True):
                drawn[batch].append(number)
        plan.append(drawn)
    return plan


async def batched(
    judge: BatchJudge,
    question: str,
    passages: Sequence[Chunk],
    *,
    size: int = 10,
    rounds: int = 10,
    top: int = 5,
    seed: int = 0,
) -> Grades:
    """Mean grades over rounds of re-drawn batches, at most `rounds` of them.

    Stops early once the `top` passages are the same after two pairs of rounds in a row. A passage that a
    batch's reply lacks is asked about alone.

    Raises:
        DecisionFailed: no passage got a grade.
    """
    seen: list[list[float]] = [[] for _ in passages]
    leaders: list[frozenset[int]] = []
    calls = played = 0
    stable = False
    plan = design(len(passages), size, rounds, seed)
    for pair in (plan[at : at + 2] for at in range(0, len(plan), 2)):
        asked = [batch for batches in pair for batch in batches if batch]
        for grades, spent in await asyncio.gather(*(_ask(judge, question, passages, b) for b in asked)):
            calls += spent
            for number, grade in grades.items():
                seen[number].append(grade)
        played += len(pair)
        leaders.append(_best(seen, top))
        stable = len(passages) > top and leaders[-2:-1] == leaders[-1:]
        if stable:
            break
    if passages and not any(seen):
        raise DecisionFailed(f"none of {len(passages)} passages got a grade in {calls} calls")
    whole = fmean(grade for grades in seen for grade in grades) if passages else 0.0
    return Grades(
        mean=tuple(fmean(grades) if grades else whole for grades in seen),
        variance=tuple(pvariance(grades) if grades else 0.0 for grades in seen),
        rounds=played,
        calls=calls,
        stable=stable,
    )


async def _ask(
    judge: BatchJudge, question: str, passages: Sequence[Chunk], batch: Sequence[int]
) -> tuple[dict[int, float], int]:
    """Grades of a batch and the calls they took; what the first reply lacks is asked about alone."""
    grades = await _try(judge, question, passages, batch)
    missing = [number for number in batch if number not in grades] if len(batch) > 1 else []
    for alone in await asyncio.gather(*(_try(judge, question, passages, [number]) for number in missing)):
        grades |= alone
    return grades, 1 + len(missing)


async def _try(
    judge: BatchJudge, question: str, passages: Sequence[Chunk], batch: Sequence[int]
) -> dict[int, float]:
    try:
        found = await judge(question, [passages[number] for number in batch])
    except DecisionFailed:
        return {}
    return {batch[place]: grade for place, grade in found.items() if 0 <= place < len(batch)}


def _best(seen: Sequence[Sequence[float]], top: int) -> frozenset[int]:
    """The passages with the best mean; the earlier of two that are as good."""
    means = [fmean(grades) if grades else 0.0 for grades in seen]
    return frozenset(sorted(range(len(means)), key=lambda number: (-means[number], number))[:top])


def _spread(turn: int, count: int) -> int:
    """The numbers below `count`, far ones first, so that any few of them are spread out: 0, 2, 1, 3."""
    bits = max(1, (count - 1).bit_length())
    reversed_ = [int(f"{number:0{bits}b}"[::-1], 2) for number in range(2**bits)]
    within = [number for number in reversed_ if number < count]
    return within[turn % count]
