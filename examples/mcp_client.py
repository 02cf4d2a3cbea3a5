"""Start Kedge as an MCP server, and use it as any MCP client would.

Needs `pip install 'kedge[mcp]'`. Run it from the root of the repository:

    python examples/mcp_client.py
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from mcp import Client
from mcp.client.stdio import StdioServerParameters

from kedge import KnowledgeBase

WORLD = Path(__file__).resolve().parent / "world"


async def main() -> None:
    """Build a throw-away knowledge base, serve it, ask over the protocol."""
    with tempfile.TemporaryDirectory() as folder:
        with KnowledgeBase.open(Path(folder), create=True) as base:
            await base.aadd([WORLD])
        serving = ["-m", "kedge", "serve", "mcp", "--base", folder]
        async with Client(StdioServerParameters(command=sys.executable, args=serving)) as client:
            print("tools:", ", ".join(tool.name for tool in (await client.list_tools()).tools))
            question = "In which year did Averrin receive its charter?"
            answer = await client.call_tool("ask", {"question": question})
            print(answer.content[0].text)
            near = await client.call_tool("explore_graph", {"entity": "Grey Heron", "limit": 5})
            print(near.content[0].text)


if __name__ == "__main__":
    asyncio.run(main())
