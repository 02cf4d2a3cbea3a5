"""Unanswerable questions on any corpus: `kedge bench crumq make CORPUS --output SET`, `... score SET`.

`make` holds back a part of the documents, composes questions that need them, and keeps those that nothing
else answers, each with its answerable twin. `score` asks every question with every method, measures how much
of the set can be cheated, and writes a report. `audit` measures the same of a public data set: its
cheatability, and what shortcuts score. All go on where they were stopped: the same command again.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import webbrowser
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from kedge.agents.extractive import ExtractiveCast
from kedge.benchmarks.crumq.corpus import Page, built, read_corpus, worlds
from kedge.benchmarks.crumq.feeds import fetched
from kedge.benchmarks.crumq.judging import judged
from kedge.benchmarks.crumq.pipeline import Counts, Settings, generate
from kedge.benchmarks.crumq.probing import Cheats, Probed, cheats, probed
from kedge.benchmarks.crumq.records import Item, items, question_of
from kedge.benchmarks.crumq.report import cheat_table, judge_table, samples, shortcut_table
from kedge.benchmarks.crumq.shortcuts import Case, Shortcut, audited
from kedge.benchmarks.crumq.writing import Judge, Writer
from kedge.benchmarks.datasets import Passage, passages
from kedge.benchmarks.harness.asking import ASKABLE, DEFAULT, answered, local
from kedge.benchmarks.harness.journal import once, same_settings
from kedge.benchmarks.harness.models import cast_of, model_at, named
from kedge.benchmarks.harness.page import markdown
from kedge.benchmarks.harness.report import score_table
from kedge.benchmarks.harness.runs import about, finished, recorded
from kedge.benchmarks.suites._multihop_sets import FOLDER, SETS, is_present
from kedge.errors import InputError
from kedge.tools.encoders import CachedEncoder, Encoder, MiniLM
from kedge.tools.knowledge_base import KnowledgeBase
from kedge.tools.knowledge_base.lock import write_lock

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from kedge.agents.roles import Cast

__all__ = ["audit", "made", "main", "measured", "probe"]

PROBED = "metakgrag"


async def made(
    corpus: str,
    output: Path,
    settings: Settings,
    *,
    external: Sequence[str] = (),
    encoder: Encoder,
    model: BaseChatModel | None = None,
    console: Console,
) -> Counts:
    """Make a set from a folder, a file or a data set's corpus."""
    outside = [passage for source in external for passage in await _material(source)]
    writer = Writer(model, settings.seed) if model is not None else None
    counts = await generate(
        output,
        read_corpus(corpus),
        settings,
        encoder=encoder,
        outside=outside,
        cast=cast_of(encoder, model),
        writer=writer,
        on_stage=lambda stage, count: console.print(f"{stage}: {count}"),
    )
    (output / "counts.json").write_text(json.dumps(asdict(counts), indent=1) + "\n")
    return counts


async def measured(
    folder: Path,
    run: Path,
    methods: Sequence[str],
    *,
    probes: Sequence[str],
    encoder: Encoder,
    model: BaseChatModel | None = None,
    judge: BaseChatModel | None = None,
    lenient: bool = False,
    limit: int | None = None,
    console: Console,
) -> Path:
    """Score methods on a set, with exact checks and perhaps a judge beside them; returns the report."""
    refused: list[str] | None = [] if lenient else None
    made = list(items(folder / "questions.jsonl", refused=refused))[:limit]
    if not made:
        raise InputError(f"{folder} holds no questions", fix="make a set with `kedge bench crumq make`")
    for problem in refused or ():
        console.print(f"left out: {problem}", highlight=False)
    pages = once(folder / "pages.jsonl", Page, list)
    cast, given = cast_of(encoder, model), [question_of(item) for item in made]
    with write_lock(run, wait=0.0):
        settings = {
            "set": json.loads((folder / "manifest.json").read_text()),
            "limit": limit,
            "cast": type(cast).__name__,
            "model": named(model),
        }
        same_settings(run, settings, about=about())
        async with await worlds(folder, pages, encoder, cast.extract_triples) as both:
            ask = local(both.of, cast, model)
            records = await recorded(run, given, methods, ask, console=console)
        cheated = {name: await _cheated(folder, run, made, pages, name, cast, encoder) for name in probes}
        short = await audited(_cases(made, pages), cast)
        opinions = await judged(run / "judged.jsonl", made, records, Judge(judge)) if judge else []
        tables = {
            "Cheatability": cheat_table(cheated),
            "Shortcuts": shortcut_table(short),
            "Judge": judge_table(opinions),
        }
        counts_file = folder / "counts.json"
        found = finished(
            run,
            f"CRUMQ set {folder.name}",
            given,
            records,
            tables={name: table for name, table in tables.items() if table[1]},
            figures={
                "shortcuts": [asdict(item) for item in short],
                "cheatability": {name: asdict(item) for name, item in cheated.items()},
                "judge": [asdict(item) for item in opinions],
            },
            facts=json.loads(counts_file.read_text()) if counts_file.exists() else {},
            parts=samples(made, pages),
        )
    for table in (score_table(found), *tables.values()):
        if table[1]:
            console.print(markdown(table), highlight=False)
    return run / "report.html"


async def audit(
    name: str, data: Path, run: Path, method: str, *, encoder: Encoder, limit: int | None = None
) -> tuple[Cheats, list[Shortcut]]:
    """The cheatability of a public data set, and what shortcuts score on it.

    Questions whose support is fewer than two passages are left out: there is nothing to disconnect.
    """
    chosen = SETS[name]
    corpus = list(passages(data / FOLDER / chosen.home))
    ids = {p.title if chosen.titles else p.id: p.id for p in corpus}
    texts = {p.id: p for p in corpus}
    known = [
        (question, tuple(dict.fromkeys(ids[label] for label in question.gold)))
        for question in chosen.read(data / FOLDER / chosen.questions)
        if question.answerable
    ]
    joined = [(question, gold) for question, gold in known if len(gold) > 1][:limit]
    pages = [Page(id=p.id, title=p.title, text=p.text, side="internal") for p in corpus]
    cast = ExtractiveCast(encoder)
    with write_lock(run, wait=0.0):
        same_settings(run, {"set": name, "limit": limit, "cast": type(cast).__name__})
        asked_of = [Probed(q.id, q.question, q.answers, frozenset(gold)) for q, gold in joined]
        cheated = await probe(asked_of, pages, run, method, encoder, cast)
    cases = [Case(q.id, q.question, q.answers, tuple(texts[id] for id in gold)) for q, gold in joined]
    return cheated, await audited(cases, cast)


async def probe(
    given: Sequence[Probed],
    pages: Sequence[Page],
    run: Path,
    method: str,
    encoder: Encoder,
    cast: Cast,
    *,
    full: Path | None = None,
) -> Cheats:
    """The cheatability of a method on questions over these documents, kept in a run's folder.

    `full` is a knowledge base of the documents, if there is one; it is copied, as documents will be hidden.
    """
    scratch = run / "probe"
    shutil.rmtree(scratch, ignore_errors=True)
    if full is None:
        full = run / "full"
        await (await built(full, pages, encoder, cast.extract_triples)).aclose()
    shutil.copytree(full, scratch)
    cached = CachedEncoder(encoder, full.parent / "vectors.sqlite")
    texts = {page.id: page.passage for page in pages}
    async with KnowledgeBase.open(scratch, encoder=cached) as base:
        rows = await probed(
            run / f"probe-{method}.jsonl",
            given,
            base,
            texts,
            lambda base, question: answered(base, question, method, cast),
            extract=cast.extract_triples,
        )
    shutil.rmtree(scratch)
    return cheats(given, rows)


async def _material(source: str) -> list[Passage]:
    return await fetched(source) if source.startswith(("http://", "https://")) else read_corpus(source)


async def _cheated(
    folder: Path,
    run: Path,
    given: Sequence[Item],
    pages: Sequence[Page],
    method: str,
    cast: Cast,
    encoder: Encoder,
) -> Cheats:
    twins = [item for item in given if item.answerable and item.hops > 1]
    asked_of = [Probed(i.id, i.question, i.answers, frozenset(s.document for s in i.supports)) for i in twins]
    return await probe(asked_of, pages, run, method, encoder, cast, full=folder / "full")


def _cases(given: Sequence[Item], pages: Sequence[Page]) -> list[Case]:
    texts = {page.id: page.passage for page in pages}
    return [
        Case(
            i.id,
            i.question,
            i.answers,
            tuple(texts[d] for d in dict.fromkeys(s.document for s in i.supports)),
        )
        for i in given
        if i.answerable
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="kedge bench crumq", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    commands = parser.add_subparsers(dest="command", required=True)
    make = commands.add_parser("make", help="make a set from documents")
    make.add_argument("corpus", help="a folder, a file, or the corpus of a data set (.jsonl, .json)")
    make.add_argument("--output", type=Path, required=True, help="folder of the set")
    make.add_argument("--wanted", type=int, default=500, help="unanswerable questions, at most")
    make.add_argument("--by", choices=("document", "date", "entity"), default="document",
                      help="what documents are held back by")  # fmt: skip
    make.add_argument("--share", type=float, default=0.3, help="how much of the corpus is held back")
    make.add_argument("--hops", type=int, default=4, help="the longest chain of documents, 2 to 6")
    make.add_argument("--seed", type=int, default=0)
    make.add_argument("--strict", action="store_true", help="keep only questions with full marks")
    make.add_argument("--external", nargs="+", default=[], metavar="SOURCE",
                      help="documents from outside instead: folders, files, feeds")  # fmt: skip
    score = commands.add_parser("score", help="score all methods on a set")
    score.add_argument("set", type=Path, help="folder of the set")
    score.add_argument("--output", type=Path, help="folder of the run  [default: SET/run]")
    score.add_argument("--methods", nargs="+", choices=ASKABLE, metavar="NAME",
                       help=f"which: {', '.join(ASKABLE)}  [default: all that need no model]")  # fmt: skip
    score.add_argument("--probe", nargs="*", choices=ASKABLE, default=[PROBED], metavar="NAME",
                       help=f"methods whose cheatability is measured  [default: {PROBED}]")  # fmt: skip
    score.add_argument(
        "--judge", metavar="URL", help="a chat model that judges replies, beside the exact checks"
    )
    score.add_argument("--judge-name", metavar="NAME", help="its name; best of another family")
    score.add_argument("--limit", type=int, help="the first questions only")
    score.add_argument("--lenient", action="store_true", help="leave out rows that do not fit")
    score.add_argument("--open", action="store_true", help="open the report in a browser")
    check = commands.add_parser("audit", help="measure the cheatability and the shortcuts of a data set")
    check.add_argument("name", choices=SETS, help=f"which: {', '.join(SETS)}", metavar="SET")
    check.add_argument("--output", type=Path, required=True, help="folder of the run")
    check.add_argument("--method", choices=ASKABLE, default=PROBED)
    check.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the data sets")
    check.add_argument("--limit", type=int, help="the first questions only")
    for command, run in ((make, _make), (score, _score), (check, _audit)):
        command.set_defaults(run=run)
    for command in (make, score):
        command.add_argument("--model", metavar="URL", help="an OpenAI-compatible chat model")
        command.add_argument("--model-name", metavar="NAME")
    return parser


def _make(options: argparse.Namespace, console: Console) -> None:
    if not 2 <= options.hops <= 6 or not 0 < options.share < 1 or options.wanted < 1:
        raise InputError("hops are 2 to 6, the share is between 0 and 1, and 1 question the least")
    settings = Settings(options.wanted, options.by, options.share, options.hops, options.seed, options.strict)
    making = made(
        options.corpus,
        options.output,
        settings,
        external=options.external,
        encoder=MiniLM(),
        model=model_at(options.model, options.model_name),
        console=console,
    )
    counts = asyncio.run(making)
    console.print(f"{counts.kept} unanswerable questions and {counts.twins} twins in {options.output}")


def _score(options: argparse.Namespace, console: Console) -> None:
    run = options.output or options.set / "run"
    run.mkdir(parents=True, exist_ok=True)
    report = asyncio.run(
        measured(
            options.set,
            run,
            options.methods or DEFAULT,
            probes=options.probe,
            encoder=MiniLM(),
            model=model_at(options.model, options.model_name),
            judge=model_at(options.judge, options.judge_name),
            lenient=options.lenient,
            limit=options.limit,
            console=console,
        )
    )
    console.print(f"the report is {report}")
    if options.open:
        webbrowser.open(report.absolute().as_uri())


def _audit(options: argparse.Namespace, console: Console) -> None:
    is_present(options.data, [options.name])
    options.output.mkdir(parents=True, exist_ok=True)
    cheated, short = asyncio.run(
        audit(
            options.name, options.data, options.output, options.method, encoder=MiniLM(), limit=options.limit
        )
    )
    for table in (cheat_table({f"{options.name}, {options.method}": cheated}), shortcut_table(short)):
        console.print(markdown(table), highlight=False)


def main(given: Sequence[str]) -> int:
    """Make a set, score methods on one, or audit a data set."""
    options = _parser().parse_args(given)
    options.run(options, Console() if sys.stdout.isatty() else Console(width=400))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
