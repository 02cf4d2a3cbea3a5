"""Search in your own way: any coroutine from (knowledge base, query, k) to evidence will do.

Run it from the root of the repository:

    python examples/own_search.py
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from kedge import KnowledgeBase
from kedge.tools.knowledge_base import Evidence
from kedge.tools.search import bm25

WORLD = Path(__file__).resolve().parent / "world"


async def ships_only(base: KnowledgeBase, query: str, k: int) -> Sequence[Evidence]:
    """Search by words, among the reports of ships."""
    found = await bm25(base, query, 5 * k)
    return [item for item in found if "/ships/" in item.chunk.source][:k]


def main() -> None:
    """Let the parallel method take a question apart and search with ours."""
    with tempfile.TemporaryDirectory() as folder, KnowledgeBase.open(Path(folder), create=True) as base:
        base.add(WORLD)
        question = "Which was launched first, the Wandering Abbot or the Lady Aldous?"
        for search in (None, ships_only):
            print(base.ask(question, method="parallel", search=search))


if __name__ == "__main__":
    main()
