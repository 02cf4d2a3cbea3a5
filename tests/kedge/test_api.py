"""The Python front door."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import kedge
from kedge import Answer, Budget, KnowledgeBase
from kedge._api import MAX_QUESTION, clean_question
from kedge.errors import InputError, KedgeError
from kedge.testing import FakeEncoder

PIER = "The pier of Saltmarsh was built in 1771 by Ada Moss. It is 212 metres long."
MILL = "The mill of Saltmarsh burned down in 1904."


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "papers"
    (folder / "deep").mkdir(parents=True)
    (folder / "pier.txt").write_text(PIER)
    (folder / "deep" / "mill.txt").write_text(MILL)
    return folder


@pytest.fixture
def base(tmp_path: Path, folder: Path) -> KnowledgeBase:
    base = KnowledgeBase.open(tmp_path / "base", encoder=FakeEncoder(), create=True)
    base.add(folder)
    return base


def test_a_folder_is_added_with_what_is_below_it(base: KnowledgeBase) -> None:
    assert sorted(document.title for document in base.documents()) == ["mill", "pier"]
    assert base.triples(entity="pier of Saltmarsh") or base.triples()


def test_a_path_that_does_not_exist_adds_nothing(base: KnowledgeBase, folder: Path) -> None:
    (folder / "new.txt").write_text("Something new.")
    with pytest.raises(InputError, match="no such file"):
        base.add(folder / "new.txt", folder / "nonesuch.txt")
    assert len(base.documents()) == 2


def test_ask_gives_an_answer_or_an_abstention(base: KnowledgeBase) -> None:
    answer = base.ask("When was the pier of Saltmarsh built?")
    assert isinstance(answer, Answer)
    assert answer.answered != (answer.abstention is not None)
    assert "<div" in answer._repr_html_()


async def test_the_sync_door_works_inside_a_running_loop(base: KnowledgeBase) -> None:
    inside = base.ask("When was the pier of Saltmarsh built?")
    beside = await base.aask("When was the pier of Saltmarsh built?")
    assert inside.text == beside.text


async def test_many_questions_at_once(base: KnowledgeBase) -> None:
    questions = ["When was the pier of Saltmarsh built?", "When did the mill of Saltmarsh burn down?"] * 8
    answers = await asyncio.gather(*(base.aask(question) for question in questions))
    assert [answer.question for answer in answers] == questions
    assert len({answer.text for answer in answers[::2]}) == 1


async def test_a_stream_ends_with_the_answer_and_can_be_left(base: KnowledgeBase) -> None:
    stream = base.astream("When was the pier of Saltmarsh built?")
    first = await anext(stream)
    assert first.kind == "started"  # type: ignore[union-attr]
    await stream.aclose()  # type: ignore[attr-defined]
    items = [item async for item in base.astream("When was the pier of Saltmarsh built?")]
    assert isinstance(items[-1], Answer)
    assert sum(isinstance(item, Answer) for item in items) == 1


def test_two_bases_never_see_each_other(base: KnowledgeBase, tmp_path: Path) -> None:
    with KnowledgeBase.open(tmp_path / "other", encoder=FakeEncoder(), create=True) as other:
        (tmp_path / "ferry.txt").write_text("The ferry sails at noon.")
        other.add(tmp_path / "ferry.txt")
        assert [item.chunk.title for item in other.search("pier mill Saltmarsh")] == ["ferry"]
        assert "ferry" not in {item.chunk.title for item in base.search("ferry noon")}


def test_what_was_removed_is_not_found(base: KnowledgeBase, folder: Path) -> None:
    base.remove(str(folder / "pier.txt"))
    assert {item.chunk.title for item in base.search("pier of Saltmarsh")} == {"mill"}


@pytest.mark.parametrize("how", ["hybrid", "bm25", "dense", "late_interaction", "ppr"])
def test_every_search_finds_the_pier(base: KnowledgeBase, how: str) -> None:
    assert base.search("Who built the pier?", 1, how=how)[0].chunk.text == PIER


def test_an_unknown_search_is_refused(base: KnowledgeBase) -> None:
    with pytest.raises(InputError, match="choose from hybrid"):
        base.search("pier", how="magic")


@pytest.mark.parametrize(
    ("question", "problem"),
    [
        ("", "empty"),
        (" \n\t ", "empty"),
        ("x" * 100_000, "100,000 characters"),
        ("Who\x07 built it?", "U\\+0007"),
        ("Who \ud800 built it?", "U\\+D800"),
    ],
)
def test_a_question_that_cannot_be_asked(base: KnowledgeBase, question: str, problem: str) -> None:
    with pytest.raises(InputError, match=problem) as error:
        base.ask(question)
    assert error.value.fix
    assert "\n" not in str(error.value)


def test_a_question_may_be_as_long_as_the_limit() -> None:
    assert clean_question("é" * MAX_QUESTION)


def test_a_run_with_a_name_is_kept(base: KnowledgeBase) -> None:
    question = "When was the pier of Saltmarsh built?"
    first = base.ask(question, thread="pier", budget=Budget(rounds=1))
    again = base.ask(question, thread="pier")
    assert again == first
    assert (base.path / "checkpoints.sqlite").exists()


def test_every_public_name_is_there() -> None:
    assert all(hasattr(kedge, name) for name in kedge.__all__)
    with pytest.raises(AttributeError, match="nonesuch"):
        kedge.nonesuch  # noqa: B018


def test_errors_say_what_to_do() -> None:
    with pytest.raises(KedgeError, match="kedge add"):
        KnowledgeBase.open("nowhere", encoder=FakeEncoder())
