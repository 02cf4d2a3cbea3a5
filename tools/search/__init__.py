"""Searches: functions of (knowledge base, query, k) that return evidence, best first."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kedge.tools.search._bm25 import bm25
    from kedge.tools.search._dense import dense
    from kedge.tools.search._fusion import hybrid, reciprocal_rank_fusion
    from kedge.tools.search._late_interaction import late_interaction, maxsim
    from kedge.tools.search._pages import Page, pages
    from kedge.tools.search._pictures import shown, similar
    from kedge.tools.search._ppr import ppr
    from kedge.tools.search._retrievers import How, retriever

__all__ = [
    "How",
    "Page",
    "bm25",
    "dense",
    "hybrid",
    "late_interaction",
    "maxsim",
    "pages",
    "ppr",
    "reciprocal_rank_fusion",
    "retriever",
    "shown",
    "similar",
]

_HOMES = {
    "How": "_retrievers",
    "Page": "_pages",
    "bm25": "_bm25",
    "dense": "_dense",
    "hybrid": "_fusion",
    "late_interaction": "_late_interaction",
    "maxsim": "_late_interaction",
    "pages": "_pages",
    "ppr": "_ppr",
    "reciprocal_rank_fusion": "_fusion",
    "retriever": "_retrievers",
    "shown": "_pictures",
    "similar": "_pictures",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
