"""The stub server does what its script says, as other clients see it."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import time

import httpx
import pytest
from openai import AsyncOpenAI

from kedge.testing import Reply, StubRequest, StubServer


def ask(server: StubServer, path: str = "chat/completions", **body: object) -> httpx.Response:
    body = {"model": "m", "messages": [{"role": "user", "content": "Where is the pier?"}], **body}
    return httpx.post(f"{server.url}/{path}", json=body, trust_env=False)


def said(response: httpx.Response) -> str:
    return str(response.json()["choices"][0]["message"]["content"])


def test_scripts() -> None:
    with StubServer("same") as server:
        assert [said(ask(server)) for _ in range(2)] == ["same", "same"]
    with StubServer(["one", Reply("two"), "last"]) as server:
        assert [said(ask(server)) for _ in range(4)] == ["one", "two", "last", "last"]

    def echo(request: StubRequest) -> str:
        return request.prompt.upper()

    with StubServer(echo) as server:
        assert said(ask(server)) == "WHERE IS THE PIER?"


async def test_the_official_client_understands_it() -> None:
    with StubServer(Reply("red tower", reasoning="hm"), model="m", api_key="k") as server:
        async with AsyncOpenAI(base_url=server.url, api_key="k", max_retries=0) as client:
            messages = [{"role": "user", "content": "?"}]
            whole = await client.chat.completions.create(
                model="m", messages=messages, logprobs=True, top_logprobs=1
            )
            assert whole.choices[0].message.content == "red tower"
            assert whole.choices[0].logprobs.content[1].token == " tower"
            assert whole.usage.completion_tokens == 3
            stream = await client.chat.completions.create(
                model="m", messages=messages, stream=True, stream_options={"include_usage": True}
            )
            chunks = [chunk async for chunk in stream]
            assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "red tower"
            assert chunks[-1].usage.total_tokens == 4
            completion = await client.completions.create(model="m", prompt="?")
            assert completion.choices[0].text == "red tower"
            stream = await client.completions.create(model="m", prompt="?", stream=True)
            assert "".join([chunk.choices[0].text async for chunk in stream]) == "red tower"
            vectors = await client.embeddings.create(model="m", input=["a", "b", "a"])
            assert vectors.data[0].embedding == vectors.data[2].embedding != vectors.data[1].embedding
            assert [model.id async for model in client.models.list()] == ["m"]
        assert {request.path for request in server.requests} == {
            "/chat/completions",
            "/completions",
            "/embeddings",
        }


def test_latency_is_fixed_or_drawn() -> None:
    def timed(server: StubServer) -> float:
        began = time.monotonic()
        ask(server)
        return time.monotonic() - began

    with StubServer(latency=0.1) as server:
        assert timed(server) >= 0.1
    drawn: list[float] = []

    def draw(generator: random.Random) -> float:
        drawn.append(generator.uniform(0, 0.01))
        return drawn[-1]

    for _ in range(2):
        with StubServer(latency=draw, seed=4) as server:
            ask(server)
    assert drawn[0] == drawn[1]


def test_faults() -> None:
    with StubServer(Reply.error(429, "slow down", retry_after=2)) as server:
        refused = ask(server)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "2")
        assert refused.json()["error"]["message"] == "slow down"
    with StubServer(Reply(body="not JSON")) as server:
        assert ask(server).text == "not JSON"
    with StubServer(Reply(reset=True)) as server, pytest.raises(httpx.ReadError):
        ask(server)
    with StubServer(Reply("cut", cut=4)) as server, pytest.raises(httpx.RemoteProtocolError):
        ask(server)
    with StubServer(Reply("one two", cut=2)) as server:
        assert "[DONE]" not in ask(server, stream=True).text
    with StubServer(Reply("one two", drip=0.02)) as server:
        began = time.monotonic()
        assert said(ask(server)) == "one two"
        assert time.monotonic() - began > 0.15


def test_wrong_requests_are_refused() -> None:
    with StubServer(model="m", api_key="k") as server:
        assert ask(server).status_code == 401
    with StubServer(model="m") as server:
        assert ask(server, model="other").status_code == 404
        assert ask(server, path="nothing").status_code == 404
        broken = httpx.post(f"{server.url}/completions", content=b"{", trust_env=False)
        assert broken.status_code == 400
        chunked = httpx.post(f"{server.url}/completions", content=iter([b"{}"]), trust_env=False)
        assert chunked.status_code == 411


async def test_who_is_in_flight_is_counted_and_who_leaves_is_forgotten() -> None:
    with StubServer(latency=0.5) as server:
        async with httpx.AsyncClient(trust_env=False) as client:
            body = {"messages": []}
            calls = [client.post(f"{server.url}/chat/completions", json=body) for _ in range(5)]
            tasks = [asyncio.create_task(call) for call in calls]
            while server.in_flight < 5:
                await asyncio.sleep(0.001)
            for task in tasks[:2]:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        assert (server.served, server.most_in_flight, server.in_flight) == (5, 5, 0)


def test_a_taken_port_is_told() -> None:
    with StubServer() as server:
        port = int(server.url.split(":")[2].partition("/")[0])
        with pytest.raises(OSError, match="in use"), StubServer(port=port):
            pass


def test_a_script_that_fails_hangs_up(caplog: pytest.LogCaptureFixture) -> None:
    def fail(request: StubRequest) -> str:
        raise KeyError(request.path)

    with StubServer(fail) as server, pytest.raises(httpx.RemoteProtocolError):
        ask(server)


def test_in_a_process_of_its_own() -> None:
    command = [sys.executable, "-m", "kedge.testing", "--latency", "0.01", "--reply", "hello"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        url = process.stdout.readline().strip()
        body = {"messages": []}
        reply = httpx.post(f"{url}/chat/completions", json=body, trust_env=False)
        assert said(reply) == "hello"
        seen = httpx.get(url.replace("/v1", "/stub"), trust_env=False).json()
        assert seen == {"served": 1, "in_flight": 0, "most_in_flight": 1}
        process.stdin.close()
        assert process.wait(10) == 0
