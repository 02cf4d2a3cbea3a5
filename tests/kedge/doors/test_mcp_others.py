"""The MCP server as clients of other makes see it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
ADAPTERS = ROOT / ".venv-adapters" / "bin" / "python"
INSPECTOR = ROOT / ".inspector" / "node_modules" / ".bin" / "mcp-inspector"


@pytest.mark.skipif(not INSPECTOR.exists(), reason="no MCP inspector: `scripts/setup --doors` installs it")
@pytest.mark.parametrize(
    ("method", "expected"),
    [
        (["tools/list"], '"name": "explore_graph"'),
        (["resources/list"], "kedge://base/documents/"),
        (["prompts/list"], '"name": "survey"'),
        (["tools/call", "--tool-name", "search", "--tool-arg", "query=fog bell"], "Skerrivane"),
    ],
)
def test_the_inspector_understands_the_server(world_path: Path, method: list[str], expected: str) -> None:
    serving = [sys.executable, "-m", "kedge", "serve", "mcp", "--base", str(world_path)]
    command = [INSPECTOR, "--cli", *serving, "--method", *method]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert expected in done.stdout


ADAPTED = """
import asyncio, sys
from langchain_mcp_adapters.client import MultiServerMCPClient

async def main():
    arguments = ["-m", "kedge", "serve", "mcp", "--base", sys.argv[2]]
    serving = {"transport": "stdio", "command": sys.argv[1], "args": arguments}
    tools = {tool.name: tool for tool in await MultiServerMCPClient({"kedge": serving}).get_tools()}
    print(sorted(tools))
    print(await tools["ask"].ainvoke({"question": "In which year did Averrin receive its charter?"}))

asyncio.run(main())
"""


@pytest.mark.timeout(240)  # a server is started for each call
@pytest.mark.skipif(not ADAPTERS.exists(), reason="no older MCP: `scripts/setup --doors` installs it")
def test_clients_of_the_older_sdk_understand_the_server(world_path: Path) -> None:
    command = [ADAPTERS, "-c", ADAPTED, sys.executable, str(world_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    assert "explore_graph" in done.stdout
    assert "1388" in done.stdout
