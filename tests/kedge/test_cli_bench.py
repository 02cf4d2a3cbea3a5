"""`kedge bench`, and `kedge ask --step` and `--from-round`."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kedge._api import KnowledgeBase
from kedge._cli import app
from kedge._cli._bench import SUITES
from kedge.tools.knowledge_base import TripleDraft

FACTS = [
    ("The Grey Heron", "starred_actors", "Bo Quill"),
    ("The Grey Heron", "release_year", "1931"),
    ("Ferry Night", "starred_actors", "Bo Quill"),
    ("Ferry Night", "release_year", "1936"),
]
QUESTION = "what were the release years of the films that share actors with [The Grey Heron]"


def test_every_suite_is_there_and_listed() -> None:
    said = CliRunner().invoke(app, ["bench", "--help"]).output
    for name, suite in SUITES.items():
        assert callable(import_module(suite.module).main)
        assert name in said


ARGUMENTS = {"run": ["hotpot500"], "crumq": ["audit", "hotpot500", "--output", "audit"]}
MISSING = [name for name, suite in SUITES.items() if suite.data and name != "leaderboard"]


@pytest.mark.parametrize("suite", MISSING)
def test_missing_data_is_told_with_where_to_get_it(
    suite: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEDGE_DATA", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["bench", suite, *ARGUMENTS.get(suite, [])])
    assert done.exit_code == 1
    assert str(tmp_path) in done.stderr
    assert "DATA.md" in done.stderr


@pytest.fixture
async def base(tmp_path: Path) -> Path:
    with KnowledgeBase.open(tmp_path / "base", create=True) as made:
        await made.aadd_triples([TripleDraft(*fact) for fact in FACTS], source="facts.tsv")
    return tmp_path / "base"


@pytest.mark.parametrize(
    ("typed", "steered", "code"),
    [("y\n" * 4, "accept", 0), ("s\n", "stop", 4), ("", "stop", 4), ("c\nBo Quill\n\n" * 4, "change", None)],
)
def test_a_person_steers_at_the_prompt(base: Path, typed: str, steered: str, code: int | None) -> None:
    done = CliRunner().invoke(app, ["ask", QUESTION, "--step", "--base", str(base)], input=typed)
    assert "next: from the grey heron" in done.stderr
    assert f"a person chose to {steered}" in done.stderr
    assert code is None or done.exit_code == code
    assert steered == "change" or (steered == "accept") == ("1936" in done.stdout)


def test_a_run_goes_on_from_a_round(base: Path) -> None:
    arguments = ["ask", QUESTION, "--thread", "t", "--base", str(base), "--trace"]
    first = CliRunner().invoke(app, arguments)
    assert "perceived round 1" in first.stderr
    again = CliRunner().invoke(app, [*arguments, "--from-round", "1"])
    assert "perceived round 1" in again.stderr
    assert "linked" not in again.stderr
    assert again.exit_code == 0
    never = CliRunner().invoke(app, [*arguments, "--from-round", "8"])
    assert "no round 8" in never.stderr
    assert never.exit_code == 1
