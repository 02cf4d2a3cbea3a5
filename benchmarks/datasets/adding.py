"""Putting corpora with ready-made triples into a knowledge base."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kedge.benchmarks.datasets.corpora import kb_tsv, openie, passages, two_wiki_triples
from kedge.benchmarks.datasets.records import AnnotatedPassage, Passage
from kedge.errors import LoadError
from kedge.tools.knowledge_base.records import Block, Chunk, Extraction, ParsedDocument, TripleDraft

if TYPE_CHECKING:
    from kedge.tools.knowledge_base.base import KnowledgeBase
    from kedge.tools.knowledge_base.reports import AddReport, Progress

__all__ = ["add_annotated", "add_graph", "add_musique", "add_passages", "add_two_wiki", "parsed"]

OnProgress = Callable[["Progress"], None] | None


def parsed(passage: Passage, container: str | Path) -> ParsedDocument:
    """A passage as a document of one paragraph; its id becomes the document's external id."""
    return ParsedDocument(
        source=f"{container}#{passage.id}",
        container=str(container),
        title=passage.title,
        text=passage.text,
        kind="record",
        blocks=(Block("paragraph", 0, len(passage.text)),),
        external_id=passage.id,
    )


async def add_passages(
    base: KnowledgeBase, found: Iterable[Passage], *, container: str | Path, on_progress: OnProgress = None
) -> AddReport:
    """Add passages without triples; `container` names what is replaced when they are added again."""
    documents = [parsed(passage, container) for passage in found]
    return await base.aadd(documents, on_progress=on_progress)


async def add_annotated(
    base: KnowledgeBase,
    found: Iterable[AnnotatedPassage],
    *,
    container: str | Path,
    on_progress: OnProgress = None,
) -> AddReport:
    """Add passages with their triples and names.

    Where a passage is cut into several chunks, each triple and name goes to the chunk in which it is first
    mentioned, and to the first one if it is not in the text.
    """
    annotated = {parsed(item.passage, container).source: item for item in found}

    async def extract(chunk: Chunk) -> Extraction:
        item = annotated[chunk.source]
        text = item.passage.text
        return Extraction(
            triples=tuple(t for t in item.triples if _is_home(chunk, text, (t.object, t.subject))),
            mentions=tuple(name for name in item.mentions if _is_home(chunk, text, (name,))),
        )

    documents = [parsed(item.passage, container) for item in annotated.values()]
    return await base.aadd(documents, extract=extract, on_progress=on_progress)


async def add_two_wiki(
    base: KnowledgeBase, folder: str | Path, *, on_progress: OnProgress = None
) -> AddReport:
    """Add the corpus of `2wiki500` with the triples that an LLM read from part of it.

    Reads `corpus.jsonl`, `llm_triples.jsonl` and, if it is there, `entities.jsonl`.

    Raises:
        LoadError: A file is missing or broken, or a triple belongs to no passage.
    """
    folder = Path(folder)
    corpus, triples, entities = (folder / f"{name}.jsonl" for name in ("corpus", "llm_triples", "entities"))
    of_chunk: defaultdict[str, list[TripleDraft]] = defaultdict(list)
    for chunk_id, triple in two_wiki_triples(triples, entities if entities.exists() else None):
        of_chunk[chunk_id].append(triple)
    annotated = _joined(list(passages(corpus)), of_chunk, triples)
    return await add_annotated(base, annotated, container=corpus.absolute(), on_progress=on_progress)


async def add_musique(
    base: KnowledgeBase, folder: str | Path, *, on_progress: OnProgress = None
) -> AddReport:
    """Add the passages of `openie_gpt35.json` in a folder, with the triples and names that it holds."""
    path = Path(folder) / "openie_gpt35.json"
    return await add_annotated(base, openie(path), container=path.absolute(), on_progress=on_progress)


async def add_graph(base: KnowledgeBase, path: str | Path) -> AddReport:
    """Add the facts of a graph (`kb.tsv`), with readable names and without any text."""
    path = Path(path)
    drafts = [fact.draft for fact in kb_tsv(path)]
    return await base.aadd_triples(drafts, source=str(path.absolute()), title=path.stem)


def _joined(
    corpus: Sequence[Passage], of_chunk: Mapping[str, Sequence[TripleDraft]], path: Path
) -> list[AnnotatedPassage]:
    strangers = of_chunk.keys() - {passage.id for passage in corpus}
    if strangers:
        raise LoadError(
            f"{path}: {len(strangers)} chunk ids are not in the corpus, such as {min(strangers)!r}",
            fix="use the corpus that the triples were read from",
        )
    return [AnnotatedPassage(passage, tuple(of_chunk.get(passage.id, ()))) for passage in corpus]


def _is_home(chunk: Chunk, text: str, names: Sequence[str]) -> bool:
    """Whether the first of these names that the text holds begins in this chunk; the first chunk, if none."""
    found = (re.search(re.escape(name), text, re.IGNORECASE) for name in names)
    place = next((match.start() for match in found if match), len(text) - len(text.lstrip()))
    return chunk.start <= place < chunk.end
