"""The benchmarks: each takes the site it works on and returns its figures."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import median
from time import perf_counter

from kedge.benchmarks.performance import walking
from kedge.benchmarks.performance.corpora import Corpus
from kedge.benchmarks.performance.figures import Figure, Reference, percentile, spread
from kedge.benchmarks.performance.harness import harness
from kedge.benchmarks.performance.ingestion import ingestion
from kedge.benchmarks.performance.model_client import model_client
from kedge.benchmarks.performance.processes import KEDGE, PYTHON, run, time_commands
from kedge.benchmarks.performance.serving import request_rates
from kedge.tools.encoders import MiniLM, MiniReader
from kedge.tools.knowledge_base import KnowledgeBase
from kedge.tools.search import bm25, hybrid

__all__ = ["BENCHMARKS", "Site"]

LONG = 150  # words, which are about 200 word pieces

# Runs in a process of its own: what counts is a start without anything loaded.
OPEN = """
import asyncio, json, sys
from time import perf_counter
import psutil
from kedge.tools.knowledge_base import KnowledgeBase
from kedge.tools.search import hybrid

def resident():
    return psutil.Process().memory_info().rss / 2**20

path, queries = sys.argv[1], json.loads(sys.argv[2])
before = resident()
start = perf_counter()
base = KnowledgeBase.open(path)
opened = perf_counter()
asyncio.run(hybrid(base, queries[0], 10))
searched = perf_counter()
base.graph
graphed = perf_counter()
for query in queries:
    asyncio.run(hybrid(base, query, 10))
print(json.dumps({
    "open": opened - start, "search": searched - opened, "graph": graphed - searched,
    "before": before, "resident": resident(),
}))
"""


@dataclass
class Site:
    """What the benchmarks share: a folder to work in, the corpus, and a base of it that is built once."""

    scratch: Path
    corpus: Corpus
    examples: Path
    encoder: MiniLM
    data: Path | None = None
    vllm: Path | None = None

    @property
    def home(self) -> Path:
        """An empty home directory for processes."""
        home = self.scratch / "home"
        home.mkdir(exist_ok=True)
        return home

    @property
    def path(self) -> Path:
        """Where the base of the corpus is."""
        return self.scratch / "base"

    async def base(self) -> KnowledgeBase:
        """The base of the corpus, opened; built first if no benchmark has done so."""
        built = self.path.exists()
        base = KnowledgeBase.open(self.path, encoder=self.encoder, create=True)
        if not built:
            await base.aadd([self.corpus.path])
        return base


async def add(site: Site) -> list[Figure]:
    """Adding all passages without triples, against encoding the same chunks and doing nothing else."""
    await site.encoder.encode(["The weights are loaded before the clock starts."])
    with KnowledgeBase.open(site.path, encoder=site.encoder, create=True) as base:
        report = await base.aadd([site.corpus.path])
        texts = [chunk.indexed_text for document in base.documents() for chunk in base.chunks_of(document.id)]
    start = perf_counter()
    await site.encoder.encode(texts)
    alone = len(texts) / (perf_counter() - start)
    rate = report.chunks / report.seconds
    size = f"{report.added:,} documents, {report.chunks:,} chunks in {report.seconds:.1f} s"
    encoder = Reference("the encoder alone on the same chunks", alone)
    return [
        Figure("add", "adding without triples", rate, "chunks/s", n=1, reference=encoder, note=size),
        Figure("add", "share of the encoder's speed", rate / alone, "", n=1, goal=0.9, more_is_better=True),
    ]


async def search(site: Site) -> list[Figure]:
    """Hybrid search, one query after the other, against its parts in the same loop."""
    hybrids: list[float] = []
    words: list[float] = []
    encodings: list[float] = []
    with await site.base() as base:
        for query in site.corpus.queries[:20]:
            await hybrid(base, query, 10)
        for query in site.corpus.queries:
            hybrids.append(await _milliseconds(hybrid(base, query, 10)))
            words.append(await _milliseconds(bm25(base, query, 10)))
            encodings.append(await _milliseconds(site.encoder.encode([query])))
    encoder = Reference("encoding the query alone", median(encodings))
    slowest = Reference("encoding the query alone, p99", percentile(encodings, 99))
    p50, p99, n = median(hybrids), percentile(hybrids, 99), len(hybrids)
    return [
        Figure("search", "hybrid, p50", p50, "ms", n=n, goal=10, reference=encoder),
        Figure("search", "hybrid, p99", p99, "ms", n=n, goal=30, reference=slowest),
        Figure("search", "full text alone, p50", median(words), "ms", n=n),
    ]


async def reading(site: Site) -> list[Figure]:
    """The reader on passages of 200 word pieces: twenty at once, and one after the other."""
    words = iter(" ".join(site.corpus.queries * 40).split())
    passages = [(f"Passage {n}", " ".join(islice(words, LONG))) for n in range(60)]
    reader = MiniReader()
    await reader.read("The weights are loaded before the clock starts.", passages[:1])
    figures: list[Figure] = []
    for name, size in (("twenty at once", 20), ("one after the other", 1)):
        start = perf_counter()
        for at in range(0, len(passages), size):
            await reader.read(f"What is read, {name}?", passages[at : at + size])
        rate = len(passages) / (perf_counter() - start)
        figures.append(
            Figure("read", f"reading, {name}", rate, "passages/s", len(passages), 40, more_is_better=True)
        )
    return figures


async def opening(site: Site) -> list[Figure]:
    """Opening the base in a new process, and the memory that it takes there."""
    (await site.base()).close()
    command = [PYTHON, "-c", OPEN, str(site.path), json.dumps(site.corpus.queries[:50])]
    runs = [json.loads(run(command, site.home)) for _ in range(5)]

    def middle(name: str) -> float:
        return median(float(each[name]) for each in runs)

    def note(name: str, unit: str = "s") -> str:
        return spread([float(each[name]) for each in runs], unit)

    before = Reference("the same process before opening", middle("before"))
    return [
        Figure("open", "opening", middle("open"), "s", n=5, goal=0.5, note=note("open")),
        Figure(
            "open", "first hybrid search, loads the encoder", middle("search"), "s", n=5, note=note("search")
        ),
        Figure("open", "first use of the graph (no triples)", middle("graph"), "s", n=5, note=note("graph")),
        Figure(
            "open",
            "resident memory after 50 searches",
            middle("resident"),
            "MiB",
            n=5,
            goal=600 * 1e6 / 2**20,
            reference=before,
            note=note("resident", "MiB"),
        ),
    ]


async def change(site: Site) -> list[Figure]:
    """Replacing and removing one document of the full base; the next query has to see it."""
    folder = site.scratch / "changing"
    folder.mkdir(exist_ok=True)
    files = [folder / f"note-{number}.txt" for number in range(20)]
    replaced: list[float] = []
    removed: list[float] = []
    commits: list[float] = []
    encodings: list[float] = []
    with await site.base() as base:
        for number, file in enumerate(files):
            file.write_text(f"The first keeper of buoy {number} wrote zyx{number}old on its side.")
        await base.aadd(files)
        for number, file in enumerate(files):
            text = f"The second keeper of buoy {number} painted zyx{number}new over it, in white letters."
            file.write_text(text)
            replaced.append(await _milliseconds(base.aadd([file])))
            await _expect(base, f"zyx{number}new", file, visible=True)
            await _expect(base, f"zyx{number}old", file, visible=False)
            encodings.append(await _milliseconds(site.encoder.encode([text])))
        for number, file in enumerate(files):
            removed.append(await _milliseconds(base.aremove([str(file)])))
            await _expect(base, f"zyx{number}new", file, visible=False)
            commits.append(_commit(site.scratch / "reference.sqlite"))
    commit = Reference("committing one row to SQLite", median(commits))
    encoder = Reference("encoding its text alone", median(encodings))
    n = len(files)
    return [
        Figure(
            "change",
            "replacing",
            median(replaced),
            "ms",
            n,
            50,
            reference=encoder,
            note=spread(replaced, "ms"),
        ),
        Figure(
            "change", "removing", median(removed), "ms", n, 50, reference=commit, note=spread(removed, "ms")
        ),
    ]


async def start_up(site: Site) -> list[Figure]:
    """`kedge --help`, from a new process."""
    commands = {
        "kedge --help": [KEDGE, "--help"],
        "python -c pass": [PYTHON, "-c", "pass"],
        'python -c "import typer"': [PYTHON, "-c", "import typer"],
    }
    seconds = time_commands(commands, site.home, repeat=10)
    help_, *others = seconds
    return [
        Figure(
            "help",
            help_,
            median(seconds[help_]),
            "s",
            n=10,
            goal=0.25,
            reference=Reference(other, median(seconds[other])),
            note=spread(seconds[help_]),
        )
        for other in others
    ]


async def asking(site: Site) -> list[Figure]:
    """`kedge ask` on the examples, from a new process: what a person waits for the first answer."""
    base = str(site.scratch / "examples")
    run([KEDGE, "add", str(site.examples / "world"), "--base", base], site.home)
    question = "Who was the first keeper of the lighthouse?"
    imports = 'python -c "import chromadb, langgraph.graph"'
    commands = {
        "kedge ask": [KEDGE, "ask", question, "--base", base],
        imports: [PYTHON, "-c", "import chromadb, langgraph.graph"],
    }
    # 4 is an honest refusal, which takes as long as an answer.
    seconds = time_commands(commands, site.home, repeat=5, codes=(0, 4))
    asked = seconds["kedge ask"]
    reference = Reference(imports, median(seconds[imports]))
    note = spread(asked)
    return [
        Figure("ask", "kedge ask, cold", median(asked), "s", n=5, goal=2.5, reference=reference, note=note)
    ]


async def pagerank(site: Site) -> list[Figure]:
    """Personalised PageRank on a synthetic graph of 97,000 entities and 1.4 million triples."""
    return walking.pagerank()


async def follow(site: Site) -> list[Figure]:
    """The compiled graph after one document more or less."""
    return walking.follow()


async def questions(site: Site) -> list[Figure]:
    """Questions over a graph, where there is real data."""
    return await walking.questions(site.data, site.scratch, site.encoder)


async def serving(site: Site) -> list[Figure]:
    """Requests to a real vLLM, against vLLM's own benchmark client; nothing where vLLM is missing."""
    rates = await request_rates(site.scratch / "serving", site.corpus.queries, site.home, site.vllm)
    if rates is None:
        return []
    reference = Reference("vllm bench serve, streamed", median(rates.theirs))
    figures = []
    for name, own in (("whole replies", rates.whole), ("streamed", rates.streamed)):
        share, note = median(own) / reference.value, spread(own, "requests/s")
        figures += [
            Figure("serve", f"requests to vLLM, {name}", median(own), "requests/s", len(own),
                   reference=reference, note=note),
            Figure("serve", f"share of vLLM's own client, {name}", share, "", len(own), 0.95,
                   more_is_better=True),
        ]  # fmt: skip
    return figures


async def _milliseconds(action: Awaitable[object]) -> float:
    start = perf_counter()
    await action
    return (perf_counter() - start) * 1000


def _commit(path: Path) -> float:
    """Milliseconds of the least that a durable change costs on this disk."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS reference (value INTEGER)")
        start = perf_counter()
        connection.execute("INSERT INTO reference VALUES (1)")
        connection.commit()
        return (perf_counter() - start) * 1000


async def _expect(base: KnowledgeBase, query: str, file: Path, *, visible: bool) -> None:
    found = await hybrid(base, query, 10)
    seen = any(query in item.chunk.text for item in found)
    if seen != visible:
        raise RuntimeError(
            f"{file.name}: the next query {'does not see' if visible else 'still sees'} {query}"
        )


BENCHMARKS: dict[str, Callable[[Site], Awaitable[Sequence[Figure]]]] = {
    "add": add,
    "search": search,
    "read": reading,
    "open": opening,
    "change": change,
    "help": start_up,
    "ask": asking,
    "client": model_client,
    "pagerank": pagerank,
    "follow": follow,
    "questions": questions,
    "ingest": ingestion,
    "serve": serving,
    "harness": harness,
}
