"""Follow a method while it works: what it found, what it missed, where it hauled from.

Run it from the root of the repository:

    python examples/follow_a_run.py
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from kedge import Answer, Budget, KnowledgeBase

WORLD = Path(__file__).resolve().parent / "world"
QUESTION = "Which firm made the engines of the ferry that was launched with brine?"


async def main() -> None:
    """Build a throw-away knowledge base and watch one question, round by round."""
    with tempfile.TemporaryDirectory() as folder, KnowledgeBase.open(Path(folder), create=True) as base:
        await base.aadd([WORLD])
        async for item in base.astream(QUESTION, method="metakgrag", budget=Budget(rounds=2)):
            if isinstance(item, Answer):
                print(f"\n{item}")
            else:
                print(f"{item.seconds:5.2f} s  round {item.round}  {item.kind}: {item.message}")


if __name__ == "__main__":
    asyncio.run(main())
