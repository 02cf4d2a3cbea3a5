"""`kedge serve mcp`, `a2a` and `ui` as commands: what they refuse, and that they come and go."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from kedge._cli import app

pytest.importorskip("mcp")
pytest.importorskip("a2a")

from mcp import Client

from kedge._doors.a2a_agents import Envelope
from kedge._doors.a2a_client import A2APost
from kedge.testing import StubServer

QUESTION = "Who built the Grey Heron?"
CARD = "/.well-known/agent-card.json"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["mcp", "--http", "--host", "192.0.2.1"], "set KEDGE_TOKEN"),
        (["a2a", "--host", "192.0.2.1"], "set KEDGE_TOKEN"),
        (["ui", "--host", "192.0.2.1"], "set KEDGE_TOKEN"),
        (["ui", "--base", "../up={0}"], "cannot be called '../up'"),
        (["mcp", "--base", "one={0}", "--base", "one={0}"], "two knowledge bases are called 'one'"),
        (["mcp", "--base", "{0}", "--base", "two={0}"], "has no name"),
        (["mcp", "--base", "../up={0}"], "cannot be called '../up'"),
        (["mcp", "--base", "nowhere"], "nowhere"),
    ],
)
def test_what_cannot_be_served_is_refused(world_path: Path, arguments: list[str], told: str) -> None:
    command = ["serve", *(argument.format(world_path) for argument in arguments)]
    environment = {"KEDGE_BASE": str(world_path)}
    done = CliRunner().invoke(app, command, env=environment)
    assert done.exit_code == 1
    assert told in done.stderr


@pytest.mark.parametrize(
    ("command", "path", "status"),
    [(["mcp", "--http"], "/mcp", 400), (["a2a"], CARD, 200), (["ui"], "/api/about", 200)],
)
def test_servers_listen_with_a_token_until_they_are_interrupted(
    world_path: Path, command: list[str], path: str, status: int
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    serving = [
        sys.executable,
        "-m",
        "kedge",
        "serve",
        *command,
        "--port",
        str(port),
        "--base",
        str(world_path),
    ]
    environment = {**os.environ, "KEDGE_TOKEN": "open sesame"}
    running = subprocess.Popen(serving, env=environment, stderr=subprocess.PIPE, text=True)
    assert running.stderr is not None
    try:
        assert f"listening at http://127.0.0.1:{port}" in running.stderr.readline()
        url, headers = f"http://127.0.0.1:{port}{path}", {"Authorization": "Bearer open sesame"}
        for _ in range(100):
            try:
                assert httpx.get(url, trust_env=False).status_code == 401
                break
            except httpx.ConnectError:
                time.sleep(0.1)
        assert httpx.get(url, trust_env=False, headers=headers).status_code == status
        running.send_signal(signal.SIGINT)
        assert running.wait(15) in (0, 130)
        assert "Traceback" not in running.stderr.read()
    finally:
        running.kill()
        running.stderr.close()


async def asked_on_the_page(port: int) -> None:
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        await client.post(f"http://127.0.0.1:{port}/api/base/ask", json={"question": QUESTION})


async def asked_over_mcp(port: int) -> None:
    async with Client(f"http://127.0.0.1:{port}/mcp") as client:
        await client.call_tool("ask", {"question": QUESTION})


async def asked_over_a2a(port: int) -> None:
    post = A2APost({"graph": f"http://127.0.0.1:{port}/agents/graph"})
    await post("graph", QUESTION, Envelope(seconds=60))


@pytest.mark.parametrize(
    ("command", "asking"),
    [("ui", asked_on_the_page), ("mcp --http", asked_over_mcp), ("a2a", asked_over_a2a)],
)
async def test_an_interrupt_ends_a_question_that_is_worked_on(
    world_path: Path, command: str, asking: Callable[[int], Coroutine[Any, Any, None]]
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with StubServer(latency=600) as model:
        given = ["--port", str(port), "--base", str(world_path), "--model", model.url]
        serving = [sys.executable, "-m", "kedge", "serve", *command.split(), *given]
        running = await asyncio.create_subprocess_exec(*serving, stderr=asyncio.subprocess.PIPE)
        assert running.stderr is not None
        try:
            assert b"listening at" in await running.stderr.readline()
            question = asyncio.create_task(asking(port))
            async with asyncio.timeout(30):
                while not model.in_flight:
                    await asyncio.sleep(0.05)
            running.send_signal(signal.SIGINT)
            async with asyncio.timeout(5):
                told = (await running.stderr.read()).decode()
                assert await running.wait() == 130
            assert told.split() == ["interrupted"]
            question.cancel()
            await asyncio.gather(question, return_exceptions=True)
        finally:
            if running.returncode is None:
                running.kill()
                await running.wait()


async def test_an_interrupt_ends_a_server_whose_client_says_nothing(world_path: Path) -> None:
    serving = [sys.executable, "-m", "kedge", "serve", "mcp", "--base", str(world_path)]
    pipe = asyncio.subprocess.PIPE
    running = await asyncio.create_subprocess_exec(*serving, stdin=pipe, stdout=pipe, stderr=pipe)
    assert running.stdin is not None
    assert running.stdout is not None
    assert running.stderr is not None
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    try:
        running.stdin.write(json.dumps(ping).encode() + b"\n")
        assert b'"id":1' in await asyncio.wait_for(running.stdout.readline(), 30)
        running.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(running.wait(), 5) == 130
        assert (await running.stderr.read()).split() == [b"interrupted"]
    finally:
        if running.returncode is None:
            running.kill()
            await running.wait()
        running.stdin.close()


def test_a_port_that_is_taken_is_told_in_one_line(world_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        for command in (["mcp", "--http"], ["a2a"], ["ui"]):
            serving = ["serve", *command, "--port", port]
            done = CliRunner().invoke(app, serving, env={"KEDGE_BASE": str(world_path)})
            assert done.exit_code == 1
            assert done.stderr.startswith(f"error: cannot listen at 127.0.0.1:{port}: ")
            assert len(done.stderr.splitlines()) == 1
