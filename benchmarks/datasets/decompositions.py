"""Questions with the steps that people took to answer them, one function for each data set.

Each takes the path of a file and yields questions whose gold is a `Plan`, so that plans are compared with
plans. Gold operations are not kept: every step is a `search` there. All raise `LoadError`, naming file and
line, at the first row that does not fit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from kedge.agents.decisions import Plan, SubQuestion
from kedge.benchmarks.datasets.rows import json_rows

__all__ = ["Decomposition", "break_qdmr", "fanoutqa", "musique_steps", "strategyqa"]


@dataclass(frozen=True)
class Decomposition:
    """A question and its gold plan. `kind` is the part of the data set it comes from, if that is known."""

    id: str
    question: str
    plan: Plan
    kind: str = ""


def break_qdmr(path: str | Path) -> Iterator[Decomposition]:
    """Break's QDMR, of either granularity; `kind` is the data set that Break took the question from."""
    for item in json_rows(Path(path)):
        identity = item.get(str, "id", "question_id")
        steps = item.texts("steps")
        yield Decomposition(identity, item.get(str, "question"), _plan(steps), identity.split("_")[0])


def strategyqa(path: str | Path) -> Iterator[Decomposition]:
    """StrategyQA; most of its steps are not in the words of the question."""
    for item in json_rows(Path(path)):
        yield Decomposition(
            item.get(str, "qid"), item.get(str, "question"), _plan(item.texts("decomposition"))
        )


def musique_steps(path: str | Path) -> Iterator[Decomposition]:
    """The gold decompositions of MuSiQue; `kind` is the shape, such as `3hop1`."""
    for item in json_rows(Path(path)):
        steps = [step.get(str, "question") for step in item.rows("question_decomposition")]
        identity = item.get(str, "id")
        yield Decomposition(identity, item.get(str, "question"), _plan(steps), identity.split("__")[0])


def fanoutqa(path: str | Path) -> Iterator[Decomposition]:
    """FanOutQA's outermost steps, folded into the shape that a plan can have before any answer is known.

    Gold asks one question for each thing that an earlier step lists; they are one step here. Where several
    steps are left that no other waits for, a last step brings them together.
    """
    for item in json_rows(Path(path)):
        folded: dict[tuple[str, ...], str] = {}
        names: dict[str, str] = {}
        steps: list[SubQuestion] = []
        for step in item.rows("decomposition"):
            before = tuple(sorted({names[known] for known in step.texts("depends_on") if known in names}))
            name = folded.get(before) if before else None
            if name is None:
                name = str(len(steps) + 1)
                folded[before] = name
                steps.append(SubQuestion(id=name, question=step.get(str, "question"), depends_on=before))
            names[step.get(str, "id")] = name
        waited = {name for step in steps for name in step.depends_on}
        loose = tuple(step.id for step in steps if step.id not in waited)
        question = item.get(str, "question")
        if len(loose) > 1:
            steps.append(SubQuestion(id=str(len(steps) + 1), question=question, depends_on=loose))
        yield Decomposition(item.get(str, "id"), question, Plan(steps=tuple(steps)))


def _plan(texts: Sequence[str]) -> Plan:
    """Steps numbered from 1; `#n` refers to the step `n` before it, and any other number to nothing."""
    return Plan(
        steps=tuple(
            SubQuestion(
                id=str(number),
                question=text,
                depends_on=tuple(
                    dict.fromkeys(n for n in re.findall(r"#(\d+)", text) if 0 < int(n) < number)
                ),
            )
            for number, text in enumerate(texts, 1)
        )
    )
