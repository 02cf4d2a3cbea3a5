"""CRUMQ sets: unanswerable, uncheatable, multi-hop questions on any corpus (2510.11956).

`generate` makes a set in a folder, `items` reads it, and `probed` with `cheats` says how much of it needs no
joining of facts; methods are asked and scored by `kedge.benchmarks.harness`, as on any other set. `README.md`
beside this file tells how; on the command line it is `kedge bench crumq`.
"""

from kedge.benchmarks.crumq.corpus import Page, Worlds, read_corpus, split, worlds
from kedge.benchmarks.crumq.pipeline import Counts, Settings, generate
from kedge.benchmarks.crumq.probing import Cheats, Probed, cheats, probed
from kedge.benchmarks.crumq.records import Item, Marks, Support, items, question_of
from kedge.benchmarks.crumq.shortcuts import Case, Shortcut, audited

__all__ = [
    "Case",
    "Cheats",
    "Counts",
    "Item",
    "Marks",
    "Page",
    "Probed",
    "Settings",
    "Shortcut",
    "Support",
    "Worlds",
    "audited",
    "cheats",
    "generate",
    "items",
    "probed",
    "question_of",
    "read_corpus",
    "split",
    "worlds",
]
