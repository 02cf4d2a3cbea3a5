"""Every run script in `examples/` is short, and runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kedge.testing import Reply, StubServer

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
NEEDS = {"agent.py": "langchain", "mcp_client.py": "mcp", "a2a_client.py": "a2a"}
EXPECTED = {
    "first_steps.py": ["6,350 crans"],
    "agent.py": ["Name: search", "Corwin Brandreth"],
    "mcp_client.py": ["tools: search, ask", "1388", "Grey Heron — "],
    "a2a_client.py": ["planned: ", "Wandering Abbot", "Sources"],
    "follow_a_run.py": ["round 1  adjusted", "not in these documents"],
    "compare_methods.py": ["metakgrag:", "retrieve_read:"],
    "own_search.py": ["Wandering Abbot"],
}
CALL = {
    "id": "1",
    "type": "function",
    "function": {"name": "search", "arguments": json.dumps({"query": "berth 9"})},
}


@pytest.mark.parametrize("script", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_scripts_are_short_and_run(script: Path, tmp_path: Path) -> None:
    if script.name in NEEDS:
        pytest.importorskip(NEEDS[script.name])
    assert len(script.read_text().splitlines()) <= 40
    replies = [
        Reply(tool_calls=[CALL], finish_reason="tool_calls"),
        Reply("Her master was Corwin Brandreth."),
    ]
    with StubServer(replies) as server:
        environment = {**os.environ, "KEDGE_MODEL_URL": server.url, "KEDGE_MODEL_NAME": "stub"}
        if script.name != "agent.py":
            environment = dict(os.environ)
        command = [sys.executable, str(script)]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for part in EXPECTED[script.name]:
        assert part in done.stdout
