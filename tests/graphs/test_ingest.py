"""Documents read by a model behind a stub server: kept busy, paid once, nothing lost silently."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kedge import KnowledgeBase
from kedge.errors import ModelUnavailable
from kedge.testing import FakeEncoder, Reply, StubRequest, StubServer
from kedge.tools.knowledge_base import Block, ParsedDocument
from kedge.tools.models import Budget, Meter, ModelClient, ReplyCache, Retries, connect

TRIPLES = json.dumps(
    {"names": ["Ada"], "triples": [{"subject": "Ada", "relation": "painted", "object": "the ferry"}]}
)


def document(number: int) -> ParsedDocument:
    text = f"Picture {number}: Ada painted the ferry."
    return ParsedDocument(
        f"{number}.txt", f"{number}.txt", "", text, "text", (Block("paragraph", 0, len(text)),)
    )


def client(server: StubServer, folder: Path | None = None, *, concurrency: int = 4) -> ModelClient:
    replies = ReplyCache(folder / "replies.sqlite") if folder else None
    made = connect(server.url, "stub", concurrency=concurrency, replies=replies)
    return made.model_copy(update={"retries": Retries(attempts=1, first=0.01)})


@pytest.fixture
def base(tmp_path: Path) -> KnowledgeBase:
    return KnowledgeBase.open(tmp_path / "base", encoder=FakeEncoder(), create=True)


async def test_a_model_reads_every_chunk_with_all_its_slots(base: KnowledgeBase) -> None:
    with StubServer(TRIPLES, latency=0.01) as server:
        meter = Meter(Budget(seconds=None))
        report = await base.aadd([document(n) for n in range(40)], model=client(server), meter=meter)
        assert (report.added, report.triples, report.failed) == (40, 40, ())
        assert server.most_in_flight == 4
        assert meter.ledger().roles["extract_triples"].calls == server.served == 40


async def test_a_chunk_that_cannot_be_read_is_named_and_its_document_left_out(base: KnowledgeBase) -> None:
    def script(request: StubRequest) -> Reply:
        return Reply("gibberish" if "Picture 3:" in request.prompt else TRIPLES)

    with StubServer(script) as server:
        report = await base.aadd([document(n) for n in range(6)], model=client(server))
    assert report.added == 5
    (failure,) = report.failed
    assert failure.source == "3.txt"
    assert "3.txt, characters 0 to" in failure.error.message


async def test_a_server_that_is_gone_ends_the_addition_and_a_second_run_pays_only_the_rest(
    base: KnowledgeBase, tmp_path: Path
) -> None:
    with StubServer(lambda _: Reply(TRIPLES) if server.served <= 25 else Reply.error(503)) as server:
        model = client(server, tmp_path)
        with pytest.raises(ModelUnavailable, match="repeat the command"):
            await base.aadd([document(n) for n in range(40)], model=model)
    with StubServer(TRIPLES, port=int(server.url.split(":")[2].removesuffix("/v1"))) as server:
        report = await base.aadd([document(n) for n in range(40)], model=client(server, tmp_path))
        assert report.added + report.unchanged == 40
        assert server.served <= 40 - 25 + 4
    assert base.stats().triples == 40


async def test_an_estimate_is_what_it_then_takes(base: KnowledgeBase, tmp_path: Path) -> None:
    documents = [document(n) for n in range(30)]
    with StubServer(TRIPLES, latency=0.05) as server:
        model = client(server, tmp_path)
        expected = await base.aestimate(documents, model=model, slots=4)
        assert base.stats().documents == 0
        meter = Meter(Budget(seconds=None))
        await base.aadd(documents, model=model, meter=meter)
        spent = meter.ledger().total
    assert (expected.documents, expected.chunks, expected.calls) == (30, 30, 30)
    assert expected.cost is None
    assert spent.calls == 30 - 4, "the sample was read before"
    assert expected.prompt_tokens == pytest.approx(spent.prompt_tokens * 30 / 26, rel=0.05)
    assert expected.seconds is not None
    assert 1.0 <= expected.seconds / (30 * 0.05 / 4) < 4.0, "a busy machine answers later"
    again = await base.aestimate(documents, model=model, slots=4)
    assert (again.calls, again.seconds) == (0, None)


async def test_a_budget_of_calls_ends_the_addition(base: KnowledgeBase) -> None:
    with StubServer(TRIPLES) as server:
        meter = Meter(Budget(seconds=None, calls=5))
        with pytest.raises(Exception, match="5 calls"):
            await base.aadd([document(n) for n in range(20)], model=client(server), meter=meter)
        assert server.served == 5


KILLED = """
import asyncio, sys
from pathlib import Path
from kedge import KnowledgeBase
from kedge.testing import FakeEncoder
from kedge.tools.models import ReplyCache, connect

folder, url = Path(sys.argv[1]), sys.argv[2]
model = connect(url, "stub", concurrency=4, replies=ReplyCache(folder / "replies.sqlite"))
base = KnowledgeBase.open(folder / "base", encoder=FakeEncoder(), create=True)
asyncio.run(base.aadd([folder / "notes.md"], model=model))
print(base.stats().triples)
"""


def test_after_a_kill_only_the_calls_in_flight_are_made_again(tmp_path: Path) -> None:
    rows = (f"# Picture {n}\n\nAda painted the ferry.\n" for n in range(60))
    (tmp_path / "notes.md").write_text("\n".join(rows))
    with StubServer(TRIPLES, latency=0.03) as server:
        command = [sys.executable, "-c", KILLED, str(tmp_path), server.url]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        while server.served < 20:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.wait()
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        prompts = [request.prompt for request in server.requests]
    assert int(done.stdout) == len(set(prompts)) > 20
    assert len(prompts) - len(set(prompts)) <= 4
