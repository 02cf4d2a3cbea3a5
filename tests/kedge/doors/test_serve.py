"""`kedge serve mcp`, `a2a` and `ui` as commands: what they refuse, and that they come and go."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from kedge._cli import app

pytest.importorskip("mcp")
pytest.importorskip("a2a")

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
