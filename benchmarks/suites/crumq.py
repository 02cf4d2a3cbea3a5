"""Unanswerable questions on any corpus: `kedge bench crumq make CORPUS --output SET`, `... score SET`.

`make` holds back a part of the documents, composes questions that need them, and keeps those that nothing
else answers, each with its answerable twin. `score` asks every question with every method, measures how much
of the set can be cheated, and writes a report. `audit` measures the same of any data set, or of questions of
your own: its cheatability, and what shortcuts score. All go on where they were stopped: the same command
again.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import webbrowser
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from kedge.benchmarks.crumq.corpus import Page, read_corpus, worlds
from kedge.benchmarks.crumq.feeds import fetched
from kedge.benchmarks.crumq.judging import judged
from kedge.benchmarks.crumq.pipeline import Counts, Settings, generate
from kedge.benchmarks.crumq.probing import Cheats, Probed, cheats, probed
from kedge.benchmarks.crumq.records import items, question_of
from kedge.benchmarks.crumq.report import (
    Audit,
    audit_tables,
    cheat_table,
    judge_table,
    samples,
    shortcut_table,
)
from kedge.benchmarks.crumq.shortcuts import audited
from kedge.benchmarks.crumq.supports import by_name, case_of, supports
from kedge.benchmarks.crumq.writing import Judge, Writer
from kedge.benchmarks.datasets import Passage, Question
from kedge.benchmarks.datasets.adding import parsed
from kedge.benchmarks.harness.asking import ASKABLE, DEFAULT, answered, local
from kedge.benchmarks.harness.journal import once, same_settings
from kedge.benchmarks.harness.models import cast_of, encoder_in, model_at, named
from kedge.benchmarks.harness.page import markdown
from kedge.benchmarks.harness.report import score_table
from kedge.benchmarks.harness.runs import about, fingerprint, finished, recorded
from kedge.benchmarks.suites._data_sets import (
    KNOWN,
    DataSet,
    add_own,
    add_places,
    data_set,
    opened,
    own,
    sampled,
)
from kedge.errors import InputError
from kedge.tools.encoders import Encoder
from kedge.tools.knowledge_base import KnowledgeBase, ParsedDocument
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
    sample: int | None = None,
    seed: int = 0,
    console: Console,
) -> Path:
    """Score methods on a set, with exact checks and perhaps a judge beside them; returns the report."""
    refused: list[str] | None = [] if lenient else None
    every = {item.id: item for item in items(folder / "questions.jsonl", refused=refused)}
    if not every:
        raise InputError(f"{folder} holds no questions", fix="make a set with `kedge bench crumq make`")
    for problem in refused or ():
        console.print(f"left out: {problem}", highlight=False)
    pages = once(folder / "pages.jsonl", Page, list)
    cast, given = cast_of(encoder, model), sampled([*map(question_of, every.values())], sample, seed)
    made = [every[question.id] for question in given]
    with write_lock(run, wait=0.0):
        settings = {
            "set": json.loads((folder / "manifest.json").read_text()),
            "sample": sample,
            "seed": seed,
            "cast": type(cast).__name__,
            "model": named(model),
        }
        same_settings(run, settings, about=about())
        async with await worlds(folder, pages, encoder, cast.extract_triples) as both:
            ask = local(both.of, cast, model)
            records = await recorded(run, given, methods, ask, console=console)
            twins = [question for question in given if question.answerable]
            documents = by_name(parsed(page.passage, "full") for page in pages)
            needed = supports(twins, documents)
            short = await audited([await case_of(q, needed, documents, both.full) for q in twins], cast)
        joined = _joined(twins, needed)
        cheated = {
            name: await probe(joined, documents, folder / "full", run, name, encoder, cast)
            for name in probes
            if joined
        }
        opinions = await judged(run / "judged.jsonl", made, records, Judge(judge)) if judge else []
        tables = {
            "Cheatability": cheat_table(cheated),
            "Shortcuts": shortcut_table(short),
            "Judge": judge_table(opinions),
        }
        counts_file = folder / "counts.json"
        counts = json.loads(counts_file.read_text()) if counts_file.exists() else {}
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
            facts={"asked": f"{len(given)} of {len(every)}", "seed": seed, **counts},
            parts=samples(made, pages),
        )
    for table in (score_table(found), *tables.values()):
        if table[1]:
            console.print(markdown(table), highlight=False)
    return run / "report.html"


async def audit(
    chosen: DataSet,
    run: Path,
    method: str,
    *,
    encoder: Encoder,
    sample: int | None = None,
    seed: int = 0,
) -> Audit:
    """What shortcuts score on a data set, and how far a method cheats on it.

    Where a question names no documents, or not all that it names are there, shortcuts are given what a search
    finds. The probe takes the questions that name two documents or more: else there is nothing to disconnect.

    Raises:
        InputError: Nothing in the set can be answered.
    """
    answerable = [question for question in chosen.questions if question.answerable]
    if not answerable:
        fix = "an audit compares with gold answers: choose a set that has some"
        raise InputError(f"nothing in {chosen.name} can be answered", fix=fix)
    given = sampled(answerable, sample, seed)
    corpus = given[0].extra.get("corpus", "")  # what can be answered is asked of one corpus, in every set
    home = chosen.bases[corpus]
    documents = by_name(home.documents())
    named, cast = supports(given, documents), cast_of(encoder)
    joined = _joined(given, named)
    with write_lock(run, wait=0.0):
        settings = {"data": chosen.name, "hash": fingerprint(chosen.files), "sample": sample, "seed": seed}
        same_settings(run, {**settings, "cast": type(cast).__name__}, about=about())
        async with opened(chosen, encoder) as of:
            cases = [await case_of(question, named, documents, of(corpus)) for question in given]
        cheated = await probe(joined, documents, home.folder, run, method, encoder, cast) if joined else None
        short = await audited(cases, cast)
        found = Audit(chosen.name, method, len(answerable), len(given), len(named), cheated, tuple(short))
        (run / "audit.json").write_text(json.dumps(asdict(found), indent=1) + "\n", encoding="utf-8")
        (run / "audit.md").write_text("\n".join(map(markdown, audit_tables(found))), encoding="utf-8")
    return found


async def probe(
    given: Sequence[Probed],
    documents: Mapping[str, ParsedDocument],
    full: Path,
    run: Path,
    method: str,
    encoder: Encoder,
    cast: Cast,
) -> Cheats:
    """The cheatability of a method on questions over these documents, kept in a run's folder.

    `full` is a knowledge base of the documents; it is copied, as documents will be hidden.
    """
    scratch = run / "probe"
    shutil.rmtree(scratch, ignore_errors=True)
    shutil.copytree(full, scratch)
    async with KnowledgeBase.open(scratch, encoder=encoder) as base:
        rows = await probed(
            run / f"probe-{method}.jsonl",
            given,
            base,
            documents,
            lambda base, question: answered(base, question, method, cast),
            extract=cast.extract_triples,
        )
    shutil.rmtree(scratch)
    return cheats(given, rows)


async def _material(source: str) -> list[Passage]:
    return await fetched(source) if source.startswith(("http://", "https://")) else read_corpus(source)


def _joined(given: Iterable[Question], named: Mapping[str, tuple[str, ...]]) -> list[Probed]:
    """The questions that need two documents or more."""
    return [
        Probed(question.id, question.question, question.answers, frozenset(named[question.id]))
        for question in given
        if len(named.get(question.id, ())) > 1
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
    score.add_argument("--lenient", action="store_true", help="leave out rows that do not fit")
    score.add_argument("--open", action="store_true", help="open the report in a browser")
    check = commands.add_parser("audit", help="measure the cheatability and the shortcuts of a data set")
    check.add_argument("what", nargs="?", metavar="SET",
                       help=f"a CRUMQ set's folder, or one of {', '.join(KNOWN)}")  # fmt: skip
    check.add_argument("--output", type=Path, required=True, help="folder of the run")
    check.add_argument("--method", choices=ASKABLE, metavar="NAME", default=PROBED,
                       help=f"whose cheatability is measured  [default: {PROBED}]")  # fmt: skip
    check.add_argument("--lenient", action="store_true", help="leave out rows that do not fit")
    add_own(check)
    add_places(check)
    for command, run in ((make, _make), (score, _score), (check, _audit)):
        command.set_defaults(run=run)
    for command in (score, check):
        command.add_argument("--sample", type=int, metavar="N", help="only so many questions, drawn")
        command.add_argument("--seed", type=int, default=0, help="of the drawing  [default: 0]")
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
        encoder=encoder_in(options.output),
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
            encoder=encoder_in(options.set),
            model=model_at(options.model, options.model_name),
            judge=model_at(options.judge, options.judge_name),
            lenient=options.lenient,
            sample=options.sample,
            seed=options.seed,
            console=console,
        )
    )
    console.print(f"the report is {report}")
    if options.open:
        webbrowser.open(report.absolute().as_uri())


def _audit(options: argparse.Namespace, console: Console) -> None:
    what = own(options) or options.what
    if what is None:
        raise InputError("no data is named", fix="name a set, or give --questions and --corpus")
    refused: list[str] | None = [] if options.lenient else None
    chosen = data_set(what, options.data.resolve(), options.cache.resolve(), refused=refused)
    for problem in refused or ():
        console.print(f"left out: {problem}", highlight=False)
    options.output.mkdir(parents=True, exist_ok=True)
    encoder = encoder_in(options.cache)
    checking = audit(chosen, options.output, options.method, encoder=encoder,
                     sample=options.sample, seed=options.seed)  # fmt: skip
    for table in audit_tables(asyncio.run(checking)):
        console.print(markdown(table), highlight=False)


def main(given: Sequence[str]) -> int:
    """Make a set, score methods on one, or audit a data set."""
    options = _parser().parse_args(given)
    options.run(options, Console() if sys.stdout.isatty() else Console(width=400))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
