"""Kedge as an MCP client: a tool of any server, as one more search beside that of the knowledge base."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import anyio
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolResult, TextContent
from pydantic import ValidationError

from kedge._views.clean import clean, one_line
from kedge.errors import InputError
from kedge.tools.knowledge_base import Chunk, Evidence
from kedge.tools.search import hybrid, reciprocal_rank_fusion

if TYPE_CHECKING:
    from kedge import KnowledgeBase
    from kedge.graphs.context import Search

__all__ = ["ToolSearch", "connected"]

LONGEST: Final = 4_000  # characters of one passage that a tool gives
FAILURES: Final = 20  # that are remembered
# Passages from elsewhere get numbers that no knowledge base gives, and that JSON everywhere can hold.
ELSEWHERE: Final = 2**52


class ToolSearch:
    """A search that asks the knowledge base and a tool at once, and merges what they find.

    Where the tool fails, what the knowledge base found is the answer; `failures` says what went wrong.

    Args:
        client: A connected client; it stays connected from search to search.
        tool: The tool's name.
        argument: The name of its argument that takes the query.
        arguments: Its other arguments.
        beside: How the knowledge base is searched.
        seconds: How long the tool may take.
    """

    def __init__(
        self,
        client: Client,
        tool: str,
        argument: str = "query",
        arguments: Mapping[str, Any] | None = None,
        *,
        beside: Search = hybrid,
        seconds: float = 15.0,
    ) -> None:
        self.failures: list[str] = []
        self._client = client
        self._tool = tool
        self._argument = argument
        self._arguments = dict(arguments or {})
        self._beside = beside
        self._seconds = seconds

    async def __call__(self, base: KnowledgeBase, query: str, k: int) -> Sequence[Evidence]:
        """The best `k` of both."""
        own, others = await asyncio.gather(self._beside(base, query, k), self._found(query, k))
        known = {item.chunk.id: item for item in (*own, *others)}
        rankings = [[item.chunk.id for item in found] for found in (own, others)]
        ranked = reciprocal_rank_fusion(rankings)[:k]
        return [Evidence(known[n].chunk, score, known[n].reason, known[n].triple) for n, score in ranked]

    async def _found(self, query: str, k: int) -> list[Evidence]:
        try:
            async with asyncio.timeout(self._seconds):
                given = {**self._arguments, self._argument: query}
                result = await self._client.call_tool(self._tool, given)
        except TimeoutError:
            return self._failed(f"no reply within {self._seconds:g} s")
        except (MCPError, ValidationError, RuntimeError, anyio.ClosedResourceError) as error:
            return self._failed(str(error))
        if result.is_error:
            return self._failed(next((text for _, text in _texts(result)), "an error without words"))
        return [
            Evidence(_chunk(self._tool, title, text), 1.0, f"found by {self._tool}")
            for title, text in list(_texts(result))[:k]
        ]

    def _failed(self, why: str) -> list[Evidence]:
        self.failures = [*self.failures, f"{self._tool}: {one_line(why, 300)}"][-FAILURES:]
        return []


@asynccontextmanager
async def connected(
    server: Any, tool: str, argument: str, arguments: Mapping[str, Any] | None, beside: Search, seconds: float
) -> AsyncIterator[ToolSearch]:
    """A search by a server's tool; see `kedge.mcp.search_with`."""
    client = await Client(server).__aenter__()
    try:
        tools = {offered.name: offered for offered in (await client.list_tools()).tools}
        if tool not in tools:
            raise InputError(f"the server has no tool {tool!r}", fix=f"choose from {', '.join(tools)}")
        properties = tools[tool].input_schema.get("properties", {})
        if argument not in properties:
            fix = f"choose from {', '.join(properties)}"
            raise InputError(f"the tool {tool} has no argument {argument!r}", fix=fix)
        yield ToolSearch(client, tool, argument, arguments, beside=beside, seconds=seconds)
    finally:
        # Not told of an error, which it would wrap in groups of errors.
        await client.__aexit__(None, None, None)


def _texts(result: CallToolResult) -> Iterator[tuple[str, str]]:
    """Titles and texts that a tool gave: records that have a `text` each, or else its blocks of text."""
    structured = result.structured_content
    lists = (
        [value for value in structured.values() if isinstance(value, list)] if _is_record(structured) else []
    )
    records = [
        item for items in lists for item in items if _is_record(item) and isinstance(item.get("text"), str)
    ]
    if records:
        for record in records:
            yield str(record.get("title") or record.get("source") or ""), record["text"]
        return
    for block in result.content:
        if isinstance(block, TextContent) and block.text.strip():
            yield "", block.text


def _is_record(value: object) -> bool:
    return isinstance(value, dict)


def _chunk(tool: str, title: str, text: str) -> Chunk:
    text = clean(text)[:LONGEST]
    digest = hashlib.blake2b(f"{tool}\n{title}\n{text}".encode(), digest_size=8).digest()
    number = ELSEWHERE + int.from_bytes(digest) % ELSEWHERE
    name = f"tool {one_line(tool, 80)}"
    return Chunk(number, f"{name} {number:x}", name, one_line(title, 200), "", text, 0, len(text))
