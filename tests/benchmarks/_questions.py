"""Five questions of a CRUMQ set, the same as any data set has them, and answers to them."""

from __future__ import annotations

from typing import Any

from kedge.agents.decisions import Reading
from kedge.benchmarks.crumq.records import Item, Support, question_of
from kedge.benchmarks.datasets import Question
from kedge.graphs.answer import Answer, compose
from kedge.tools.models import Ledger


def item(name: str, *answers: str, answerable: bool = True, hops: int = 2, kind: str = "bridge") -> Item:
    return Item(
        id=name,
        question=f"Who is {name}?",
        answers=answers,
        answerable=answerable,
        corpus="full" if answerable else "internal",
        kind=kind,  # type: ignore[arg-type]
        type="multi-step reasoning",
        format="factual",
        length="1-2 words",
        hops=hops,
        external=0.5,
        supports=(Support(document="lantern", side="internal", quote="directed by Ada Quill"),),
    )


def question(name: str, *answers: str, answerable: bool = True) -> Question:
    return question_of(item(name, *answers, answerable=answerable))


def said(text: str | None, confidence: float = 0.8, reason: Any = "missing hop") -> Answer:
    reading = Reading(answer=text, reason=None if text else reason, confidence=confidence)
    return compose("?", "m", reading, [], ledger=Ledger())


ITEMS = [
    item("a", "Ada Quill"),
    item("b", "Bo Marrick", hops=3),
    item("c", "Cy Dask"),
    item("d", "Outside", answerable=False),
    item("e", answerable=False, kind="false premise"),
]
QUESTIONS = [question_of(item) for item in ITEMS]
