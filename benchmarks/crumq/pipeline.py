"""The pipeline, stage by stage: each reads what the one before wrote, and goes on where it was stopped.

Folder of a set: `manifest.json`, `topics.jsonl`, `pages.jsonl`, `drafts.jsonl`, `checked.jsonl`,
`rated.jsonl`, and `questions.jsonl`, the data set; `internal/` and `full/` are the two knowledge bases.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedge.agents.extractive import ExtractiveCast
from kedge.benchmarks.crumq.checking import faults, leaks
from kedge.benchmarks.crumq.composing import compose, draft_id
from kedge.benchmarks.crumq.corpus import Page, SplitBy, Worlds, fingerprint, split, worlds
from kedge.benchmarks.crumq.facts import read_facts
from kedge.benchmarks.crumq.grouping import grouped
from kedge.benchmarks.crumq.index import Index
from kedge.benchmarks.crumq.quality import good, marked
from kedge.benchmarks.crumq.records import Item, Marks, Side
from kedge.benchmarks.crumq.topics import Topic, topics_of
from kedge.benchmarks.datasets import Passage
from kedge.benchmarks.harness.drawing import drawn
from kedge.benchmarks.harness.journal import Journal, once, rows_of, same_settings, written
from kedge.benchmarks.metrics import contains, credit
from kedge.errors import DecisionFailed, InputError
from kedge.tools.encoders import Encoder
from kedge.tools.knowledge_base import Evidence, KnowledgeBase
from kedge.tools.knowledge_base.lock import write_lock
from kedge.tools.search import bm25, dense, ppr

if TYPE_CHECKING:
    from kedge.agents.roles import Cast
    from kedge.benchmarks.crumq.writing import Writer

__all__ = ["RETRIEVERS", "Counts", "Settings", "generate"]

RETRIEVERS = {"bm25": bm25, "dense": dense, "ppr": ppr}
DEPTH = 10  # chunks that each retriever gives
JOURNALS = ("named.jsonl", "reworded.jsonl", "written.jsonl", "checked.jsonl", "rated.jsonl")
PREMISES = ("false premise", "unverifiable premise", "under-specified")


@dataclass(frozen=True)
class Settings:
    """How a set is made. `wanted` is how many unanswerable questions; each has a twin where it can have one.

    Args:
        wanted: At most so many unanswerable questions.
        by: What documents are held back by.
        share: About how much of the corpus is held back.
        hops: The longest chain of documents.
        seed: Of all that is drawn.
        strict: Keep only questions with full marks.
        per_split: Groups of passages for each split, for a language model to write about.
    """

    wanted: int = 500
    by: SplitBy = "document"
    share: float = 0.3
    hops: int = 4
    seed: int = 0
    strict: bool = False
    per_split: int = 5


@dataclass(frozen=True)
class Counts:
    """What became of the drafts: nothing is dropped without being counted."""

    documents: int
    external: int
    drafts: int
    faulty: int
    leaking: int
    answered: int
    murky: int
    failed: int
    poor: int
    kept: int
    twins: int
    splits: Mapping[str, int]
    kinds: Mapping[str, int]


async def generate(
    folder: str | Path,
    corpus: Sequence[Passage],
    settings: Settings,
    *,
    encoder: Encoder,
    outside: Sequence[Passage] = (),
    cast: Cast | None = None,
    writer: Writer | None = None,
    on_stage: Callable[[str, int], None] = lambda stage, count: None,
) -> Counts:
    """Make a set in a folder; the same call goes on with a folder that was begun.

    Args:
        folder: Where everything is kept.
        corpus: The documents.
        settings: How the set is made.
        encoder: Of both knowledge bases, and of the topics.
        outside: Documents that are external by themselves; with any, nothing of the corpus is held back.
        cast: Reads the triples, and tries to answer from the internal documents; by rule by default.
        writer: A language model that writes questions from passages, rewords composed ones, and marks them.
        on_stage: Is told each stage and how much came out of it.

    Raises:
        InputError: The folder was begun with something else, or the documents give no questions.
        StoreError: Another run is writing there.
        ModelError: The model cannot be reached; what was done is kept.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    outside = [replace(passage, id=f"external/{passage.id}") for passage in outside]
    with write_lock(folder, wait=0.0):
        maker = _Maker(folder, settings, encoder, cast or ExtractiveCast(encoder), writer)
        same_settings(folder, maker.manifest(corpus, outside))
        topics = await maker.topics([*corpus, *outside])
        on_stage("topics", len(topics))
        pages = maker.pages(corpus, outside, topics)
        on_stage("pages", len(pages))
        async with await worlds(folder, pages, encoder, maker.cast.extract_triples) as both:
            drafts = await maker.drafts(pages, both)
            on_stage("drafts", len(drafts))
            checked = await maker.checked(drafts, pages, both)
            on_stage("checked", len(checked))
        rated = await maker.rated(drafts, checked, pages)
        on_stage("rated", len(rated))
        kept = maker.kept(drafts, checked, rated)
        on_stage("questions", len(kept))
        failed = sum("failed" in row for name in JOURNALS for row in Journal(folder / name).rows.values())
        counts = _counted(pages, drafts, checked, rated, kept, failed)
        if not kept:
            raise InputError(
                f"none of {len(drafts)} drafts is a question that the internal documents do not answer",
                fix="give more documents that name each other, ask for fewer hops, or hold back more",
            )
        return counts


@dataclass(frozen=True)
class _Maker:
    """The stages. Each is a method, in the order they run."""

    folder: Path
    settings: Settings
    encoder: Encoder
    cast: Cast
    writer: Writer | None

    def manifest(self, corpus: Sequence[Passage], outside: Sequence[Passage]) -> dict[str, Any]:
        """All that the set depends on."""
        return {
            "kedge": version("kedge"),
            "corpus": fingerprint(corpus),
            "outside": fingerprint(outside) if outside else "",
            "encoder": self.encoder.fingerprint,
            "cast": type(self.cast).__name__,
            "model": self.writer.model if self.writer else "",
            "prompts": self.writer.prompts if self.writer else {},
            **asdict(self.settings),
        }

    async def topics(self, corpus: Sequence[Passage]) -> list[Topic]:
        """What the documents are about; near-duplicates are one topic, and go to the same side."""
        path = self.folder / "topics.jsonl"
        if path.exists():
            return once(path, Topic, list)
        named = entails = None
        if self.writer is not None:
            rows = await rows_of(self.folder / "named.jsonl", corpus, self.writer.named)
            named, entails = [row["topic"] for row in rows], self.writer.entails
        found = await topics_of(corpus, self.encoder, named=named, entails=entails)
        return once(path, Topic, lambda: found)

    def pages(
        self, corpus: Sequence[Passage], outside: Sequence[Passage], topics: Sequence[Topic]
    ) -> list[Page]:
        """The documents with their sides."""
        topic_of = {document: topic.text for topic in topics for document in topic.documents}

        def make() -> list[Page]:
            how = self.settings
            sides: dict[str, Side] = {p.id: "external" for p in outside}
            sides |= (
                dict.fromkeys((p.id for p in corpus), "internal")
                if outside
                else split(corpus, by=how.by, share=how.share, seed=how.seed, topics=topic_of)
            )
            return [
                Page(id=p.id, title=p.title, text=p.text, side=sides[p.id], topic=topic_of[p.id])
                for p in (*corpus, *outside)
            ]

        return once(self.folder / "pages.jsonl", Page, make)

    async def drafts(self, pages: Sequence[Page], both: Worlds) -> list[Item]:
        """Questions, before anything is known about them."""
        path = self.folder / "drafts.jsonl"
        if path.exists():
            return once(path, Item, list)
        how = self.settings
        sides = {page.id: page.side for page in pages}
        facts = read_facts([page.passage for page in pages], _triples(both.full))
        found = compose(facts, sides, wanted=2 * how.wanted, seed=how.seed, hops=how.hops)
        if self.writer is not None:
            reworded = await rows_of(self.folder / "reworded.jsonl", found, self.writer.reworded)
            found = [Item.model_validate(row["item"]) for row in reworded]
            groups = await grouped(pages, self.encoder, per_split=how.per_split, hops=how.hops, seed=how.seed)
            rows = await rows_of(self.folder / "written.jsonl", groups, self.writer.questions)
            found += [Item.model_validate(item) for row in rows for item in row["items"]]
        distinct = {draft.id: draft for draft in found}
        return once(path, Item, distinct.values)

    async def checked(
        self, drafts: Sequence[Item], pages: Sequence[Page], both: Worlds
    ) -> list[dict[str, Any]]:
        """Whether each is well made, and whether the internal documents answer it: -1 no, 0 murky, 1 yes."""
        texts = {page.id: page.passage for page in pages}
        inside = Index(page.passage for page in pages if page.side == "internal")
        everything = Index(texts.values())

        async def check(draft: Item) -> dict[str, Any]:
            wrong, leaking = faults(draft, texts), leaks(draft, inside, everything)
            row: dict[str, Any] = {"faults": wrong, "leaks": leaking, "verdict": None, "found": None}
            if wrong or leaking:
                return row
            if not draft.answers:
                return {**row, "verdict": -1}
            return row | await self._tried(draft, both.internal)

        return await rows_of(self.folder / "checked.jsonl", drafts, check)

    async def _tried(self, draft: Item, base: KnowledgeBase) -> dict[str, Any]:
        """What the reader says to all that the retrievers find inside."""
        seen: dict[int, Evidence] = {}
        for find in RETRIEVERS.values():
            for item in await find(base, draft.question, DEPTH):
                seen.setdefault(item.chunk.id, item)
        try:
            reading = await self.cast.read(draft.question, list(seen.values()))
            if reading.answer is None:
                return {"verdict": -1}
            if self.writer is not None:
                verdict = await self.writer.compared(draft, reading.answer)
            else:
                verdict = compared(reading.answer, draft.answers)
        except DecisionFailed as error:
            return {"failed": error.message}
        return {"verdict": verdict, "found": reading.answer}

    async def rated(
        self, drafts: Sequence[Item], checked: Sequence[Mapping[str, Any]], pages: Sequence[Page]
    ) -> list[dict[str, Any]]:
        """Marks for the drafts that the internal documents do not answer."""
        texts = {page.id: page.passage for page in pages}
        everything = Index(texts.values())
        passed = [draft for draft, row in zip(drafts, checked, strict=True) if row["verdict"] == -1]

        async def rate(draft: Item) -> dict[str, Any]:
            if self.writer is None or draft.supports[0].relation:
                return {"marks": marked(draft, texts, everything, leaking=False).model_dump()}
            try:
                return {"marks": (await self.writer.marks(draft, texts)).model_dump()}
            except DecisionFailed as error:
                return {"marks": None, "failed": error.message}

        return await rows_of(self.folder / "rated.jsonl", passed, rate)

    def kept(
        self, drafts: Sequence[Item], checked: Sequence[Mapping[str, Any]], rated: Sequence[Mapping[str, Any]]
    ) -> list[Item]:
        """The set: good questions, drawn if there are more than wanted, each followed by its twin."""
        how = self.settings
        marks = {row["id"]: Marks.model_validate(row["marks"]) for row in rated if row["marks"]}
        fine = [d for d in drafts if d.id in marks and good(marks[d.id], d.hops, strict=how.strict)]
        fine = sorted(fine, key=lambda draft: drawn(how.seed, "kept", draft.id))[: how.wanted]
        found = [item for draft in fine for item in _with_twin(draft)]
        path = self.folder / "questions.jsonl"
        if found and not path.exists():
            written(path, found)
        return found


def compared(answer: str, gold: Sequence[str]) -> int:
    """Whether an answer is the gold one: 1 yes, 0 in part, -1 no.

    Example:
        >>> [compared(said, ["Forest Lawn Park"]) for said in ("Forest Lawn Park", "the Park", "Paris")]
        [1, 0, -1]
    """
    alike = credit(answer, gold)
    if alike > 0.5 or (alike and contains(answer, gold)):
        return 1
    return 0 if alike > 0 else -1


def _with_twin(draft: Item) -> list[Item]:
    if draft.kind in PREMISES or not draft.answers:
        return [draft]
    twin = draft_id(draft.question, "full")
    other = draft.model_copy(
        update={"id": twin, "corpus": "full", "answerable": True, "reason": None, "twin": draft.id}
    )
    return [draft.model_copy(update={"twin": twin}), other]


def _triples(base: KnowledgeBase) -> list[tuple[str, Any]]:
    """All triples with the ids of their pages."""
    page = {document.id: document.external_id or "" for document in base.documents()}
    found = base.triples()
    home = {chunk.id: page[chunk.document_id] for chunk in base.chunks(sorted({t.chunk_id for t in found}))}
    return [(home[triple.chunk_id], triple) for triple in found]


def _counted(
    pages: Sequence[Page],
    drafts: Sequence[Item],
    checked: Sequence[Mapping[str, Any]],
    rated: Sequence[Mapping[str, Any]],
    kept: Sequence[Item],
    failed: int,
) -> Counts:
    asked = [item for item in kept if not item.answerable]
    verdicts = Counter(row["verdict"] for row in checked)
    return Counts(
        documents=len(pages),
        external=sum(page.side == "external" for page in pages),
        drafts=len(drafts),
        faulty=sum(bool(row["faults"]) for row in checked),
        leaking=sum(bool(row["leaks"]) and not row["faults"] for row in checked),
        answered=verdicts[1],
        murky=verdicts[0],
        failed=failed,
        poor=len(rated) - len(asked),
        kept=len(asked),
        twins=len(kept) - len(asked),
        splits=dict(sorted(Counter(_split(item) for item in asked).items())),
        kinds=dict(Counter(item.kind for item in asked).most_common()),
    )


def _split(item: Item) -> str:
    external = round(item.external * item.hops)
    return f"{external} external, {item.hops - external} internal"
