"""What the model client costs: CPU for each call, and how near to the ideal many calls come."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any

import aiohttp
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import SecretStr

from kedge.benchmarks.performance.figures import Figure, Reference, spread
from kedge.benchmarks.performance.processes import stub_server
from kedge.tools.models import Endpoint, Limiter, Meter, ModelClient, ReplyCache, TraceFile, connect

if TYPE_CHECKING:
    from kedge.benchmarks.performance.measures import Site

__all__ = ["model_client"]

CALLS, LATENCY, SLOTS = 2_000, 0.05, 16
IDEAL = CALLS * LATENCY / SLOTS
REPEAT = 5

Ask = Callable[[int], Awaitable[object]]


class Sleeper(BaseChatModel):
    """A model that costs nothing but time."""

    seconds: float = 0.0

    @property
    def _llm_type(self) -> str:
        return "sleeper"

    def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
        raise NotImplementedError

    async def _agenerate(self, *args: Any, **kwargs: Any) -> ChatResult:
        if self.seconds:
            await asyncio.sleep(self.seconds)
        usage = {"input_tokens": 200, "output_tokens": 20, "total_tokens": 220}
        message = AIMessage("Averrin, on the eastern shore.", usage_metadata=usage)
        return ChatResult(generations=[ChatGeneration(message=message)])


async def model_client(site: Site) -> list[Figure]:
    """The client around a model that costs nothing, then all the way to a server in another process."""
    return [*await _overhead(site.scratch), *await _all_the_way(site), *await _many(site)]


async def _overhead(folder: Path) -> list[Figure]:
    """CPU of the layers alone, one call after the other, beside LangChain's own way to the same model."""
    inner = Sleeper()

    async def directly(text: str) -> object:
        return await inner._agenerate([HumanMessage(text)])

    bare, langchain, layers, everything = await _cpu(
        directly,
        inner.ainvoke,
        ModelClient(models=[inner], limiters=[Limiter(SLOTS)]).ainvoke,
        ModelClient(
            models=[inner],
            limiters=[Limiter(SLOTS)],
            replies=ReplyCache(folder / "replies.sqlite"),
            trace=TraceFile(folder / "trace.jsonl"),
        ).ainvoke,
        calls=400,
    )
    reference = Reference("LangChain's ainvoke over the bare model", median(langchain) - median(bare))
    names = ("retry, limit, budget, ledger", "the same with cache (miss) and trace")
    return [
        Figure(
            "client",
            f"CPU of a call over the bare model: {name}",
            median(values) - median(bare),
            "ms",
            n=REPEAT,
            goal=0.3,
            reference=reference,
            note=spread(values, "ms") + ", with the model",
        )
        for name, values in zip(names, (layers, everything), strict=True)
    ]


async def _all_the_way(site: Site) -> list[Figure]:
    """CPU of a whole call: LangChain, the layers, the request, the reply; beside ChatOpenAI and bare HTTP."""
    from langchain_openai import ChatOpenAI

    with stub_server(site.home, "--reply", "Averrin") as url:
        theirs = ChatOpenAI(base_url=url, model="stub", api_key=SecretStr("none"), max_retries=0)
        async with aiohttp.ClientSession() as session:

            async def post(text: str) -> object:
                body = {"model": "stub", "messages": [{"role": "user", "content": text}]}
                async with session.post(f"{url}/chat/completions", json=body) as response:
                    return await response.json()

            ours, endpoint, openai, bare = await _cpu(
                connect(url, "stub", concurrency=SLOTS).ainvoke,
                Endpoint(base_url=url, model="stub").ainvoke,
                theirs.ainvoke,
                post,
                calls=300,
            )
    request = Reference("a bare request with aiohttp", median(bare))
    rows = (
        ("client", ours, Reference("ChatOpenAI with its own HTTP client", median(openai))),
        ("client", ours, request),
        ("endpoint without layers", endpoint, request),
    )
    return [
        Figure("client", f"CPU of a call to a server: {name}", median(values), "ms", REPEAT, reference=beside)
        for name, values, beside in rows
    ]


async def _many(site: Site) -> list[Figure]:
    """2,000 calls of 50 ms, 16 at a time."""
    limiter = Limiter(SLOTS)

    async def limited(number: int) -> None:
        async with limiter:
            await asyncio.sleep(LATENCY)

    inner = Sleeper(seconds=LATENCY)

    async def langchain(number: int) -> None:
        async with limiter:
            await inner.ainvoke(f"Where is pier {number}?")

    client = ModelClient(models=[inner], limiters=[Limiter(SLOTS)])
    figures = _flood("the limiter alone", *await _timed(limited), cpu_goal=0.2)
    figures += _flood("the limiter and LangChain's ainvoke of a model that sleeps", *await _timed(langchain))
    figures += _flood("the client around that model", *await _timed(_metered(client)), cpu_goal=0.2)
    with stub_server(site.home, "--reply", "Averrin", "--latency", str(LATENCY)) as url:
        there = connect(url, "stub", concurrency=SLOTS)
        await there.ainvoke("warm")
        figures += _flood("the client and a server", *await _timed(_metered(there)))
    return figures


def _flood(name: str, wall: float, cpu: float, *, cpu_goal: float | None = None) -> list[Figure]:
    ideal = Reference(f"ideal, {CALLS:,} · {LATENCY:g} s / {SLOTS}", IDEAL)
    return [
        Figure("client", f"{CALLS:,} calls, {name}: time", wall, "s", 1, IDEAL * 1.02, reference=ideal),
        Figure("client", f"{CALLS:,} calls, {name}: CPU", cpu, "s", 1, cpu_goal),
    ]


def _metered(model: ModelClient) -> Ask:
    meter = Meter()

    async def ask(number: int) -> None:
        await meter.play("read", model.ainvoke, f"Where is pier {number}?")

    return ask


async def _timed(ask: Ask) -> tuple[float, float]:
    wall, cpu = perf_counter(), process_time()
    await asyncio.gather(*(ask(number) for number in range(CALLS)))
    return perf_counter() - wall, process_time() - cpu


async def _cpu(*asks: Callable[[Any], Awaitable[object]], calls: int) -> list[list[float]]:
    """Milliseconds of CPU for a call of each, one after the other; in turns, the first left out."""
    values: list[list[float]] = [[] for _ in asks]
    for turn in range(REPEAT + 1):
        for kept, ask in zip(values, asks, strict=True):
            before = process_time()
            for number in range(calls):
                await ask(f"Where is pier {turn}.{number}? {'It was built of granite. ' * 30}")
            kept.append((process_time() - before) / calls * 1000)
    return [kept[1:] for kept in values]
