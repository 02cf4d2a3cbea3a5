"""The full-text index: BM25 over titles and bodies of chunks, updated in place (tantivy)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import RLock

import tantivy

from kedge.errors import StoreError
from kedge.tools.knowledge_base.records import Chunk, Expansion

__all__ = ["FullText"]

_TITLE_BOOST = 1.0
_MAX_TERMS = 64
_MAX_CHARACTERS = 20_000
_HEAP = 50_000_000
_TOKENIZER = "kedge"


class FullText:
    """Finds chunks by their words.

    Opening is cheap. Other processes' commits are seen by the next search. Writing must be guarded by the
    caller: one process at a time.

    Example:
        >>> import tempfile
        >>> index = FullText(Path(tempfile.mkdtemp()))
        >>> chunk = Chunk(7, "d", "notes.txt", "Harbour", "", "The kedge is a light anchor.", 0, 28)
        >>> index.add([chunk])
        >>> [number for number, score in index.search("light anchors?", 5)]
        [7]
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._state = directory / "meta.json"
        self._analyzer = _analyzer()
        self._schema = _schema()
        self._index = tantivy.Index(self._schema, path=str(directory))
        self._index.register_tokenizer(_TOKENIZER, self._analyzer)
        self._index.config_reader("manual")
        self._seen = self._stamp()
        self._lock = RLock()
        self._writer: tantivy.IndexWriter | None = None
        self._keeping = False

    def __len__(self) -> int:
        return self._searcher().num_docs

    def search(self, text: str, k: int) -> list[tuple[int, float]]:
        """Chunk ids and BM25 scores, best first. The text is words, never a query language."""
        query = self._query(text)
        if query is None or k < 1:
            return []
        searcher = self._searcher()
        hits = searcher.search(query, limit=k, count=False).hits
        ids = searcher.fast_field_values("id", [address for _, address in hits])
        scored = [
            (int(number), float(score))
            for number, (score, _) in zip(ids, hits, strict=True)
            if number is not None
        ]
        return sorted(scored, key=lambda hit: (-hit[1], hit[0]))

    def terms(self, text: str) -> list[str]:
        """The terms of a text as the index has them: folded and stemmed, in their order, with repetitions."""
        return list(self._analyzer.analyze(text[:_MAX_CHARACTERS]))

    def information(self, terms: Iterable[str]) -> dict[str, float]:
        """What each of these terms says about a chunk, in nats: the rarer, the more, as in BM25."""
        searcher = self._searcher()
        size = searcher.num_docs

        def held(term: str) -> int:
            return max(searcher.doc_freq("body", term), searcher.doc_freq("title", term))

        return {term: math.log1p(max(0.0, size - held(term) + 0.5) / (held(term) + 0.5)) for term in terms}

    def ids(self) -> set[int]:
        """The ids of all chunks in the index."""
        searcher = self._searcher()
        if not searcher.num_docs:
            return set()
        hits = searcher.search(tantivy.Query.all_query(), limit=searcher.num_docs, count=False).hits
        found = searcher.fast_field_values("id", [address for _, address in hits])
        return {int(number) for number in found if number is not None}

    def add(self, chunks: Sequence[Chunk], expansions: Mapping[int, Expansion] | None = None) -> None:
        """Index these chunks, each with its other words if it has any, and commit."""
        if chunks:
            with self._writing() as writer:
                for chunk in chunks:
                    writer.add_document(_document(chunk, (expansions or {}).get(chunk.id)))

    def remove(self, ids: Sequence[int]) -> None:
        """Forget these chunks and commit; unknown ids are passed over."""
        if ids:
            with self._writing() as writer:
                for number in ids:
                    writer.delete_documents_by_term("id", number)

    def rebuild(self, batches: Iterable[tuple[Sequence[Chunk], Mapping[int, Expansion]]]) -> None:
        """Replace everything by these chunks and their other words."""
        with self._writing() as writer:
            writer.delete_all_documents()
            for chunks, expansions in batches:
                for chunk in chunks:
                    writer.add_document(_document(chunk, expansions.get(chunk.id)))

    def begin(self) -> None:
        """Many changes follow: until `finish` other processes cannot write, and no merging is waited for."""
        self._keeping = True

    def finish(self) -> None:
        """The end of several changes: wait until small segments are merged, and let other processes write."""
        writer, self._writer, self._keeping = self._writer, None, False
        if writer is not None:
            with self._errors():
                writer.wait_merging_threads()

    @contextmanager
    def _writing(self) -> Iterator[tantivy.IndexWriter]:
        """A writer that commits at the end. One that has failed is not used again."""
        with self._errors():
            writer, self._writer = self._writer or self._index.writer(_HEAP, 1), None
            yield writer
            writer.commit()
            if self._keeping:
                self._writer = writer
            else:
                writer.wait_merging_threads()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as error:
            raise StoreError(f"{self._state.parent}: {error}", fix="what was stored is safe") from error

    def _searcher(self) -> tantivy.Searcher:
        with self._lock:
            stamp = self._stamp()
            if stamp != self._seen:
                self._index.reload()
                self._seen = stamp
            return self._index.searcher()

    def _stamp(self) -> tuple[int, int]:
        """Changes with every commit of any process: tantivy replaces this file each time."""
        status = self._state.stat()
        return status.st_ino, status.st_mtime_ns

    def _query(self, text: str) -> tantivy.Query | None:
        terms = list(dict.fromkeys(self._analyzer.analyze(text[:_MAX_CHARACTERS])))
        if len(terms) > _MAX_TERMS:
            terms = self._rarest(terms)
        clauses = [(tantivy.Occur.Should, self._term(term)) for term in terms]
        return tantivy.Query.boolean_query(clauses) if clauses else None

    def _term(self, term: str) -> tantivy.Query:
        title = tantivy.Query.term_query(self._schema, "title", term)
        body = tantivy.Query.term_query(self._schema, "body", term)
        boosted = tantivy.Query.boost_query(title, _TITLE_BOOST)
        return tantivy.Query.boolean_query([(tantivy.Occur.Should, boosted), (tantivy.Occur.Should, body)])

    def _rarest(self, terms: list[str]) -> list[str]:
        searcher = self._searcher()
        found = [(searcher.doc_freq("body", term), term) for term in terms]
        return [term for frequency, term in sorted(found) if frequency][:_MAX_TERMS]


def _document(chunk: Chunk, expansion: Expansion | None) -> tantivy.Document:
    body = "\n".join((chunk.text, *(expansion.texts if expansion else ())))
    document = tantivy.Document(title=f"{chunk.title}\n{chunk.heading}", body=body)
    document.add_integer("id", chunk.id)
    return document


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_integer_field("id", indexed=True, fast=True)
    builder.add_text_field("title", tokenizer_name=_TOKENIZER, index_option="freq")
    builder.add_text_field("body", tokenizer_name=_TOKENIZER, index_option="freq")
    return builder.build()


def _analyzer() -> tantivy.TextAnalyzer:
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
    for step in (
        tantivy.Filter.remove_long(60),
        tantivy.Filter.lowercase(),
        tantivy.Filter.ascii_fold(),
        tantivy.Filter.stemmer("english"),
    ):
        builder = builder.filter(step)
    return builder.build()
