"""What adding, removing and measuring a knowledge base report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kedge.errors import KedgeError
from kedge.tools.knowledge_base.records import Chunk

__all__ = ["AddReport", "Failure", "Preview", "Progress", "RemoveReport", "Stats"]


@dataclass(frozen=True, slots=True)
class Failure:
    """One source that could not be added, and why."""

    source: str
    error: KedgeError


@dataclass(frozen=True, slots=True)
class Preview:
    """What an addition would have to take in; `sample` holds some of its chunks, which have no ids yet."""

    documents: int = 0
    chunks: int = 0
    characters: int = 0
    sample: tuple[Chunk, ...] = ()


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an addition is; sent after each batch that is safely stored.

    `total` is `None` while it is not known. `current` is the source that was stored last.
    """

    done: int
    total: int | None
    unit: Literal["files", "documents", "passages"]
    stage: Literal["adding", "done"]
    current: str


@dataclass(frozen=True, slots=True)
class AddReport:
    """What became of the sources given to `aadd`; all figures count documents unless they say otherwise.

    `added` holds new documents, `replaced` those among them that took the place of an older version from
    the same source, and `removed` those that their file no longer holds. `duplicates` came from another
    source with the same content and are stored once.
    """

    added: int = 0
    replaced: int = 0
    unchanged: int = 0
    duplicates: int = 0
    removed: int = 0
    failed: tuple[Failure, ...] = ()
    chunks: int = 0
    triples: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class RemoveReport:
    """The ids of the documents that went, and the names that named nothing."""

    removed: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    chunks: int = 0
    triples: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Stats:
    """The size of a knowledge base; `bytes` is what its directory takes on disk."""

    documents: int
    chunks: int
    triples: int
    entities: int
    images: int
    bytes: int
    encoder: str
    version: int
    revision: int
