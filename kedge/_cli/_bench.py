"""`kedge bench`: the suites, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

import typer

__all__ = ["SUITES", "Suite", "register"]


@dataclass(frozen=True)
class Suite:
    """A suite: `main` of its module takes the rest of the command line.

    `data`: it reads public data sets, or the one command of it that is named does.
    """

    module: str
    about: str
    data: bool | str = True


SUITES = {
    "run": Suite("kedge.benchmarks.suites.run", "Run any methods on any data set, and write a report."),
    "compare": Suite(
        "kedge.benchmarks.suites.compare", "Compare runs, with tests of significance.", data=False
    ),
    "leaderboard": Suite(
        "kedge.benchmarks.suites.leaderboard", "All methods and baselines on all sets, on one page."
    ),
    "crumq": Suite(
        "kedge.benchmarks.suites.crumq",
        "Make unanswerable questions on any corpus, and score every method on them.",
        data="audit",
    ),
    "kgqa": Suite(
        "kedge.benchmarks.suites.kgqa",
        "Questions over ready-made graphs: MetaQA, PathQuestion, WorldCup2014.",
    ),
    "multihop": Suite(
        "kedge.benchmarks.suites.multihop", "Passage recall on 2WikiMultiHopQA, MuSiQue and HotpotQA."
    ),
    "parametric": Suite(
        "kedge.benchmarks.suites.parametric",
        "Documents as text, as weights or both, on a model trained from scratch on a made-up world.",
        data=False,
    ),
    "parallel": Suite(
        "kedge.benchmarks.suites.parallel",
        "What running sub-questions at once saves, with a scripted model.",
        data=False,
    ),
    "planning": Suite("kedge.benchmarks.suites.planning", "Plans against gold decompositions."),
    "routing": Suite("kedge.benchmarks.suites.routing", "The router against every single method."),
    "expansion": Suite("kedge.benchmarks.suites.expansion", "What document expansion does to recall."),
    "images": Suite(
        "kedge.benchmarks.suites.images", "Maps from images to text, descriptions, pages, scenes, speed."
    ),
    "world": Suite("kedge.benchmarks.suites.world", "Answers and refusals on the example world.", data=False),
}

group = typer.Typer(
    no_args_is_help=True,
    help="Measure methods on data sets, with baselines and ablations.",
    epilog="`kedge bench SUITE --help` tells a suite's options. The public data sets are not part of Kedge: "
    "benchmarks/suites/DATA.md says where to get them. They are looked for in $KEDGE_DATA, by default in "
    "../shared/data.",
)


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    # The suites have their own options, which this command line passes on as they are.
    passing = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
    for name, suite in SUITES.items():
        group.command(name, help=suite.about, context_settings=passing)(_running(suite))
    app.add_typer(group, name="bench")


def _running(suite: Suite) -> Callable[[typer.Context], None]:
    def run(context: typer.Context) -> None:
        from kedge._settings import Settings

        options = list(context.args)
        reads = suite.data is True or suite.data in options[:1]
        if reads and not any(option.split("=")[0] == "--data" for option in options):
            options += ["--data", str(Settings.read().data)]
        raise typer.Exit(import_module(suite.module).main(options))

    return run
