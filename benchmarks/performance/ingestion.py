"""Documents read by a model while they are added, behind a stub server; beside LightRAG and nano-graphrag.

The model's time is known here, so that the ideal is: calls · latency / slots. Vectors cost nothing, for us
as for the others: the encoder has a benchmark of its own. The others run where `.venv-peers` in the checkout
holds them (`python -m venv .venv-peers && .venv-peers/bin/pip install lightrag-hku nano-graphrag`).
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Final

import httpx
import numpy as np

from kedge.agents.llm import LlmCast
from kedge.benchmarks.performance.figures import Figure, Reference
from kedge.benchmarks.performance.processes import environment, stub_server
from kedge.graphs.ingest import extracting
from kedge.tools.encoders import FloatArray
from kedge.tools.knowledge_base import KnowledgeBase
from kedge.tools.models import Budget, Meter, ReplyCache, connect

if TYPE_CHECKING:
    from kedge.benchmarks.performance.measures import Site

__all__ = ["ingestion"]

SIZES: Final = (50, 100, 200, 400)
SETTINGS: Final = tuple((latency, slots) for latency in (0.02, 0.05, 0.2) for slots in (8, 32))
ALL: Final = ((0.05, 32), (0.2, 32))  # settings in which the whole corpus is added, too
COMPARED: Final = (0.05, 8)
PEERS: Final = {"lightrag": ("LightRAG", 10), "nano_graphrag": ("nano-graphrag", 2)}  # and how much faster
PATIENCE: Final = 900  # seconds for a peer
ENVIRONMENT: Final = Path(__file__).resolve().parents[2] / ".venv-peers" / "bin" / "python"
REPLIES: Final = "kedge.benchmarks.performance._stub_reply:reply"


class Free:
    """An encoder that costs nothing."""

    fingerprint, dimension = "free", 64

    async def encode(self, texts: Sequence[str]) -> FloatArray:
        """The same vector for every text."""
        return np.full((len(texts), self.dimension), self.dimension**-0.5, np.float32)


@dataclass(frozen=True, slots=True)
class Run:
    """What one addition took: seconds, CPU seconds of this process, calls, and the most in flight at once."""

    passages: int
    seconds: float
    cpu: float
    calls: int
    most: int
    in_use: float  # share of the slots, on average

    def over_ideal(self, latency: float, slots: int) -> float:
        """The time as a multiple of what the calls alone would take."""
        return self.seconds / (self.calls * latency / slots)


async def ingestion(site: Site) -> list[Figure]:
    """Additions of all sizes at each latency and number of slots, and those of the others."""
    passages = json.loads(site.corpus.path.read_text(encoding="utf-8"))
    await _added(site, passages[:50], 0.0, 8)  # imports, and the server's first bytes
    figures: list[Figure] = []
    for latency, slots in SETTINGS:
        sizes = (*SIZES, len(passages)) if (latency, slots) in ALL else SIZES
        runs = [await _added(site, passages[:size], latency, slots) for size in sizes]
        figures += _figures(runs, latency, slots)
        if (latency, slots) == COMPARED:
            figures += await _beside(site, passages[: SIZES[-1]], runs[len(SIZES) - 1])
    return figures


async def _added(site: Site, passages: Sequence[dict[str, str]], latency: float, slots: int) -> Run:
    folder = site.scratch / f"ingestion-{len(passages)}-{latency:g}-{slots}"
    folder.mkdir(exist_ok=True)
    source = folder / "passages.json"
    source.write_text(json.dumps(passages))
    meter = Meter(Budget(seconds=None))
    with (
        stub_server(site.home, "--script", REPLIES, "--latency", str(latency)) as url,
        KnowledgeBase.open(folder / "base", encoder=Free(), create=True) as base,
    ):
        replies = ReplyCache(folder / "replies.sqlite")
        reader = LlmCast(connect(url, "stub", concurrency=slots, replies=replies))
        begin, before = perf_counter(), process_time()
        report = await base.aadd([source], extract=extracting(reader, meter))
        seconds, cpu = perf_counter() - begin, process_time() - before
        seen = _seen(url)
    if report.failed or report.added != len(passages):
        raise RuntimeError(f"{report.added} of {len(passages)} passages were added: {report.failed[:1]}")
    in_use = meter.ledger().total.model_seconds / seconds / slots
    return Run(len(passages), seconds, cpu, seen["served"], seen["most_in_flight"], in_use)


def _seen(url: str) -> dict[str, int]:
    """What the stub server has seen."""
    counts: dict[str, int] = httpx.get(url.removesuffix("/v1") + "/stub").json()
    return counts


def _figures(runs: Sequence[Run], latency: float, slots: int) -> list[Figure]:
    setting = f"{1_000 * latency:g} ms, {slots} slots"
    largest = runs[-1]
    most = ", ".join(f"{run.passages}: {run.over_ideal(latency, slots):.2f}" for run in runs)
    ideal = Reference("calls · latency / slots", largest.calls * latency / slots)
    note = f"over ideal at each size: {most}; at most {max(run.most for run in runs)} in flight"
    each = 1_000 * largest.cpu / largest.passages
    growth = (runs[3].seconds / runs[3].passages) / (runs[0].seconds / runs[0].passages)
    return [
        Figure("ingest", f"{setting}: {largest.passages:,} passages", largest.seconds, "s", 1,
               1.1 * ideal.value, reference=ideal, note=note),
        Figure("ingest", f"{setting}: CPU of a passage", each, "ms", largest.passages, 3.0),
        Figure("ingest", f"{setting}: slots in use, on average", largest.in_use, "", largest.passages),
        Figure("ingest", f"{setting}: time of a passage, 400 against 50", growth, "", 1, 1.1),
    ]  # fmt: skip


async def _beside(site: Site, passages: Sequence[dict[str, str]], ours: Run) -> list[Figure]:
    """The same passages with the same slots and latency, added by others; nothing where they are missing."""
    if not ENVIRONMENT.exists():
        return []
    latency, slots = COMPARED
    texts = site.scratch / "texts.json"
    texts.write_text(json.dumps([f"{passage['title']}\n{passage['text']}" for passage in passages]))
    figures: list[Figure] = []
    for name, (label, wanted) in PEERS.items():
        folder = site.scratch / name
        folder.mkdir()
        with stub_server(site.home, "--script", REPLIES, "--latency", str(latency)) as url:
            script = Path(__file__).with_name("peers.py")
            command = [str(ENVIRONMENT), str(script), name, str(texts), url, str(slots), str(folder)]
            env = environment(site.home)
            done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=PATIENCE)  # noqa: ASYNC221, S603
            calls = _seen(url)["served"]
        if done.returncode:
            raise RuntimeError(f"{label} failed:\n{done.stderr[-2_000:]}")
        took = json.loads(done.stdout.splitlines()[-1])
        setting = f"{1_000 * latency:g} ms, {slots} slots, {len(passages)} passages"
        note = f"{calls} calls and {took['cpu']:.1f} CPU s, ours {ours.calls} and {ours.cpu:.1f}"
        reference = Reference("ours, seconds", ours.seconds)
        figures.append(
            Figure("ingest", f"{label}, {setting}", took["seconds"], "s", 1, wanted * ours.seconds,
                   more_is_better=True, reference=reference, note=note)
        )  # fmt: skip
    return figures
