"""Encoding passages, with a trainer that takes its time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from kedge.agents.extractive import ExtractiveCast
from kedge.graphs.encoding import encode_passages
from kedge.tools.adapters import Adapter, AdapterStore, Encoding, Factors, Lesson, Recipe
from kedge.tools.encoders import MiniLM
from kedge.tools.knowledge_base import Chunk

TEXTS = [f"Ada Moss was born in 19{n} in Hesk. She painted the ferry Lynn." for n in range(10, 14)]


def chunk(number: int, text: str) -> Chunk:
    return Chunk(number, f"{number}.txt", f"{number}.txt", "", "", text, 0, len(text))


async def test_however_long_training_takes_every_passage_is_encoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = 0.0

    def train(lessons: Sequence[Lesson], encoding: Encoding) -> list[Adapter]:
        nonlocal late
        late += 3_600.0
        factors = {"layer": Factors(np.zeros((2, 4), np.float32), np.zeros((4, 2), np.float32))}
        return [Adapter(factors, encoding.origin(lesson.text)) for lesson in lessons]

    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + late)
    monkeypatch.setattr("kedge.tools.models.budget.time", clock)
    store = AdapterStore(tmp_path)
    encoding = Encoding(model="tiny", base="0" * 24, recipe=Recipe())
    chunks = [chunk(number, text) for number, text in enumerate(TEXTS)]
    report = await encode_passages(
        chunks, store, encoding, augmenter=ExtractiveCast(MiniLM()), train=train, together=1
    )
    assert (report.encoded, report.failed) == (len(TEXTS), ())
