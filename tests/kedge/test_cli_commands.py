"""The commands on a real knowledge base, from adding to asking."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from kedge._cli import _progress, app
from kedge.tools.knowledge_base import Progress

PIER = """# The pier of Port Selwyn

The pier of Port Selwyn was built by Ivo Crane in 1931. It is 210 metres long.
Ivo Crane was born in Northmark.
"""
LIGHT = "Brackwater Light stands on the Isle of Tarn. Ada Moss lit it in 1902. [/] [red]danger[/red] \x1b[31m"

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with three documents and a knowledge base made of them."""
    folder = tmp_path_factory.mktemp("world")
    (folder / "docs").mkdir()
    (folder / "docs" / "pier.md").write_text(PIER)
    (folder / "docs" / "light.txt").write_text(LIGHT)
    (folder / "docs" / "ferries.csv").write_text("ferry,year\nGull,1958\nTern,1977\n")
    made = CliRunner().invoke(app, ["add", str(folder / "docs"), "--base", str(folder / "base")])
    assert made.exit_code == 0, made.output
    return folder


@pytest.fixture
def run(world: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("KEDGE_BASE", str(world / "base"))
    return lambda *arguments, **options: CliRunner().invoke(app, list(arguments), **options)


def said(result: Result, code: int = 0) -> Any:
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def test_adding_again_changes_nothing(run: Run, world: Path) -> None:
    report = said(run("add", str(world / "docs"), "--json"))
    assert (report["added"], report["unchanged"] > 0, report["failed"]) == (0, True, [])


def test_documents_are_listed_and_shown(run: Run, world: Path) -> None:
    listed = said(run("list", "--json"))
    assert {"pier.md", "light.txt"} <= {Path(item["source"]).name for item in listed}
    light = next(item for item in listed if item["source"].endswith("light.txt"))
    shown = said(run("show", light["id"], "--chunks", "--triples", "--json"))
    assert "Brackwater Light stands" in shown["text"]
    assert [chunk["text"] for chunk in shown["chunks"]]
    assert all(part["chunk_id"] in {chunk["id"] for chunk in shown["chunks"]} for part in shown["triples"])
    plain = run("show", str(world / "docs" / "light.txt"))
    assert "[/] [red]danger[/red]" in plain.stdout
    assert "\x1b" not in plain.stdout
    for arguments in (["list"], ["show", light["id"], "--chunks"], ["show", light["id"], "--triples"]):
        assert run(*arguments).exit_code == 0


@pytest.mark.parametrize("how", ["bm25", "dense", "hybrid", "late_interaction", "ppr"])
def test_search_finds_the_passage(run: Run, how: str) -> None:
    found = said(run("search", "Who built the pier of Port Selwyn?", "--how", how, "-k", "2", "--json"))
    assert 1 <= len(found) <= 2
    assert any("Ivo Crane" in item["chunk"]["text"] for item in found)


def test_an_unknown_search_is_refused(run: Run) -> None:
    result = run("search", "pier", "--how", "magic")
    assert result.exit_code == 1
    assert "choose from" in result.stderr or "use one of" in result.stderr


def test_a_question_is_answered_with_its_source(run: Run, tmp_path: Path) -> None:
    page = tmp_path / "answer.html"
    result = run("ask", "Who built the pier of Port Selwyn?", "--json", "--html", str(page))
    answer = said(result)
    assert "Ivo Crane" in answer["text"]
    citation = answer["citations"][0]
    assert citation["source"].endswith("pier.md")
    assert "Ivo Crane" in page.read_text(encoding="utf-8")
    saved = tmp_path / "answer.json"
    saved.write_text(result.stdout)
    picture = said(run("graph", "--answer", str(saved), "--json"))
    assert any(node["kind"] == "passage" for node in picture["nodes"])
    plain = run("ask", "-", "--trace", input="Who built the pier of Port Selwyn?\n")
    assert plain.exit_code == 0
    assert "[1]" in plain.stdout
    assert "answered" in plain.stderr


def test_a_question_without_an_answer_is_declined(run: Run) -> None:
    answer = said(run("ask", "What did the mayor of Zanzibar eat on his wedding day?", "--json"), code=4)
    assert answer["text"] is None
    assert answer["abstention"]["reason"]


@pytest.mark.parametrize(
    ("question", "fault"),
    [("", "empty"), ("x" * 100_000, "100,000 characters"), ("a\x00b\x07", "control character")],
)
def test_a_question_that_is_none_is_refused(run: Run, question: str, fault: str) -> None:
    result = run("ask", "-", input=question)
    assert result.exit_code == 1
    assert result.stderr.startswith("error: ")
    assert fault in result.stderr
    assert result.stderr.count("\n") == 1


def test_the_graph_is_drawn(run: Run, tmp_path: Path) -> None:
    picture = said(run("graph", "--json"))
    name = picture["nodes"][0]["label"]
    page = tmp_path / "graph.html"
    assert run("graph", name, "--hops", "2", "--html", str(page)).exit_code == 0
    assert 'id="data"' in page.read_text(encoding="utf-8")
    assert name in run("graph", name).stdout
    missing = run("graph", "nobody at all")
    assert missing.exit_code == 1
    assert "no entity is called 'nobody at all'" in missing.stderr
    assert run("graph", name, "--html", str(tmp_path)).exit_code == 1
    broken = tmp_path / "broken.json"
    broken.write_text("{}")
    assert "does not hold an answer" in run("graph", "--answer", str(broken)).stderr


def test_stats_and_doctor(run: Run) -> None:
    assert said(run("stats", "--json"))["documents"] >= 3
    assert "MB" in run("stats").stdout
    report = said(run("doctor", "--json"))
    assert report["healthy"]
    assert {check["status"] for check in report["checks"]} <= {"ok", "missing", "problem"}
    assert run("doctor").exit_code == 0


def test_doctor_reports_what_does_not_work(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEDGE_MODEL_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("KEDGE_BSE", "typo")
    checks = {check["name"]: check for check in said(run("doctor", "--json"))["checks"]}
    assert checks["chat model"]["status"] == "problem"
    assert "KEDGE_BSE" in checks["settings"]["detail"]


def test_bad_files_are_reported_and_the_others_added(tmp_path: Path) -> None:
    docs, base = tmp_path / "docs", str(tmp_path / "base")
    docs.mkdir()
    (docs / "good.txt").write_text("The quay is made of granite.")
    (docs / "empty.txt").write_text("")
    (docs / "broken.pdf").write_bytes(b"%PDF-1.4 nothing")
    (docs / "tool.exe").write_bytes(b"MZ")
    result = CliRunner().invoke(app, ["add", str(docs), "--base", base, "--no-triples", "--json"])
    report = said(result, code=3)
    assert (report["added"], len(report["failed"]), len(report["skipped"])) == (1, 2, 1)
    assert "empty.txt" in report["failed"][0]["source"] + report["failed"][1]["source"]
    assert report["failed"][0]["error"]["fix"]
    assert len(result.stderr.strip().splitlines()) == 2
    assert "empty.txt" in result.stderr
    assert "broken.pdf" in result.stderr
    again = CliRunner().invoke(app, ["add", str(docs), "--base", base, "--no-triples"])
    assert again.exit_code == 3
    assert re.search(r"unchanged +1\nfailed +2\nskipped +1\n", again.stdout)
    assert "note: " in again.stderr
    assert "tool.exe" in again.stderr
    only_bad = CliRunner().invoke(app, ["add", str(docs / "empty.txt"), "--base", base])
    assert only_bad.exit_code == 1


def test_a_missing_path_leaves_nothing_behind(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["add", str(tmp_path / "no.txt"), "--base", str(tmp_path / "base")])
    assert result.exit_code == 1
    assert "no.txt" in result.stderr
    assert not (tmp_path / "base").exists()
    assert CliRunner().invoke(app, ["list", "--base", str(tmp_path / "base")]).exit_code == 1


def test_standard_input_is_added_replaced_and_removed(tmp_path: Path) -> None:
    base = ["--base", str(tmp_path / "base")]

    def add(text: str | bytes, *options: str) -> Any:
        return CliRunner().invoke(app, ["add", "-", *options, "--no-triples", "--json", *base], input=text)

    assert said(add("The quay is made of granite."))["added"] == 1
    assert said(add("The mole is made of basalt."))["added"] == 1
    assert said(add("The tug is called Otter.", "--name", "tug"))["added"] == 1
    assert said(add("The tug is called Seal.", "--name", "tug"))["replaced"] == 1
    assert len(said(CliRunner().invoke(app, ["list", "--json", *base]))) == 3
    assert add("").exit_code == 1
    assert add(b"caf\xe9 au lait").exit_code == 1
    assert said(add(b"caf\xe9 au lait", "--encoding", "latin-1"))["added"] == 1

    partly = CliRunner().invoke(app, ["remove", "tug", "nothing", *base, "--json"])
    assert len(said(partly, code=3)["removed"]) == 1
    assert "'nothing'" in partly.stderr
    assert CliRunner().invoke(app, ["remove", "tug", *base]).exit_code == 1


@pytest.mark.skipif(os.name != "posix", reason="signals as on POSIX")
def test_an_interrupted_addition_says_so_and_leaves_a_sound_base(tmp_path: Path) -> None:
    rows = (
        json.dumps({"title": f"Ship {n}", "text": f"Ship {n} was built in {1800 + n % 200}. " * 9})
        for n in range(1500)
    )
    (tmp_path / "ships.jsonl").write_text("\n".join(rows))
    command = [sys.executable, "-m", "kedge", "add", str(tmp_path / "ships.jsonl"), "--no-triples", "--json"]
    command += ["--base", str(tmp_path / "base")]
    started = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 40
    while not (tmp_path / "base" / "kedge.sqlite").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)
    started.send_signal(signal.SIGINT)
    out, err = started.communicate(timeout=40)
    assert (started.returncode, out) == (130, "")
    assert "interrupted; what was reported as done is safe" in err
    assert "Traceback" not in err
    assert CliRunner().invoke(app, ["stats", "--base", str(tmp_path / "base")]).exit_code == 0


def test_progress_is_told_on_terminals_and_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    now = Progress(2, 4, "files", "adding", "a/[b].txt")
    for terminal in (False, True):
        screen = Console(file=io.StringIO(), force_terminal=terminal, width=120, _environ={"TERM": "xterm"})
        monkeypatch.setattr(_progress, "console", lambda screen=screen, **_: screen)
        monkeypatch.setattr(_progress, "LINE_EVERY", 0.0)
        with _progress.watching(4) as tell:
            tell(now)
            time.sleep(0.2)
            tell(now)
        printed = screen.file.getvalue()  # type: ignore[attr-defined]
        assert ("2/4" if terminal else "2 of 4 files") in re.sub(r"\x1b\[[0-9;]*m", "", printed)
        assert "/s, 0:00:0" in printed
