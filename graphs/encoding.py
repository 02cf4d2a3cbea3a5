"""Encoding a knowledge base: every passage is augmented, learnt by an adapter of its own, and stored.

Passages are learnt side by side, as many at once as `together` says. What is stored is not done again: a run
that was killed goes on where it was. A passage that nobody can ask about is named, and left out. Adapters may
also be translated from the passages by what has learnt from trained ones (DyPRAG): then nobody is asked.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kedge.agents.roles import Augmenter
from kedge.errors import InputError, KedgeError, ModelUnavailable
from kedge.tools.adapters import Adapter, AdapterStore, Encoding, Lesson, training_turns
from kedge.tools.knowledge_base import Chunk, Failure, Progress
from kedge.tools.models import Budget, Meter

__all__ = ["EncodeReport", "Train", "encode_passages", "encoded_task", "learnt_pairs"]

UNHURRIED = Budget(seconds=None)  # what is learnt for good may take longer than an answer

Train = Callable[[Sequence[Lesson], Encoding], list[Adapter]]
"""Makes one adapter for each lesson; takes its time, in a thread of its own."""


@dataclass(frozen=True, slots=True)
class EncodeReport:
    """What became of the passages: `encoded` now, `unchanged` since they were encoded, or `failed`.

    `bytes` is what those that were encoded now take.
    """

    encoded: int = 0
    unchanged: int = 0
    failed: tuple[Failure, ...] = ()
    bytes: int = 0
    seconds: float = 0.0


async def encode_passages(
    chunks: Sequence[Chunk],
    store: AdapterStore,
    encoding: Encoding,
    *,
    augmenter: Augmenter | None,
    train: Train,
    together: int = 16,
    meter: Meter | None = None,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> EncodeReport:
    """Give every passage that has none an adapter, and note in the store how.

    Args:
        chunks: The passages.
        store: Where the adapters go.
        encoding: Of which model, and by which recipe.
        augmenter: Who asks questions about a passage; nobody where `train` needs the passages alone.
        train: Who trains.
        together: Passages that are augmented and trained at once; memory grows with it.
        meter: What the augmenter's calls are charged to.
        on_progress: Told after each batch.

    Raises:
        ModelUnavailable: the augmenter's model has gone; what was encoded is kept.
        AdapterError: the model cannot be trained so.
    """
    began, failed, meter = time.monotonic(), [], meter or Meter(UNHURRIED)
    texts = {chunk.indexed_text: chunk for chunk in chunks}  # equal passages share an adapter
    todo = [chunk for text, chunk in texts.items() if encoding.origin(text).key not in store]
    encoded, size = 0, 0
    for start in range(0, len(todo), together):
        batch = todo[start : start + together]
        made = await asyncio.gather(*(_lesson(chunk, augmenter, meter, encoding) for chunk in batch))
        lessons = [lesson for lesson in made if isinstance(lesson, Lesson)]
        failed += [lesson for lesson in made if isinstance(lesson, Failure)]
        for adapter in await asyncio.to_thread(train, lessons, encoding) if lessons else ():
            folder = store.folder(await asyncio.to_thread(store.put, adapter))
            size += sum(file.stat().st_size for file in folder.iterdir())
            encoded += 1
        done = start + len(batch)
        on_progress(Progress(done, len(todo), "passages", "adding", batch[-1].source))
    store.note(encoding)
    seconds = time.monotonic() - began
    return EncodeReport(encoded, len(texts) - len(todo), tuple(failed), size, seconds)


async def learnt_pairs(
    chunks: Sequence[Chunk],
    store: AdapterStore,
    encoding: Encoding,
    *,
    augmenter: Augmenter,
    most: int,
    meter: Meter | None = None,
) -> list[tuple[Lesson, Adapter]]:
    """Of `most` passages that have an adapter of this encoding: what each has learnt, and what it became."""
    texts = {chunk.indexed_text: chunk for chunk in chunks}
    there = [chunk for text, chunk in texts.items() if encoding.origin(text).key in store]
    made = await asyncio.gather(
        *(_lesson(chunk, augmenter, meter or Meter(UNHURRIED), encoding) for chunk in there[:most])
    )
    lessons = [lesson for lesson in made if isinstance(lesson, Lesson)]
    return [(lesson, store.get(encoding.origin(lesson.text).key)) for lesson in lessons]


def encoded_task(
    turns: Sequence[tuple[str, str]], store: AdapterStore, encoding: Encoding, train: Train
) -> Encoding:
    """The encoding with an adapter that has learnt these turns: the control that knows no document."""
    lesson = Lesson("\n".join(map(repr, turns)), turns)
    key = encoding.origin(lesson.text).key
    if key not in store:
        store.put(train([lesson], encoding)[0])
    return encoding.model_copy(update={"task": key})


async def _lesson(
    chunk: Chunk, augmenter: Augmenter | None, meter: Meter, encoding: Encoding
) -> Lesson | Failure:
    """What the adapter of a passage is to learn, or why nothing."""
    if augmenter is None:
        return Lesson(chunk.indexed_text, ())
    try:
        made = await meter.play("augment", augmenter.augment, chunk)
    except ModelUnavailable:
        raise
    except KedgeError as error:
        return Failure(chunk.source, error)
    recipe = encoding.recipe
    asked = made.questions[: recipe.questions]
    if not asked:
        return Failure(chunk.source, InputError("no question is answered here", fix="use --cast llm"))
    text = " ".join(chunk.indexed_text.split())
    return Lesson(chunk.indexed_text, training_turns(text, made.rewrite, asked, recall=recipe.recall))
