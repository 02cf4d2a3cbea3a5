"""The leaderboard: what is there is run, what is not is named, and one page shows all."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kedge._cli import app
from kedge.benchmarks.harness.asking import record
from kedge.benchmarks.harness.scoring import scores
from kedge.benchmarks.suites.leaderboard import overview
from tests.benchmarks._questions import QUESTIONS, question, said

NAMES = ("Hesk Pier", "Marle Bridge", "Skerrivane Light", "Tarn Mill")


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """HotpotQA in small, and nothing else."""
    home = tmp_path / "data" / "multihop_qa" / "hotpot500"
    home.mkdir(parents=True)
    corpus = [{"title": name, "text": f"{name} was built in 190{n}."} for n, name in enumerate(NAMES)]
    questions = [
        {"id": f"q{n}", "question": f"When was {name} built?", "answer": f"190{n}", "type": "bridge",
         "gold_titles": [name]}
        for n, name in enumerate(NAMES)
    ]  # fmt: skip
    (home / "corpus.jsonl").write_text("\n".join(map(json.dumps, corpus)))
    (home / "questions.jsonl").write_text("\n".join(map(json.dumps, questions)))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KEDGE_DATA", str(tmp_path / "data"))
    return tmp_path


def test_one_page_shows_what_is_there_and_names_what_is_not(data: Path) -> None:
    line = ["bench", "leaderboard", "--output", "board", "--sets", "hotpot500", "lihua", "crumq-2wiki",
            "--methods", "retrieve_read", "bm25_read", "--sample", "3"]  # fmt: skip
    done = CliRunner().invoke(app, line)
    assert done.exit_code == 0, done.output
    text, web = (
        (data / "board" / "leaderboard.md").read_text(),
        (data / "board" / "leaderboard.html").read_text(),
    )
    for page in (text, web):
        for shown in ("always answer", "always refuse", "bm25_read", "lihua is left out", "DATA.md", "n=3"):
            assert shown in page
        assert "crumq-2wiki is left out" in page
    assert (data / "board" / "hotpot500" / "report.html").is_file()
    assert 'href="hotpot500/report.html"' in web
    assert not re.search(r"<script|https?://", web)
    before = (data / "board" / "hotpot500" / "records.jsonl").read_bytes()
    assert CliRunner().invoke(app, line).exit_code == 0
    assert (data / "board" / "hotpot500" / "records.jsonl").read_bytes() == before


def test_the_overview_has_a_number_an_interval_and_n_for_every_method() -> None:
    kept = [record(i, "retrieve_read", said("Ada Quill"), 0.01) for i in QUESTIONS]
    answerable = [question("a", "Ada Quill")]
    both = {"mixed": scores(QUESTIONS, kept), "plain": scores(answerable, kept[:1])}
    head, rows = overview(both)
    assert head == ("method", "mixed", "plain")
    cells = {row[0]: row[1:] for row in rows}
    assert cells["always refuse"][0].startswith("30.0 [30.0, 30.0] n=5")
    assert cells["retrieve_read"][1] == "100.0 [100.0, 100.0] n=1"
