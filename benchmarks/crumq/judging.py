"""A language model as judge of answers and refusals, beside the exact checks and never instead of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedge.benchmarks.crumq.records import Item
from kedge.benchmarks.harness.journal import rows_of
from kedge.benchmarks.metrics import Agreement, agreement
from kedge.errors import ModelError

if TYPE_CHECKING:
    from kedge.benchmarks.crumq.writing import Judge

__all__ = ["Judged", "judged"]

RIGHT = 0.5  # F1 from which on the exact check takes an answer for right


@dataclass(frozen=True)
class Judged:
    """What the judge says of a method: shares of all its `n` records; `failed` of them were not judged.

    Failed judgements count as not right and not acceptable. `agreement` is with the exact checks, on what was
    judged; `None` if nothing was.
    """

    method: str
    accuracy: float
    acceptable: float
    failed: int
    n: int
    agreement: Agreement | None


@dataclass(frozen=True)
class _Reply:
    """A record to be judged."""

    id: str
    item: Item
    text: str | None
    exact: bool


async def judged(
    path: Path, given: Sequence[Item], records: Sequence[Mapping[str, Any]], judge: Judge, *, at_once: int = 8
) -> list[Judged]:
    """The judge's word on every record, kept in a file, and how far it agrees with the exact checks.

    An answer to an answerable question is compared with the gold answer; of a reply to another one the judge
    says whether it declines acceptably. What declines in words of Kedge's own is not asked about.
    """
    items = {item.id: item for item in given}
    replies: defaultdict[str, list[_Reply]] = defaultdict(list)
    for row in records:
        item = items[row["question"]]
        declined = row["outcome"] in ("declined", "clarification")
        exact = row["f1"] > RIGHT if item.answerable else declined
        replies[row["method"]].append(_Reply(row["id"], item, row["text"], exact))

    async def one(reply: _Reply) -> Mapping[str, Any]:
        item = reply.item
        if reply.text is None:
            return {"right": reply.exact}
        try:
            if item.answerable:
                return {"right": await judge.same(item.question, item.answers[0], reply.text)}
            return {"right": (await judge.verdict(item.question, reply.text)).acceptable}
        except ModelError as error:
            return {"right": None, "failed": error.message}

    found = []
    for method, asked in replies.items():
        rows = await rows_of(path, asked, one, at_once=at_once)
        said = [row["right"] for row in rows]
        pairs = [(right, r.exact) for right, r in zip(said, asked, strict=True) if right is not None]
        inside = [bool(right) for right, r in zip(said, asked, strict=True) if r.item.answerable]
        outside = [bool(right) for right, r in zip(said, asked, strict=True) if not r.item.answerable]
        found.append(
            Judged(
                method,
                sum(inside) / len(inside) if inside else 0.0,
                sum(outside) / len(outside) if outside else 0.0,
                said.count(None),
                len(said),
                agreement(*map(list, zip(*pairs, strict=True))) if pairs else None,
            )
        )
    return found
