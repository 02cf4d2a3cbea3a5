"""What is shown of a CRUMQ set besides its scores: how far it can be cheated, and questions to be read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from kedge.benchmarks.crumq.corpus import Page
from kedge.benchmarks.crumq.judging import Judged
from kedge.benchmarks.crumq.probing import Cheats
from kedge.benchmarks.crumq.records import Item, question_of
from kedge.benchmarks.crumq.shortcuts import Shortcut
from kedge.benchmarks.harness.drawing import drawn
from kedge.benchmarks.harness.page import Table, percent
from kedge.benchmarks.harness.report import question_html

__all__ = ["Audit", "audit_tables", "cheat_table", "judge_table", "samples", "shortcut_table"]

SHOWN = 50  # questions that are shown with their documents
AROUND = 400  # characters of a document on either side of a quotation


@dataclass(frozen=True)
class Audit:
    """What an audit found.

    Attributes:
        data: The data set.
        method: The method whose cheatability was measured.
        answerable: Questions of the set that can be answered.
        audited: How many of them were drawn.
        named: How many of these name their documents, and all are there; for the others, passages that a
            search found stood in.
        cheats: The cheatability, unless no question names two documents.
        shortcuts: What shortcuts score; nothing, when there were too few questions to learn from.
    """

    data: str
    method: str
    answerable: int
    audited: int
    named: int
    cheats: Cheats | None
    shortcuts: tuple[Shortcut, ...]


def audit_tables(found: Audit) -> list[Table]:
    """What was audited, the cheatability, and what shortcuts score."""
    head = ("set", "answerable", "audited", "documents named", "found by a search", "probed")
    probed = found.cheats.original.n if found.cheats else 0
    counts = (found.answerable, found.audited, found.named, found.audited - found.named, probed)
    cheated = {f"{found.data}, {found.method}": found.cheats} if found.cheats else {}
    return [
        (head, [(found.data, *map(str, counts))]),
        cheat_table(cheated),
        shortcut_table(found.shortcuts),
    ]


def cheat_table(found: Mapping[str, Cheats]) -> Table:
    """Cheatability by method or set."""
    head = ("method", "n", "F1, all in view", "F1, probe", "cheatability [95 %]", "conditional",
            "worst bipartition", "supports", "supports, conditional", "failed")  # fmt: skip
    rows = [
        (
            name,
            str(cheats.original.n),
            percent(cheats.original),
            percent(cheats.probe),
            *(percent(ratio) for ratio in (
                cheats.answers, cheats.conditional, cheats.most, cheats.supports, cheats.conditional_supports
            )),
            str(cheats.failures),
        )
        for name, cheats in found.items()
    ]  # fmt: skip
    return head, list(rows)


def shortcut_table(found: Sequence[Shortcut]) -> Table:
    """What shortcuts score."""
    rows = [(s.name, str(s.f1.n), percent(s.f1), f"{100 * s.em.mean:.1f}") for s in found]
    return ("shortcut", "n", "F1 [95 %]", "EM"), list(rows)


def judge_table(found: Sequence[Judged]) -> Table:
    """What a judge says of methods, and how far it agrees with the exact checks."""
    rows = [
        (
            said.method,
            str(said.n),
            f"{100 * said.accuracy:.1f}",
            f"{100 * said.acceptable:.1f}",
            f"{100 * said.agreement.share:.1f}" if said.agreement else "",
            f"{said.agreement.kappa:.2f}" if said.agreement and said.agreement.kappa is not None else "",
            str(said.failed),
        )
        for said in found
    ]
    head = ("method", "n", "accuracy by judge", "acceptable by judge", "agrees with exact checks", "kappa",
            "not judged")  # fmt: skip
    return head, list(rows)


def samples(given: Sequence[Item], pages: Iterable[Page]) -> list[str]:
    """Some questions with their documents, as HTML, drawn at random: for a person to read."""
    texts = {page.id: page for page in pages}
    some = sorted(given, key=lambda item: drawn(0, "shown", item.id))[:SHOWN]
    shown = [question_html(question_of(item), (), more=_documents(item, texts)) for item in some]
    return [f"<h2>{len(some)} questions with their documents, drawn at random</h2>", *shown]


def _documents(item: Item, texts: Mapping[str, Page]) -> str:
    found = [(support.quote, texts[support.document]) for support in item.supports]
    return "".join(f"<blockquote>{_marked(quote, document)}</blockquote>" for quote, document in found)


def _marked(quote: str, document: Page) -> str:
    before, found, after = document.text.partition(quote)
    title = f"<b>{escape(document.title)}</b>"
    if not found:
        return f"{title} {escape(document.text)}"
    return f"{title} {escape(before[-AROUND:])}<mark>{escape(quote)}</mark>{escape(after[:AROUND])}"
