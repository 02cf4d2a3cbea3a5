"""What document expansion does to recall and to the index: `python -m kedge.benchmarks.suites.expansion`.

Each set is asked twice on one knowledge base: with full text made of the chunks, and of the chunks with the
questions they answer and the names they go by, as the extractive cast writes them. Nothing is fitted here.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree

from kedge.agents.expanding import expanding
from kedge.agents.extractive import ExtractiveCast
from kedge.benchmarks.metrics import Interval, bootstrap, permutation_test, recall_at
from kedge.benchmarks.suites._multihop_sets import SETS, Case, cases, is_present, opened, ranked
from kedge.benchmarks.suites.multihop import CLOSED_LOOP, METHODS
from kedge.tools.encoders import Encoder, MiniLM
from kedge.tools.knowledge_base import Expansion, KnowledgeBase
from kedge.tools.knowledge_base.full_text import FullText

__all__ = ["CHOSEN", "Row", "main", "markdown", "measure"]

CHOSEN = ("2wiki500", "hotpot500")
SEARCHES = ("BM25", "fusion", CLOSED_LOOP)
FETCHED = 40


@dataclass(frozen=True)
class Row:
    """Recall@5 in percent without and with expansion, the paired permutation test, and the index in bytes."""

    set: str
    search: str
    plain: Interval
    expanded: Interval
    p: float
    plain_bytes: int
    expanded_bytes: int


async def measure(name: str, base: KnowledgeBase, asked: Sequence[Case], folder: Path) -> list[Row]:
    """Ask all questions on both indexes; `folder` is where these are built."""
    words = await _words(base)
    own, found, size = base.full_text, {}, {}
    for kind, also in (("plain", {}), ("expanded", words)):
        base.full_text = _index(base, folder / f"{name}-{kind}", also)
        size[kind] = sum(file.stat().st_size for file in (folder / f"{name}-{kind}").iterdir())
        for search in SEARCHES:
            found[kind, search] = [await _recall(base, search, case) for case in asked]
    base.full_text = own
    return [
        Row(
            name,
            search,
            _percent(found["plain", search]),
            _percent(found["expanded", search]),
            permutation_test(found["expanded", search], found["plain", search]),
            size["plain"],
            size["expanded"],
        )
        for search in SEARCHES
    ]


async def run(data: Path, cache: Path, chosen: Sequence[str], encoder: Encoder) -> list[Row]:
    """Measure these sets.

    Raises:
        InputError: The data are not there.
    """
    is_present(data, chosen)
    rows: list[Row] = []
    for name in chosen:
        async with await opened(SETS[name], data, cache, encoder) as base:
            rows += await measure(name, base, cases(SETS[name], data), cache / "expansion")
    return rows


def markdown(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table."""
    columns = ("set", "search", "n", "R@5 plain [95 %]", "R@5 expanded [95 %]", "p", "index, MB")
    lines = [" | ".join(columns), " | ".join("---" for _ in columns)]
    for row in rows:
        told = [f"{i.mean:.1f} [{i.low:.1f}, {i.high:.1f}]" for i in (row.plain, row.expanded)]
        size = f"{row.plain_bytes / 1e6:.2f} → {row.expanded_bytes / 1e6:.2f}"
        lines.append(" | ".join((row.set, row.search, str(row.plain.n), *told, f"{row.p:.4f}", size)))
    return "\n".join(f"| {line} |" for line in lines) + "\n"


async def _words(base: KnowledgeBase) -> dict[int, Expansion]:
    """Other words for every chunk of a base, by rule."""
    read = expanding(ExtractiveCast(base.encoder))
    chunks = [chunk for document in base.documents() for chunk in base.chunks_of(document.id)]
    made = {chunk.id: (await read(chunk)).expansion for chunk in chunks}
    return {number: expansion for number, expansion in made.items() if expansion is not None}


def _index(base: KnowledgeBase, folder: Path, also: Mapping[int, Expansion]) -> FullText:
    rmtree(folder, ignore_errors=True)
    index = FullText(folder)
    index.rebuild((chunks, also) for chunks, _ in base.store.batches())
    return index


async def _recall(base: KnowledgeBase, search: str, case: Case) -> float:
    return recall_at(5, ranked(base, await METHODS[search](base, case.question.question, FETCHED)), case.gold)


def _percent(values: Sequence[float]) -> Interval:
    return bootstrap([100 * value for value in values], resamples=2_000)


def main(given: Sequence[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="kedge bench expansion", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the data sets")
    parser.add_argument("--cache", type=Path, default=Path(".bench"), help="where bases are built and kept")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=CHOSEN, metavar="NAME")
    options = parser.parse_args(given)
    rows = asyncio.run(run(options.data, options.cache, options.sets, MiniLM()))
    sys.stdout.write(markdown(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
