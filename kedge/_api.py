"""The Python front door: a knowledge base that can be asked."""

from __future__ import annotations

import unicodedata
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedge._sync import wait
from kedge.agents.extractive import ExtractiveCast
from kedge.errors import InputError
from kedge.tools import knowledge_base as core
from kedge.tools import search
from kedge.tools.knowledge_base import AddReport, Evidence, RemoveReport
from kedge.tools.models import Budget, Meter

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from kedge._answer import Answer
    from kedge.agents.roles import Cast
    from kedge.graphs.events import Event

__all__ = ["KnowledgeBase", "aask", "ask", "astream", "clean_question"]

Search = Callable[[core.KnowledgeBase, str, int], Awaitable[list[Evidence]]]
SEARCHES = ("hybrid", "bm25", "dense", "late_interaction", "ppr")
MAX_QUESTION = 4_000  # characters; far above any question, far below any document


class KnowledgeBase(core.KnowledgeBase):
    """A directory of documents that can be searched and asked.

    Every method that waits has two forms: `aask` for async code, `ask` for scripts and notebooks (where it
    works inside the running loop, too).

    Example:
        >>> base = KnowledgeBase.open(tmp / "base", create=True)
        >>> report = base.add("examples/world")
        >>> print(base.ask("Who built the lighthouse of Farrow Head?"))  # doctest: +SKIP
    """

    def add(
        self, *sources: str | Path | core.ParsedDocument, triples: bool = True, **options: Any
    ) -> AddReport:
        """Add files, folders or globs; unchanged files are left alone, changed ones replaced."""
        return wait(self.aadd(sources, triples=triples, **options))

    async def aadd(
        self, sources: Sequence[str | Path | core.ParsedDocument], *, triples: bool = True, **options: Any
    ) -> AddReport:
        """Like `add`; `triples=False` leaves out the graph, which makes adding several times faster."""
        if triples:
            options.setdefault("extract", ExtractiveCast(self.encoder).extract_triples)
        parsed = [source for source in sources if isinstance(source, core.ParsedDocument)]
        files = core.find([source for source in sources if not isinstance(source, core.ParsedDocument)])
        return await super().aadd([*files, *parsed], **options)

    def remove(self, *names: str) -> RemoveReport:
        """Remove documents, by id, source or the file they came from."""
        return wait(self.aremove(names))

    def search(self, query: str, k: int = 10, *, how: str = "hybrid") -> list[Evidence]:
        """The `k` best chunks for a query, best first."""
        return wait(self.asearch(query, k, how=how))

    async def asearch(self, query: str, k: int = 10, *, how: str = "hybrid") -> list[Evidence]:
        """Like `search`."""
        if how not in SEARCHES:
            raise InputError(f"no search is called {how!r}", fix=f"choose from {', '.join(SEARCHES)}")
        find: Search = getattr(search, how)
        return await find(self, clean_question(query), k)

    def ask(self, question: str, **options: Any) -> Answer:
        """Answer a question from these documents, or say why not; options as in `aask`."""
        return wait(aask(self, question, **options))

    async def aask(self, question: str, **options: Any) -> Answer:
        """Like `ask`."""
        return await aask(self, question, **options)

    def astream(self, question: str, **options: Any) -> AsyncIterator[Event | Answer]:
        """Events as they happen, and the answer last; options as in `aask`."""
        return astream(self, question, **options)


async def astream(
    base: core.KnowledgeBase,
    question: str,
    *,
    method: str = "metakgrag",
    cast: Cast | None = None,
    model: BaseChatModel | None = None,
    budget: Budget | None = None,
    thread: str | None = None,
) -> AsyncIterator[Event | Answer]:
    """Answer a question as a stream: every event as it happens, and the `Answer` last.

    Args:
        base: The knowledge base to answer from.
        question: At most 4,000 characters, one line of plain text.
        method: `metakgrag`, `parallel`, `research` (which chooses between them), or a baseline: `sequential`,
            `splitting`, `retrieve_read`, `closed_book` (which needs `model`).
        cast: Who plays the roles; the extractive cast by default.
        model: A LangChain chat model, for methods that need one.
        budget: What it may cost; three rounds and a minute by default.
        thread: A name that makes the run resumable: the same question in the same thread goes on where it
            stopped.

    Raises:
        InputError: the question or an argument cannot be used.
    """
    from kedge._answer import Answer
    from kedge.graphs.context import Context
    from kedge.graphs.events import Event
    from kedge.graphs.run import stream

    question = clean_question(question)
    context = Context(
        base, cast or ExtractiveCast(base.encoder), model=model, meter=Meter(budget or Budget())
    )
    async for item in stream(
        question, context, method=method, checkpoints=base.path / "checkpoints.sqlite", thread=thread
    ):
        yield item if isinstance(item, Event) else Answer(**dict(item))


async def aask(base: core.KnowledgeBase, question: str, **options: Any) -> Answer:
    """Answer a question from a knowledge base, or say why not; options as in `astream`."""
    from kedge._answer import Answer

    items = [item async for item in astream(base, question, **options)]
    assert isinstance(items[-1], Answer)  # noqa: S101 - what a stream ends with
    return items[-1]


def ask(base: core.KnowledgeBase, question: str, **options: Any) -> Answer:
    """Answer a question from a knowledge base, or say why not; options as in `astream`."""
    return wait(aask(base, question, **options))


def clean_question(question: str) -> str:
    """The question on one line.

    Raises:
        InputError: it is empty, longer than 4,000 characters, or holds control characters.

    Example:
        >>> clean_question("  Who built\\nthe pier? ")
        'Who built the pier?'
    """
    text = " ".join(question.split())
    if not text:
        raise InputError("the question is empty", fix="ask something")
    if len(text) > MAX_QUESTION:
        length = f"{len(text):,} characters"
        raise InputError(
            f"the question has {length}", fix=f"at most {MAX_QUESTION:,}; add long texts as documents"
        )
    control = next((c for c in text if unicodedata.category(c) in ("Cc", "Cs")), None)
    if control is not None:
        raise InputError(f"the question holds the control character U+{ord(control):04X}", fix="remove it")
    return text
