"""From a folder of files to a set, and from a set to a report, as a person would type it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kedge._cli import app

FILMS = (
    "Lantern Hill",
    "Ferry Night",
    "Harbour Song",
    "Copper Bell",
    "Grey Heron",
    "Salt Quay",
    "Marle Bridge",
)
PEOPLE = ("Ada Quill", "Bo Marrick", "Cyrus Dask", "Delia Thorne", "Edgar Loam", "Fanny Pell", "Gerrit Vane")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Seven films and their directors, a file each."""
    made = tmp_path / "notes"
    made.mkdir()
    for n, (film, person) in enumerate(zip(FILMS, PEOPLE, strict=True)):
        (made / f"film-{n}.md").write_text(f"# {film}\n\n{film} is a {1930 + n} film directed by {person}.\n")
        (made / f"person-{n}.md").write_text(
            f"# {person}\n\n{person} (born {n + 3} June {1890 + n}) was a British film director.\n"
        )
    return made


def run(*arguments: object) -> str:
    done = CliRunner().invoke(app, ["bench", "crumq", *map(str, arguments)])
    assert done.exit_code == 0, done.output + done.stderr
    return done.output


def test_one_command_makes_a_set_and_another_scores_it(folder: Path, tmp_path: Path) -> None:
    made = tmp_path / "set"
    said = run("make", folder, "--output", made, "--wanted", 12, "--share", 0.5)
    assert "unanswerable questions and" in said
    rows = [json.loads(line) for line in (made / "questions.jsonl").read_text().splitlines()]
    assert {row["kind"] for row in rows} >= {"bridge"}
    assert {row["answerable"] for row in rows} == {True, False}
    told = run("score", made, "--methods", "retrieve_read", "metakgrag", "--probe", "retrieve_read")
    assert "always refuse" in told
    assert "cheatability" in told
    scores = json.loads((made / "run" / "scores.json").read_text())
    assert {score["method"] for score in scores["scores"]} == {
        "retrieve_read", "metakgrag", "always refuse", "always answer"
    }  # fmt: skip
    assert scores["cheatability"]["retrieve_read"]["original"]["n"] > 0
    assert (made / "run" / "report.html").read_text().startswith("<!doctype html>")
    before = (made / "run" / "records.jsonl").read_bytes()
    run("score", made, "--methods", "retrieve_read", "metakgrag", "--probe", "retrieve_read")
    assert (made / "run" / "records.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("make", "notes", "--output", "x", "--hops", "9"), "hops are 2 to 6"),
        (("make", "nowhere", "--output", "x"), "nowhere"),
        (("make", "notes", "--output", "x", "--model", "http://127.0.0.1:9/v1"), "give --model-name"),
        (("score", "nowhere"), "nowhere"),
    ],
)
def test_bad_input_is_told_in_a_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], told: str
) -> None:
    monkeypatch.chdir(folder.parent)
    done = CliRunner().invoke(app, ["bench", "crumq", *arguments])
    assert done.exit_code == 1
    assert told in done.stderr
    assert done.stderr.count("\n") == 1
