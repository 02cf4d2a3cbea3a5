"""Asking: every method on every question, recorded as it is answered."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from langchain_core.language_models import BaseChatModel

from kedge.agents.roles import Cast
from kedge.benchmarks.datasets import Question
from kedge.benchmarks.harness.journal import each
from kedge.benchmarks.metrics import contains, credit, exact_match, outcome_of
from kedge.errors import KedgeError
from kedge.graphs.answer import Answer
from kedge.graphs.context import Context
from kedge.graphs.run import METHODS, stream
from kedge.tools.knowledge_base import KnowledgeBase
from kedge.tools.models import Budget, Meter
from kedge.tools.search import bm25, dense, hybrid

if TYPE_CHECKING:
    from kedge.graphs.context import Search

__all__ = ["ASKABLE", "DEFAULT", "Ask", "Task", "answered", "asked", "gold_of", "local", "record"]

SEARCHES: Mapping[str, Search] = {"bm25_read": bm25, "dense_read": dense}
"""Baselines that read what one search finds; `retrieve_read` reads what the fused search finds."""

ASKABLE = (*(name for name, home in METHODS.items() if home != "kedge.graphs.parametric"), *SEARCHES)
"""What can be asked here: all methods but those that need adapters, which `kedge bench parametric` makes."""

DEFAULT = tuple(name for name in ASKABLE if name not in ("closed_book", "multimodal"))
"""What is asked when nothing else is said: all that need neither a model nor pictures."""

BUDGET = Budget(seconds=None)  # a busy machine must not turn answers into refusals
QUOTED = 400  # characters of a citation that a record keeps
TOLD = 200  # characters of an event that a record keeps
TURN = 8  # questions that every method is asked before the next ones


@dataclass(frozen=True)
class Task:
    """One question for one method."""

    id: str
    question: Question
    method: str


Ask = Callable[[Task], Awaitable[Mapping[str, Any]]]


async def answered(
    base: KnowledgeBase, question: str, method: str, cast: Cast, model: BaseChatModel | None = None
) -> Answer:
    """A method's answer to a question."""
    answer: Answer | None = None
    context = Context(base, cast, model=model, meter=Meter(BUDGET), search=SEARCHES.get(method, hybrid))
    name = "retrieve_read" if method in SEARCHES else method
    async with aclosing(stream(question, context, method=name)) as told:
        async for part in told:
            if isinstance(part, Answer):
                answer = part
    assert answer is not None  # noqa: S101 - what a stream ends with
    return answer


def local(of: Callable[[str], KnowledgeBase], cast: Cast, model: BaseChatModel | None = None) -> Ask:
    """Asks in this process. A method that fails leaves a record that says so.

    Args:
        of: The knowledge base of a corpus, by the name that questions have in `extra["corpus"]`, else "".
        cast: Plays the roles.
        model: For methods that need one.
    """

    async def ask(task: Task) -> Mapping[str, Any]:
        base = of(task.question.extra.get("corpus", ""))
        start = perf_counter()
        try:
            answer = await answered(base, task.question.question, task.method, cast, model)
        except (KedgeError, ConnectionError, TimeoutError) as error:
            return record(task.question, task.method, None, perf_counter() - start, failure=str(error))
        return record(task.question, task.method, answer, perf_counter() - start)

    return ask


async def asked(
    path: Path, given: Sequence[Question], methods: Sequence[str], ask: Ask, *, at_once: int = 2
) -> AsyncGenerator[dict[str, Any]]:
    """A record for every question and method, as they come; those in the file are not asked again."""
    async with aclosing(each(path, _tasks(given, methods), ask, at_once=at_once)) as rows:
        async for row in rows:
            yield row


def record(
    question: Question, method: str, answer: Answer | None, seconds: float, *, failure: str = ""
) -> dict[str, Any]:
    """What is kept of an answer: what was said, on what grounds, what it is worth, and what it cost."""
    text = answer.text if answer else None
    reason = answer.abstention.reason if answer and answer.abstention else None
    gold = gold_of(question)
    spent = answer.ledger.total if answer else None
    return {
        "question": question.id,
        "method": method,
        "text": text,
        "reason": reason,
        "outcome": outcome_of(text, reason, failed=answer is None),
        "confidence": answer.confidence if answer else 0.0,
        "f1": credit(text, gold) if text and gold else 0.0,
        "em": exact_match(text, gold) if text and gold else 0.0,
        "holds": contains(text, gold) if text and gold else 0.0,
        "seconds": round(seconds, 4),
        "failure": failure,
        "path": [f"{s.subject} — {s.relation} → {s.object}" for s in answer.path] if answer else [],
        "citations": [{"title": c.title, "quote": c.quote[:QUOTED]} for c in answer.citations]
        if answer
        else [],
        "trace": [f"{event.kind}: {event.message}"[:TOLD] for event in answer.trace] if answer else [],
        "calls": spent.calls if spent else 0,
        "tokens": spent.prompt_tokens + spent.completion_tokens if spent else 0,
    }


def _tasks(given: Sequence[Question], methods: Sequence[str]) -> list[Task]:
    """A few questions at a time: what one method read of them is remembered when the next one is asked.

    The methods take turns at being first, so that their times can be compared.
    """
    tasks = []
    for turn, start in enumerate(range(0, len(given), TURN)):
        first = turn % len(methods)
        tasks += [
            Task(f"{method}/{question.id}", question, method)
            for method in (*methods[first:], *methods[:first])
            for question in given[start : start + TURN]
        ]
    return tasks


def gold_of(question: Question) -> tuple[str, ...]:
    """What would be right to say: the answers, or those that documents from outside give."""
    return question.answers or tuple(question.extra.get("outside", ()))
