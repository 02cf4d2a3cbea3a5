"""Measure the doors: what MCP adds to a search, and what the A2A coordinator does to questions.

    python scripts/bench_doors.py

Prints Markdown. Questions are those of the example world's `dev` split; the extractive cast answers.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from typing import Any

from mcp import Client
from mcp.client.stdio import StdioServerParameters

from kedge import KnowledgeBase, a2a
from kedge._doors.a2a_agents import Envelope
from kedge._doors.a2a_client import A2APost
from kedge._doors.listening import listener
from kedge._doors.schemas import Reply
from kedge.agents.extractive import ExtractiveCast
from kedge.benchmarks.metrics import bootstrap, f1, permutation_test
from kedge.mcp import http_app, server

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
SEARCHES = 200
CLIENTS = 64


@asynccontextmanager
async def listening(make: Callable[[int], Any]) -> AsyncIterator[str]:
    """What `make(port)` gives, over HTTP."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running = listener(make(port), "127.0.0.1", port)
    task = asyncio.create_task(running.serve())
    while not running.started:
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        running.should_exit = True
        await task


async def timed(search: Callable[[str], Awaitable[Any]]) -> float:
    """Milliseconds that a search takes, the median of many."""
    seconds = []
    for number in range(SEARCHES):
        begin = time.perf_counter()
        await search(f"fog bell of ship {number}")
        seconds.append(time.perf_counter() - begin)
    return 1_000 * median(seconds)


async def first_event(client: Client) -> float:
    """Milliseconds until `ask` tells that it began, the median of ten."""
    begun, heard = 0.0, []

    async def hear(step: float, total: float | None, message: str | None) -> None:
        if step == 1:
            heard.append(time.perf_counter() - begun)

    for _ in range(10):
        begun = time.perf_counter()
        await client.call_tool("ask", {"question": "Who built the pier?"}, progress_callback=hear)
    return 1_000 * median(heard)


async def measure_mcp(base: KnowledgeBase) -> None:
    """What each transport adds to a search by words, and how many clients one server bears."""
    served = server(base)
    own = await timed(lambda query: base.asearch(query, 8, how="bm25"))
    print(f"## MCP\n\n`search` itself: {own:.1f} ms (median of {SEARCHES}, BM25)\n")
    print("| transport | added, ms | first event of `ask`, ms |\n|---|---|---|")
    async with listening(lambda _: http_app(served)) as url:
        command = ["-m", "kedge", "serve", "mcp", "--base", str(base.path)]
        stdio = StdioServerParameters(command=sys.executable, args=command)
        for name, place in (("memory", served), ("stdio", stdio), ("HTTP", f"{url}/mcp")):
            async with Client(place) as client:
                took = await timed(
                    lambda query, c=client: c.call_tool("search", {"query": query, "how": "bm25"})
                )
                print(f"| {name} | {took - own:.1f} | {await first_event(client):.1f} |")

        async def one(number: int) -> int:
            async with Client(f"{url}/mcp") as client:
                found = [await client.call_tool("search", {"query": f"ship {number}"}) for _ in range(5)]
                return sum(result.is_error for result in found)

        begin = time.perf_counter()
        wrong = sum(await asyncio.gather(*(one(number) for number in range(CLIENTS))))
        took = time.perf_counter() - begin
        print(f"\n{CLIENTS} HTTP clients at once, 5 searches each: {wrong} errors, {took:.1f} s\n")


async def measure_a2a(base: KnowledgeBase) -> None:
    """What the coordinator does to questions, against the graph agent alone."""
    lines = (EXAMPLES / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    asked = [question for question in map(json.loads, lines) if question["split"] == "dev"]
    cast = ExtractiveCast(base.encoder)
    apart = {}
    for question in asked:
        plan = await cast.plan(question["question"])
        apart[question["id"]] = sum(step.operation == "search" for step in plan.steps) > 1
    single = [float(apart[q["id"]]) for q in asked if q["hops"] == 1]
    several = [float(apart[q["id"]]) for q in asked if q["hops"] > 1]
    right = [float(apart[q["id"]] == (q["hops"] > 1)) for q in asked]
    print("## A2A\n")
    print(f"- routed as the number of hops asks for: {bootstrap(right)}")
    print(f"- questions of one hop that were taken apart (over-decomposition): {bootstrap(single)}")
    print(f"- questions of several hops that were taken apart: {bootstrap(several)}")
    scores: dict[str, list[float]] = {"coordinator": [], "graph": []}
    took: dict[str, list[float]] = {"coordinator": [], "graph": []}
    async with listening(lambda port: a2a.app(base, port=port, rate=10_000)) as url:
        post = A2APost({name: f"{url}/agents/{name}" for name in scores})
        for number, question in enumerate(asked):
            for agent in sorted(scores, reverse=number % 2 == 1):  # neither is always the first
                begin = time.perf_counter()
                reply: Reply = await post(agent, question["question"], Envelope())
                took[agent].append(time.perf_counter() - begin)
                gold = [question["answer"], *question["aliases"]] if question["answerable"] else []
                scores[agent].append(f1(reply.text, gold) if gold else float(not reply.answered))
        await post.aclose()
    added = [1_000 * (c - g) for c, g in zip(took["coordinator"], took["graph"], strict=True)]
    print(
        f"- added latency against the graph agent alone, ms: {bootstrap(added)}, median {median(added):.0f}"
    )
    p = permutation_test(scores["coordinator"], scores["graph"])
    for agent, values in scores.items():
        print(f"- F1 (1 for a refusal that is right), {agent}: {bootstrap(values)}")
    print(f"- paired permutation test of the two: p = {p:.2f}")


async def main() -> None:
    """Measure on a throw-away knowledge base of the example world."""
    with tempfile.TemporaryDirectory() as folder, KnowledgeBase.open(Path(folder), create=True) as base:
        await base.aadd([EXAMPLES / "world"])
        await measure_mcp(base)
        await measure_a2a(base)


if __name__ == "__main__":
    asyncio.run(main())
