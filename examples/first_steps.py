"""Add a folder of documents, ask it questions, and see when it says that it does not know.

Run it from the root of the repository:

    python examples/first_steps.py
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from kedge import KnowledgeBase

WORLD = Path(__file__).resolve().parent / "world"
QUESTIONS = (
    "On which island was the captain born who lost the Grey Petrel on the Anvil Rocks?",
    "How much herring was landed at Averrin in 1927?",
    "In which year did the Grey Heron sink on the Anvil Rocks?",
)


def main() -> None:
    """Build a throw-away knowledge base from the example world and question it."""
    with tempfile.TemporaryDirectory() as folder, KnowledgeBase.open(Path(folder), create=True) as base:
        print(base.add(WORLD))
        for question in QUESTIONS:
            print(f"\n{question}\n{base.ask(question)}")


if __name__ == "__main__":
    main()
