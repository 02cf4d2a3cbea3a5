"""Drawings and notebook views: what they show, and that texts stay texts."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge import Answer, Event, KnowledgeBase, notebook
from kedge._views.notebook import picture_html
from kedge._views.svg import Arrow, Box, drawn, path_svg, plan_svg
from kedge.benchmarks.datasets import Question
from kedge.benchmarks.harness.asking import record
from kedge.errors import InputError, MissingExtra
from kedge.graphs.answer import Step
from kedge.testing import FakeEncoder
from kedge.tools.knowledge_base import KnowledgeGraph, ParsedDocument
from kedge.tools.knowledge_base.loaders import load_text
from kedge.tools.knowledge_base.rows import TripleRow

EVIL = '"><script>alert(1)</script><img src=x onerror=alert(2)>'


def steps(*triples: tuple[str, str, str]) -> list[Step]:
    return [Step(subject=s, relation=r, object=o, citation=n) for n, (s, r, o) in enumerate(triples, start=1)]


def planned(*branches: dict[str, object]) -> list[Event]:
    plan = [
        {"id": "1", "question": "When was Ada born?", "depends_on": [], "operation": "search"},
        {"id": "2", "question": "When was Ben born?", "depends_on": [], "operation": "search"},
        {"id": "3", "question": "Who is older?", "depends_on": ["1", "2"], "operation": "compare"},
    ]
    first = Event(kind="planned", message="3 steps", data={"steps": plan})
    return [first, *(Event(kind="branch", message="", data=data) for data in branches)]


def places(svg: str) -> dict[str, tuple[float, float]]:
    found = re.findall(r'<rect x="(\d+)" y="(\d+)".*?<text [^>]*>([^<]*)</text>', svg)
    return {label: (float(x), float(y)) for x, y, label in found}


def test_a_path_is_drawn_from_left_to_right_with_every_entity_once() -> None:
    svg = path_svg(steps(("Ada", "sailed", "Gull"), ("Gull", "built in", "1902"), ("Ada", "born in", "Tarn")))
    at = places(svg)
    assert set(at) == {"Ada", "Gull", "1902", "Tarn"}
    assert at["Ada"][0] < at["Gull"][0] < at["1902"][0]
    assert at["Gull"][0] == at["Tarn"][0]
    assert at["Gull"][1] != at["Tarn"][1]
    assert "sailed [1]" in svg
    assert 'aria-label="Evidence path: Ada sailed Gull;' in svg


def test_a_plan_shows_what_waits_for_what_and_what_became_of_it() -> None:
    svg = plan_svg(
        planned(
            {"id": "1", "state": "done", "answer": "1840"}, {"id": "2", "state": "failed", "failure": "no"}
        )
    )
    at = places(svg)
    assert (
        at["#1 When was Ada born? → 1840"][0]
        == at["#2 When was Ben born? → no"][0]
        < at["#3 Who is older?"][0]
    )
    assert [svg.count(f'class="box {state}"') for state in ("done", "failed", "waiting")] == [1, 1, 1]
    assert plan_svg([Event(kind="answered", message="x")]) == ""


@given(st.lists(st.tuples(st.text(max_size=20), st.text(max_size=20), st.text(max_size=20)), max_size=6))
def test_whatever_documents_say_stays_text(triples: list[tuple[str, str, str]]) -> None:
    evil = [*triples, (EVIL, EVIL, EVIL), ("a", "loop", "a")]
    root = ET.fromstring(path_svg(steps(*evil)))  # noqa: S314 - our own, and well-formed is the point
    assert {element.tag for element in root.iter()} <= {"svg", "g", "rect", "text", "path", "title"}
    assert not [name for element in root.iter() for name in element.attrib if name.startswith("on")]


def test_arrows_go_back_and_round_too() -> None:
    boxes = [Box("a", "A", 0), Box("b", "B", 1), Box("c", "C", 1)]
    arrows = [Arrow("b", "a", "back"), Arrow("b", "c"), Arrow("a", "a", "self")]
    ET.fromstring(drawn(boxes, arrows, title="t"))  # noqa: S314
    assert drawn([], [], title="nothing").startswith("<svg")


@pytest.fixture
def small(tmp_path: Path) -> KnowledgeBase:
    base = KnowledgeBase.open(tmp_path / "base", create=True, encoder=FakeEncoder())
    [document] = load_text(f"The pier was built by Ivo Crane in 1931. {EVIL}", source=EVIL)
    assert isinstance(document, ParsedDocument)
    base.add(document)
    return base


def test_a_knowledge_base_shows_itself(small: KnowledgeBase) -> None:
    with small:
        shown = small._repr_html_()
    assert "1 document ·" in shown
    assert "<script>" not in shown


def test_a_graph_to_look_around_in_is_shut_off_from_the_notebook(small: KnowledgeBase) -> None:
    with small:
        view = notebook.graph(small, "Ivo Crane")
        assert "relations within 1 hop" in repr(view)
        shown = view._repr_html_()
        with pytest.raises(InputError, match="no entity is called 'Nobody'"):
            notebook.graph(small, "Nobody")
    assert 'sandbox="allow-scripts"' in shown
    assert shown.count("<iframe") == 1
    assert "<script" not in shown.replace("&lt;script", "")
    assert picture_html.__module__ == "kedge._views.notebook"


def test_of_a_large_graph_only_a_part_is_read(tmp_path: Path) -> None:
    pairs = [(f"entity {n}", "next to", f"entity {n + 1}") for n in range(3_000)]
    pairs += [("hub", "knows", f"entity {n}") for n in range(0, 3_000, 3)]
    large = KnowledgeGraph()
    large.add(TripleRow(n, "d", None, *words, words[0], words[2], 1.0) for n, words in enumerate(pairs, 1))

    class Large(KnowledgeBase):
        graph = large

        def triples(self, **_: Any) -> Any:
            raise AssertionError("all triples were read")

    with Large.open(tmp_path / "large", create=True, encoder=FakeEncoder()) as base:
        around = repr(notebook.graph(base, "hub", most=40))
        assert around.startswith("hub: 40 entities and ")
        assert around.endswith(" more of hub are not drawn")
        best = notebook.graph(base, most=40)
        assert repr(best).startswith("Knowledge graph: 40 entities and 39 relations; ")
        assert repr(best).endswith(" more relations are not drawn")


@pytest.fixture
def ran(tmp_path: Path) -> Path:
    """The folder of a run of two methods, one of which knows nothing."""
    folder = tmp_path / "run"
    folder.mkdir()
    given = [Question(f"q{n}", f"Who is {n}?", ("Ada",)) for n in range(12)]
    rows = [
        {"id": f"{method}/{question.id}", **record(question, method, answer, 0.01)}
        for method, answer in ((EVIL, Answer(question="?", method="m", text="Ada")), ("n", None))
        for question in given
    ]
    asked = [{"id": q.id, "question": q.question, "answers": ["Ada"], "gold": []} for q in given]
    (folder / "manifest.json").write_text("{}")
    (folder / "questions.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in asked))
    (folder / "records.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return folder


def test_runs_are_shown_with_intervals_and_in_pairs(ran: Path, tmp_path: Path) -> None:
    view = notebook.runs(ran)
    shown = view._repr_html_()
    assert "12 questions" in shown
    assert "100.0 [100.0, 100.0]" in shown
    assert shown.count("<table>") == 2  # scores, and the pair
    assert "<svg" in shown
    assert "<script>" not in shown
    assert "| n | 12 | 100.0 [100.0, 100.0] |" in repr(view)
    other = tmp_path / "other"
    shutil.copytree(ran, other)
    assert "run: n | other: n | 12 | 0.0 [0.0, 0.0]" in repr(notebook.runs(ran, other))
    lines = (ran / "records.jsonl").read_text().splitlines(keepends=True)
    (ran / "records.jsonl").write_text("".join(lines[:12]))
    assert notebook.runs(ran)._repr_html_().count("<table>") == 1
    with pytest.raises(InputError, match="is not the folder of a run"):
        notebook.runs(tmp_path)


def test_methods_are_compared_side_by_side(small: KnowledgeBase) -> None:
    with small:
        ways = {"once": {"method": "retrieve_read"}, EVIL: {"method": "metakgrag"}}
        view = notebook.compare(small, ["Who built the pier?"], ways)
    assert "once: " in repr(view)
    assert "<script>" not in view._repr_html_()


def test_views_of_an_answer_have_a_text(small: KnowledgeBase) -> None:
    small.close()
    answer = Answer(
        question="Who?",
        method="m",
        text="Ada",
        path=tuple(steps(("Ada", "sailed", "Gull"))),
        trace=tuple(planned({"id": "1", "state": "done", "answer": "1840"})),
    )
    assert repr(notebook.path(answer)) == "Ada\n└── sailed → Gull [1]"
    assert "✓ #1 When was Ada born?  1840" in repr(notebook.plan(answer))
    assert "planned" in repr(notebook.timeline(answer))


def test_without_ipython_the_extra_is_named(small: KnowledgeBase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "IPython.display", None)
    with small, pytest.raises(MissingExtra, match=r"kedge\[notebook\]"):
        notebook.ask(small, "Who?")
