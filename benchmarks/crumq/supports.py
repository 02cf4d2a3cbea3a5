"""The documents that support a question: those that its data set names, or else what a search finds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path, PurePath

from kedge.benchmarks.crumq.shortcuts import Case
from kedge.benchmarks.datasets import Passage, Question
from kedge.errors import LoadError
from kedge.tools.knowledge_base import KnowledgeBase, ParsedDocument, load
from kedge.tools.search import hybrid

__all__ = ["by_name", "case_of", "supports"]

FOUND = 5  # passages that stand in for documents that are not named


def by_name(given: Iterable[ParsedDocument | Path]) -> dict[str, ParsedDocument]:
    """Documents and files by the names that a knowledge base knows them by; broken files are left out.

    Each is a container of its own, so that it can be taken out and added again without its neighbours.
    """
    found = [
        document
        for item in given
        for document in (load(item.absolute()) if isinstance(item, Path) else (item,))
        if not isinstance(document, LoadError)
    ]
    return {d.external_id or d.source: replace(d, container=d.source) for d in found}


def supports(
    given: Iterable[Question], documents: Mapping[str, ParsedDocument]
) -> dict[str, tuple[str, ...]]:
    """The names of the documents that each question's gold labels mean, by its id.

    A label is a document's id, its title, or its file below any folder. A question is left out when it has
    none, or when one of them means no document.

    Example:
        >>> world = by_name([Path("examples/world/ships/grey-petrel.md")])
        >>> asked = [Question("a", "?", ("x",), gold=("ships/grey-petrel.md",)), Question("b", "?", ("y",))]
        >>> [Path(name).name for name in supports(asked, world)["a"]], "b" in supports(asked, world)
        (['grey-petrel.md'], False)
    """
    labels = {document.title: name for name, document in documents.items()}
    for name, document in documents.items():
        parts = PurePath(document.source).parts
        labels |= {"/".join(parts[start:]): name for start in range(len(parts))}
    labels |= {name: name for name in documents}
    return {
        question.id: tuple(dict.fromkeys(labels[label] for label in question.gold))
        for question in given
        if question.gold and all(label in labels for label in question.gold)
    }


async def case_of(
    question: Question,
    named: Mapping[str, tuple[str, ...]],
    documents: Mapping[str, ParsedDocument],
    base: KnowledgeBase,
) -> Case:
    """A question with the documents that it names, or else with the passages that a search finds."""
    if question.id in named:
        texts = [Passage(name, documents[name].title, documents[name].text) for name in named[question.id]]
    else:
        hits = await hybrid(base, question.question, FOUND)
        texts = [Passage(str(hit.chunk.id), hit.chunk.title, hit.chunk.text) for hit in hits]
    return Case(question.id, question.question, question.answers, tuple(texts))
