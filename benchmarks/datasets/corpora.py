"""Corpora and ready-made triples of public data sets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kedge.benchmarks.datasets.questions import squad_paragraphs
from kedge.benchmarks.datasets.records import AnnotatedPassage, Fact, Passage, passage_id
from kedge.benchmarks.datasets.rows import Row, first_character, json_rows, json_value, row, tab_rows
from kedge.errors import LoadError
from kedge.tools.knowledge_base.records import TripleDraft

__all__ = ["kb_tsv", "mtrag_un_passages", "openie", "passages", "squad_passages", "two_wiki_triples"]

_INVERSE = "_inverse"


def passages(path: str | Path) -> Iterator[Passage]:
    """The passages of a corpus file, each once.

    Reads JSONL and JSON arrays of objects (text in `text` or `body`, title in `title` or `source_title`, id
    in `chunk_id`, `doc_id` or `id`), and the JSON object `{title: sentences}` of pooled HotpotQA corpora.
    A passage without id gets its `passage_id`.
    """
    path = Path(path)
    found = _pooled(path) if _is_object(path) else map(_passage, json_rows(path))
    seen: set[str] = set()
    for passage in found:
        if passage.id not in seen:
            seen.add(passage.id)
            yield passage


def squad_passages(path: str | Path) -> Iterator[Passage]:
    """The paragraphs of a file in the format of SQuAD."""
    for _, passage in squad_paragraphs(Path(path)):
        yield passage


def mtrag_un_passages(path: str | Path) -> Iterator[Passage]:
    """The contexts of MTRAG-UN's conversations, each once: the passages that they were answered from."""
    seen: set[str] = set()
    for item in json_rows(Path(path)):
        for context in item.rows("contexts"):
            identity = context.get(str, "document_id")
            if identity not in seen:
                seen.add(identity)
                yield Passage(identity, context.find(str, "title", ""), context.get(str, "text"))


def two_wiki_triples(
    path: str | Path, entities: str | Path | None = None
) -> Iterator[tuple[str, TripleDraft]]:
    """Triples read by an LLM, each with the id of its chunk (`llm_triples.jsonl`).

    Args:
        path: The triples.
        entities: A table of resolved entities (`entities.jsonl`); with it, every name is replaced by the
            canonical name of its entity.
    """
    canonical = _canonical_names(Path(entities)) if entities is not None else {}

    def name(item: Row, role: str, entity: str) -> str:
        surface = item.get(str, role)
        return canonical.get(item.find(str, entity, ""), surface)

    for item in json_rows(Path(path)):
        confidence = item.find(float, "llm_confidence", 1.0)
        subject, object_ = name(item, "subject", "subj_id"), name(item, "object", "obj_id")
        triple = TripleDraft(subject, item.get(str, "relation"), object_, confidence)
        yield item.get(str, "chunk_id"), triple


def openie(path: str | Path) -> Iterator[AnnotatedPassage]:
    """Passages with the triples and names that an LLM read from them (`openie_*.json` of HippoRAG).

    Such files hold extractions that are no triples (about one in a hundred has two or four parts): these are
    left out.
    """
    for item in row(str(path), json_value(Path(path))).rows("docs"):
        triples = (tuple(parts) for parts in item.get(list, "extracted_triples") if _is_triple(parts))
        yield AnnotatedPassage(
            _passage(item),
            tuple(TripleDraft(*parts) for parts in dict.fromkeys(triples)),
            tuple(dict.fromkeys(item.texts("extracted_entities"))),
        )


def kb_tsv(path: str | Path) -> Iterator[Fact]:
    """The facts of a graph (`subject<TAB>relation<TAB>object`), each once and in its forward direction.

    `~relation` and `relation_inverse` are turned round: they say nothing new. In a file whose name ends in
    `.txt`, as in the official MetaQA, `|` stands for the tab.
    """
    path, seen = Path(path), set[Fact]()
    for subject, relation, object_ in tab_rows(path, 3, "|" if path.suffix == ".txt" else "\t"):
        fact = Fact(subject, relation, object_)
        if relation.startswith("~"):
            fact = Fact(object_, relation.removeprefix("~"), subject)
        elif relation.endswith(_INVERSE):
            fact = Fact(object_, relation.removesuffix(_INVERSE), subject)
        if fact not in seen:
            seen.add(fact)
            yield fact


def _passage(item: Row) -> Passage:
    title = item.find(str, "title", item.find(str, "source_title", ""))
    text = item.get(str, "text", "paragraph_text", "context", "body")
    for name in ("chunk_id", "doc_id", "id"):
        if name in item.data:
            return Passage(item.get(str, name), title, text)
    return Passage(passage_id(title, text), title, text)


def _pooled(path: Path) -> Iterator[Passage]:
    corpus: Mapping[str, Any] = json_value(path)
    for title, sentences in corpus.items():
        if not isinstance(sentences, list) or not all(isinstance(s, str) for s in sentences):
            raise LoadError(f"{path}: {title!r} is not a list of sentences", fix="is this a corpus?")
        text = "".join(sentences).strip()
        yield Passage(passage_id(title, text), title, text)


def _is_object(path: Path) -> bool:
    """Whether the file is one JSON object over several lines, rather than JSONL or an array."""
    return path.suffix == ".json" and first_character(path) == "{"


def _is_triple(parts: object) -> bool:
    return (
        isinstance(parts, list)
        and len(parts) == 3
        and all(isinstance(part, str) and part.strip() for part in parts)
    )


def _canonical_names(path: Path) -> dict[str, str]:
    return {item.get(str, "entity_id"): item.get(str, "canonical_name") for item in json_rows(path)}
