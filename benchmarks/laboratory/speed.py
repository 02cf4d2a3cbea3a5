"""How fast adapters are made, merged, loaded and served: figures of one machine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from statistics import median
from typing import TYPE_CHECKING

import httpx

from kedge.benchmarks.laboratory.cases import Case, Corpus, chunk_of
from kedge.tools.adapters import Adapter, Encoding, Lesson, merge, training_turns

if TYPE_CHECKING:
    from kedge.benchmarks.suites.parametric import Laboratory

__all__ = ["measure"]

DOCUMENTS, ALONE = 16, 2
ADAPTERS = 50
ROUNDS = 5
"""Times that each figure is taken; the best of a rate, the median of a time."""


async def measure(laboratory: Laboratory, encoding: Encoding, told: Corpus) -> dict[str, float]:
    """Milliseconds, seconds per document, and requests per second."""
    lessons = [await _lesson(told, text) for text in told.used[:DOCUMENTS]]
    together = _least(lambda: laboratory.train(lessons, encoding)) / DOCUMENTS
    alone = _least(lambda: [laboratory.train([lesson], encoding) for lesson in lessons[:ALONE]]) / ALONE
    # What an adapter knows does not matter from here on: one stands for many.
    [one] = laboratory.train(lessons[:1], encoding)
    keys = [
        laboratory.store.put(Adapter(one.modules, encoding.origin(f"speed {n}"))) for n in range(ADAPTERS)
    ]
    merging = [_seconds(lambda: merge([one, one, one])) for _ in range(ROUNDS)]
    storing = [_seconds(partial(laboratory.store.merge, keys[n : n + 3])) for n in range(ROUNDS)]
    loading = [await _loaded(laboratory, key) for key in keys]
    base, mixed = await _rates(laboratory, keys, told.cases)
    return {
        "seconds per document, one by one": alone,
        f"seconds per document, {DOCUMENTS} side by side": together,
        "times faster side by side": alone / together,
        "ms to merge 3 in memory": 1_000 * median(merging),
        "ms to merge 3 from disk to disk": 1_000 * median(storing),
        "ms to load one into vLLM, median": 1_000 * median(loading),
        "requests/s of the base model": base,
        f"requests/s of {len(keys)} adapters at once": mixed,
        "share of the base model's rate, %": 100 * mixed / base,
    }


async def _lesson(told: Corpus, text: str) -> Lesson:
    made = await told.augment(chunk_of(text))
    return Lesson(text, training_turns(text, made.rewrite, made.questions, recall=True))


def _seconds(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def _least(run: Callable[[], object]) -> float:
    return min(_seconds(run) for _ in range(2))


async def _loaded(laboratory: Laboratory, key: str) -> float:
    """Seconds of the injector's whole way: check the file, load, and hand over the name."""
    began = time.perf_counter()
    async with laboratory.injector.using(laboratory.store, key):
        return time.perf_counter() - began


async def _rates(laboratory: Laboratory, keys: Sequence[str], cases: Sequence[Case]) -> tuple[float, float]:
    """Requests per second of the base model and of as many adapters, all at once; the best of some rounds."""
    async with httpx.AsyncClient(base_url=laboratory.server.url, timeout=120.0, trust_env=False) as client:

        async def complete(name: str, case: Case) -> None:
            body = {"model": name, "prompt": case.question, "max_tokens": 16, "ignore_eos": True}
            (await client.post("completions", json=body)).raise_for_status()

        async def adapted(key: str, case: Case) -> None:
            await laboratory.injector.ask(laboratory.store, key, lambda name: complete(name, case))

        pairs = [(key, cases[n % len(cases)]) for n, key in enumerate(keys)]
        base, mixed = [], []
        for _ in range(ROUNDS):  # by turns, so that other work on the machine falls on both
            base.append(await _rate([complete(laboratory.server.name, case) for _, case in pairs]))
            mixed.append(await _rate([adapted(key, case) for key, case in pairs]))
        return max(base), max(mixed)


async def _rate(requests: Sequence[Awaitable[None]]) -> float:
    began = time.perf_counter()
    await asyncio.gather(*requests)
    return len(requests) / (time.perf_counter() - began)
