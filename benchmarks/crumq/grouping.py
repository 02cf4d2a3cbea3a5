"""Groups of pages for a writer: over all splits of external and internal ones, each page at least once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kedge.benchmarks.crumq.corpus import Page
from kedge.benchmarks.crumq.records import Record
from kedge.benchmarks.harness.drawing import drawn
from kedge.tools.encoders import Encoder

__all__ = ["Group", "grouped", "splits"]

CHARACTERS = 1_500  # of each page that are compared


class Group(Record):
    """Pages to write questions about, the external ones first."""

    id: str
    pages: tuple[Page, ...]

    @property
    def split(self) -> tuple[int, int]:
        """How many are external, and how many internal."""
        outside = sum(page.side == "external" for page in self.pages)
        return outside, len(self.pages) - outside


def splits(hops: int) -> list[tuple[int, int]]:
    """All splits of 2 to `hops` pages with an external one: those with internal pages, then the others.

    Example:
        >>> splits(3)
        [(1, 1), (1, 2), (2, 1), (2, 0), (3, 0)]
    """
    mixed = [(i, n - i) for n in range(2, hops + 1) for i in range(1, n)]
    return mixed + [(n, 0) for n in range(2, hops + 1)]


async def grouped(
    pages: Sequence[Page], encoder: Encoder, *, per_split: int, hops: int, seed: int
) -> list[Group]:
    """First every external page once, then each split up to `per_split` groups.

    A group is a drawn external page with those of either side that are most like it.
    """
    outside = sorted(
        (page for page in pages if page.side == "external"), key=lambda p: drawn(seed, "group", p.id)
    )
    inside = [page for page in pages if page.side == "internal"]
    vectors = dict(
        zip(
            [page.id for page in pages],
            await encoder.encode([f"{page.title}\n{page.text[:CHARACTERS]}" for page in pages]),
            strict=True,
        )
    )

    def near(page: Page, among: Sequence[Page], count: int) -> tuple[Page, ...]:
        others = [other for other in among if other.topic != page.topic]
        if not count or not others:
            return ()
        likeness = np.stack([vectors[other.id] for other in others]) @ vectors[page.id]
        return tuple(others[int(at)] for at in np.argsort(-likeness, kind="stable")[:count])

    found: dict[str, Group] = {}
    wanted = splits(hops)
    counts = dict.fromkeys(wanted, 0)
    for place in range(max(len(outside), per_split * len(wanted)) if outside else 0):
        page, kind = outside[place % len(outside)], wanted[place % len(wanted)]
        if place >= len(outside) and counts[kind] >= per_split:
            continue
        together = (page, *near(page, outside, kind[0] - 1), *near(page, inside, kind[1]))
        name = "+".join(other.id for other in together)
        if len(together) == sum(kind) and name not in found:
            counts[kind] += 1
            found[name] = Group(id=name, pages=together)
    return list(found.values())
