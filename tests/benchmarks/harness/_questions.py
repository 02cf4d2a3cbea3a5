"""Five questions, and answers to them."""

from __future__ import annotations

from typing import Any

from kedge.agents.decisions import Reading
from kedge.benchmarks.datasets import Question
from kedge.graphs.answer import Answer, compose
from kedge.tools.models import Ledger


def item(name: str, *answers: str, answerable: bool = True, hops: int = 2, kind: str = "bridge") -> Question:
    return Question(
        name,
        f"Who is {name}?",
        answers if answerable else (),
        answerable=answerable,
        hops=hops,
        kind=kind,
        extra={"outside": () if answerable else answers, "corpus": "full" if answerable else "internal"},
    )


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
