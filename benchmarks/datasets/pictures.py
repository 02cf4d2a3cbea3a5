"""Data sets of images: photos with captions, and questions on PDFs."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kedge.benchmarks.datasets.records import Question
from kedge.benchmarks.datasets.rows import json_rows

__all__ = ["Captioned", "captioned", "mmlongbench"]

NOT_ANSWERABLE = "Not answerable"


@dataclass(frozen=True, slots=True)
class Captioned:
    """An image file and what people wrote about it."""

    id: str
    file: Path
    captions: tuple[str, ...]


def captioned(path: str | Path) -> Iterator[Captioned]:
    """Images with captions: rows with `image`, a path beside the file, and `captions`."""
    path = Path(path)
    for item in json_rows(path):
        name = item.get(str, "image")
        yield Captioned(name, path.parent / name, item.texts("captions"))


def mmlongbench(path: str | Path) -> Iterator[Question]:
    """MMLongBench-Doc; `gold` holds page numbers, counted from 1, and `extra["document"]` the PDF's name."""
    for item in json_rows(Path(path)):
        answer, document = item.get(str, "answer"), item.get(str, "doc_id")
        question = item.get(str, "question")
        answerable = answer != NOT_ANSWERABLE
        pages = ast.literal_eval(item.get(str, "evidence_pages"))
        yield Question(
            hashlib.blake2b(f"{document}\n{question}".encode(), digest_size=8).hexdigest(),
            question,
            (answer,) if answerable else (),
            answerable=answerable,
            kind=item.get(str, "answer_format"),
            gold=tuple(str(page) for page in pages),
            extra={"document": document, "sources": ast.literal_eval(item.get(str, "evidence_sources"))},
        )
