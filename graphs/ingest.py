"""Reading documents with a language model while they are added.

Adding is a line of stages that work at once: load and cut, encode, extract, store (see
`kedge.tools.knowledge_base.adding`). This module gives that line a model to extract with:

    the model is kept busy    every chunk of the batches on the line is asked about at once; the client lets
                              as many calls through as it has slots, until the last ones
    nothing is paid twice     the client remembers replies on disk as they come, so that a run that was
                              killed repeats only the calls that were in flight
    nothing is lost silently  a chunk that no reply can be had for is named, and its document is not added;
                              when the endpoint has gone, the run stops, and the same command goes on later
"""

from __future__ import annotations

import math
from asyncio import gather
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from kedge.agents.roles import TripleExtractor
from kedge.errors import KedgeError, ModelError, ModelUnavailable
from kedge.tools.knowledge_base import Chunk, Extraction, KnowledgeBase, ParsedDocument
from kedge.tools.models import Budget, Meter

__all__ = ["Estimate", "estimate", "extracting"]

GONE = 8  # chunks in a row whose calls failed, retries included: nobody is there any more
SAMPLE = 4  # chunks that are read first, to know what reading takes


class Estimate(BaseModel):
    """What reading some documents will take, at most; what is not known is `None`.

    `seconds` is that of the model's calls alone, with all its slots in use. Tokens, time and cost are unknown
    when all chunks of the sample were read before.
    """

    model_config = ConfigDict(frozen=True)

    documents: int
    chunks: int
    calls: int
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    seconds: float | None = None
    cost: float | None = None

    def __str__(self) -> str:
        parts = [f"about {self.calls:,} calls at most"]
        if self.prompt_tokens is not None and self.completion_tokens is not None:
            parts.append(f"{self.prompt_tokens:,} + {self.completion_tokens:,} tokens")
        if self.seconds is not None:
            parts.append(_duration(self.seconds))
        parts.append("cost unknown" if self.cost is None else f"cost {self.cost:,.2f}")
        return ", ".join(parts)


async def estimate(
    base: KnowledgeBase,
    sources: Sequence[str | Path | ParsedDocument],
    extractor: TripleExtractor,
    *,
    slots: int,
    **options: Any,
) -> Estimate:
    """What adding these sources will take, from reading some of their chunks.

    Those replies are in the client's cache when the same chunks are added, so they cost nothing again.

    Args:
        base: Where they are to be added; what it holds already is not counted.
        sources: As for `KnowledgeBase.aadd`.
        extractor: Who reads the chunks.
        slots: Calls in flight at once.
        options: `fields` and `encoding`, as for `KnowledgeBase.aadd`.

    Raises:
        ModelError: the model does not answer.
    """
    preview = await base.apreview(sources, sample=SAMPLE, **options)
    meter = Meter(Budget(seconds=None))
    await gather(*(meter.play("extract_triples", extractor.extract_triples, c) for c in preview.sample))
    read, sample = meter.ledger().total, len(preview.sample)
    calls = math.ceil(preview.chunks * (read.calls + read.cache_hits) / max(1, sample))
    known = Estimate(documents=preview.documents, chunks=preview.chunks, calls=calls)
    if not read.calls:
        return known
    # The calls that were made stand for all: tokens grow with their number, as prompts are mostly rules.
    share = calls / read.calls
    return known.model_copy(
        update={
            "prompt_tokens": round(share * read.prompt_tokens),
            "completion_tokens": round(share * read.completion_tokens),
            "seconds": share * read.model_seconds / slots,
            "cost": None if read.cost is None else share * read.cost,
        }
    )


def extracting(extractor: TripleExtractor, meter: Meter) -> Callable[[Chunk], Awaitable[Extraction]]:
    """What `KnowledgeBase.aadd` takes as `extract`: reads a chunk, and writes down in `meter` what it took.

    A chunk that cannot be read raises a `ModelError` that names it; `ModelUnavailable` comes only when the
    endpoint seems to be gone for good, and ends the addition.
    """
    failed_in_a_row = 0

    async def read(chunk: Chunk) -> Extraction:
        nonlocal failed_in_a_row
        try:
            found = await meter.play("extract_triples", extractor.extract_triples, chunk)
        except ModelUnavailable as error:
            failed_in_a_row += 1
            if failed_in_a_row >= GONE:
                fix = "start it again and repeat the command: what was read is not read again"
                raise ModelUnavailable(error.message, fix=fix) from error
            raise _named(error, chunk) from error
        except ModelError as error:
            raise _named(error, chunk) from error
        failed_in_a_row = 0
        return found

    return read


def _named(error: KedgeError, chunk: Chunk) -> ModelError:
    where = f"{chunk.source}, characters {chunk.start:,} to {chunk.end:,}"
    return ModelError(f"{where} could not be read: {error.message}", fix=error.fix)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
