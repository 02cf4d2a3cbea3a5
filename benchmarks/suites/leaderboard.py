"""All methods and baselines on all sets: `kedge bench leaderboard --output board [--sample N]`.

Every set is a run of its own, in a folder below, and goes on where it was stopped; CRUMQ sets are made first,
in the cache. Sets that are not there are named, with how to get them. The page is leaderboard.html, and as
Markdown leaderboard.md.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import webbrowser
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from html import escape
from pathlib import Path

from rich.console import Console

from kedge.benchmarks.crumq.corpus import read_corpus
from kedge.benchmarks.crumq.pipeline import Settings, generate
from kedge.benchmarks.harness.asking import ASKABLE, DEFAULT
from kedge.benchmarks.harness.models import encoder_in
from kedge.benchmarks.harness.page import Table, bars, html, markdown, page, percent
from kedge.benchmarks.harness.plan import planned
from kedge.benchmarks.harness.report import score_table
from kedge.benchmarks.harness.runs import about
from kedge.benchmarks.harness.scoring import BASELINE, Score
from kedge.benchmarks.suites._data_sets import KNOWN, absent, add_places
from kedge.benchmarks.suites.run import ran

__all__ = ["BOARD", "board", "main", "overview"]

BOARD = ("world", "lihua", "2wiki", "hotpot500", "crumq-2wiki", "crumq-hotpot500")
MADE = {f"crumq-{name}": name for name in ("2wiki", "hotpot500")}  # CRUMQ sets, and what they are made from
WANTED, SEED = 600, 1  # unanswerable questions of such a set, at most, and what is drawn with
WHERE = "benchmarks/suites/DATA.md says how to get it; name its folder with --data or KEDGE_DATA"
HOW = (
    "Joint is 0.7 F1 of the answerable questions + 0.3 acceptable refusals of the others, failures counting "
    "as wrong; where a set has no unanswerable questions, F1 stands for it. In brackets the 95 % bootstrap "
    f"interval, then the number of questions. p compares with {BASELINE}."
)


async def board(
    output: Path,
    data: Path,
    cache: Path,
    sets: Sequence[str],
    methods: Sequence[str],
    *,
    sample: int | None = None,
    console: Console,
) -> tuple[dict[str, list[Score]], dict[str, str]]:
    """The scores on every set that is there, and for each other one what is missing."""
    found: dict[str, list[Score]] = {}
    missing: dict[str, str] = {}
    for name in sets:
        source = MADE.get(name, name)
        gone = absent(source, data)
        if gone:
            missing[name] = f"{gone[0]} is not there: {WHERE}"
            console.print(f"{name} is left out: {missing[name]}", highlight=False)
            continue
        console.print(f"{name} ...")
        what = str(await _made(source, data, cache)) if name in MADE else name
        plan = planned({"data": what, "output": output / name, "methods": tuple(methods), "sample": sample})
        found[name] = await ran(plan, data, cache, console=console)
    return found, missing


def overview(found: Mapping[str, Sequence[Score]]) -> Table:
    """What every method earned on every set."""
    methods = list(dict.fromkeys(score.method for scores in found.values() for score in scores))
    cells = {(name, score.method): _earned(score) for name, scores in found.items() for score in scores}
    rows = [(method, *(cells.get((name, method), "") for name in found)) for method in methods]
    return ("method", *found), list(rows)


async def _made(name: str, data: Path, cache: Path) -> Path:
    """The folder of a CRUMQ set over the corpus of a known set."""
    folder = cache / f"crumq-{name}"
    corpus = read_corpus(data / KNOWN[name].corpus)
    counts = await generate(folder, corpus, Settings(wanted=WANTED, seed=SEED), encoder=encoder_in(folder))
    (folder / "counts.json").write_text(json.dumps(asdict(counts), indent=1) + "\n")
    return folder


def _earned(score: Score) -> str:
    """The joint score, or F1 where everything can be answered; its interval and how many questions."""
    value = score.joint or score.f1
    told = f"{percent(value)} n={value.n}"
    return told if score.p is None else f"{told} p={score.p:.4f}"


def _pages(
    found: Mapping[str, Sequence[Score]], missing: Mapping[str, str], sample: int | None
) -> tuple[str, str]:
    """The page as HTML, and as Markdown."""
    title = "Leaderboard"
    drawn = "All questions." if sample is None else f"At most {sample} questions of each set, drawn."
    made = ", ".join(f"{name} {value}" for name, value in about().items() if value)
    left = [f"{name} is left out: {why}" for name, why in missing.items()]
    table = overview(found)
    text = [f"# {title}\n", f"{HOW} {drawn}\n", markdown(table), *(f"{line}\n" for line in left)]
    parts = [f"<p>{escape(HOW)} {drawn}</p>", html(table), *(f"<p>{escape(line)}</p>" for line in left)]
    for name, scores in found.items():
        scored = score_table(scores)
        text += [f"## {name}\n", markdown(scored)]
        drawing = bars({score.method: {"joint": score.joint or score.f1} for score in scores})
        link = f'<p><a href="{escape(name)}/report.html">Every question, with its answers</a></p>'
        parts += [f"<h2>{escape(name)}</h2>{link}{drawing}{html(scored)}"]
    parts.append(f"<p><small>{escape(made)}</small></p>")
    return page(title, parts), "\n".join([*text, made]) + "\n"


def main(given: Sequence[str]) -> int:
    """Run what is there, write the page."""
    parser = argparse.ArgumentParser(prog="kedge bench leaderboard", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--output", type=Path, default=Path("leaderboard"), help="folder of page and runs")
    parser.add_argument("--sets", nargs="+", default=BOARD, choices=(*KNOWN, *MADE), metavar="NAME",
                        help=f"of {', '.join((*KNOWN, *MADE))}  [default: {', '.join(BOARD)}]")  # fmt: skip
    parser.add_argument("--methods", nargs="+", default=DEFAULT, choices=ASKABLE, metavar="NAME",
                        help=f"[default: {', '.join(DEFAULT)}]")  # fmt: skip
    parser.add_argument("--sample", type=int, metavar="N", help="at most so many questions of each set")
    add_places(parser)
    parser.add_argument("--open", action="store_true", help="open the page in a browser")
    options = parser.parse_args(given)
    console = Console() if sys.stdout.isatty() else Console(width=400)
    data, cache = options.data.resolve(), options.cache.resolve()
    found, missing = asyncio.run(
        board(options.output, data, cache, options.sets, options.methods,
              sample=options.sample, console=console)
    )  # fmt: skip
    options.output.mkdir(parents=True, exist_ok=True)
    web, text = _pages(found, missing, options.sample)
    (options.output / "leaderboard.html").write_text(web, encoding="utf-8")
    (options.output / "leaderboard.md").write_text(text, encoding="utf-8")
    console.print(markdown(overview(found)), highlight=False)
    console.print(f"the page is {options.output / 'leaderboard.html'}")
    if options.open:
        webbrowser.open((options.output / "leaderboard.html").absolute().as_uri())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
