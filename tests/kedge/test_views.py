"""Answers, paths and pages: what they show, and that documents stay data."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest
from rich.console import Console

from kedge._views.clean import clean, one_line
from kedge._views.html import answer_html, report_html
from kedge._views.paths import branches
from kedge._views.terminal import answer_renderable, answer_text, documents_table, evidence_renderable, plain
from kedge.agents.decisions import Gap
from kedge.graphs.answer import Abstention, Answer, Citation, Step
from kedge.graphs.events import Event
from kedge.tools.knowledge_base import Chunk, Document, Evidence
from kedge.tools.models import Ledger, Spending

NASTY = "</script><img src=x onerror=alert(1)>"
TEXT = "The pier is old. Brackwater Light was lit in 1902 by Ada Moss. It stands on the Isle of Tarn."
QUOTE = "Brackwater Light was lit in 1902 by Ada Moss."


def citation(number: int = 1, *, title: str = "Lights of Tarn", quote: str = QUOTE) -> Citation:
    start = TEXT.find(QUOTE)
    return Citation(
        number=number,
        chunk_id=7,
        document_id="d1",
        source="notes/lights.pdf",
        title=title,
        quote=quote,
        start=start,
        end=start + len(QUOTE),
        page=3,
    )


def answered(*, text: str = "Isle of Tarn", title: str = "Lights of Tarn") -> Answer:
    return Answer(
        question="Where does the light that Ada Moss lit stand?",
        method="metakgrag",
        text=text,
        citations=(citation(title=title),),
        path=(
            Step(subject="Brackwater Light", relation="lit by", object="Ada Moss", chunk_id=7, citation=1),
            Step(subject="Brackwater Light", relation="stands on", object="Isle of Tarn", chunk_id=7),
        ),
        confidence=0.82,
        ledger=Ledger(seconds=1.25, roles={"read": Spending(decisions=1, calls=2, prompt_tokens=900)}),
        trace=(
            Event(kind="started", message="Where does …", seconds=0.01),
            Event(kind="evaluated", message="coverage 0.5", round=1, seconds=0.7),
            Event(kind="answered", message="Isle of Tarn", round=2, seconds=1.25),
        ),
    )


def declined() -> Answer:
    gap = Gap(kind="relation", target="Ada Moss", slot="born in", description="where Ada Moss was born")
    return Answer(
        question="Where was Ada Moss born?",
        method="metakgrag",
        abstention=Abstention(reason="missing hop", missing=(gap,), nearest=(citation(),)),
    )


def test_an_answer_shows_its_sources_its_path_and_its_cost() -> None:
    shown = answer_text(answered())
    assert shown.splitlines()[0] == "Isle of Tarn"
    assert "[1] Lights of Tarn  notes/lights.pdf · page 3 · characters 17–62" in shown
    assert f"“{QUOTE}”" in shown
    assert "stands on → Isle of Tarn" in shown
    assert "lit by → Ada Moss [1]" in shown
    assert "confidence 0.82 · metakgrag · 2 rounds · 1.2 s · 2 model calls, 900 tokens" in shown
    assert "Trace" not in shown
    assert "coverage 0.5" in answer_text(answered(), trace=True)


def test_an_abstention_shows_its_reason_what_is_missing_and_the_nearest() -> None:
    shown = answer_text(declined())
    assert "No answer: missing hop (a link in the chain of facts is missing)." in shown
    assert "where Ada Moss was born  (relation · Ada Moss · born in)" in shown
    assert "Nearest found" in shown
    assert QUOTE in shown
    assert "confidence" not in shown


@pytest.mark.parametrize("title", ["[red]x[/red]", "[/]", "[link=http://evil]y[/link]", ":warning: 😀"])
def test_markup_in_documents_is_printed_as_it_is(title: str) -> None:
    assert title in answer_text(answered(title=title, text=title))


def test_terminal_escapes_in_documents_do_not_reach_the_terminal() -> None:
    evil = "\x1b]0;owned\x07\x1b[2J\x9b31mred\x1b[0m\x00\u202egnp\r over"
    screen = Console(file=io.StringIO(), force_terminal=True, color_system=None, width=80)
    screen.print(answer_renderable(answered(text=evil, title=evil)))
    printed = screen.file.getvalue()  # type: ignore[attr-defined]
    assert "owned" not in printed
    assert not set(re.sub(r"\x1b\[[0-9;]*m", "", printed)) & set("\x1b\x07\x00\x9b\r\u202e")


def test_clean_keeps_lines_and_tabs_and_mends_what_cannot_be_printed() -> None:
    assert clean("a\tb\r\nc\x7f") == "a\tb\nc"
    assert clean("name\udc80") == "name?"
    assert "\x1b" not in clean("cut short: \x1b[31")
    assert one_line(" a \n b ") == "a b"


def test_steps_are_joined_where_they_share_an_entity() -> None:
    steps = [
        Step(subject="A", relation="r1", object="B"),
        Step(subject="C", relation="r2", object="b "),
        Step(subject="A", relation="r3", object="C"),
        Step(subject="X", relation="r4", object="Y"),
    ]
    first, second = branches(steps)
    assert (first.entity, second.entity) == ("A", "X")
    below = first.children[0]
    assert (below.entity, below.children[0].entity, below.children[0].forward) == ("B", "C", False)
    assert [child.relation for child in first.children] == ["r1", "r3"]


def test_a_step_from_an_entity_to_itself_ends() -> None:
    [tree] = branches([Step(subject="A", relation="part of", object="A")])
    assert [child.entity for child in tree.children] == ["A"]
    assert tree.children[0].children == []


def test_search_results_and_documents_are_listed() -> None:
    chunk = Chunk(7, "d1", "notes/[b].txt", "[bold]Title", "", TEXT, 0, len(TEXT), page=2)
    shown = plain(evidence_renderable([Evidence(chunk, 0.5, "words match")]))
    assert "[bold]Title  notes/[b].txt, page 2, characters 0–93" in shown
    assert "score 0.500 · words match" in shown
    document = Document("d1", "notes/[b].txt", "notes/[b].txt", "[/]", "text", 1234, 5, "2026-01-01")
    assert re.search(r"d1 +\[/\] +text +notes/\[b\]\.txt +1,234 +5", plain(documents_table([document])))


def test_html_escapes_everything() -> None:
    evil = answered(text=NASTY, title=NASTY).model_copy(update={"question": NASTY})
    for page in (answer_html(evil), report_html([evil], {NASTY: NASTY}, title=NASTY, lead=NASTY)):
        assert "<img" not in page
        assert "&lt;img src=x onerror=alert(1)&gt;" in page
        assert page.count("</script>") == 0


def test_a_quotation_is_shown_within_its_document() -> None:
    page = report_html([answered()], texts={"d1": TEXT})
    assert f"The pier is old. <mark>{QUOTE}</mark> It stands on the Isle of Tarn." in page
    assert f"<blockquote><mark>{QUOTE}</mark></blockquote>" in report_html([answered()])
    moved = report_html([answered()], texts={"d1": "another text since then " * 9})
    assert f"<blockquote><mark>{QUOTE}</mark></blockquote>" in moved


def test_a_whole_passage_is_shown_by_its_beginning() -> None:
    passage = citation(quote="word " * 100)
    page = answer_html(answered().model_copy(update={"citations": (passage,)}))
    assert f"<blockquote>{'word ' * 79}word…</blockquote>" in page


def test_a_report_counts_and_loads_nothing() -> None:
    page = report_html([answered(), declined()], {"documents": 40}, texts={"d1": TEXT})
    for name, figure in (("documents", "40"), ("questions", "2"), ("answered", "1"), ("declined", "1")):
        assert f"<dt>{name}</dt><dd>{figure}</dd>" in page
    assert "where Ada Moss was born" in page
    assert "script-src 'none'" in page
    assert not re.search(r"(src|href)=.?(https?:|//)|@import|url\(", page)


def test_an_answer_survives_json() -> None:
    saved = json.dumps(answered().model_dump(mode="json"))
    assert Answer.model_validate_json(saved) == answered()


def test_a_cited_picture_is_shown_with_its_region(tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (900, 300), "navy").save(tmp_path / "kept", "PNG")
    update = {"picture": str(tmp_path / "kept"), "box": (0.1, 0.25, 0.5, 0.75)}
    pictured = citation().model_copy(update=update)
    answer = answered().model_copy(update={"citations": (pictured,)})
    assert "picture at 10%–50% across, 25%–75% down" in answer_text(answer, width=200)
    page = answer_html(answer)
    assert page.count('<img class="picture"') == 1
    assert "data:image/png;base64," in page
    (tmp_path / "kept").unlink()
    assert "<img" not in answer_html(answer)
