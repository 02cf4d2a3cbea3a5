"""Answers on whole corpora: `python -m kedge.benchmarks.reader.answering --sets hotpot500 lihua`.

Questions of HotpotQA-500 and LiHua-World are never trained, calibrated or tuned on. `--every 5` asks every
fifth. Recall is of the same 20 passages of the search, in its order and in the order of `grade`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

import numpy as np

from kedge.agents.extractive import ExtractiveCast
from kedge.benchmarks.datasets import Question, hotpotqa, lihua, passages
from kedge.benchmarks.datasets.adding import parsed
from kedge.benchmarks.harness.bases import built
from kedge.benchmarks.metrics import bootstrap, exact_match, f1, permutation_test, recall_at
from kedge.graphs.answer import Answer
from kedge.graphs.context import Context
from kedge.graphs.run import stream
from kedge.tools.encoders import MiniLM
from kedge.tools.knowledge_base import KnowledgeBase
from kedge.tools.search import hybrid

__all__ = ["main"]

SETS = {
    "hotpot500": ("multihop_qa/hotpot500", "questions.jsonl", "corpus.jsonl", hotpotqa),
    "lihua": ("unanswerable/lihua", "questions.jsonl", "docs.jsonl", lihua),
}
FETCHED = 20


async def opened(name: str, data: Path, cache: Path) -> KnowledgeBase:
    """The knowledge base of a set, built in the cache folder if it is not there yet."""
    folder, _, corpus, _ = SETS[name]
    source = data / folder / corpus

    async def fill(base: KnowledgeBase) -> None:
        extract = ExtractiveCast(base.encoder).extract_triples
        await base.aadd([parsed(passage, source) for passage in passages(source)], extract=extract)

    return await built(cache / f"{name}-own", fill, MiniLM())


async def ask(base: KnowledgeBase, question: str, method: str) -> Answer:
    """One answer of the extractive cast."""
    context = Context(base, ExtractiveCast(base.encoder))
    *_, answer = [item async for item in stream(question, context, method=method)]
    assert isinstance(answer, Answer)  # noqa: S101 - what a stream ends with
    return answer


async def answers(base: KnowledgeBase, asked: Sequence[Question], method: str) -> dict[str, object]:
    """How well a method answers, and how often it refuses what cannot be answered."""
    given: list[str | None] = []
    times: list[float] = []
    for question in asked:
        start = perf_counter()
        given.append((await ask(base, question.question, method)).text)
        times.append(perf_counter() - start)
    pairs = list(zip(asked, given, strict=True))
    possible = [(q, text) for q, text in pairs if q.answerable]
    refused = [float(text is None) for q, text in pairs if not q.answerable]
    return {
        "method": method,
        "f1": bootstrap([f1(text, q.answers) for q, text in possible]),
        "exact": bootstrap([exact_match(text, q.answers) for q, text in possible]),
        "answered": bootstrap([float(text is not None) for _, text in possible]),
        "refused": bootstrap(refused) if refused else None,
        "ms": round(1_000 * float(np.median(times))),
        "given": given,
    }


async def reranked(base: KnowledgeBase, asked: Sequence[Question]) -> dict[str, object]:
    """Recall@5 of the fused search, and of its passages in the order of `grade`."""
    cast = ExtractiveCast(base.encoder)
    fused: list[float] = []
    graded: list[float] = []
    for question in asked:
        found = await hybrid(base, question.question, FETCHED)
        grades = await cast.grade(question.question, [item.chunk for item in found])
        order = sorted(range(len(found)), key=lambda i: -grades[i])
        for ranking, recalls in ((range(len(found)), fused), (order, graded)):
            titles = list(dict.fromkeys(found[i].chunk.title for i in ranking))
            recalls.append(recall_at(5, titles, frozenset(question.gold)))
    return {"fusion": bootstrap(fused), "graded": bootstrap(graded), "p": permutation_test(graded, fused)}


async def run(options: argparse.Namespace) -> None:
    """Measure and show, one JSON object a line."""
    for name in options.sets:
        folder, questions, _, read = SETS[name]
        asked = list(read(options.data / folder / questions))[:: options.every]
        async with await opened(name, options.data, options.cache) as base:
            rows = [await answers(base, asked, method) for method in options.methods]
            if options.rerank and name == "hotpot500":
                rows.append(await reranked(base, asked))
        for row in rows:
            sys.stdout.write(json.dumps({"set": name, **row}, default=str) + "\n")


def main(given: Sequence[str]) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m kedge.benchmarks.reader.answering", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the data sets")
    parser.add_argument("--cache", type=Path, default=Path(".bench"), help="where bases are built and kept")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--methods", nargs="*", default=["retrieve_read", "metakgrag"])
    parser.add_argument("--every", type=int, default=1, help="ask every n-th question")
    parser.add_argument("--rerank", action="store_true", help="also measure reranking")
    asyncio.run(run(parser.parse_args(given)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
