"""Knowledge bases for LangChain: tools for agents, and methods as Runnables.

Retrievers are in `kedge.tools.search.retriever`, one for each search.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool, StructuredTool, ToolException

from kedge import Answer
from kedge._doors.actions import ACTIONS, Action, Desk
from kedge._doors.schemas import Result, complaint  # LangChain reads the annotations when it runs
from kedge.errors import KedgeError
from kedge.tools.waiting import wait

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.runnables import RunnableConfig
    from pydantic import ValidationError

    from kedge import KnowledgeBase

__all__ = ["MethodRunnable", "tools"]


def tools(
    base: KnowledgeBase,
    *,
    model: BaseChatModel | None = None,
    writable: bool = False,
    roots: Sequence[Path] = (),
) -> list[BaseTool]:
    """What an agent can do with a knowledge base: the same tools as over MCP.

    Each has typed arguments, gives text for the model as content, and its typed result as artifact. What the
    model can mend comes back as content that says how.

    Args:
        base: The knowledge base.
        model: A chat model for `ask`; without one the extractive cast answers.
        writable: Whether `add_documents` is among them.
        roots: Folders from which it may add files; texts may be added without.

    Example:
        >>> from kedge import KnowledgeBase
        >>> with KnowledgeBase.open(tmp / "base", create=True) as base:
        ...     [tool.name for tool in tools(base)][:3]
        ['search', 'ask', 'explore_graph']
    """
    desk = Desk(base, model, tuple(roots))
    return [_tool(action, desk) for action in ACTIONS if writable or not action.writes]


def _tool(action: Action, desk: Desk) -> BaseTool:
    async def run(**given: Any) -> tuple[str, Result]:
        try:
            result = await action.run(desk, action.arguments(**given))
        except KedgeError as error:
            raise ToolException(str(error)) from error
        return result.as_text(), result

    def run_waiting(**given: Any) -> tuple[str, Result]:
        return wait(run(**given))

    return StructuredTool(
        name=action.name,
        description=action.description,
        args_schema=action.arguments,
        func=run_waiting,
        coroutine=run,
        response_format="content_and_artifact",
        handle_tool_error=True,
        handle_validation_error=lambda error: complaint(cast("ValidationError", error), action.arguments),
    )


class MethodRunnable(Runnable[str, Answer]):
    """A method as a LangChain Runnable: a question in, an `Answer` out.

    Args:
        base: The knowledge base to answer from.
        options: As for `KnowledgeBase.aask`: `method`, `model`, `cast`, `budget`.

    Example:
        >>> from kedge import KnowledgeBase
        >>> with KnowledgeBase.open(tmp / "base", create=True) as base:
        ...     (MethodRunnable(base, method="retrieve_read") | str).invoke("Who built the pier?")
        'not in these documents: out of corpus (...)'
    """

    def __init__(self, base: KnowledgeBase, **options: Any) -> None:
        self.name = options.get("method", "metakgrag")
        self._base = base
        self._options = options

    def invoke(self, input: str, config: RunnableConfig | None = None, **kwargs: Any) -> Answer:  # noqa: A002
        """Answer a question."""
        return self._call_with_config(
            lambda question: self._base.ask(question, **self._options, **kwargs), input, config
        )

    async def ainvoke(  # noqa: D102
        self,
        input: str,  # noqa: A002
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> Answer:
        async def ask(question: str) -> Answer:
            return await self._base.aask(question, **self._options, **kwargs)

        return await self._acall_with_config(ask, input, config)
