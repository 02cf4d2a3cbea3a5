"""Serve a knowledge base as A2A agents, and send the coordinator a question (`kedge[a2a]`).

python examples/a2a_client.py
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import httpx
from a2a.client import ClientConfig, ClientFactory
from a2a.helpers import get_stream_response_text, new_text_message
from a2a.types import Role, SendMessageRequest

from kedge import KnowledgeBase, a2a

WORLD = Path(__file__).resolve().parent / "world"
URL = "http://127.0.0.1:8809"
QUESTION = "Which was launched first, the Wandering Abbot or the Lady Aldous?"


async def main() -> None:
    """Build a knowledge base, serve it, and print what the coordinator does."""
    with tempfile.TemporaryDirectory() as folder, KnowledgeBase.open(Path(folder), create=True) as base:
        await base.aadd([WORLD])
        serving = asyncio.create_task(a2a.run(base))
        patient = httpx.AsyncHTTPTransport(retries=5)  # until the server listens
        async with httpx.AsyncClient(timeout=60, transport=patient) as http:
            client = await ClientFactory(ClientConfig(httpx_client=http)).create_from_url(URL)
            message = new_text_message(QUESTION, role=Role.ROLE_USER)
            async for event in client.send_message(SendMessageRequest(message=message)):
                print(get_stream_response_text(event))
        serving.cancel()


if __name__ == "__main__":
    asyncio.run(main())
