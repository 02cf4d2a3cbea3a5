"""Caption measures against pycocoevalcap's figures, and the distillation loop."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.benchmarks.datasets.pictures import captioned, mmlongbench
from kedge.benchmarks.distillation import Examples, distil
from kedge.benchmarks.metrics.captions import Cider, bleu, rouge_l
from kedge.testing import FakeEncoder

CANDIDATES = (
    "A little girl sits in front of a painted rainbow .",
    "a man lays on the bench with his dog",
    "two dogs play in the snow",
    "a boat",
)
REFERENCES = (
    (
        "A little girl covered in paint sits in front of a painted rainbow with her hands in a bowl .",
        "There is a girl with pigtails sitting in front of a rainbow painting .",
    ),
    (
        "A man lays on a bench while his dog sits by him .",
        "A man lays on the bench to which a white dog is also tied .",
    ),
    ("Two dogs are playing in the snow .", "A black dog and a brown dog run through deep snow ."),
    ("A white boat with a tall mast leaves the harbour .", "A sailing boat at sea"),
)


def test_measures_are_those_of_pycocoevalcap() -> None:
    """Made with pycocoevalcap 1.2 on the same texts in lower case without punctuation."""
    assert bleu(CANDIDATES, REFERENCES) == pytest.approx(
        (0.6393320, 0.5712140, 0.5071413, 0.4455319), abs=1e-6
    )
    rouge = [rouge_l(text, known) for text, known in zip(CANDIDATES, REFERENCES, strict=True)]
    assert rouge == pytest.approx((0.6640747, 0.6499239, 0.7587065, 0.5304348), abs=1e-6)
    cider = Cider(REFERENCES)
    scores = [cider(text, known) for text, known in zip(CANDIDATES, REFERENCES, strict=True)]
    assert scores == pytest.approx((2.2248634, 3.4289052, 1.9531985, 0.7698313), abs=1e-6)


@given(st.text(max_size=30), st.lists(st.text(max_size=30), min_size=1, max_size=3))
def test_measures_stay_within_their_bounds(candidate: str, references: list[str]) -> None:
    assert 0 <= rouge_l(candidate, references) <= 1
    assert 0 <= Cider([references])(candidate, references) <= 10
    assert all(0 <= score <= 1 + 1e-6 for score in bleu([candidate], [references]))


def examples(count: int, seed: int, name: str) -> Examples:
    """Images of three kinds of scene, whose captions say which."""
    rng = np.random.default_rng(seed)
    scenes = ("two dogs run in deep snow", "a red boat in the harbour", "a tall tower on the rock")
    kinds = [i % 3 for i in range(count)]
    vectors = np.eye(3)[kinds] + 0.05 * rng.normal(size=(count, 3))
    captions = tuple((scenes[k], f"{scenes[k]} today", f"here {scenes[k]}") for k in kinds)
    return Examples(tuple(f"{name}{i}" for i in range(count)), vectors.astype(np.float32), captions)


async def test_good_descriptions_are_kept_and_the_best_round_returned() -> None:
    train, held = examples(12, 0, "t"), examples(6, 1, "v")
    shown: list[Sequence[str]] = []

    async def first(hints: Sequence[str]) -> str:
        shown.append(hints)
        return hints[0].removesuffix(" today").removeprefix("here ")

    found = await distil(train, held, FakeEncoder(), first, rounds=3)
    assert found.rounds[0].kept == 0
    assert max(found.rounds, key=lambda turn: turn.score).kept == len(found.synthetic)
    assert all(len(hints) == 5 for hints in shown)


async def test_bad_descriptions_are_not_kept() -> None:
    async def wrong(hints: Sequence[str]) -> str:
        return "nothing of the kind"

    found = await distil(examples(12, 0, "t"), examples(6, 1, "v"), FakeEncoder(), wrong)
    assert found.synthetic == ()
    assert len(found.rounds) == 1


async def test_no_image_is_described_from_its_own_captions() -> None:
    train = examples(12, 0, "t")
    unique = tuple(tuple(f"{text} number {i}" for text in known) for i, known in enumerate(train.captions))
    train = Examples(train.ids, train.vectors, unique)
    calls: list[Sequence[str]] = []

    async def say(hints: Sequence[str]) -> str:
        calls.append(hints)
        return ""

    await distil(train, examples(3, 1, "v"), FakeEncoder(), say)
    described = calls[3:]  # the first three are the images held back
    for number, hints in enumerate(described):
        assert not any(hint.endswith(f"number {number}") for hint in hints)


def test_the_loaders_read_the_official_fields(tmp_path: Path) -> None:
    (tmp_path / "captions.jsonl").write_text(json.dumps({"image": "a/b.jpg", "captions": ["A boat"]}))
    [image] = captioned(tmp_path / "captions.jsonl")
    assert (image.file, image.captions) == (tmp_path / "a" / "b.jpg", ("A boat",))
    row = {
        "doc_id": "x.pdf",
        "question": "How many?",
        "answer": "Not answerable",
        "evidence_pages": "[]",
        "evidence_sources": "[]",
        "answer_format": "None",
    }
    told = {**row, "answer": "3", "evidence_pages": "[2, 5]", "evidence_sources": "['Chart']"}
    (tmp_path / "q.jsonl").write_text("\n".join(map(json.dumps, (row, told))))
    silent, answered = mmlongbench(tmp_path / "q.jsonl")
    assert not silent.answerable
    assert (answered.gold, answered.answers, answered.extra["sources"]) == (("2", "5"), ("3",), ["Chart"])
