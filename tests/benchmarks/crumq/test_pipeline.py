"""The pipeline: resumable, locked, counted; and what a language model adds to it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from kedge.agents.decisions import Reading
from kedge.agents.scripted import ScriptedCast
from kedge.benchmarks.crumq import pipeline
from kedge.benchmarks.crumq.corpus import fingerprint, read_corpus, split
from kedge.benchmarks.crumq.feeds import fetched
from kedge.benchmarks.crumq.grouping import grouped, splits
from kedge.benchmarks.crumq.pipeline import Settings, generate
from kedge.benchmarks.crumq.records import Item, items, question_of
from kedge.benchmarks.crumq.topics import topics_of
from kedge.benchmarks.crumq.writing import Judge, Writer
from kedge.benchmarks.datasets import Passage
from kedge.benchmarks.harness.journal import Journal, rows_of
from kedge.errors import DecisionFailed, InputError, LoadError, StoreError
from kedge.testing import FakeEncoder
from kedge.tools.knowledge_base import Extraction, TripleDraft
from kedge.tools.knowledge_base.lock import write_lock
from tests.agents.llm._models import Call, TalkingModel, reply
from tests.benchmarks.crumq._corpus import OUTSIDE, TRIPLES, corpus, pages

SETTINGS = Settings(wanted=40, seed=3)
INSIDE = [p for p in corpus() if p.id not in OUTSIDE]
BEYOND = [p for p in corpus() if p.id in OUTSIDE]


def cast(answer: str | None = None) -> ScriptedCast:
    """Reads the triples of the corpus, and always answers alike."""

    def extract(chunk: Any) -> Extraction:
        return Extraction(tuple(TripleDraft(*t[1:]) for t in TRIPLES if t[1] == chunk.title))

    reading = Reading(answer=answer, reason=None if answer else "missing hop", confidence=0.5)
    return ScriptedCast({"extract_triples": extract, "read": [reading]})


async def make(folder: Path, **options: Any) -> pipeline.Counts:
    options = {"encoder": FakeEncoder(), "outside": BEYOND, "cast": cast()} | options
    return await generate(folder, INSIDE, options.pop("settings", SETTINGS), **options)


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.jsonl")}


async def test_a_set_is_made_with_twins_and_nothing_uncounted(tmp_path: Path) -> None:
    counts = await make(tmp_path)
    made = list(items(tmp_path / "questions.jsonl"))
    assert len(made) == counts.kept + counts.twins > 10
    passed = counts.drafts - counts.faulty - counts.leaking - counts.answered - counts.murky - counts.failed
    assert counts.kept == passed - counts.poor
    assert (counts.documents, counts.external) == (7, 2)
    twins = {item.id: item for item in made if item.answerable}
    for item in made:
        if not item.answerable and item.twin:
            assert twins[item.twin].question == item.question
            assert twins[item.twin].corpus == "full"
    assert {item.reason for item in made if not item.answerable} >= {"missing hop", "under-specified"}
    asked = question_of(made[0])
    assert (asked.answers == ()) == (not made[0].answerable)


async def test_the_same_call_makes_nothing_again_and_another_one_is_refused(tmp_path: Path) -> None:
    first = await make(tmp_path)
    before = content(tmp_path)
    broken = ScriptedCast({"extract_triples": [DecisionFailed("no")], "read": [DecisionFailed("no")]})
    assert await make(tmp_path, cast=broken) == first
    assert content(tmp_path) == before
    with pytest.raises(InputError, match="begun with seed 3, not 4"):
        await make(tmp_path, settings=Settings(wanted=40, seed=4))


async def test_a_run_that_was_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    whole = await make(tmp_path / "whole")
    await make(tmp_path / "cut")
    for name in ("rated.jsonl", "questions.jsonl"):
        (tmp_path / "cut" / name).unlink()
    path = tmp_path / "cut" / "checked.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:3]) + lines[3][:20])
    assert await make(tmp_path / "cut") == whole
    assert path.read_text().splitlines()[:3] == [line.strip() for line in lines[:3]]
    assert sorted(path.read_text().splitlines()) == sorted(line.strip() for line in lines)


async def test_two_runs_cannot_write_to_one_folder(tmp_path: Path) -> None:
    with write_lock(tmp_path, wait=0.0), pytest.raises(StoreError, match="being written"):
        await make(tmp_path)


async def test_what_the_internal_documents_answer_is_left_out(tmp_path: Path) -> None:
    await make(tmp_path / "free")
    kept = [item for item in items(tmp_path / "free" / "questions.jsonl") if item.kind == "bridge"]
    told = kept[0].answers[0]
    counts = await make(tmp_path / "told", cast=cast(told))
    assert counts.answered > 0
    assert told not in {a for item in items(tmp_path / "told" / "questions.jsonl") for a in item.answers}
    assert (await make(tmp_path / "other", cast=cast("quite another thing"))).answered == 0


async def test_a_reader_that_fails_is_counted(tmp_path: Path) -> None:
    broken = cast()
    broken.script = {**broken.script, "read": [DecisionFailed("off schema")]}
    counts = await make(tmp_path, cast=broken)
    assert counts.failed > 0
    assert counts.kinds.keys() <= {"false premise", "under-specified"}  # nothing is asked about these


async def test_documents_that_give_no_question_are_refused(tmp_path: Path) -> None:
    lone = [Passage(str(n), f"Note {n}", "Nothing here.") for n in range(5)]
    with pytest.raises(InputError, match="none of 0 drafts"):
        await generate(tmp_path, lone, SETTINGS, encoder=FakeEncoder(), cast=cast())
    (tmp_path / "one.txt").write_text("alone")
    with pytest.raises(InputError, match="at least 4"):
        read_corpus(tmp_path / "one.txt")


# Corpora


def test_a_folder_is_a_corpus_and_a_change_is_another_one(tmp_path: Path) -> None:
    for n in range(4):
        (tmp_path / f"{n}.md").write_text(f"# Page {n}\n\nText {n}.")
    found = read_corpus(tmp_path)
    assert [p.id for p in found] == ["0.md", "1.md", "2.md", "3.md"]
    assert fingerprint(found) == fingerprint(found[::-1]) != fingerprint(found[:3])


def test_splits_hold_back_what_they_say() -> None:
    dated = [Passage(f"log {2000 + n}-03-0{n}", "", f"In {1900 + n}, all was well.") for n in range(1, 9)]
    sides = split(dated, by="date", share=0.25)
    assert [p.id for p in dated if sides[p.id] == "external"] == [p.id for p in dated[-2:]]
    by_name = split(corpus(), by="entity", share=0.3, seed=5)
    assert len(set(by_name.values())) == 2
    together = split(
        corpus(), share=0.4, seed=1, topics=dict.fromkeys(("lantern", "ferry", "harbour"), "films")
    )
    assert len({together[name] for name in ("lantern", "ferry", "harbour")}) == 1
    with pytest.raises(InputError, match="nothing can be held back by date"):
        split(corpus()[3:4] * 2, by="date", share=0.1)


@pytest.mark.parametrize("share", [0.2, 0.5])
def test_about_as_much_as_wanted_is_held_back(share: float) -> None:
    many = [Passage(str(n), f"Page {n}", "x") for n in range(2_000)]
    outside = sum(side == "external" for side in split(many, share=share, seed=9).values())
    assert outside / 2_000 == pytest.approx(share, abs=0.04)


async def test_topics_that_say_the_same_are_one_under_the_longest_name() -> None:
    class Alike(FakeEncoder):
        async def encode(self, texts: Any) -> Any:
            return (await super().encode(["same"] * len(texts))) if texts else await super().encode(texts)

    pair = [
        Passage("a", "Hesk Pier", ""),
        Passage("b", "The Pier of Hesk", ""),
        Passage("c", "Ada Quill", ""),
    ]
    found = await topics_of(pair, Alike())
    assert [topic.documents for topic in found] == [("c",), ("a", "b")]
    assert found[1].text == "The Pier of Hesk"

    async def entails(one: str, other: str) -> bool:
        return True

    assert len(await topics_of(pair, Alike(), entails=entails)) == 1
    assert len(await topics_of(pair, FakeEncoder(), entails=entails)) == 3  # not alike: nobody is asked


async def test_a_feed_is_external_material(httpd: Callable[[bytes], str]) -> None:
    entries = "".join(
        f"<item><title>{t}</title><description>{d}</description><pubDate>{day}</pubDate></item>"
        for t, d, day in (
            ("New", "&lt;b&gt;Late&lt;/b&gt; news", "Tue, 05 Mar 2024 10:00:00 GMT"),
            ("Old", "Early news", "Thu, 05 Mar 2020 10:00:00 GMT"),
        )
    )
    url = httpd(f"<rss><channel>{entries}</channel></rss>".encode())
    [late] = await fetched(url, since="2024-01-01")
    assert (late.title, late.text) == ("New", "2024-03-05\nLate news")
    with pytest.raises(LoadError, match="is no feed"):
        await fetched(httpd(b"<html><body/></html>"))
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><rss><channel><item><title>&b;</title>'
    bomb += b"<description>x</description></item></channel></rss>"
    assert "aaaa" not in str(await fetched(httpd(bomb)))


@pytest.fixture
def httpd() -> Any:
    import threading
    from http.server import BaseHTTPRequestHandler, HTTPServer

    started = []

    def serve(content: bytes) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        started.append(server)
        return f"http://127.0.0.1:{server.server_port}/feed"

    yield serve
    for server in started:
        server.shutdown()
        server.server_close()


# Files


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"hops": 0}, "hops"),
        ({"answerable": True, "answers": []}, "without gold answer"),
        ({"question": " "}, "the question is empty"),
        ({"colour": "red"}, "colour"),
        ({}, "used twice"),
    ],
)
def test_rows_that_do_not_fit_are_named(tmp_path: Path, change: Mapping[str, Any], problem: str) -> None:
    good = Item(id="a", question="Who?", kind="bridge", type="critical analysis", format="factual",
                length="1-2 words", hops=2, external=0.5, supports=()).model_dump()  # fmt: skip
    bad = {**good, **({"id": "b"} if change else {}), **change}
    path = tmp_path / "questions.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in (good, bad)))
    with pytest.raises(LoadError, match=rf"questions\.jsonl:2: .*{problem}"):
        list(items(path))
    refused: list[str] = []
    assert [item.id for item in items(path, refused=refused)] == ["a"]
    assert len(refused) == 1
    assert ":2: " in refused[0]


async def test_a_journal_does_nothing_twice_and_cancels_what_is_left(tmp_path: Path) -> None:
    done: list[str] = []

    def work(fail: str) -> Callable[[Passage], Awaitable[Mapping[str, Any]]]:
        async def one(thing: Passage) -> Mapping[str, Any]:
            if thing.id == fail:
                raise InputError("broken")
            done.append(thing.id)
            return {"said": thing.title}

        return one

    with pytest.raises(InputError):
        await rows_of(tmp_path / "j.jsonl", corpus(), work("ada"), at_once=1)
    before = list(done)
    rows = await rows_of(tmp_path / "j.jsonl", corpus(), work(""), at_once=3)
    assert [row["id"] for row in rows] == [p.id for p in corpus()]
    assert sorted(done) == sorted(p.id for p in corpus())
    assert done[: len(before)] == before
    (tmp_path / "bad.jsonl").write_text('{"no": "id"}\n')
    with pytest.raises(LoadError, match=r"bad\.jsonl:1"):
        Journal(tmp_path / "bad.jsonl")


# With a language model


def writing(call: Call) -> str:
    """A model that writes one good question and one that quotes nothing."""
    if "cannot be answered from the documents" in call.system:
        return reply(verdict="refused", acceptable=True)
    if "name what a passage is about" in call.system:
        return reply(topic=call.user.splitlines()[1].removeprefix("Title: "))
    if "put a question in other words" in call.system:
        return reply(question="Say, " + call.user.removeprefix("Question: "))
    if "write questions" in call.system:
        quotations = [
            {"passage": n, "text": text.split("Text: ")[1][:60]}
            for n, text in enumerate(call.user.split("<<<passage")[1:], start=1)
        ]
        good = {"quotations": quotations, "hops": len(quotations), "question": "What ties Hesk together?",
                "answer": "Two of them met. They sailed."}  # fmt: skip
        return reply(questions=[good, {**good, "quotations": [{"passage": 1, "text": "never said"}]}])
    if "compare two answers" in call.system:
        return reply(verdict="different")
    if "mark a question" in call.system:
        enough = call.user.count("<<<passage") > 1
        return reply(hops=call.user.count("<<<passage"), necessity=3, sufficiency=2 * enough, correctness=2,
                     uniqueness=2)  # fmt: skip
    return "no reply that anybody asked for"


async def test_a_model_rewords_writes_and_marks(tmp_path: Path) -> None:
    how = Settings(wanted=60, hops=2, per_split=2)
    model = TalkingModel(script=writing)
    counts = await make(tmp_path, writer=Writer(model), settings=how)
    made = list(items(tmp_path / "questions.jsonl"))
    assert any(item.question.startswith("Say, ") for item in made)
    rows = Journal(tmp_path / "written.jsonl").rows.values()
    assert all(row["refused"] >= 1 for row in rows)  # what is quoted stands nowhere
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["prompts"].keys() == {"topic", "same", "write", "reword", "compare", "marks"}
    assert counts.failed == 0
    calls = len(model.calls)
    assert await make(tmp_path, writer=Writer(model), settings=how) == counts
    assert len(model.calls) == calls


async def test_a_model_that_says_nothing_usable_is_counted_and_stops_nothing(tmp_path: Path) -> None:
    silent = TalkingModel(script=["nothing to see"])
    counts = await make(tmp_path, writer=Writer(silent), settings=Settings(wanted=60, hops=2, per_split=1))
    assert counts.failed >= counts.drafts
    assert counts.kept > 0


async def test_a_reworded_question_keeps_its_names(tmp_path: Path) -> None:
    await make(tmp_path)
    item = next(i for i in items(tmp_path / "questions.jsonl") if i.kind == "bridge" and not i.answerable)

    async def reworded(said: str) -> str:
        row = await Writer(TalkingModel(script=[reply(question=said)])).reworded(item)
        return str(Item.model_validate(row["item"]).question)

    start = item.starts[0]
    assert await reworded(f"Who knows, about {start}?") == f"Who knows, about {start}?"
    assert await reworded("Who knows?") == item.question
    assert await reworded(f"Is it {item.answers[0]}, for {start}?") == item.question


async def test_the_judge_says_what_replies_do() -> None:
    judge = Judge(TalkingModel(script=writing))
    assert (await judge.verdict("Who?", "The documents do not say.")).acceptable
    assert not await judge.same("Who?", "Ada", "Bo")
    with pytest.raises(DecisionFailed):
        await Judge(TalkingModel(script=["yes"])).verdict("Who?", "Nobody.")


async def test_groups_cover_every_external_page_and_every_split() -> None:
    found = await grouped(pages(("ada", "pier", "cy")), FakeEncoder(), per_split=2, hops=3, seed=1)
    outside = {page.id for group in found for page in group.pages if page.side == "external"}
    assert outside == {"ada", "pier", "cy"}
    assert {group.split for group in found} == set(splits(3))
    assert all(group.pages[0].side == "external" for group in found)
