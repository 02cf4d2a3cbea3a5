"""What the reader reaches on articles that it never saw, through the file and the code that ship.

The calibration is fitted on three articles and on the multi-hop questions that were kept for it, the figures
are of six other articles (see `examples`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from kedge.agents.extractive.grading import signs
from kedge.agents.extractive.reading import phrases
from kedge.benchmarks.datasets import Question, hotpotqa, musique, squad, two_wiki
from kedge.benchmarks.datasets.questions import squad_paragraphs
from kedge.benchmarks.metrics import Interval, bootstrap, f1
from kedge.benchmarks.reader.examples import SQUAD, held_aside
from kedge.benchmarks.suites._multihop_sets import SETS, cases, opened, ranked
from kedge.tools.encoders import Encoder, MiniLM, MiniReader
from kedge.tools.knowledge_base import Chunk, Evidence
from kedge.tools.search import hybrid
from kedge.tools.walks import evidence_of, look, look_further

__all__ = [
    "Read",
    "Scores",
    "Weights",
    "area",
    "diagram",
    "fitted",
    "read_articles",
    "read_found",
    "read_helpful",
    "read_hops",
    "regression",
    "scores",
    "threshold",
]

Array = npt.NDArray[np.float64]
FEATURES: Final = ("score", "answerable", "cosine")
HOPS: Final = {
    "hotpot100": (hotpotqa, "questions.json"),
    "musique100": (musique, "questions.json"),
    "2wiki500": (two_wiki, "questions.jsonl"),
}
PASSAGES: Final = 10  # that a multi-hop question is read with
GRADED: Final = 20  # passages of a multi-hop question that are graded
FOUND: Final = 5  # paragraphs that a question of an article is read with, where it is not read off its own


@dataclass(frozen=True, slots=True)
class Read:
    """A phrase that was read for a question: the best ones of a question share its `id`."""

    id: str
    answers: tuple[str, ...]
    phrase: str
    features: tuple[float, ...]
    together: bool = False

    @property
    def f1(self) -> float:
        """The F1 of the phrase, 0 where there is no answer."""
        return f1(self.phrase, self.answers) if self.answers else 0.0


async def read_articles(
    data: Path, titles: Sequence[str], reader: MiniReader | None = None, every: int = 1
) -> list[Read]:
    """The phrases for `every`-th question of these SQuAD 2.0 articles, read off its own paragraph."""
    path = data / SQUAD[0]
    texts = {passage.id: passage for _, passage in squad_paragraphs(path)}
    encoder, reader = MiniLM(), reader or MiniReader()
    asked = [question for question in squad(path) if texts[question.gold[0]].title in titles]
    found: list[Read] = []
    for number, question in enumerate(asked[::every]):
        passage = texts[question.gold[0]]
        chunk = Chunk(number, passage.id, passage.id, passage.title, "", passage.text, 0, len(passage.text))
        found += await _read(question, [Evidence(chunk, 1.0, "its paragraph")], encoder, reader)
    return found


async def read_found(data: Path, titles: Sequence[str]) -> list[Read]:
    """The phrases for every third question of these articles, read off the nearest of all paragraphs."""
    path = data / SQUAD[0]
    encoder, reader = MiniLM(), MiniReader()
    given = [passage for _, passage in squad_paragraphs(path)]
    vectors = await encoder.encode([passage.text for passage in given])
    own = {passage.id for passage in given if passage.title in titles}
    asked = [question for question in squad(path) if question.gold[0] in own][::3]
    found: list[Read] = []
    for question, near in zip(asked, await encoder.encode([q.question for q in asked]), strict=True):
        evidence = [
            Evidence(Chunk(int(n), p.id, p.id, p.title, "", p.text, 0, len(p.text)), 1.0, "near")
            for n in np.argsort(-(vectors @ near))[:FOUND]
            for p in [given[n]]
        ]
        found += await _read(question, evidence, encoder, reader)
    return found


async def read_hops(data: Path, cache: Path) -> list[Read]:
    """The phrases for the multi-hop questions kept for calibration, from the passages that a walk finds."""
    encoder, reader = MiniLM(), MiniReader()
    found: list[Read] = []
    for name, (load, file) in HOPS.items():
        asked = [q for q in load(data / "multihop_qa" / name / file) if held_aside(q.id)]
        async with await opened(SETS[name], data, cache, encoder) as base:
            for question in asked:
                if question.answers[0].lower() not in ("yes", "no"):
                    survey = await look_further(base, await look(base, question.question))
                    found += await _read(question, evidence_of(base, survey, PASSAGES), encoder, reader)
    return found


async def read_helpful(data: Path, cache: Path) -> list[tuple[tuple[float, ...], bool]]:
    """Signs of help in what the fused search finds for the questions kept for calibration; which are gold."""
    encoder, reader = MiniLM(), MiniReader()
    rows: list[tuple[tuple[float, ...], bool]] = []
    for name in HOPS:
        asked = [case for case in cases(SETS[name], data) if held_aside(case.question.id)]
        async with await opened(SETS[name], data, cache, encoder) as base:
            for case in asked:
                found = await hybrid(base, case.question.question, GRADED)
                chunks = [item.chunk for item in found]
                read = await signs(case.question.question, chunks, encoder, reader)
                gold = [not case.gold.isdisjoint(ranked(base, [item])) for item in found]
                rows += [(tuple(each.values()), right) for each, right in zip(read, gold, strict=True)]
    return rows


async def _read(
    question: Question, evidence: Sequence[Evidence], encoder: Encoder, reader: MiniReader
) -> list[Read]:
    found = await phrases(question.question, evidence, encoder, reader)
    read = [
        Read(
            question.id,
            question.answers,
            c.text,
            tuple(c.features[name] for name in FEATURES),
            bool(c.features["together"]),
        )
        for c in found
    ]
    nothing = Read(question.id, question.answers, "", (-1.0, -1.0, 0.0))
    return read or [nothing]


@dataclass(frozen=True, slots=True)
class Weights:
    """Constant, then one for each of `FEATURES`: of phrases read in one passage, and in two together."""

    alone: Array
    together: Array


def fitted(read: Sequence[Read]) -> Weights:
    """Logistic regressions of "the phrase is right" (F1 of a half or more)."""
    alone, both = ([one for one in read if one.together == kind] for kind in (False, True))
    return Weights(*(regression([(one.features, one.f1 >= 0.5) for one in kind]) for kind in (alone, both)))


def regression(rows: Sequence[tuple[tuple[float, ...], bool]]) -> Array:
    """A logistic regression of features and outcomes: the constant, then a weight for each feature.

    Example:
        >>> constant, slope = regression([((0.0,), False), ((1.0,), True)] * 40)
        >>> bool(constant < 0 < slope)
        True
    """
    if not rows:
        return np.zeros(1 + len(FEATURES))
    x = np.array([(1.0, *features) for features, _ in rows])
    y = np.array([right for _, right in rows], float)
    weights = np.zeros(x.shape[1])
    for _ in range(30):
        p = 1 / (1 + np.exp(-x @ weights))
        slope = x.T @ (y - p) - weights
        curve = (x * (p * (1 - p))[:, None]).T @ x + np.eye(x.shape[1])
        weights += np.linalg.solve(curve, slope)
    return weights


def chances(read: Sequence[Read], weights: Weights) -> Array:
    """How probably each phrase is right."""
    x = np.array([(1.0, *one.features) for one in read])
    together = np.array([one.together for one in read])
    return np.asarray(1 / (1 + np.exp(-np.where(together, x @ weights.together, x @ weights.alone))))


def best(read: Sequence[Read], weights: Weights) -> list[Read]:
    """The most probable phrase of each question."""
    found: dict[str, tuple[float, Read]] = {}
    for chance, one in zip(chances(read, weights), read, strict=True):
        if one.id not in found or chance > found[one.id][0]:
            found[one.id] = float(chance), one
    return [one for _, one in found.values()]


def overall(read: Sequence[Read], given: npt.NDArray[np.bool_]) -> list[float]:
    """SQuAD 2.0's F1 of each question, where answers are given to some."""
    return [
        (one.f1 if one.answers else 0.0) if answer else float(not one.answers)
        for one, answer in zip(read, given, strict=True)
    ]


def threshold(read: Sequence[Read], weights: Weights) -> float:
    """The chance from which answering gives the best F1."""
    read = best(read, weights)
    sure = chances(read, weights)
    return max((at / 100 for at in range(5, 96)), key=lambda at: float(np.mean(overall(read, sure >= at))))


def area(positive: Sequence[float], negative: Sequence[float]) -> float:
    """ROC-AUC: how often a positive has the higher score; ties count half.

    Example:
        >>> area([0.9, 0.4], [0.4, 0.1])
        0.875
    """
    above = np.asarray(positive)[:, None] - np.asarray(negative)[None]
    return float(np.mean((above > 0) + 0.5 * (above == 0)))


@dataclass(frozen=True)
class Scores:
    """SQuAD 2.0, in percent but for `auc`."""

    overall: Interval
    forced: Interval
    refused: Interval
    auc: float
    error: float  # expected calibration error
    bins: tuple[tuple[float, float, int], ...]  # mean chance, share right, how many


def scores(read: Sequence[Read], weights: Weights, at: float) -> Scores:
    """The figures; answers are given from the chance `at` on."""
    read = best(read, weights)
    sure = chances(read, weights)
    right = np.array([one.f1 >= 0.5 for one in read], float)
    slots = np.minimum((sure * 10).astype(int), 9)
    bins = tuple(
        (float(sure[slots == b].mean()), float(right[slots == b].mean()), int((slots == b).sum()))
        for b in range(10)
        if (slots == b).any()
    )
    gaps = [abs(mean - share) * n for mean, share, n in bins]
    return Scores(
        bootstrap(overall(read, sure >= at), resamples=2_000),
        bootstrap([one.f1 for one in read if one.answers], resamples=2_000),
        bootstrap(
            [float(s < at) for s, one in zip(sure, read, strict=True) if not one.answers], resamples=2_000
        ),
        area(
            [s for s, one in zip(sure, read, strict=True) if one.answers],
            [s for s, one in zip(sure, read, strict=True) if not one.answers],
        ),
        sum(gaps) / len(read),
        bins,
    )


def diagram(bins: Sequence[tuple[float, float, int]], path: Path) -> None:
    """How often phrases of a chance are right: on the diagonal, if the chance is honest."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4, 4))
    axes = figure.add_subplot(xlabel="chance given", ylabel="share right", xlim=(0, 1), ylim=(0, 1))
    axes.plot([0, 1], [0, 1], color="0.8")
    axes.plot([b[0] for b in bins], [b[1] for b in bins], marker="o", color="tab:blue")
    for chance, right, n in bins:
        axes.annotate(str(n), (chance, right), textcoords="offset points", xytext=(6, -10), fontsize=7)
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None})
