"""The knowledge base: what is kept, how it is read in, and what is found in it."""

from kedge.tools.knowledge_base.base import KnowledgeBase
from kedge.tools.knowledge_base.gallery import Gallery, caption
from kedge.tools.knowledge_base.graph import KnowledgeGraph
from kedge.tools.knowledge_base.loaders import Fields, Limits, find, load
from kedge.tools.knowledge_base.records import (
    Block,
    Chunk,
    Document,
    DocumentKind,
    Evidence,
    Expansion,
    Extraction,
    Figure,
    Moment,
    ParsedDocument,
    Picture,
    Triple,
    TripleDraft,
    clock,
    entity_key,
)
from kedge.tools.knowledge_base.reports import AddReport, Failure, Preview, Progress, RemoveReport, Stats

__all__ = [
    "AddReport",
    "Block",
    "Chunk",
    "Document",
    "DocumentKind",
    "Evidence",
    "Expansion",
    "Extraction",
    "Failure",
    "Fields",
    "Figure",
    "Gallery",
    "KnowledgeBase",
    "KnowledgeGraph",
    "Limits",
    "Moment",
    "ParsedDocument",
    "Picture",
    "Preview",
    "Progress",
    "RemoveReport",
    "Stats",
    "Triple",
    "TripleDraft",
    "caption",
    "clock",
    "entity_key",
    "find",
    "load",
]
