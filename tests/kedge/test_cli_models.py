"""The chat model that settings name, and the trace of what it was asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from kedge._cli import _documents, app
from kedge._cli._app import ABSTAINED
from kedge._cli._base import chat_model
from kedge._settings import Settings
from kedge.errors import InputError
from kedge.testing import StubServer
from kedge.tools.models import VllmServer


@pytest.fixture(autouse=True)
def _settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEDGE_BASE", str(tmp_path / "base"))
    monkeypatch.setenv("KEDGE_TRACE", str(tmp_path / "trace.jsonl"))
    CliRunner().invoke(app, ["add", __file__, "--base", str(tmp_path / "base")])


def ask(server: StubServer, *more: str) -> dict[str, object]:
    command = ["ask", "Who built the pier?", "--method", "closed_book", "--json"]
    done = CliRunner().invoke(app, [*command, "--model", server.url, "--model-name", "tiny", *more])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_a_model_is_asked_once_and_written_down(tmp_path: Path) -> None:
    with StubServer("Ada Moss") as server:
        first, again = ask(server), ask(server)
        assert first["text"] == again["text"] == "Ada Moss"
        assert server.served == 1
    roles = [answer["ledger"]["roles"]["recall"] for answer in (first, again)]
    assert [(role["calls"], role["cache_hits"]) for role in roles] == [(1, 0), (0, 1)]
    verified = CliRunner().invoke(app, ["trace", "verify", str(tmp_path / "trace.jsonl")])
    assert verified.exit_code == 0
    assert "1 records, unchanged; the last hash is" in verified.stdout


def test_the_only_model_of_a_server_needs_no_name(tmp_path: Path) -> None:
    with StubServer("Ada Moss", model="tiny") as server:
        command = ["ask", "Who built the pier?", "--method", "closed_book", "--json", "--model", server.url]
        done = CliRunner().invoke(app, command)
        assert done.exit_code == 0, done.output
        assert server.requests[0].body["model"] == "tiny"


def test_a_real_vllm_is_asked_by_its_url_alone(vllm_server: VllmServer, world_path: Path) -> None:
    """Whatever random weights say, and although not all that is found fits into a context so short."""
    command = ["ask", "Who built the lighthouse?", "--model", vllm_server.url, "--method", "retrieve_read"]
    done = CliRunner().invoke(app, [*command, "--seconds", "120", "--base", str(world_path), "--json"])
    assert done.exit_code in (0, ABSTAINED), done.output
    answer = json.loads(done.stdout)
    assert answer["ledger"]["roles"]["read"]["calls"] >= 1
    assert (answer["text"] is None) == (done.exit_code == ABSTAINED)


def test_a_changed_trace_is_found_out(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    with StubServer("Ada Moss") as server:
        ask(server)
    path.write_text(path.read_text().replace("Ada Moss", "Ivo Crane"))
    found = CliRunner().invoke(app, ["trace", "verify", str(path)])
    assert found.exit_code == 1
    assert "record 1 was changed" in found.stderr
    found = CliRunner().invoke(app, ["trace", "verify", str(path), "--json"])
    assert found.exit_code == 1
    assert json.loads(found.stdout)["fault"] == "record 1 was changed"


def test_prices_make_costs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prices = tmp_path / "prices.json"
    prices.write_text('{"tiny": {"prompt": 1000000, "completion": 0}}')
    monkeypatch.setenv("KEDGE_PRICES", str(prices))
    monkeypatch.setenv("KEDGE_MODEL_CACHE", "off")
    with StubServer("Ada Moss") as server:
        ledger = ask(server)["ledger"]
        assert ledger["cost"] == ledger["roles"]["recall"]["prompt_tokens"] > 0
        ask(server)
        assert server.served == 2


@pytest.mark.parametrize("content", [None, "{", '{"tiny": {"prompt": -1, "completion": 1}}', "[]"])
def test_a_price_list_that_is_none_is_named(
    content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "prices.json"
    if content is not None:
        path.write_text(content)
    monkeypatch.setenv("KEDGE_PRICES", str(path))
    with pytest.raises(InputError, match=r"no price list at .*prices\.json"):
        chat_model("http://127.0.0.1:9/v1", "tiny")


def test_settings_of_models() -> None:
    given = Settings.read(
        {
            "KEDGE_MODEL_URL": "http://a/v1,http://b/v1",
            "KEDGE_MODEL_CALLS": "4",
            "KEDGE_MODEL_SECONDS": "9",
            "KEDGE_OTEL": "on",
        }
    )
    assert given.model_urls() == ["http://a/v1", "http://b/v1"]
    assert (given.model_calls, given.model_seconds, given.model_cache, given.otel) == (4, 9, True, True)
    for name, value in (("KEDGE_MODEL_CALLS", "0"), ("KEDGE_OTEL", "maybe")):
        with pytest.raises(InputError, match=name):
            Settings.read({name: value})


def test_replicas_and_spans(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEDGE_OTEL", "on")
    client = chat_model("http://127.0.0.1:9/v1, http://127.0.0.1:10/v1", "tiny")
    assert client is not None
    assert len(client.models) == 2
    assert client.tracer is not None
    assert chat_model(None, None) is None
    with pytest.raises(InputError, match="no model is named for http://a/v1"):
        chat_model("http://a/v1", None)


READ = json.dumps(
    {"names": ["Ada"], "triples": [{"subject": "Ada", "relation": "painted", "object": "the ferry"}]}
)


def added(folder: Path, server: StubServer, *more: str) -> Result:
    (folder / "pier.txt").write_text("Ada painted the ferry at the pier.")
    command = ["add", str(folder / "pier.txt"), "--base", str(folder / "read"), "--model", server.url]
    return CliRunner().invoke(app, [*command, "--model-name", "tiny", *more])


def test_a_model_reads_triples_once_it_is_agreed_what_that_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_documents, "UNASKED_CALLS", 0)
    with StubServer(READ) as server:
        refused = added(tmp_path, server)
        assert refused.exit_code == 1
        assert "1 document, 1 chunk: about 1 calls at most" in refused.stderr
        assert "repeat the command with --yes" in refused.stderr
        agreed = added(tmp_path, server, "--json", "--yes")
        assert server.served == 1, "what the estimate read is remembered"
    assert agreed.exit_code == 0, agreed.output
    report = json.loads(agreed.stdout)
    assert (report["added"], report["triples"]) == (1, 1)
    assert report["ledger"]["roles"]["extract_triples"]["cache_hits"] == 1


def test_a_model_that_reads_nothing_fails_the_document_by_name(tmp_path: Path) -> None:
    with StubServer("gibberish") as server:
        done = added(tmp_path, server, "--yes")
    assert done.exit_code == 1
    assert "pier.txt, characters 0 to 34 could not be read" in done.stderr
