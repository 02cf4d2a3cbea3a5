"""`kedge bench run` and `compare`: any method on any data, killed and resumed, compared and shown."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from kedge._cli import app
from kedge.tools.knowledge_base.lock import write_lock

CAST = '''
import asyncio, sys
from kedge.agents.decisions import Judgement, Reading
from kedge.agents.scripted import ScriptedCast


def make(encoder, model):
    """Reads the year that follows a name, after a while."""
    def read(question, evidence):
        name = question.removeprefix("When was ").removesuffix(" built?")
        found = [i.chunk.text for i in evidence if name in i.chunk.text]
        if not found:
            return Reading(answer=None, reason="out of corpus", confidence=0.5)
        return Reading(answer=found[0].split()[-1].strip("."), confidence=0.9)
    return ScriptedCast({"read": read})


def slow(encoder, model):
    cast = make(encoder, model)
    class Slow:
        def __getattr__(self, name):
            return getattr(cast, name)
        async def read(self, *given):
            await asyncio.sleep(0.25)
            return await cast.read(*given)
    return Slow()
'''

PLAN = """
data:
  questions: mine.jsonl
  corpus: notes
  fields: {question: query, answer: reply, id: name}
methods: [retrieve_read, bm25_read]
cast: casts:make
output: run
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three documents, six questions about them, and a cast that reads them."""
    notes = tmp_path / "notes"
    notes.mkdir()
    for n, name in enumerate(("Hesk Pier", "Marle Bridge", "Skerrivane Light")):
        (notes / f"{n}.md").write_text(f"# {name}\n\n{name} was built in 190{n}.\n")
    names = ("Hesk Pier", "Marle Bridge", "Skerrivane Light", "Tarn Mill", "Grey Quay", "Salt Hall")
    rows = [
        {"query": f"When was {name} built?", "reply": f"190{n}" if n < 3 else "", "name": f"q{n}"}
        for n, name in enumerate(names)
    ]
    (tmp_path / "mine.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "casts.py").write_text(CAST)
    (tmp_path / "plan.yaml").write_text(PLAN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def bench(*arguments: str, code: int = 0) -> Any:
    done = CliRunner().invoke(app, ["bench", *arguments])
    assert done.exit_code == code, done.output + done.stderr
    return done


def records(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "records.jsonl").read_text().splitlines()]


def test_a_plan_is_run_scored_and_shown(place: Path) -> None:
    told = bench("run", "plan.yaml").output
    assert "retrieve_read: 6 of 6, F1 100, refused 100" in told
    run = place / "run"
    assert sorted(path.name for path in run.iterdir() if path.name != "write.lock") == [
        "manifest.json", "questions.jsonl", "records.jsonl", "report.html", "scores.json", "scores.md"
    ]  # fmt: skip
    manifest = json.loads((run / "manifest.json").read_text())
    assert (manifest["data"], manifest["cast"], manifest["sample"]) == ("mine", "casts:make", None)
    assert {"commit", "kedge", "date"} <= manifest["about"].keys()
    scores = {score["method"]: score for score in json.loads((run / "scores.json").read_text())["scores"]}
    assert scores.keys() == {"retrieve_read", "bm25_read", "always refuse", "always answer"}
    assert scores["bm25_read"]["joint"]["n"] == 6
    before = records(run)
    assert len(before) == 12
    assert before[0].keys() >= {"text", "confidence", "path", "citations", "trace", "seconds", "failure"}
    bench("run", "plan.yaml", "--methods", "retrieve_read", "bm25_read", "dense_read")
    after = records(run)
    assert after[:12] == before
    assert {row["method"] for row in after[12:]} == {"dense_read"}


def test_one_line_does_as_well(place: Path) -> None:
    line = ("--questions", "mine.jsonl", "--corpus", "notes", "--fields", "question=query", "answer=reply")
    told = bench("run", *line, "--methods", "retrieve_read", "--sample", "4", "--output", "few").output
    assert "retrieve_read: 4 of 4" in told
    assert len(records(place / "few")) == 4


@pytest.mark.timeout(300)
def test_a_killed_run_goes_on_and_asks_nothing_twice(place: Path) -> None:
    command = [sys.executable, "-m", "kedge.benchmarks.suites.run", "plan.yaml", "--cast", "casts:slow",
               "--at-once", "1"]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(place)}
    running = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    path = place / "run" / "records.jsonl"
    while running.poll() is None and not (path.exists() and path.read_bytes().count(b"\n") >= 3):
        time.sleep(0.02)
    running.send_signal(signal.SIGKILL)
    running.wait()
    path.write_bytes(path.read_bytes() + b'{"id": "retrieve_read/q5", "te')  # as if it had been writing
    before = [line for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
    assert 3 <= len(before) < 12
    bench("run", "plan.yaml", "--cast", "casts:slow")
    after = path.read_bytes().splitlines(keepends=True)
    assert after[: len(before)] == before
    assert len(after) == len({json.loads(line)["id"] for line in after}) == 12


def test_runs_are_compared_question_by_question(place: Path) -> None:
    bench("run", "plan.yaml")
    (place / "mine.jsonl").write_text((place / "mine.jsonl").read_text().replace("Salt Hall", "Salt House"))
    bench("run", "plan.yaml", "--output", "other", "--cast", "extractive", "--methods", "retrieve_read")
    told = bench("compare", "run", "other", "--output", "both.html").output
    assert "5 questions in common, 1 left out" in told
    assert "| run: retrieve_read | other: retrieve_read | 5 |" in told
    assert "run: bm25_read" in (place / "both.html").read_text()
    bench("compare", "run")
    assert "retrieve_read" in (place / "comparison.html").read_text()
    assert "not the folder of a run" in bench("compare", "notes", code=1).stderr
    assert "nothing to compare" in bench("compare", "other", code=1).stderr


def test_a_folder_belongs_to_one_run(place: Path) -> None:
    bench("run", "plan.yaml")
    told = bench("run", "plan.yaml", "--seed", "3", code=1).stderr
    assert "was begun with seed 0, not 3" in told
    with write_lock(place / "run", wait=0.0):
        assert "being written" in bench("run", "plan.yaml", code=1).stderr


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (("run",), "no data is named"),
        (("run", "nowhere"), "no data set is called 'nowhere'"),
        (("run", "gone.yaml"), "gone.yaml"),
        (("run", "plan.yaml", "--methods", "magic"), "no method is called 'magic'"),
        (("run", "plan.yaml", "--cast", "llm"), "the cast llm needs a model"),
        (("run", "plan.yaml", "--cast", "casts:gone"), "no cast is called 'casts:gone'"),
        (("run", "plan.yaml", "--sample", "0"), "sample"),
        (("run", "--questions", "mine.jsonl"), "questions need a corpus"),
        (("run", "--questions", "mine.jsonl", "--corpus", "gone"), "gone is not there"),
        (("run", "--questions", "mine.jsonl", "--corpus", "notes", "--fields", "colour=x"), "'colour'"),
        (("run", "--questions", "mine.jsonl", "--corpus", "notes"), "mine.jsonl:1: no field 'question'"),
    ],
)
def test_bad_plans_are_told_in_a_line(place: Path, line: tuple[str, ...], told: str) -> None:
    said = bench(*line, code=1).stderr
    assert told in said
    assert said.count("\n") == 1


def test_rows_that_do_not_fit_are_left_out_and_told(place: Path) -> None:
    path = place / "mine.jsonl"
    path.write_text(path.read_text() + '\n{"query": ""}\nno JSON')
    assert "mine.jsonl:7: the question is empty" in bench("run", "plan.yaml", code=1).stderr
    told = bench("run", "plan.yaml", "--lenient").output
    assert told.count("left out: ") == 2
    assert "mine.jsonl:8: not JSON" in told


def test_a_wrong_yaml_file_is_told(place: Path) -> None:
    (place / "plan.yaml").write_text("- data\n")
    assert "no names with values" in bench("run", "plan.yaml", code=1).stderr
    (place / "plan.yaml").write_text("data: x\ncolour: red\n")
    assert "colour" in bench("run", "plan.yaml", code=1).stderr
