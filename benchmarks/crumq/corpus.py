"""What a set is made from: documents, which of them are held back, and knowledge bases of both worlds."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Literal, Self

from kedge.benchmarks.crumq.records import Record, Side
from kedge.benchmarks.datasets import Passage, passage_id, passages
from kedge.benchmarks.datasets.adding import parsed
from kedge.benchmarks.harness import bases
from kedge.benchmarks.harness.drawing import drawn
from kedge.errors import InputError, LoadError
from kedge.tools.encoders import Encoder
from kedge.tools.knowledge_base import Chunk, Evidence, Extraction, KnowledgeBase, ParsedDocument, find, load

__all__ = [
    "Page",
    "SplitBy",
    "Worlds",
    "as_evidence",
    "built",
    "fingerprint",
    "read_corpus",
    "split",
    "worlds",
]

SplitBy = Literal["document", "date", "entity"]
LEAST = 4  # documents without which there is nothing to hold back
_DAY = re.compile(r"(?<!\d)((?:1\d|20)\d\d)[-/.]?(0[1-9]|1[0-2])[-/.]?(0[1-9]|[12]\d|3[01])(?!\d)")
_YEAR = re.compile(r"(?<!\d)(1[5-9]\d\d|20\d\d)(?!\d)")


class Page(Record):
    """A document, on one of the two sides, with the topic that it is about."""

    id: str
    title: str
    text: str
    side: Side
    topic: str = ""

    @property
    def passage(self) -> Passage:
        """The page as a passage."""
        return Passage(self.id, self.title, self.text)


def read_corpus(path: str | Path) -> list[Passage]:
    """The documents of a folder or file, each once; JSON and JSON Lines may also be a data set's corpus.

    Raises:
        InputError: There are fewer than four documents.
        LoadError: A file cannot be read.

    Example:
        >>> len(read_corpus("examples/world")) > 20
        True
    """
    path = Path(path)
    if path.suffix in (".json", ".jsonl") and path.is_file():
        found = list(passages(path))
    else:
        found = [_passage(document, path) for file in find([path]) for document in _whole(file)]
    found = [passage for passage in {p.id: p for p in found}.values() if passage.text.strip()]
    if len(found) < LEAST:
        raise InputError(f"{path} has {len(found)} documents", fix=f"name a corpus of at least {LEAST}")
    return found


def as_evidence(passages_given: Sequence[Passage]) -> list[Evidence]:
    """Passages as evidence for a role, each a chunk of its own."""
    return [
        Evidence(Chunk(n, p.id, p.id, p.title, "", p.text, 0, len(p.text)), 1.0, "given")
        for n, p in enumerate(passages_given, start=1)
    ]


def fingerprint(corpus: Iterable[Passage]) -> str:
    """A hash of all documents, whatever their order."""
    ids = sorted(f"{p.id}\n{passage_id(p.title, p.text)}" for p in corpus)
    return blake2b("\n".join(ids).encode(), digest_size=16).hexdigest()


def split(
    corpus: Sequence[Passage],
    *,
    by: SplitBy = "document",
    share: float = 0.3,
    seed: int = 0,
    topics: Mapping[str, str] | None = None,
) -> dict[str, Side]:
    """Which documents are internal, and which are held back as if they came from outside.

    Args:
        corpus: The documents.
        by: `document`: drawn one by one, those of one topic together. `date`: the newest; documents without
            a date stay. `entity`: drawn names, with every document that mentions them.
        share: About how much is held back.
        seed: Of the drawing.
        topics: The topic of each document; by default its id.

    Raises:
        InputError: Nothing can be held back in this way.
    """
    topics = topics or {}
    if by == "date":
        outside = _newest(corpus, share)
    elif by == "entity":
        outside = _naming(corpus, share, seed)
    else:
        outside = {p.id for p in corpus if drawn(seed, "side", topics.get(p.id, p.id)) < share}
    if not outside or len(outside) == len(corpus):
        raise InputError(
            f"nothing can be held back by {by} from {len(corpus)} documents",
            fix="split by document, or give more documents",
        )
    return {p.id: "external" if p.id in outside else "internal" for p in corpus}


class Worlds:
    """Two knowledge bases: the internal documents alone, and all of them."""

    def __init__(self, internal: KnowledgeBase, full: KnowledgeBase) -> None:
        self.internal = internal
        self.full = full

    def of(self, corpus: str) -> KnowledgeBase:
        """The one that is called so."""
        return self.full if corpus == "full" else self.internal

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.internal.aclose()
        await self.full.aclose()


async def worlds(
    folder: Path,
    pages: Sequence[Page],
    encoder: Encoder,
    extract: Callable[[Chunk], Awaitable[Extraction]] | None,
) -> Worlds:
    """Build both knowledge bases in a folder, or go on with those that are there."""
    inside = [page for page in pages if page.side == "internal"]
    return Worlds(
        await built(folder / "internal", inside, encoder, extract),
        await built(folder / "full", pages, encoder, extract),
    )


async def built(
    path: Path,
    pages: Sequence[Page],
    encoder: Encoder,
    extract: Callable[[Chunk], Awaitable[Extraction]] | None,
) -> KnowledgeBase:
    """A knowledge base of these pages; a page's id is the external id of its document."""

    async def fill(base: KnowledgeBase) -> None:
        await base.aadd([parsed(page.passage, path.name) for page in pages], extract=extract)

    return await bases.built(path, fill, encoder)


def _whole(file: Path) -> list[ParsedDocument]:
    found = []
    for document in load(file):
        if isinstance(document, LoadError):
            raise document
        if document.kind != "image":
            found.append(document)
    return found


def _passage(document: ParsedDocument, root: Path) -> Passage:
    name = document.source.removeprefix(str(root.absolute())).removeprefix(str(root)).lstrip("/")
    return Passage(name or passage_id(document.title, document.text), document.title, document.text)


def _newest(corpus: Sequence[Passage], share: float) -> set[str]:
    dated = sorted((date, p.id) for p in corpus if (date := _dated(p)))
    return {id for _, id in dated[len(dated) - round(share * len(dated)) :]}


def _dated(passage: Passage) -> str:
    """The first day that a document's name or text gives; else its newest year; else nothing."""
    if day := _DAY.search(f"{passage.id}\n{passage.title}\n{passage.text}"):
        return "-".join(day.groups())
    return max(_YEAR.findall(passage.text), default="")


def _naming(corpus: Sequence[Passage], share: float, seed: int) -> set[str]:
    """Documents that mention drawn names, until there are enough; names that most mention are passed over."""
    from kedge.benchmarks.crumq.index import Index, plain_title

    index = Index(corpus)
    outside: set[str] = set()
    for name in sorted({plain_title(p.title) for p in corpus}, key=lambda name: drawn(seed, "entity", name)):
        holders = set(index.saying((name,)))
        if len(holders) <= max(1, len(corpus) // 20):
            outside |= holders
        if len(outside) >= share * len(corpus):
            break
    return outside
