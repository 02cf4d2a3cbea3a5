"""The data sets that `kedge bench run` and the leaderboard know: questions, and what they are asked of."""

from __future__ import annotations

import argparse
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from kedge.agents.extractive import ExtractiveCast
from kedge.benchmarks import datasets
from kedge.benchmarks.crumq.corpus import Page
from kedge.benchmarks.crumq.records import items, question_of
from kedge.benchmarks.datasets import Loader, Passage, Question, passages
from kedge.benchmarks.datasets.adding import parsed
from kedge.benchmarks.harness.bases import built
from kedge.benchmarks.harness.drawing import drawn
from kedge.benchmarks.harness.journal import once
from kedge.benchmarks.harness.plan import Source
from kedge.benchmarks.harness.runs import fingerprint
from kedge.errors import InputError
from kedge.tools.encoders import Encoder
from kedge.tools.knowledge_base import KnowledgeBase, ParsedDocument, find

__all__ = [
    "KNOWN",
    "Base",
    "DataSet",
    "Known",
    "absent",
    "add_own",
    "add_places",
    "data_set",
    "opened",
    "own",
    "sampled",
]

EXAMPLES = Path("examples")


@dataclass(frozen=True)
class Known:
    """A set that has a name. Files are below the folder of data sets, or of the examples.

    Attributes:
        questions: Files of questions.
        read: Reads each of them.
        corpus: The corpus, or a folder of documents.
        passages: Reads the corpus; where there is none, its documents are loaded as `kedge add` does.
        split: Take only questions of this split.
    """

    questions: tuple[str, ...]
    read: Loader
    corpus: str
    passages: Callable[[Path], Iterable[Passage]] | None = passages
    split: str = ""

    def home(self, data: Path) -> Path:
        """The folder that its files are below."""
        return EXAMPLES if self.split else data


def _world(split: str) -> Known:
    return Known(("questions.jsonl",), datasets.averrin, "world", None, split)


_HOTPOT = "multihop_qa/hotpot500"
_TWO_WIKI = "multihop_qa/2wiki500"
_MTRAG = "unanswerable/mtrag_un.jsonl"
_SQUAD = "extractive_qa/squad2_25articles.json"
KNOWN: Mapping[str, Known] = {
    "world": _world("test"),
    "world-dev": _world("dev"),
    "world-demo": _world("demo"),
    "lihua": Known(("unanswerable/lihua/questions.jsonl",), datasets.lihua, "unanswerable/lihua/docs.jsonl"),
    "2wiki": Known(
        (f"{_TWO_WIKI}/questions.jsonl", "unanswerable/2wiki_no_knowledge.jsonl"),
        datasets.two_wiki,
        f"{_TWO_WIKI}/corpus.jsonl",
    ),
    "hotpot500": Known((f"{_HOTPOT}/questions.jsonl",), datasets.hotpotqa, f"{_HOTPOT}/corpus.jsonl"),
    "hotpot100": Known(
        ("multihop_qa/hotpot100/questions.json",), datasets.hotpotqa, "multihop_qa/hotpot100/corpus.json"
    ),
    "musique100": Known(
        ("multihop_qa/musique100/questions.json",), datasets.musique, "multihop_qa/musique100/corpus.json"
    ),
    "multihop_rag": Known(
        ("multihop_rag/MultiHopRAG.json",), datasets.multihop_rag, "multihop_rag/corpus.json"
    ),
    "mtrag_un": Known((_MTRAG,), datasets.mtrag_un, _MTRAG, datasets.mtrag_un_passages),
    "squad2": Known((_SQUAD,), datasets.squad, _SQUAD, datasets.squad_passages),
}


@dataclass(frozen=True)
class Base:
    """A knowledge base that is built when it is needed: its folder, and what goes in."""

    folder: Path
    documents: Callable[[], Sequence[ParsedDocument | Path]]


@dataclass(frozen=True)
class DataSet:
    """Questions, the files that they and their documents are read from, and what they are asked of.

    `bases` are by the name that a question has in `extra["corpus"]`, or "".
    """

    name: str
    questions: tuple[Question, ...]
    files: tuple[Path, ...]
    bases: Mapping[str, Base] = field(repr=False)


def absent(name: str, data: Path) -> list[Path]:
    """The files of a known set that are not there."""
    known = KNOWN[name]
    wanted = [known.home(data) / part for part in (*known.questions, known.corpus)]
    return [path for path in wanted if not path.exists()]


def data_set(what: str | Source, data: Path, cache: Path, *, refused: list[str] | None = None) -> DataSet:
    """A set by its name, by the folder of a CRUMQ set, or from files of one's own.

    Args:
        what: Which.
        data: Folder of the public data sets.
        cache: Where knowledge bases are built and kept.
        refused: Rows that do not fit are left out, and told here.

    Raises:
        InputError: There is no such set or reader, its files are missing, or it holds no questions.
        LoadError: A row does not fit, and is not to be left out.
    """
    if isinstance(what, Source):
        made = _own(what, cache, refused)
    elif what in KNOWN:
        made = _known(what, data, cache, refused)
    elif (Path(what) / "pages.jsonl").is_file():
        made = _crumq(Path(what), refused)
    else:
        fix = f"choose from {', '.join(KNOWN)}, or name the folder of a CRUMQ set"
        raise InputError(f"no data set is called {what!r}", fix=fix)
    if not made.questions:
        raise InputError(f"{made.name} holds no questions", fix="check the file")
    return made


@asynccontextmanager
async def opened(chosen: DataSet, encoder: Encoder) -> AsyncGenerator[Callable[[str], KnowledgeBase]]:
    """The knowledge bases of a set, by name; built if they are not there yet, with triples read by rules."""
    extract = ExtractiveCast(encoder).extract_triples

    async def fill(documents: Callable[[], Sequence[ParsedDocument | Path]], base: KnowledgeBase) -> None:
        await base.aadd(documents(), extract=extract)

    async with AsyncExitStack() as stack:
        bases = {}
        for name, base in chosen.bases.items():
            ready = await built(base.folder, partial(fill, base.documents), encoder)
            bases[name] = await stack.enter_async_context(ready)
        yield bases.__getitem__


def sampled(given: Sequence[Question], wanted: int | None, seed: int) -> list[Question]:
    """So many questions, drawn, in their order; twins are drawn together.

    Raises:
        InputError: None are wanted.
    """
    if wanted is None:
        return list(given)
    if wanted < 1:
        raise InputError(f"a sample of {wanted} questions", fix="draw 1 the least")
    pair = {q.extra["twin"]: q.id for q in given if not q.answerable and q.extra.get("twin")}

    def place(question: Question) -> float:
        return drawn(seed, "sample", pair.get(question.id, question.id))

    chosen = {question.id for question in sorted(given, key=place)[:wanted]}
    return [question for question in given if question.id in chosen]


def add_own(parser: argparse.ArgumentParser) -> None:
    """Options for questions of one's own; `own` reads them."""
    group = parser.add_argument_group("questions of your own, instead of SET")
    group.add_argument("--questions", type=Path, help="JSON, JSON Lines or CSV")
    group.add_argument("--corpus", type=Path, help="a folder or file of documents")
    group.add_argument("--reader", choices=datasets.READERS, metavar="NAME",
                       help=f"of {', '.join(datasets.READERS)}  [default: rows_with]")  # fmt: skip
    group.add_argument("--fields", nargs="+", metavar="NAME=FIELD", default=[],
                       help="the names of fields, for rows_with: question=query answer=reply")  # fmt: skip


def own(options: argparse.Namespace) -> Source | None:
    """The questions of one's own that a command line names, if it does.

    Raises:
        InputError: There are questions without a corpus, or the other way round.
    """
    if options.questions is None and options.corpus is None:
        return None
    if options.questions is None or options.corpus is None:
        raise InputError("questions need a corpus", fix="give both --questions and --corpus")
    pairs = [field.partition("=") for field in options.fields]
    return Source(
        questions=options.questions,
        corpus=options.corpus,
        reader=options.reader or "rows_with",
        fields={name: field for name, _, field in pairs},
    )


def add_places(parser: argparse.ArgumentParser) -> None:
    """Options for where data sets are, and where what is made of them is kept."""
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the data sets")
    parser.add_argument("--cache", type=Path, default=Path(".bench"), help="where bases are built and kept")


def _known(name: str, data: Path, cache: Path, refused: list[str] | None) -> DataSet:
    known, missing = KNOWN[name], absent(name, data)
    home = known.home(data)
    if missing:
        fix = "name the folder of the data sets; benchmarks/suites/DATA.md says how to get them"
        raise InputError(f"{home} has no {missing[0].relative_to(home)}", fix=fix)
    files = [home / path for path in known.questions]
    found = [question for path in files for question in known.read(path, refused=refused)]
    kept = [question for question in found if not known.split or question.extra["split"] == known.split]
    corpus = home / known.corpus
    base = Base(_folder(cache, name.partition("-")[0], corpus), partial(_documents, corpus, known.passages))
    return DataSet(name, tuple(kept), (*files, *_files(corpus)), {"": base})


def _crumq(folder: Path, refused: list[str] | None) -> DataSet:
    made = [question_of(item) for item in items(folder / "questions.jsonl", refused=refused)]
    files = (folder / "questions.jsonl", folder / "pages.jsonl")

    def pages(name: str) -> list[ParsedDocument]:
        found = once(folder / "pages.jsonl", Page, list)
        return [parsed(p.passage, name) for p in found if name == "full" or p.side == "internal"]

    bases = {name: Base(folder / name, partial(pages, name)) for name in ("internal", "full")}
    return DataSet(folder.resolve().name, tuple(made), files, bases)


def _own(source: Source, cache: Path, refused: list[str] | None) -> DataSet:
    if source.reader not in datasets.READERS:
        choices = ", ".join(datasets.READERS)
        raise InputError(f"no reader is called {source.reader!r}", fix=f"choose from {choices}")
    if source.fields and source.reader != "rows_with":
        raise InputError(f"{source.reader} knows its fields", fix="leave fields out, or take rows_with")
    for path in (source.questions, source.corpus):
        if not path.exists():
            raise InputError(f"{path} is not there", fix="check the path")
    unknown = source.fields.keys() - {"question", "answer", "id", "gold", "answerable", "kind"}
    if unknown:
        raise InputError(f"questions have no {min(unknown)!r}", fix="see `kedge bench run --help`")
    read: Callable[..., Iterable[Question]] = datasets.READERS[source.reader]
    found = read(source.questions, **source.fields, refused=refused)
    is_data = source.corpus.is_file() and source.corpus.suffix in (".json", ".jsonl")
    base = Base(
        _folder(cache, source.corpus.stem, source.corpus),
        partial(_documents, source.corpus, passages if is_data else None),
    )
    files = (source.questions, *_files(source.corpus))
    return DataSet(source.questions.stem, tuple(found), files, {"": base})


def _documents(
    corpus: Path, read: Callable[[Path], Iterable[Passage]] | None
) -> Sequence[ParsedDocument | Path]:
    if read is None:
        return list(find([corpus]))
    return [parsed(passage, corpus) for passage in {p.id: p for p in read(corpus)}.values()]


def _files(corpus: Path) -> list[Path]:
    return [path for path in sorted(corpus.rglob("*")) if path.is_file()] if corpus.is_dir() else [corpus]


def _folder(cache: Path, name: str, corpus: Path) -> Path:
    """Where the knowledge base of a corpus is kept: another corpus of the same name has another one."""
    return cache / f"{name}-{fingerprint(_files(corpus))[:12]}"
