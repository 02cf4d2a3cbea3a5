"""The DiRe probe on a knowledge base: questions asked again with a part of their documents hidden.

Everything else stays as it is, so the distractors do, too. Documents are hidden for several questions at a
time: in one round, nothing is hidden that another question of the round needs. A round hides at most a
twentieth of the documents.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kedge.benchmarks.harness.journal import Journal, rows_of
from kedge.benchmarks.metrics import (
    Guess,
    Interval,
    bipartitions,
    bootstrap,
    cheatability,
    combined,
    conditional,
    credit,
    support_f1,
)
from kedge.errors import KedgeError
from kedge.graphs.answer import Answer
from kedge.tools.knowledge_base import Chunk, Extraction, KnowledgeBase, ParsedDocument

__all__ = ["Cheats", "Instance", "Probed", "cheats", "instances", "probed", "rounds", "without"]

HIDDEN = 0.05  # share of the documents that a round may hide

Ask = Callable[[KnowledgeBase, str], Awaitable[Answer]]
Extract = Callable[[Chunk], Awaitable[Extraction]]


@dataclass(frozen=True)
class Probed:
    """A question with its gold answers and the ids of the documents that support them."""

    id: str
    question: str
    answers: tuple[str, ...]
    supports: frozenset[str]


@dataclass(frozen=True)
class Instance:
    """A question, asked with these documents hidden."""

    id: str
    asked: Probed
    hidden: frozenset[str]


@dataclass(frozen=True)
class Cheats:
    """Cheatability of a method on a set: the probe's F1 over the original one, for answers and for supports.

    `conditional` counts a probe's score only as far as the original question was answered; `most` takes, for
    questions with several bipartitions, the one that is cheated most. A ratio is `None` when nothing was
    answered with everything in view.
    """

    original: Interval
    probe: Interval
    answers: Interval | None
    conditional: Interval | None
    most: Interval | None
    supports: Interval | None
    conditional_supports: Interval | None
    failures: int


@dataclass
class _Round:
    """Instances that are asked together, what they hide, and what they need."""

    members: list[Instance] = field(default_factory=list)
    hidden: set[str] = field(default_factory=set)
    needed: set[str] = field(default_factory=set)

    def fits(self, instance: Instance, room: int) -> bool:
        """Whether an instance neither hides what another one needs, nor needs what another one hides."""
        apart = not self.hidden & instance.asked.supports and not self.needed & instance.hidden
        return apart and len(self.hidden | instance.hidden) <= room

    def add(self, instance: Instance) -> None:
        self.members.append(instance)
        self.hidden |= instance.hidden
        self.needed |= instance.asked.supports


def instances(given: Sequence[Probed]) -> list[Instance]:
    """Each question with everything in view, and with either part of each bipartition hidden."""
    found = []
    for case in given:
        found.append(Instance(f"{case.id}/all", case, frozenset()))
        for number, parts in enumerate(bipartitions(sorted(case.supports))):
            found.append(Instance(f"{case.id}/{number}a", case, parts[0]))
            found.append(Instance(f"{case.id}/{number}b", case, parts[1]))
    return found


def rounds(given: Sequence[Instance], documents: int) -> list[list[Instance]]:
    """Instances that can be asked together: what one hides, no other one needs.

    Example:
        >>> one, other = (Probed(n, "?", ("x",), frozenset((n, "c"))) for n in "ab")
        >>> hidden = [Instance("1", one, frozenset("a")), Instance("2", other, frozenset("b"))]
        >>> [len(group) for group in rounds(hidden, 100)]
        [2]
        >>> [len(group) for group in rounds([*hidden, Instance("3", other, frozenset("c"))], 100)]
        [2, 1]
    """
    whole = _Round([instance for instance in given if not instance.hidden])
    groups: list[_Round] = []
    for instance in given:
        if instance.hidden:
            room = max(int(HIDDEN * documents), len(instance.hidden))
            group = next((group for group in groups if group.fits(instance, room)), None)
            if group is None:
                group = _Round()
                groups.append(group)
            group.add(instance)
    return [group.members for group in (whole, *groups) if group.members]


@asynccontextmanager
async def without(
    base: KnowledgeBase,
    hidden: Sequence[str],
    documents: Mapping[str, ParsedDocument],
    extract: Extract | None,
) -> AsyncGenerator[None]:
    """A knowledge base without some of its documents, given by name; they come back after."""
    if hidden:
        await base.aremove(hidden)
    try:
        yield
    finally:
        if hidden:
            await base.aadd([documents[name] for name in hidden], extract=extract)


async def probed(
    path: Path,
    given: Sequence[Probed],
    base: KnowledgeBase,
    documents: Mapping[str, ParsedDocument],
    ask: Ask,
    *,
    extract: Extract | None = None,
    at_once: int = 2,
) -> list[dict[str, Any]]:
    """What a method says to every instance; those in the file are not asked again.

    The knowledge base is written to: give it a copy. `documents` are by name, as `by_name` gives them.
    """
    names = {document.id: document.external_id or document.source for document in base.documents()}
    found: list[dict[str, Any]] = []

    async def one(instance: Instance) -> Mapping[str, Any]:
        try:
            answer = await ask(base, instance.asked.question)
        except (KedgeError, ConnectionError, TimeoutError) as error:
            return {"text": None, "confidence": 0.0, "support": [], "failure": str(error)}
        chunks = base.chunks([step.chunk_id for step in answer.path if step.chunk_id is not None])
        cited = {c.document_id for c in answer.citations} | {chunk.document_id for chunk in chunks}
        support = sorted(names.get(document, document) for document in cited)
        return {"text": answer.text, "confidence": answer.confidence, "support": support, "failure": ""}

    done = Journal(path).rows
    for group in rounds(instances(given), len(names)):
        left = [instance for instance in group if instance.id not in done]
        hidden = sorted(frozenset[str]().union(*(instance.hidden for instance in left)))
        async with without(base, hidden, documents, extract):
            found += await rows_of(path, group, one, at_once=at_once)
    return found


def cheats(given: Sequence[Probed], rows: Sequence[Mapping[str, Any]], *, seed: int = 0) -> Cheats:
    """What the answers with and without everything in view come to; a failure is no answer, and counts."""
    said = {row["id"]: row for row in rows}

    def guess(name: str) -> Guess:
        row = said.get(name) or {"text": None, "confidence": 0.0, "support": ()}
        return Guess(row["text"], row["confidence"], frozenset(row["support"]))

    whole, whole_support, cheat, most, cheat_support = [], [], [], [], []
    for case in given:
        plain = guess(f"{case.id}/all")
        whole.append(credit(plain.answer, case.answers))
        whole_support.append(support_f1(plain.support, case.supports))
        parts = len(bipartitions(sorted(case.supports)))
        both = [combined(guess(f"{case.id}/{n}a"), guess(f"{case.id}/{n}b")) for n in range(parts)]
        tried = [credit(one.answer, case.answers) for one in both]
        cheat.append(sum(tried) / parts)
        most.append(max(tried))
        cheat_support.append(sum(support_f1(one.support, case.supports) for one in both) / parts)

    def ratio(probe: Sequence[float], original: Sequence[float]) -> Interval | None:
        return cheatability(probe, original, seed=seed, resamples=2_000) if any(original) else None

    return Cheats(
        original=bootstrap(whole, seed=seed, resamples=2_000),
        probe=bootstrap(cheat, seed=seed, resamples=2_000),
        answers=ratio(cheat, whole),
        conditional=ratio(conditional(cheat, whole), whole),
        most=ratio(most, whole),
        supports=ratio(cheat_support, whole_support),
        conditional_supports=ratio(conditional(cheat_support, whole_support), whole_support),
        failures=sum(bool(row["failure"]) for row in rows),
    )
