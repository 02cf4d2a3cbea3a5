"""The command line as a whole: start-up, help, exit codes, and how failures are told."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from kedge._cli import _search, app, main
from kedge._cli._app import CHUNK, TRIPLE
from kedge._cli._documents import DOCUMENT
from kedge._settings import Settings
from kedge._views.graph import Picture
from kedge.errors import StoreError
from kedge.graphs.answer import Answer
from kedge.tools.knowledge_base import (
    AddReport,
    Chunk,
    Document,
    Evidence,
    RemoveReport,
    Stats,
    Triple,
)

COMMANDS = ("add", "ask", "bench", "doctor", "graph", "list", "remove", "search", "show", "stats", "version")
HEAVY = {"chromadb", "langchain_core", "langgraph", "numpy", "pydantic", "rich", "sqlalchemy", "torch"}


def kedge(*arguments: str, code: str = "", **options: Any) -> subprocess.CompletedProcess[str]:
    program = ["-c", code] if code else ["-m", "kedge"]
    options = {"capture_output": True, "text": True, "timeout": 60, "check": False} | options
    return subprocess.run([sys.executable, *program, *arguments], **options)


def test_help_starts_quickly() -> None:
    code = (
        "import sys, kedge._cli as c\ntry: c.main(['--help'])\nfinally: print(*sys.modules, file=sys.stderr)"
    )
    run = kedge(code=code)
    assert run.returncode == 0
    loaded = {name.partition(".")[0] for name in run.stderr.split()}
    assert loaded & HEAVY == set()


def test_help_lists_the_commands_and_the_exit_codes() -> None:
    said = CliRunner().invoke(app, ["--help"]).output
    assert re.findall(r"^  (\w+)  +[A-Z]", said.partition("Commands:")[2], re.MULTILINE) != []
    assert all(re.search(rf"^  {command} ", said, re.MULTILINE) for command in COMMANDS)
    assert re.findall(r"^ +(\d+)  ", said, re.MULTILINE) == ["0", "1", "2", "3", "4", "130"]


@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "bench"])  # which has groups
def test_every_command_explains_itself_and_speaks_json(command: str) -> None:
    said = CliRunner().invoke(app, [command, "--help"])
    assert said.exit_code == 0
    assert "--json" in said.output


def test_usage_errors_exit_with_two() -> None:
    for arguments in (["nonsense"], ["ask"], ["search", "q", "-k", "0"], ["list", "--wrong"]):
        assert CliRunner().invoke(app, arguments).exit_code == 2


def test_version() -> None:
    from kedge import __version__

    assert json.loads(CliRunner().invoke(app, ["version", "--json"]).stdout)["kedge"] == __version__
    for arguments in (["version"], ["--version"]):
        assert __version__ in CliRunner().invoke(app, arguments).stdout


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(_search, "open_base", fail)


def run_main(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    printed = capsys.readouterr()
    assert printed.out == ""
    return int(stopped.value.code or 0), printed.err


def test_a_failure_is_one_line_without_escapes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing(monkeypatch, StoreError("no base\nat \x1b[31mx[/]", fix="make one"))
    assert run_main(["stats"], capsys) == (1, "error: no base at x[/] (make one)\n")


def test_an_unexpected_failure_is_one_line_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing(monkeypatch, KeyError("lost\nin two lines"))
    code, said = run_main(["stats"], capsys)
    assert code == 1
    assert re.fullmatch(r"error: unexpected KeyError: .*kedge --debug.*\n", said)


def test_debug_shows_where(monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, StoreError("no base"))
    with pytest.raises(StoreError):
        main(["--debug", "stats"])
    failing(monkeypatch, KeyError("lost"))
    with pytest.raises(KeyError):
        main(["--debug", "stats"])


def test_an_interruption_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    failing(monkeypatch, KeyboardInterrupt())
    assert run_main(["stats"], capsys) == (130, "\ninterrupted\n")


def test_a_reader_that_goes_away_is_no_failure() -> None:
    code = (
        "from kedge._cli import _output, app, main\n"
        "app.command('flood')(lambda: [_output.emit('x' * 999) for _ in range(9999)] and None)\n"
        "main(['flood'])"
    )
    program = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert program.stdout is not None
    assert program.stderr is not None
    program.stdout.readline()
    program.stdout.close()
    assert program.stderr.read() == ""
    program.stderr.close()
    program.wait(timeout=30)


def test_settings_come_from_the_environment() -> None:
    assert Settings.read({}) == Settings()
    given = Settings.read(
        {"KEDGE_BASE": "~/notes", "KEDGE_API_KEY": "secret", "KEDGE_MODEL_URL": "", "BASE": "no"}
    )
    assert given.base == Path.home() / "notes"
    assert given.model_url is None
    assert "secret" not in repr(given)
    assert Settings.read({"KEDGE_CACHE_DIR": "/c"}).cache() == Path("/c")
    assert Settings().cache().name == "kedge"


@pytest.mark.parametrize(
    ("environment", "fault"),
    [
        ({"KEDGE_ENCODER": "nonsense"}, "KEDGE_ENCODER is 'nonsense' (use minilm, or the URL"),
        ({"KEDGE_ENCODER": "http://127.0.0.1:9/v1"}, "no model is named (set KEDGE_ENCODER_MODEL)"),
        (
            {"KEDGE_ENCODER_DIMENSION": "many"},
            "KEDGE_ENCODER_DIMENSION is 'many' (set it to a number above 0)",
        ),
    ],
)
def test_half_settings_are_refused(
    environment: dict[str, str],
    fault: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    code, said = run_main(["stats", "--base", str(tmp_path)], capsys)
    assert code == 1
    assert fault in said


def documented(command: str) -> set[str]:
    """The outermost keys that a command's help names."""
    said = " ".join(CliRunner().invoke(app, [command, "--help"]).output.partition("JSON keys: ")[2].split())
    while re.search(r" ?\[[^\[\]]*\]", said):
        said = re.sub(r" ?\[[^\[\]]*\]", "", said)
    return {part.split()[-1] for part in re.sub(r" with --\w+", "", said).replace(";", ",").split(",")}


@pytest.mark.parametrize(
    ("command", "record", "more"),
    [
        ("add", AddReport, {"skipped", "ledger"}),
        ("list", Document, set()),
        ("search", Evidence, set()),
        ("remove", RemoveReport, set()),
        ("stats", Stats, set()),
        ("graph", Picture, set()),
    ],
)
def test_the_documented_keys_are_the_real_ones(command: str, record: Any, more: set[str]) -> None:
    assert documented(command) == {field.name for field in dataclasses.fields(record)} | more


def test_the_documented_keys_of_an_answer_are_the_real_ones() -> None:
    assert documented("ask") == set(Answer.model_fields)
    assert documented("show") == {"document", "text", "chunks", "triples"}
    assert documented("doctor") == {"checks", "healthy"}
    assert documented("version") == {"kedge", "python"}


@pytest.mark.parametrize(("text", "record"), [(CHUNK, Chunk), (TRIPLE, Triple), (DOCUMENT, Document)])
def test_nested_keys_are_the_real_ones(text: str, record: Any) -> None:
    assert text.split(", ") == [field.name for field in dataclasses.fields(record)]


def test_help_names_every_search_and_every_method() -> None:
    from kedge import _api
    from kedge.graphs.run import METHODS

    assert set(_search.SEARCHES) == set(_api.SEARCHES)
    said = CliRunner().invoke(app, ["ask", "--help"]).output
    assert all(method in said for method in METHODS)
