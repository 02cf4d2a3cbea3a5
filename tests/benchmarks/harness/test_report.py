"""The report: it stands alone, data is no markup in it, and a browser draws it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kedge.benchmarks.harness.asking import record
from kedge.benchmarks.harness.page import bars, html, markdown, page
from kedge.benchmarks.harness.report import part_table, question_html, report, score_table
from kedge.benchmarks.harness.scoring import scores
from kedge.benchmarks.metrics import Interval
from tests.benchmarks._questions import QUESTIONS, question, said
from tests.benchmarks.harness._browser import screenshot

NASTY = "</script><img src=x onerror=alert(1)><u>&"


def written() -> str:
    given = [*QUESTIONS, replace(question("x", NASTY), question=NASTY, kind=NASTY)]
    answers = [said("Ada Quill", 0.9), None, said(NASTY, 0.4), said("Outside", 0.7), said(None), said(NASTY)]
    kept = [
        record(i, method, a, 0.01, failure="" if a else NASTY)
        for method in ("metakgrag", "retrieve_read")
        for i, a in zip(given, answers, strict=True)
    ]
    found = scores(given, kept)
    return report(
        "Run | of <b>", given, found, kept, {"Methods": score_table(found)}, facts={"commit": NASTY}
    )


def test_the_report_stands_alone_and_data_is_no_markup() -> None:
    text = written()
    assert not re.search(r"<(?:script|img|u>|link|iframe)", text)
    assert not re.search(r"https?://|url\(", text)
    assert "default-src 'none'" in text
    for shown in (
        "always refuse",
        "Risk over coverage",
        "By kind",
        "By hops",
        "What was run",
        "Answer elsewhere",
    ):
        assert shown in text
    assert text.count("<svg") == 2
    assert text.count('<rect x="170"') == 12  # four methods with F1, refusals and the joint score


def test_questions_on_which_methods_differ_come_first() -> None:
    given = QUESTIONS[:2]
    right, wrong = said("Bo Marrick"), said("Nobody")
    kept = [record(given[0], m, wrong, 0.01) for m in "mn"]
    kept += [record(given[1], "m", right, 0.01), record(given[1], "n", wrong, 0.01)]
    found = scores(given, kept)
    text = report("Run", given, found, kept, {}, facts={})
    assert text.index("Who is b?") < text.index("Who is a?")


def test_tables_have_as_many_cells_as_heads() -> None:
    found = scores(QUESTIONS, [])
    for table in (score_table(found), part_table(found, "kind"), part_table(found, "hops")):
        assert len({line.count("|") for line in markdown(table).splitlines()}) == 1
        assert html(table).count("<td>") == len(table[0]) * len(table[1])


def test_a_question_shows_what_it_rests_on() -> None:
    support = {"document": "ada.md", "side": "external", "quote": "born in <1902>"}
    supported = replace(QUESTIONS[3], extra={**QUESTIONS[3].extra, "supports": [support]})
    text = question_html(supported, [])
    assert "<mark>born in &lt;1902&gt;</mark>" in text
    assert "<b>Outside</b>" in text
    assert "ada.md" in question_html(replace(QUESTIONS[0], gold=("ada.md",), extra={}), [])


def test_a_browser_draws_the_report(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(written(), encoding="utf-8")
    screenshot(path, tmp_path / "report.png")
    drawn = np.asarray(Image.open(tmp_path / "report.png").convert("RGB")).reshape(-1, 3)
    for colour in ((0x2F, 0x8F, 0x7D), (0xC9, 0x7A, 0x1E), (0x5B, 0x6E, 0xE1)):  # of the bars
        assert (np.abs(drawn.astype(int) - colour).max(axis=1) < 12).sum() > 1_000, colour


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_bars_are_as_long_as_their_shares(share: float) -> None:
    drawing = bars({"m": {"F1": Interval(share, share, share, 1), "joint": None}})
    assert f'width="{500 * share:.1f}"' in drawing
    assert drawing.count("<rect") == 1


def test_a_page_has_one_headline() -> None:
    assert page("A & B", ["<p>x</p>"]).count("<h1>A &amp; B</h1>") == 1
