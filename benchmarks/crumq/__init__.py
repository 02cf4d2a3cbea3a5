"""CRUMQ sets: unanswerable, uncheatable, multi-hop questions on any corpus (2510.11956).

`generate` makes a set in a folder, `items` reads it, `asked` asks every method, `scores` says what came of
it, and `probed` with `cheats` how much of it needs no joining of facts. `README.md` beside this file tells
how; on the command line it is `kedge bench crumq`.
"""

from kedge.benchmarks.crumq.corpus import Page, Worlds, read_corpus, split, worlds
from kedge.benchmarks.crumq.pipeline import Counts, Settings, generate
from kedge.benchmarks.crumq.probing import Cheats, Probed, cheats, probed
from kedge.benchmarks.crumq.records import Item, Marks, Support, items, question_of
from kedge.benchmarks.crumq.scoring import Score, asked, scores
from kedge.benchmarks.crumq.shortcuts import Case, Shortcut, audited

__all__ = [
    "Case",
    "Cheats",
    "Counts",
    "Item",
    "Marks",
    "Page",
    "Probed",
    "Score",
    "Settings",
    "Shortcut",
    "Support",
    "Worlds",
    "asked",
    "audited",
    "cheats",
    "generate",
    "items",
    "probed",
    "question_of",
    "read_corpus",
    "scores",
    "split",
    "worlds",
]
