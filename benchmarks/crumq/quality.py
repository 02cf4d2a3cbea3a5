"""Quality: marks for a question, and which marks are good enough."""

from __future__ import annotations

from collections.abc import Mapping

from kedge.benchmarks.crumq.checking import shortcuts
from kedge.benchmarks.crumq.index import Index, aliases, spellings, words_of
from kedge.benchmarks.crumq.records import Item, Marks
from kedge.benchmarks.datasets import Passage

__all__ = ["good", "marked"]


def marked(item: Item, texts: Mapping[str, Passage], everything: Index, leaking: bool) -> Marks:
    """The marks of a question that was composed of facts, by what its documents say.

    Necessity is full when no document repeats another one's fact and none answers alone; sufficiency, when
    every quotation stands in its document and holds its fact; correctness, when the answer follows from the
    quoted values. A composed question has one answer, or none: its facts were the only ones of their sense.
    """
    notes: list[str] = []
    documents = {support.document for support in item.supports}
    repeated = {
        support.document
        for support in item.supports
        for other in documents - {support.document}
        if everything.says(other, aliases(support.subject))
        and everything.says(other, spellings(support.object))
    }
    alone = shortcuts(item, everything)
    if repeated:
        notes.append(f"said elsewhere, too: what {min(repeated)} says")
    if alone:
        notes.append(f"{alone[0]} answers alone")
    needed = len(documents) - len(repeated)
    quoted = all(
        support.quote in texts[support.document].text and support.object in support.quote
        for support in item.supports
    )
    return Marks(
        necessity=0 if alone else 3 if not repeated else max(0, min(2, needed - 1)),
        sufficiency=2 if quoted else 0,
        correctness=2 if _follows(item) else 0,
        uniqueness=2,
        internal_necessity=0,
        internal_sufficiency=2 if leaking else 0,
        hops=needed,
        notes=tuple(notes),
    )


def good(marks: Marks, hops: int, *, strict: bool = False) -> bool:
    """Whether marks are good enough: at least 1 with everything in view, at most 1 with internal documents.

    `strict` wants full necessity, sufficiency and correctness, as the second filter of the paper's code does.

    Example:
        >>> marks = Marks(necessity=2, sufficiency=2, correctness=2, uniqueness=1,
        ...               internal_necessity=0, internal_sufficiency=0, hops=2)
        >>> good(marks, 2), good(marks, 3), good(marks, 2, strict=True)
        (True, False, False)
    """
    if marks.hops != hops or marks.internal_sufficiency > 1:
        return False
    if strict:
        return marks.necessity == 3 and marks.sufficiency == 2 and marks.correctness == 2
    whole = (marks.necessity, marks.sufficiency, marks.correctness, marks.uniqueness)
    return min(whole) >= 1 and marks.internal_necessity <= 1


def _follows(item: Item) -> bool:
    """Whether the answer is what the quoted values give."""
    if not item.answers:
        return True
    values = [support.object for support in item.supports]
    if item.kind == "difference":
        years = [int(value) for value in values if value.isdigit()]
        return any(str(abs(a - b)) == item.answers[0] for a in years for b in years)
    named = [*values, *(support.subject for support in item.supports)]
    answer = words_of(item.answers[0])
    return any(words_of(value) == answer for value in named)
