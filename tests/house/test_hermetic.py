"""What keeps tests honest is on: warnings fail, the network is refused, the environment is clean."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from pytest_socket import SocketConnectBlockedError

ELSEWHERE = "192.0.2.1"  # reserved for documentation: no machine has it


def test_warnings_are_errors() -> None:
    with pytest.raises(UserWarning, match="careless"):
        warnings.warn("careless", stacklevel=1)


def test_the_network_is_refused() -> None:
    blocked = pytest.raises(SocketConnectBlockedError)
    with warnings.catch_warnings(), blocked, socket.socket() as connection:
        warnings.simplefilter("ignore")  # pytest-socket warns before it raises
        connection.connect((ELSEWHERE, 80))


async def test_loopback_works_with_asyncio() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readline())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"hello\n")
        assert await reader.readline() == b"hello\n"
        writer.close()
        await writer.wait_closed()


async def test_subprocesses_work_with_asyncio() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "print('hello')", stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    assert output.strip() == b"hello"


def test_subprocesses_are_sent_nowhere() -> None:
    script = "import urllib.request; urllib.request.urlopen('http://192.0.2.1/', timeout=5)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "Connection refused" in done.stderr


def test_the_environment_is_clean(tmp_path_factory: pytest.TempPathFactory) -> None:
    assert Path.home().is_relative_to(tmp_path_factory.getbasetemp())
    assert {name for name in os.environ if name.startswith("KEDGE_")} <= {"KEDGE_DATA"}
    assert not {name for name in os.environ if name.endswith("_API_KEY")}
