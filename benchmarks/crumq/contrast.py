"""Contrastive support sufficiency: whether a judge knows when a support was taken away (DiRe)."""

from __future__ import annotations

from collections.abc import Sequence

from kedge.agents.roles import Judge
from kedge.benchmarks.crumq.corpus import as_evidence
from kedge.benchmarks.crumq.index import words_of
from kedge.benchmarks.crumq.shortcuts import Case
from kedge.benchmarks.datasets import Passage
from kedge.benchmarks.harness.drawing import drawn
from kedge.benchmarks.metrics import contrasted
from kedge.errors import DecisionFailed

__all__ = ["contrasts", "transformed"]

SAMPLED = 200  # passages among which a replacement is looked for


def contrasts(case: Case, pool: Sequence[Passage]) -> list[tuple[tuple[Passage, ...], bool]]:
    """A question's supports, which are sufficient, and each instance with one of them replaced, which is not.

    The replacement is the passage of a drawn sample that has most words in common with what it replaces, and
    holds no answer.

    Example:
        >>> supports = tuple(Passage(n, n, f"{n} was built by Ada") for n in ("Pier", "Mill"))
        >>> case = Case("q", "Who?", ("Ada",), supports)
        >>> [(first.id, whole) for (first, _), whole in contrasts(case, [Passage("x", "", "High tide")])]
        [('Pier', True), ('x', False), ('Pier', False)]
    """
    taken = {passage.id for passage in case.passages}
    others = [p for p in pool if p.id not in taken and not any(a in p.text for a in case.answers)]
    sample = sorted(others, key=lambda p: drawn(0, "contrast", case.id, p.id))[:SAMPLED]
    found = [(case.passages, True)]
    for place, passage in enumerate(case.passages if sample else ()):
        words = set(words_of(passage.text))
        other = max(sample, key=lambda p: len(words & set(words_of(p.text))))
        found.append(((*case.passages[:place], other, *case.passages[place + 1 :]), False))
    return found


async def transformed(
    cases: Sequence[Case], scores: Sequence[float], pool: Sequence[Passage], judge: Judge
) -> list[float]:
    """Scores that count only where the judge is right about every instance of their question.

    A judge that comes to no decision is wrong.
    """
    right = []
    for case in cases:
        group = []
        for instance, sufficient in contrasts(case, pool):
            try:
                said = await judge.judge(case.question, as_evidence(instance))
                group.append(said.sufficient == sufficient)
            except DecisionFailed:
                group.append(False)
        right.append(group)
    return contrasted(scores, right)
