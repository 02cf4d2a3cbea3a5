"""Deterministic checks: whether a question is well made, and whether its answer is nowhere inside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kedge.agents.llm.quoting import find_quotation
from kedge.benchmarks.crumq.index import Index, aliases, spellings, words_of
from kedge.benchmarks.crumq.records import Item, Support, length_of
from kedge.benchmarks.crumq.senses import SENSES
from kedge.benchmarks.crumq.wording import BANNED
from kedge.benchmarks.datasets import Passage

__all__ = ["faults", "leaks", "shortcuts"]

LONGEST = 60  # words of a question


def faults(item: Item, texts: Mapping[str, Passage]) -> list[str]:
    """What is wrong with a question as it stands; nothing, if it is well made.

    Quotations must stand in their documents word for word, no document may be named that was not needed, and
    the question must give neither its answer nor its source away.
    """
    found = []
    words = words_of(item.question)
    if not item.question.endswith("?") or len(words) > LONGEST or len(words) < 3:
        found.append("not one question of at most 60 words")
    if banned := BANNED.search(item.question):
        found.append(f"says {banned.group()!r}")
    for support in item.supports:
        passage = texts.get(support.document)
        if passage is None or find_quotation(f"{passage.title}\n{passage.text}", support.quote) is None:
            found.append(f"the quotation is not in {support.document}")
    if item.hops != len({support.document for support in item.supports}):
        found.append("the number of hops is not that of its documents")
    if item.answers:
        if item.format not in ("yes/no", "comparison") and _within(item.answers[0], item.question):
            found.append("the question holds its answer")
        if item.length != length_of(item.answers[0]):
            found.append(f"the answer is not of {item.length}")
    return found


def leaks(item: Item, inside: Index, everything: Index) -> list[str]:
    """The documents that give a question away which nothing should answer; all of them are searched.

    An internal document leaks when it names what a missing fact is about, by any of its names, and the fact's
    value in any spelling; or a name of the question together with the answer. A premise is not false when a
    document, wherever it is, names both of its ends.
    """
    if item.reason == "false premise" and item.supports[0].relation:
        return everything.saying(*(aliases(start) for start in item.starts))
    found: list[str] = []
    missing = [support for support in item.supports if support.side == "external"]
    for support in missing:
        values = spellings(support.object) if support.object else spellings(support.quote)
        found += inside.saying(_names(support), values) if support.subject else inside.saying(values)
    if missing and item.starts and item.answers and item.format not in ("numeric", "comparison", "yes/no"):
        values = tuple(form for answer in item.answers for form in spellings(answer))
        for start in item.starts:
            if not _within(start, " ".join(item.answers)):
                found += inside.saying(aliases(start)[:2], values)
    return list(dict.fromkeys(found))


def shortcuts(item: Item, everything: Index) -> list[str]:
    """Documents that answer alone: they say the answer and everything that the question names.

    Only documents beside the last one count for it, unless it names the start, too.
    """
    if not item.answers or item.hops < 2 or item.format in ("numeric", "comparison", "yes/no"):
        return []
    starts = [aliases(start)[:2] for start in item.starts]
    return everything.saying(*starts, (item.answers[0],)) if starts else []


def _names(support: Support) -> tuple[str, ...]:
    """The names of what a support is about."""
    sense = SENSES.get(support.relation)
    kin = ("birth", "death", "spouse", "father", "mother", "brother", "sister", "child", "burial", "school")
    return aliases(support.subject, person=sense is not None and sense.name.startswith(kin))


def _within(answer: str, question: str) -> bool:
    """Whether the words of an answer stand in the question, in order and together."""
    wanted, words = words_of(answer), words_of(question)
    return bool(wanted) and _holds(words, wanted)


def _holds(words: Sequence[str], wanted: Sequence[str]) -> bool:
    return any(
        tuple(words[at : at + len(wanted)]) == tuple(wanted) for at in range(len(words) - len(wanted) + 1)
    )
