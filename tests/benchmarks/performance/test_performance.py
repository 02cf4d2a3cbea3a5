"""The performance suite reports what it measured, and fails loudly instead of measuring a failure."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from kedge.benchmarks.performance import corpora
from kedge.benchmarks.performance.figures import Figure, Reference, percentile
from kedge.benchmarks.performance.machine import describe
from kedge.benchmarks.performance.processes import environment, run, time_commands
from kedge.benchmarks.performance.results import COLUMNS, markdown


def test_a_lower_limit_is_reached_from_above() -> None:
    share = Figure("add", "share", 0.95, "", n=1, goal=0.9, more_is_better=True)
    assert share.reached
    assert not Figure("add", "share", 0.85, "", n=1, goal=0.9, more_is_better=True).reached


def test_an_upper_limit_is_reached_from_below() -> None:
    assert Figure("open", "opening", 0.5, "s", n=1, goal=0.5).reached
    assert Figure("open", "opening", 0.51, "s", n=1, goal=0.5).reached is False
    assert Figure("open", "opening", 0.51, "s", n=1).reached is None


def test_percentiles() -> None:
    values = [float(n) for n in range(101)]
    assert (percentile(values, 50), percentile(values, 99)) == (50.0, 99.0)
    assert percentile([7.0], 99) == 7.0


def test_generated_passages_are_repeatable_and_varied() -> None:
    passages = corpora.generate(50)
    assert passages == corpora.generate(50)
    assert passages != corpora.generate(50, seed=1)
    assert len({passage["title"] for passage in passages}) == 50
    assert all(len(passage["text"].split()) >= 8 for passage in passages)


def test_without_data_the_corpus_is_generated_and_says_so(tmp_path: Path) -> None:
    corpus = corpora.find(None, tmp_path, queries=5)
    assert "generated" in corpus.name
    assert len(json.loads(corpus.path.read_text())) == corpora.PASSAGES
    assert len(corpus.queries) == 5


def test_real_passages_are_used_where_they_are(shared_data: Path, tmp_path: Path) -> None:
    corpus = corpora.find(shared_data, tmp_path, queries=5)
    assert "2Wiki" in corpus.name
    assert corpus.path.is_relative_to(shared_data)


def test_results_show_goals_that_were_missed() -> None:
    figure = Figure("open", "opening", 0.75, "s", n=5, goal=0.5, reference=Reference("import typer", 0.25))
    page = markdown([figure], {"cores": "2"}, "a corpus")
    row = next(line for line in page.splitlines() if line.startswith("| open"))
    assert row.count("|") == len(COLUMNS) + 1
    assert "| 0.75 s | ≤ 0.50 s | NO | import typer: 0.25 s | 3.00 | 5 |" in row


def test_the_machine_is_described_but_not_named() -> None:
    import socket

    described = describe()
    assert int(described["cores"]) >= 1
    assert socket.gethostname() not in described.values()


def test_commands_run_without_the_settings_of_whoever_runs_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEDGE_BASE", "mine")
    assert "KEDGE_BASE" not in environment(tmp_path)
    assert environment(tmp_path)["HOME"] == str(tmp_path)


def test_a_command_that_fails_is_no_measurement(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "raise SystemExit('broken')"]
    with pytest.raises(RuntimeError, match="broken"):
        time_commands({"broken": command}, tmp_path, repeat=1)
    assert run([sys.executable, "-c", "print('fine'); exit(4)"], tmp_path, codes=(0, 4)) == "fine\n"


def test_commands_are_timed_in_turn(tmp_path: Path) -> None:
    commands = {
        "quick": [sys.executable, "-S", "-c", "pass"],
        "slow": [sys.executable, "-S", "-c", "import time; time.sleep(0.2)"],
    }
    seconds = time_commands(commands, tmp_path, repeat=2)
    assert [len(values) for values in seconds.values()] == [2, 2]
    assert min(seconds["slow"]) > 0.2
