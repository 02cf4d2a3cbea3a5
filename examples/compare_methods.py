"""Ask the same questions by two methods, side by side.

Run it from the root of the repository:

    python examples/compare_methods.py
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from kedge import KnowledgeBase

HERE = Path(__file__).resolve().parent
METHODS = ("metakgrag", "retrieve_read")


def main() -> None:
    """Ask the questions that are marked for demonstration; for measuring, see `kedge bench`."""
    questions = map(json.loads, (HERE / "questions.jsonl").read_text(encoding="utf-8").splitlines())
    with tempfile.TemporaryDirectory() as folder, KnowledgeBase.open(Path(folder), create=True) as base:
        base.add(HERE / "world")
        for question in (one for one in questions if one["split"] == "demo"):
            print(f"\n{question['question']}\n  gold: {question['answer'] or question['reason']}")
            for method in METHODS:
                answer = base.ask(question["question"], method=method)
                print(f"  {method}: {answer} ({answer.ledger.seconds:.2f} s)")


if __name__ == "__main__":
    main()
