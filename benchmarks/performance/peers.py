"""Adds passages with other frameworks: `python peers.py NAME PASSAGES URL SLOTS FOLDER`.

Run by the ingestion benchmark with the Python of that environment, so it imports nothing of Kedge. Each
framework is used as its documentation shows, with its own defaults and its own OpenAI client; embeddings cost
nothing, and tokens are counted as words, since no vocabulary can be downloaded. Prints what it took as JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from time import perf_counter, process_time
from types import SimpleNamespace
from typing import Any

import numpy as np

DIMENSION = 64


async def embed(texts: list[str]) -> Any:
    """Vectors that cost nothing."""
    return np.random.default_rng(len(texts)).normal(size=(len(texts), DIMENSION))


class Words:
    """Counts tokens as words, and can give the text back."""

    def __init__(self) -> None:
        self.known: dict[str, int] = {}
        self.words: list[str] = []

    def encode(self, content: str, **_: Any) -> list[int]:
        """Numbers of the words."""
        for word in content.split():
            if word not in self.known:
                self.known[word] = len(self.words)
                self.words.append(word)
        return [self.known[word] for word in content.split()]

    def decode(self, tokens: list[int]) -> str:
        """The words of the numbers."""
        return " ".join(self.words[token] for token in tokens)

    def encode_batch(self, texts: list[str], **_: Any) -> list[list[int]]:
        """Numbers of the words of each text."""
        return [self.encode(text) for text in texts]

    def decode_batch(self, batch: list[list[int]]) -> list[str]:
        """The texts of lists of numbers."""
        return [self.decode(tokens) for tokens in batch]


async def lightrag(texts: list[str], url: str, slots: int, folder: Path) -> tuple[float, float]:
    """LightRAG: `ainsert` of all passages."""
    from lightrag import LightRAG
    from lightrag.llm.openai import openai_complete_if_cache
    from lightrag.utils import EmbeddingFunc, Tokenizer

    async def complete(prompt: str, system_prompt: str | None = None, **options: Any) -> str:
        history = options.pop("history_messages", None)
        options = {name: options[name] for name in ("hashing_kv", "enable_cot") if name in options}
        said: str = await openai_complete_if_cache(
            "stub", prompt, system_prompt, history, base_url=url, api_key="none", **options
        )
        return said

    rag = LightRAG(
        working_dir=str(folder),
        llm_model_func=complete,
        llm_model_max_async=slots,
        max_parallel_insert=slots,
        embedding_func=EmbeddingFunc(embedding_dim=DIMENSION, max_token_size=8192, func=embed),
        tokenizer=Tokenizer("words", Words()),
    )
    await rag.initialize_storages()
    wall, cpu = perf_counter(), process_time()
    await rag.ainsert(texts)
    return perf_counter() - wall, process_time() - cpu


async def nano_graphrag(texts: list[str], url: str, slots: int, folder: Path) -> tuple[float, float]:
    """nano-graphrag: `ainsert` of all passages, community reports included, which it always makes."""
    os.environ |= {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": "none"}
    import tiktoken

    words: Any = Words()
    tiktoken.encoding_for_model = lambda model_name: words
    from nano_graphrag import GraphRAG
    from nano_graphrag._utils import EmbeddingFunc

    rag = GraphRAG(
        working_dir=str(folder),
        best_model_max_async=slots,
        cheap_model_max_async=slots,
        embedding_func=EmbeddingFunc(embedding_dim=DIMENSION, max_token_size=8192, func=embed),
    )
    wall, cpu = perf_counter(), process_time()
    await rag.ainsert(texts)
    return perf_counter() - wall, process_time() - cpu


PEERS = SimpleNamespace(lightrag=lightrag, nano_graphrag=nano_graphrag)


def main() -> None:
    """Add the passages and print seconds and CPU seconds."""
    name, passages, url, slots, folder = sys.argv[1:]
    texts = json.loads(Path(passages).read_text(encoding="utf-8"))
    wall, cpu = asyncio.run(getattr(PEERS, name)(texts, url, int(slots), Path(folder)))
    sys.stdout.write("\n" + json.dumps({"seconds": wall, "cpu": cpu}) + "\n")


if __name__ == "__main__":
    main()
