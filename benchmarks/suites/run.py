"""Any method, any data, any cast: `kedge bench run hotpot500 --sample 100` or `kedge bench run plan.yaml`.

A plan is a YAML file whose names are those of the options below, such as

    data: hotpot500           # or {questions: mine.csv, corpus: notes/, fields: {question: query}}
    methods: [retrieve_read, metakgrag]
    sample: 100
    output: runs/hotpot

Every answer is written down as soon as it is known: the same command goes on where it was stopped. The run's
folder holds manifest.json, questions.jsonl, records.jsonl, scores.json, scores.md and report.html.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import webbrowser
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from kedge.benchmarks.harness.asking import ASKABLE, DEFAULT, Ask, local
from kedge.benchmarks.harness.cluster import spread
from kedge.benchmarks.harness.journal import same_settings
from kedge.benchmarks.harness.models import encoder_in, model_at
from kedge.benchmarks.harness.page import markdown
from kedge.benchmarks.harness.plan import Plan, planned, read_plan
from kedge.benchmarks.harness.report import score_table
from kedge.benchmarks.harness.runs import about, fingerprint, finished, recorded
from kedge.benchmarks.harness.scoring import Score
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
from kedge.tools.knowledge_base.lock import write_lock

__all__ = ["main", "ran"]


async def ran(plan: Plan, data: Path, cache: Path, *, console: Console) -> list[Score]:
    """Carry a plan out, or go on with it; the scores of its methods.

    Args:
        plan: What is to be run.
        data: Folder of the public data sets.
        cache: Where knowledge bases are built and kept.
        console: Is told how it goes.

    Raises:
        InputError: The plan's data, cast or model is not there, or its folder holds another run.
        StoreError: Another run is writing there.
    """
    refused: list[str] | None = [] if plan.lenient else None
    chosen = data_set(plan.data, data, cache, refused=refused)
    for problem in refused or ():
        console.print(f"left out: {problem}", highlight=False)
    given = sampled(chosen.questions, plan.sample, plan.seed)
    settings = {
        "data": chosen.name,
        "hash": fingerprint(chosen.files),
        "sample": plan.sample,
        "seed": plan.seed,
        "cast": plan.cast,
        "model": plan.model_name or "",
        "lenient": plan.lenient,
    }
    plan.output.mkdir(parents=True, exist_ok=True)
    with write_lock(plan.output, wait=0.0):
        same_settings(plan.output, settings, about=about())
        _warn(plan.output, console)
        at_once = plan.at_once * (plan.workers if plan.engine == "ray" else 1)
        async with _asking(plan, chosen, data, cache) as ask:
            records = await recorded(plan.output, given, plan.methods, ask, at_once=at_once, console=console)
        facts = {**settings, "methods": ", ".join(plan.methods), **about()}
        return finished(plan.output, f"{chosen.name}, {plan.cast} cast", given, records, facts=facts)


@asynccontextmanager
async def asker(plan: Plan, chosen: DataSet, cache: Path) -> AsyncGenerator[Ask]:
    """What asks the questions of a plan in this process."""
    encoder, model = encoder_in(cache), model_at(plan.model, plan.model_name)
    cast = plan.played(encoder, model)
    async with opened(chosen, encoder) as of:
        yield local(of, cast, model)


@asynccontextmanager
async def _asking(plan: Plan, chosen: DataSet, data: Path, cache: Path) -> AsyncGenerator[Ask]:
    if plan.engine == "local":
        async with asker(plan, chosen, cache) as ask:
            yield ask
        return
    async with opened(chosen, encoder_in(cache)):
        pass  # built here, so that workers find them whole
    make = partial(_remote, plan, data, cache)
    async with spread(make, workers=plan.workers, at_once=plan.at_once) as ask:
        yield ask


@asynccontextmanager
async def _remote(plan: Plan, data: Path, cache: Path) -> AsyncGenerator[Ask]:
    """What a worker asks: it reads the data for itself."""
    chosen = data_set(plan.data, data, cache, refused=[] if plan.lenient else None)
    async with asker(plan, chosen, cache) as ask:
        yield ask


def _warn(folder: Path, console: Console) -> None:
    """Say so when a run goes on with other code than it was begun with."""
    begun = json.loads((folder / "manifest.json").read_text(encoding="utf-8")).get("about", {})
    if begun.get("commit") != about()["commit"]:
        console.print(f"begun at commit {begun.get('commit')}, goes on at {about()['commit']}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="kedge bench run", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("what", nargs="?", metavar="PLAN|SET",
                        help=f"a YAML file, a CRUMQ set's folder, or one of {', '.join(KNOWN)}")  # fmt: skip
    parser.add_argument("--output", type=Path, help="folder of the run  [default: runs/SET]")
    parser.add_argument("--methods", nargs="+", metavar="NAME",
                        help=f"of {', '.join(ASKABLE)}  [default: {', '.join(DEFAULT)}]")  # fmt: skip
    parser.add_argument("--cast", help="extractive, llm, or module:function  [default: extractive]")
    parser.add_argument("--model", metavar="URL", help="an OpenAI-compatible chat model")
    parser.add_argument("--model-name", metavar="NAME")
    parser.add_argument("--sample", type=int, metavar="N", help="only so many questions, drawn")
    parser.add_argument("--seed", type=int, help="of the drawing")
    parser.add_argument("--at-once", type=int, metavar="N", help="questions in flight  [default: 2]")
    parser.add_argument("--engine", choices=("local", "ray"), help="where it runs  [default: local]")
    parser.add_argument("--workers", type=int, metavar="N", help="how many, with ray  [default: 2]")
    parser.add_argument("--lenient", action="store_true", default=None, help="leave out rows that do not fit")
    add_own(parser)
    add_places(parser)
    parser.add_argument("--open", action="store_true", help="open the report in a browser")
    return parser


def _plan(options: argparse.Namespace) -> Plan:
    """The plan of a command line: what it says goes before what a YAML file says."""
    values: dict[str, Any] = {}
    if options.what is not None and options.what.endswith((".yaml", ".yml")):
        values = read_plan(Path(options.what))
    elif options.what is not None:
        values = {"data": options.what}
    if source := own(options):
        values["data"] = source.model_dump()
    names = ("output", "methods", "cast", "model", "model_name", "sample", "seed", "at_once", "engine",
             "workers", "lenient")  # fmt: skip
    values |= {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    if "data" not in values:
        raise InputError("no data is named", fix="name a plan or a set, or give --questions and --corpus")
    data = values["data"]
    name = data if isinstance(data, str) else str(data.get("questions", "own"))
    values.setdefault("output", Path("runs") / Path(name).stem)
    return planned(values, where=options.what or "the command line")


def main(given: Sequence[str]) -> int:
    """Run a plan, show its scores."""
    options = _parser().parse_args(given)
    plan = _plan(options)
    console = Console() if sys.stdout.isatty() else Console(width=400)
    found = asyncio.run(ran(plan, options.data.resolve(), options.cache.resolve(), console=console))
    console.print(markdown(score_table(found)), highlight=False)
    console.print(f"the report is {plan.output / 'report.html'}")
    if options.open:
        webbrowser.open((plan.output / "report.html").absolute().as_uri())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
