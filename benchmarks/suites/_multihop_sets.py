"""The sets of the suite `multihop`: questions, corpora, and knowledge bases that are built once."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Literal

from kedge.agents.extractive import ExtractiveCast
from kedge.benchmarks.datasets import (
    Passage,
    Question,
    add_musique,
    add_two_wiki,
    hotpotqa,
    musique,
    passages,
    two_wiki,
)
from kedge.benchmarks.datasets.adding import parsed
from kedge.benchmarks.harness.bases import built
from kedge.errors import InputError
from kedge.tools.encoders import Encoder
from kedge.tools.knowledge_base import Evidence, KnowledgeBase, entity_key

__all__ = ["SETS", "Case", "Graph", "Set", "cases", "in_calibration", "is_present", "opened", "ranked"]

Graph = Literal["own", "openie", "none"]
Key = tuple[str, str]

FOLDER = "multihop_qa"


@dataclass(frozen=True)
class Set:
    """Questions over a corpus. `graph` says who read its triples: our rules, somebody's LLM, or nobody.

    `home` is the corpus that the gold labels speak of, `more` other corpora in the same base. Gold labels
    are titles where `titles` is set, else the ids of passages.
    """

    name: str
    questions: str
    read: Callable[[Path], Iterator[Question]]
    home: str
    graph: Graph = "own"
    more: tuple[str, ...] = ()
    titles: bool = False

    @property
    def base(self) -> str:
        """The folder of its base: sets over the same corpora and graph share it."""
        corpora = "pooled" if self.more else self.home.split("/")[0]
        return f"{corpora}-{self.graph}"


_CORPORA = (
    "hotpot100/corpus.json",
    "musique100/corpus.json",
    "2wiki500/corpus.jsonl",
    "hotpot500/corpus.jsonl",
    "distractors/2wiki_corpus_6119.json",
)
_TWO_WIKI = ("2wiki500/questions.jsonl", two_wiki, "2wiki500/corpus.jsonl")
_MUSIQUE = ("musique100/questions.json", musique, "musique100/corpus.json")
_HOTPOT100 = ("hotpot100/questions.json", hotpotqa, "hotpot100/corpus.json")
_HOTPOT500 = ("hotpot500/questions.jsonl", hotpotqa, "hotpot500/corpus.jsonl")

SETS = {
    made.name: made
    for made in (
        Set("2wiki500", *_TWO_WIKI),
        Set("musique100", *_MUSIQUE),
        Set("hotpot100", *_HOTPOT100, titles=True),
        Set("hotpot500", *_HOTPOT500, titles=True),
        Set("2wiki500-openie", *_TWO_WIKI, graph="openie"),
        Set("musique100-openie", *_MUSIQUE, graph="openie"),
        Set("2wiki500-none", *_TWO_WIKI, graph="none"),
        Set("musique100-none", *_MUSIQUE, graph="none"),
        Set("hotpot100-none", *_HOTPOT100, graph="none", titles=True),
        Set("2wiki500-pooled", *_TWO_WIKI, more=_CORPORA),
        Set("musique100-pooled", *_MUSIQUE, more=_CORPORA),
        Set("hotpot100-pooled", *_HOTPOT100, more=_CORPORA, titles=True),
        Set("hotpot500-pooled", *_HOTPOT500, more=_CORPORA, titles=True),
    )
}


@dataclass(frozen=True)
class Case:
    """A question and the keys of the passages that support its answer."""

    question: Question
    gold: frozenset[Key]


def is_present(data: Path, chosen: Iterable[str]) -> None:
    """Raises InputError unless the files of these sets are in a folder."""
    wanted = {path for name in chosen for path in (SETS[name].questions, SETS[name].home, *SETS[name].more)}
    absent = sorted(path for path in wanted if not (data / FOLDER / path).is_file())
    if absent:
        raise InputError(
            f"{data / FOLDER} has no {absent[0]}",
            fix="name the folder of the data sets; benchmarks/suites/DATA.md says how to get them",
        )


def in_calibration(question: Question) -> bool:
    """Whether a question belongs to the half on which weights may be chosen.

    Example:
        >>> in_calibration(Question("a", "?", ())), in_calibration(Question("b", "?", ()))
        (True, False)
    """
    return blake2b(question.id.encode(), digest_size=1).digest()[0] % 2 == 0


def cases(chosen: Set, data: Path) -> list[Case]:
    """The questions of a set with their gold labels.

    Raises:
        InputError: A gold label names no passage of the corpus.
    """
    home = list(passages(data / FOLDER / chosen.home))
    keys = {passage.title if chosen.titles else passage.id: _key(passage) for passage in home}
    found: list[Case] = []
    for question in chosen.read(data / FOLDER / chosen.questions):
        lost = [label for label in question.gold if label not in keys]
        if lost:
            raise InputError(f"{chosen.name}: no passage {lost[0]!r}", fix="use the corpus of the questions")
        found.append(Case(question, frozenset(keys[label] for label in question.gold)))
    return found


async def opened(chosen: Set, data: Path, cache: Path, encoder: Encoder) -> KnowledgeBase:
    """The knowledge base of a set, built in the cache folder if it is not there yet."""
    return await built(cache / chosen.base, lambda base: _fill(base, chosen, data / FOLDER), encoder)


def ranked(base: KnowledgeBase, found: Iterable[Evidence]) -> list[Key]:
    """The passages of this evidence in its order, each once."""
    ids = [(item.chunk.document_id, item.chunk) for item in found]
    openings: dict[str, Key] = {}
    for document, chunk in ids:
        if document not in openings:
            text = chunk.text if chunk.start == 0 else base.text(document)
            openings[document] = _key(Passage("", chunk.title, text))
    return list(dict.fromkeys(openings[document] for document, _ in ids))


async def _fill(base: KnowledgeBase, chosen: Set, folder: Path) -> None:
    ready: Mapping[str, Callable[[KnowledgeBase, Path], Awaitable[object]]] = {
        "2wiki500": add_two_wiki,
        "musique100": add_musique,
    }
    if chosen.graph == "openie":
        name = chosen.home.split("/")[0]
        await ready[name](base, folder / name)
        return
    extract = ExtractiveCast(base.encoder).extract_triples if chosen.graph == "own" else None
    for corpus in chosen.more or (chosen.home,):
        documents = [parsed(passage, folder / corpus) for passage in passages(folder / corpus)]
        await base.aadd(documents, extract=extract)


def _key(passage: Passage) -> Key:
    """What a passage is known by, whatever corpus it is in: its title and its first letters."""
    letters = re.findall(r"\w", passage.text[:200].casefold())
    return entity_key(passage.title), "".join(letters[:40])
