"""Document expansion: chunks are found under other words as well, questions that they answer above all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from kedge.agents.extractive.augmenting import BLANK
from kedge.agents.roles import Augmenter
from kedge.tools.knowledge_base import Chunk, Expansion, Extraction

__all__ = ["expanding"]

Extract = Callable[[Chunk], Awaitable[Extraction]]


def expanding(augmenter: Augmenter, extract: Extract | None = None) -> Extract:
    """Reads from a chunk what `extract` does, and adds what full text shall find it under besides.

    That is the questions it answers and the names it goes by; not their answers, nor sentences with a gap,
    whose words the chunk has itself. The rows say which cast made them.

    Example:
        >>> import asyncio
        >>> from kedge.agents.extractive import ExtractiveCast
        >>> text = "Loose Ankles is a film directed by Ted Wilde."
        >>> chunk = Chunk(1, "d", "s", "Loose Ankles", "", text, 0, len(text))
        >>> read = asyncio.run(expanding(ExtractiveCast(encoder=None))(chunk))
        >>> read.expansion.texts[1], read.expansion.made_by
        ('Who is the director of Loose Ankles?', 'ExtractiveCast')
    """

    async def read(chunk: Chunk) -> Extraction:
        found = Extraction() if extract is None else await extract(chunk)
        made = await augmenter.augment(chunk)
        questions = (question for question, _ in made.questions if BLANK not in question)
        texts = tuple(" ".join(text.split()) for text in (*questions, *made.aliases))
        return replace(found, expansion=Expansion(texts, type(augmenter).__name__) if texts else None)

    return read
