"""The example world and its questions: every gold label is in the documents that it names."""

from __future__ import annotations

import json
import re
import runpy
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pytest
from PIL import Image, ImageChops, ImageStat

from kedge.agents.decisions import AbstentionReason
from kedge.benchmarks.datasets import averrin
from kedge.tools.knowledge_base.loaders import load
from kedge.tools.knowledge_base.records import ParsedDocument

ROOT = Path(__file__).resolve().parents[2]
WORLD = ROOT / "examples" / "world"
QUESTIONS = ROOT / "examples" / "questions.jsonl"
FILES = sorted(path for path in WORLD.rglob("*") if path.is_file())
ITEMS: list[dict[str, Any]] = [json.loads(line) for line in QUESTIONS.read_text("utf-8").splitlines()]


@cache
def documents(source: str) -> tuple[ParsedDocument, ...]:
    found = []
    for document in load(WORLD / source):
        assert isinstance(document, ParsedDocument), document
        found.append(document)
    return tuple(found)


def text(source: str) -> str:
    return "\n\n".join(document.text for document in documents(source))


@cache
def world() -> str:
    return "\n\n".join(text(path.relative_to(WORLD).as_posix()) for path in FILES).casefold()


def test_it_has_many_short_documents_in_many_formats() -> None:
    formats = Counter(path.suffix for path in FILES)
    assert len(FILES) >= 44
    assert set(formats) == {".txt", ".md", ".html", ".pdf", ".csv", ".jsonl", ".docx", ".png"}
    assert formats[".png"] >= 4
    assert max(len(text(path.relative_to(WORLD).as_posix())) for path in FILES) < 6000
    assert len(documents("registers/harbour-log-1894.jsonl")) == 6


def test_pdfs_have_several_pages() -> None:
    for source, pages in (("manuals/keepers-standing-orders.pdf", 4), ("guides/averrin-on-foot.pdf", 3)):
        assert {block.page for block in documents(source)[0].blocks} == set(range(1, pages + 1))


def test_navigation_and_footers_are_not_read() -> None:
    assert "Lost Umbrellas" not in text("newspaper/1894-02-09-candlemas-storm.html")
    assert "wet dogs" not in text("guides/museum.html")


def test_drawings_are_shown_and_described_in_documents() -> None:
    shown = {
        (path.parent / target).resolve(): alt
        for path in FILES
        if path.suffix == ".md"
        for alt, target in re.findall(r"!\[([^\]]+)\]\(([^)]+)\)", path.read_text("utf-8"))
    }
    assert set(shown) == set((WORLD / "drawings").iterdir())
    for alt in shown.values():
        assert alt.casefold() in world()


def test_the_script_makes_the_generated_documents(tmp_path: Path) -> None:
    made = runpy.run_path(str(ROOT / "scripts" / "make_examples.py"))["make"](tmp_path)
    assert len(made) == 8
    for path in made:
        name = path.relative_to(tmp_path)
        if path.suffix == ".png":
            with Image.open(path) as new, Image.open(WORLD / name) as old:
                # Other versions of Pillow may shade the edges of letters differently.
                assert new.size == old.size
                assert max(ImageStat.Stat(ImageChops.difference(new, old)).mean) < 1.0, name
        else:
            fresh = [d.text for d in load(path) if isinstance(d, ParsedDocument)]
            assert fresh == [d.text for d in documents(name.as_posix())], name


def test_the_script_makes_the_same_bytes_twice(tmp_path: Path) -> None:
    outputs = runpy.run_path(str(ROOT / "scripts" / "make_examples.py"))["OUTPUTS"]
    for name, content in outputs.items():
        assert content() == content(), name


def test_questions_are_many_and_a_third_cannot_be_answered() -> None:
    assert len(ITEMS) >= 66
    unanswerable = [item for item in ITEMS if not item["answerable"]]
    assert len(unanswerable) * 3 >= len(ITEMS)
    reasons = Counter(item["reason"] for item in unanswerable)
    assert set(reasons) == {"missing hop", "false premise", "under-specified", "out of corpus"}
    assert min(reasons.values()) >= 5
    hops = Counter(item["hops"] for item in ITEMS)
    assert hops[2] >= 30
    assert hops[3] >= 6
    assert hops[4] >= 4


def test_ids_and_questions_are_unique() -> None:
    assert len({item["id"] for item in ITEMS}) == len(ITEMS)
    assert len({item["question"].casefold() for item in ITEMS}) == len(ITEMS)


@pytest.mark.parametrize("split", ["demo", "dev", "test"])
def test_every_split_has_both_kinds(split: str) -> None:
    share = [item["answerable"] for item in ITEMS if item["split"] == split]
    assert len(share) >= 12
    assert 0.25 <= share.count(False) / len(share) <= 0.5
    assert {item["split"] for item in ITEMS} == {"demo", "dev", "test"}


def test_quotations_are_verbatim() -> None:
    supports = [(item["id"], support) for item in ITEMS for support in item["support"]]
    assert len(supports) > 150
    assert not [(id_, s) for id_, s in supports if s["quote"] not in text(s["source"])]


def test_labels_fit_together() -> None:
    for item in ITEMS:
        if item["answerable"]:
            fits = item["answer"] and item["support"] and not item["absent"]
            fits = fits and item["reason"] is None and item["missing"] is None
        else:
            fits = item["answer"] is None and not item["aliases"] and item["missing"]
            fits = fits and item["reason"] in get_args(AbstentionReason)
            fits = fits and (item["support"] or item["reason"] == "out of corpus")
            fits = fits and (item["absent"] or item["reason"] == "under-specified")
        assert fits, item


def test_questions_of_several_hops_need_several_documents() -> None:
    several = [item for item in ITEMS if item["answerable"] and item["hops"] > 1]
    assert several
    assert not [i["id"] for i in several if len({support["source"] for support in i["support"]}) < 2]


def test_answers_are_in_the_documents_that_support_them() -> None:
    spans = [item for item in ITEMS if item["answerable"] and item["type"] not in ("yes-no", "count")]
    for item in spans:
        read = " ".join(text(support["source"]) for support in item["support"]).casefold()
        if item["type"] == "list":
            names = re.split(r", | and ", item["answer"])
            assert all(name.casefold() in read for name in names), item
        else:
            assert any(form.casefold() in read for form in (item["answer"], *item["aliases"])), item


def test_answers_of_unanswerable_questions_are_nowhere() -> None:
    phrases = [(item["id"], phrase) for item in ITEMS for phrase in item["absent"]]
    assert phrases
    assert not [(id_, phrase) for id_, phrase in phrases if phrase.casefold() in world()]


def test_they_are_read_as_questions() -> None:
    read = list(averrin(QUESTIONS))
    assert [question.id for question in read] == [item["id"] for item in ITEMS]
    assert all(bool(question.answers) == question.answerable for question in read)
    assert read[0].gold == ("encyclopaedia/averrin.md",)
    assert read[0].extra["split"] == "demo"
