"""Shortcut audit: what a set gives to those who never join facts, or never look at all."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from kedge.agents.decisions import Reading
from kedge.agents.extractive.names import find_names
from kedge.agents.extractive.spans import tokens
from kedge.agents.extractive.values import dates
from kedge.agents.roles import Cast
from kedge.benchmarks.crumq.corpus import as_evidence
from kedge.benchmarks.crumq.index import words_of
from kedge.benchmarks.datasets import Passage
from kedge.benchmarks.harness.drawing import drawn
from kedge.benchmarks.harness.scoring import prior
from kedge.benchmarks.metrics import Interval, bootstrap, credit, exact_match
from kedge.errors import ModelError

__all__ = ["Case", "Shortcut", "audited"]


@dataclass(frozen=True)
class Case:
    """An answerable question with its gold answers and the passages that support them."""

    id: str
    question: str
    answers: tuple[str, ...]
    passages: tuple[Passage, ...]

    @property
    def known(self) -> bool:
        """Whether it belongs to the half that shortcuts may learn from."""
        return drawn(0, "development", self.id) < 0.5


@dataclass(frozen=True)
class Shortcut:
    """What a shortcut scores on the half that it has not seen."""

    name: str
    f1: Interval
    em: Interval


async def audited(
    cases: Sequence[Case], cast: Cast, *, closed_book: Callable[[str], Awaitable[str | None]] | None = None
) -> list[Shortcut]:
    """What four shortcuts score on the questions of the other half; all of these count.

    `question only`: the answer of the most similar known question, or of a model without documents.
    `evidence without question`: the value in the supporting passages that is of the commonest kind.
    `answer type`: the commonest answer to known questions that begin alike; it always answers.
    `single document`: the most confident answer that is read from one supporting passage alone.
    """
    known = [case for case in cases if case.known]
    others = [case for case in cases if not case.known]
    if not known or not others:
        return []
    say = prior((case.question, case.answers[0]) for case in known)
    kind = Counter(_kind(case.answers[0]) for case in known).most_common(1)[0][0]
    words = [(set(words_of(case.question)), case.answers[0]) for case in known]
    said: dict[str, list[str | None]] = defaultdict(list)
    for case in others:
        if closed_book is not None:
            said["question only"].append(await closed_book(case.question))
        else:
            mine = set(words_of(case.question))
            said["question only"].append(
                max(words, key=lambda w: len(mine & w[0]) / (len(mine | w[0]) or 1))[1]
            )
        said["evidence without question"].append(_value(kind, case.passages))
        said["answer type"].append(say(case.question))
        said["single document"].append(await _alone(case, cast))
    gold = [case.answers for case in others]

    def measured(name: str) -> Shortcut:
        pairs = list(zip(said[name], gold, strict=True))
        alike, same = [credit(*pair) for pair in pairs], [exact_match(*pair) for pair in pairs]
        return Shortcut(name, bootstrap(alike, resamples=2_000), bootstrap(same, resamples=2_000))

    return [measured(name) for name in said]


async def _alone(case: Case, cast: Cast) -> str | None:
    readings: list[Reading] = []
    for evidence in as_evidence(case.passages):
        try:
            readings.append(await cast.read(case.question, [evidence]))
        except ModelError:
            continue
    told = [reading for reading in readings if reading.answer is not None]
    return max(told, key=lambda reading: reading.confidence).answer if told else None


def _kind(answer: str) -> str:
    """What an answer looks like."""
    if re.fullmatch(r"\d{4}", answer):
        return "year"
    if re.search(r"\d{4}", answer):
        return "date"
    if re.fullmatch(r"[\d.,]+(?: \w+)?", answer):
        return "number"
    return "yes/no" if answer.lower() in ("yes", "no") else "name"


def _value(kind: str, passages: Sequence[Passage]) -> str | None:
    """The commonest value of a kind in these passages."""
    if kind == "yes/no":
        return "yes"
    found: Counter[str] = Counter()
    for passage in passages:
        when = dates(passage.text)
        if kind == "name":
            found.update(name.text for name in find_names(passage.text, tokens(passage.text), when))
        elif kind == "number":
            found.update(re.findall(r"\b\d[\d.,]*\b", passage.text))
        else:
            values = [date.text for date in when]
            found.update(values if kind == "date" else re.findall(r"\b\d{4}\b", " ".join(values)))
    return found.most_common(1)[0][0] if found else None
