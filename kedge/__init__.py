"""Kedge: an agentic RAG framework that notices when its own search has run aground.

Example:
    >>> import kedge
    >>> kedge.__version__.count(".")
    2
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kedge._answer import Answer
    from kedge._api import KnowledgeBase, aask, ask, astream
    from kedge.graphs.answer import Abstention, Citation
    from kedge.graphs.events import Event
    from kedge.tools.models import Budget, Ledger

__version__ = "0.1.0"

_HOMES = {
    "Abstention": "kedge.graphs.answer",
    "Answer": "kedge._answer",
    "Budget": "kedge.tools.models",
    "Citation": "kedge.graphs.answer",
    "Event": "kedge.graphs.events",
    "KnowledgeBase": "kedge._api",
    "Ledger": "kedge.tools.models",
    "aask": "kedge._api",
    "ask": "kedge._api",
    "astream": "kedge._api",
}

__all__ = [
    "Abstention",
    "Answer",
    "Budget",
    "Citation",
    "Event",
    "KnowledgeBase",
    "Ledger",
    "__version__",
    "aask",
    "ask",
    "astream",
]


def __getattr__(name: str) -> Any:
    """Import public names when they are first used: `import kedge` and `kedge --help` stay quick."""
    if name not in _HOMES:
        raise AttributeError(f"module 'kedge' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
