"""Published sets of questions that nothing in their corpus answers, in the files of their authors.

Both readers are strict, or leave out what does not fit and tell it in `refused`, as all others do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kedge.benchmarks.datasets.loading import fitting
from kedge.benchmarks.datasets.records import Question, passage_id
from kedge.benchmarks.datasets.rows import Row, json_value, row
from kedge.errors import LoadError

__all__ = ["CATEGORIES", "crumqs", "uaeval4rag"]

CATEGORIES = {
    "underspecified": "under-specified",
    "false_presuppositions": "false premise",
    "ood": "out of corpus",
}
"""Categories of UAEval4RAG whose abstention has a reason of ours; the others have none."""


def crumqs(path: str | Path, *, refused: list[str] | None = None) -> Iterator[Question]:
    """CRUMQs as their authors' `filter_dataset.py` writes them: one object of lists of equal length.

    None can be answered by the corpus; the answer of the documents from outside is `extra["outside"]`.

    Raises:
        LoadError: It is no such file, or its lists are of different lengths.
    """
    path = Path(path)
    whole = row(str(path), json_value(path))
    columns = {name: whole.get(list, name) for name in ("question", "ground_truth", "topic_id", "num_hops")}
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{count} of {name!r}" for name, count in lengths.items())
        raise LoadError(f"{path}: lists of different lengths: {told}", fix="compare it with the original")
    rows = (
        Row(f"{path}, question {number}", dict(zip(columns, values, strict=True)))
        for number, values in enumerate(zip(*columns.values(), strict=True), start=1)
    )

    def read(item: Row) -> Question:
        question, topic = item.get(str, "question"), item.get(str, "topic_id")
        hops = item.data["num_hops"]
        return Question(
            passage_id(topic, question),
            question,
            (),
            answerable=False,
            hops=hops if isinstance(hops, int) and hops > 0 else None,  # theirs is -1 where it is unknown
            kind="written",
            extra={"outside": [item.get(str, "ground_truth")], "topic": topic, "reason": "missing hop"},
        )

    return fitting(rows, read, refused)


def uaeval4rag(path: str | Path, *, refused: list[str] | None = None) -> Iterator[Question]:
    """UAEval4RAG: an object that has a list of questions for each category (`unanswerable_questions.json`).

    `kind` is the category. A file `unanswerable_reasons.json` beside it gives `extra["why"]`.

    Raises:
        LoadError: It is no such file, or there are more reasons than questions, or fewer.
    """
    path = Path(path)
    asked: Mapping[str, Any] = row(str(path), json_value(path)).data
    beside = path.with_name("unanswerable_reasons.json")
    told: Mapping[str, Any] = row(str(beside), json_value(beside)).data if beside.is_file() else {}

    def rows() -> Iterator[Row]:
        for category, questions in asked.items():
            whole = Row(f"{path}, {category}", asked)
            reasons = told.get(category, [""] * len(whole.get(list, category)))
            if len(reasons) != len(questions):
                raise LoadError(
                    f"{whole.where}: {len(questions)} questions, {len(reasons)} reasons",
                    fix="give each its own, or remove unanswerable_reasons.json",
                )
            for number, (question, why) in enumerate(zip(questions, reasons, strict=True), start=1):
                values = {"category": category, "number": number, "question": question, "why": why}
                yield Row(f"{whole.where} {number}", values)

    def read(item: Row) -> Question:
        category = item.get(str, "category")
        return Question(
            f"{category}-{item.get(int, 'number')}",
            item.get(str, "question"),
            (),
            answerable=False,
            kind=category,
            extra={"reason": CATEGORIES.get(category), "why": item.find(str, "why", "")},
        )

    return fitting(rows(), read, refused)
