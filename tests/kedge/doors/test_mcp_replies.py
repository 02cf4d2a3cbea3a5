"""What MCP replies hold, and that work ends whose reply nobody wants any more."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mcp")

from mcp import Client
from mcp.client.stdio import StdioServerParameters

from kedge import KnowledgeBase
from kedge.mcp import server
from kedge.testing import StubServer
from kedge.tools.knowledge_base import TripleDraft


def said(result: Any) -> str:
    return str(result.content[-1].text)


async def test_of_a_hub_only_some_triples_are_given(
    small: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kedge._doors.mcp_server.TRIPLES", 10)
    await small.aadd_triples([TripleDraft("hub", "knows", f"man {n}") for n in range(25)], source="facts")
    async with Client(server(small)) as client:
        told = json.loads((await client.read_resource("kedge://base/triples/hub")).contents[0].text)
        assert [triple["object"] for triple in told["triples"]] == [f"man {n}" for n in range(10)]
        assert told["more"] == 15
        assert told["how"].startswith("call explore_graph with this entity")
        found = await client.call_tool("explore_graph", {"entity": "hub", "about": "man 24", "limit": 25})
        assert len(found.structured_content["facts"]) == 25


async def test_what_is_said_in_a_recording_is_quoted_with_its_time(
    small: KnowledgeBase, tmp_path: Path
) -> None:
    said_at = "1\n00:01:05,000 --> 00:01:09,000\nThe pier was built by Ada Moss.\n"
    (tmp_path / "talk.srt").write_text(said_at)
    small.add(tmp_path / "talk.srt")
    async with Client(server(small)) as client:
        answer = await client.call_tool("ask", {"question": "Who built the pier?"})
        assert answer.structured_content["text"] == "Ada Moss"
        assert answer.structured_content["sources"][0]["time"] == [65.0, 69.0]
        assert "[1] talk, 1:05–1:09: “The pier was built by Ada Moss.”" in said(answer)
        found = await client.call_tool("search", {"query": "pier", "k": 1})
        assert found.structured_content["passages"][0]["time"] == [65.0, 69.0]
        assert "1:05–1:09" in said(found)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_work_of_a_process_ends_when_the_client_gives_up(world_path: Path, mode: str) -> None:
    with StubServer(latency=600) as model:
        given = ["-m", "kedge", "serve", "mcp", "--base", str(world_path), "--model", model.url]
        parameters = StdioServerParameters(command=sys.executable, args=given)
        async with Client(parameters, mode=mode) as client:
            call = asyncio.create_task(client.call_tool("ask", {"question": "Who built the Grey Heron?"}))
            async with asyncio.timeout(30):
                while not model.in_flight:
                    await asyncio.sleep(0.05)
                call.cancel()
                while model.in_flight:  # until the server hangs up on its model
                    await asyncio.sleep(0.05)
            assert not (await client.call_tool("search", {"query": "pier"})).is_error
