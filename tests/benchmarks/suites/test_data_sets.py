"""The sets that have names: where they are there, they can be asked, and each is drawn from fairly."""

from __future__ import annotations

from pathlib import Path

import pytest

from kedge.benchmarks.datasets import Question
from kedge.benchmarks.suites._data_sets import KNOWN, absent, data_set, opened, sampled
from kedge.errors import InputError
from kedge.testing import FakeEncoder

COUNTS = {"world-demo": (9, 5), "lihua": (341, 39), "2wiki": (343, 20), "hotpot500": (485, 0),
          "hotpot100": (100, 0), "musique100": (100, 0), "mtrag_un": (181, 138), "squad2": None}  # fmt: skip


@pytest.mark.parametrize("name", COUNTS)
def test_sets_that_are_there_are_read_whole(name: str, shared_data: Path, tmp_path: Path) -> None:
    if absent(name, shared_data):
        pytest.skip(f"no {name}")
    chosen = data_set(name, shared_data, tmp_path)
    sides = [question.answerable for question in chosen.questions]
    assert COUNTS[name] in (None, (sides.count(True), sides.count(False)))
    assert len({question.id for question in chosen.questions}) == len(chosen.questions)
    documents = chosen.bases[""].documents()
    assert documents
    assert all(path.is_file() for path in chosen.files)


def test_splits_of_the_world_have_nothing_in_common(tmp_path: Path) -> None:
    ids = [
        {q.id for q in data_set(f"world-{name}", tmp_path, tmp_path).questions} for name in ("dev", "demo")
    ]
    assert ids[0]
    assert ids[1]
    assert not ids[0] & ids[1]


def test_a_set_that_is_not_there_is_told_with_where_to_get_it(tmp_path: Path) -> None:
    for name in KNOWN:
        if not name.startswith("world"):
            assert absent(name, tmp_path)
            with pytest.raises(InputError, match=r"DATA\.md"):
                data_set(name, tmp_path, tmp_path)


def test_a_draw_is_the_same_every_time_and_keeps_twins_together() -> None:
    pairs = [
        question
        for n in range(40)
        for question in (
            Question(f"u{n}", "?", (), answerable=False, extra={"twin": f"t{n}"}),
            Question(f"t{n}", "?", ("x",), extra={"twin": f"u{n}"}),
        )
    ]
    some = sampled(pairs, 20, 0)
    assert [q.id for q in some] == [q.id for q in sampled(list(reversed(pairs)), 20, 0)][::-1]
    assert {q.id[1:] for q in some if q.answerable} == {q.id[1:] for q in some if not q.answerable}
    assert {q.id for q in some} != {q.id for q in sampled(pairs, 20, 1)}
    assert sampled(pairs, None, 0) == pairs


async def test_a_corpus_that_changed_has_another_base(tmp_path: Path) -> None:
    home = tmp_path / "multihop_qa" / "hotpot500"
    home.mkdir(parents=True)
    (home / "questions.jsonl").write_text('{"id": "a", "question": "Who?", "answer": "x", "gold_titles": []}')
    found = []
    for text in ("One.", "Two."):
        (home / "corpus.jsonl").write_text(f'{{"title": "A", "text": "{text}"}}')
        async with opened(data_set("hotpot500", tmp_path, tmp_path / "cache"), FakeEncoder()) as of:
            base = of("")
            found.append([base.text(document.id) for document in base.documents()])
    assert found == [["One."], ["Two."]]
