"""Questions over ready-made graphs: MetaQA, PathQuestion and WorldCup2014, with one configuration for all.

`python -m kedge.benchmarks.suites.kgqa --data ../shared/data` writes `kgqa.json` and `kgqa.md`. Questions are
halved by a hash of their ids: the limit of doubt is set on one half, everything else is said of the other.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import random
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, median
from typing import Any, Final

from kedge.agents.extractive.graph_answers import (
    DOUBT,
    GraphAnswer,
    Topic,
    answer_from_graph,
    answer_of,
    outlook_of,
)
from kedge.agents.extractive.path_search import (
    WIDTH,
    Assessment,
    Course,
    Outlook,
    adjust,
    evaluate,
    rounds_of,
)
from kedge.benchmarks.datasets import Question, add_graph, metaqa, pathquestion, readable, wc2014
from kedge.benchmarks.metrics import bootstrap, mcnemar, permutation_test
from kedge.errors import InputError
from kedge.tools.encoders import Encoder, MiniLM
from kedge.tools.knowledge_base import KnowledgeBase, KnowledgeGraph, entity_key
from kedge.tools.knowledge_base.rows import TripleRow

__all__ = ["SETS", "Outcome", "markdown", "run", "score", "shuffled", "topics_of"]

ROUNDS: Final = 3
SAMPLE: Final = 500  # questions of each set that ablations and checks of honesty are run on
LOST: Final = 0.02  # share of right answers that abstention may cost
NO_LIMIT: Final = float("inf")
_LIMITS: Final = tuple(round(0.05 * n, 2) for n in range(2, 11))


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """A set of questions with its graph, as paths below the folder of data."""

    name: str
    graph: str
    questions: str
    read: Callable[[Path], Iterator[Question]]


SETS: Final = (
    *(
        QuestionSet(f"MetaQA {n}-hop", "kgqa/metaqa/kb.tsv", f"kgqa/metaqa/qa_{n}hop.jsonl", metaqa)
        for n in (1, 2, 3)
    ),
    *(
        QuestionSet(
            f"PathQuestion {name.upper()}",
            f"kgqa/pathquestion/{name}_kb.tsv",
            f"kgqa/pathquestion/{name}_questions.jsonl",
            pathquestion,
        )
        for name in ("pq2", "pq3", "pql2", "pql3")
    ),
    *(
        QuestionSet(f"WC2014 {name}", "kgqa/wc2014/kb.tsv", f"kgqa/wc2014/{name}_questions.jsonl", wc2014)
        for name in ("P1", "P2", "C")
    ),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One question under one condition, before abstention: `doubt` says what any limit would make of it."""

    hit: bool
    f1: float
    doubt: float
    answered: bool
    rounds: int
    milliseconds: float


Solve = Callable[[Question], Awaitable[GraphAnswer]]


def topics_of(question: Question) -> list[Topic]:
    """The topics that a data set gives with a question, and where the question names them."""
    if "gold_paths" in question.extra:
        names = [readable(path[0][0]) for path in question.extra["gold_paths"]]
    else:
        topic = question.extra["topic_entity"]
        names = [topic if f"[{topic}]" in question.question else readable(topic)]
    return [Topic(entity_key(name), _place(question.question, name)) for name in dict.fromkeys(names)]


def _place(text: str, name: str) -> tuple[int, int] | None:
    for form in (f"[{name}]", name):
        if (at := text.find(form)) >= 0:
            return at, at + len(form)
    return None


def score(answer: GraphAnswer, question: Question, milliseconds: float) -> Outcome:
    """Hits@1 and the F1 of the set of answers, by entity."""
    gold = {entity_key(known) for known in question.answers}
    given = set(answer.answers)
    shared = len(given & gold)
    return Outcome(
        hit=bool(answer.answers) and answer.answers[0] in gold,
        f1=2 * shared / (len(given) + len(gold)) if shared else 0.0,
        doubt=answer.doubt,
        answered=bool(answer.answers),
        rounds=len(answer.rounds),
        milliseconds=milliseconds,
    )


def shuffled(graph: KnowledgeGraph, seed: int = 0) -> KnowledgeGraph:
    """The same graph with its relations' labels passed round: no relation keeps its own."""
    labels = sorted({str(data["relation"]) for *_, data in graph.nx.edges(data=True)})
    random.Random(seed).shuffle(labels)  # noqa: S311 - a permutation, not a secret
    other = dict(zip(labels, [*labels[1:], *labels[:1]], strict=True))
    found = KnowledgeGraph()
    names = graph.nx.nodes
    found.add(
        TripleRow(
            triple,
            "",
            None,
            names[subject]["name"],
            other[data["relation"]],
            names[object_]["name"],
            subject,
            object_,
            data["confidence"],
        )
        for subject, object_, triple, data in graph.nx.edges(keys=True, data=True)
    )
    return found


async def run(data: Path, *, limit: int | None = None, encoder: Encoder | None = None) -> dict[str, Any]:
    """Measure every set.

    Args:
        data: The folder of data; graphs and questions are below `kgqa`.
        limit: Questions of each set, drawn at random; all when not given.
        encoder: Compares words with relations; MiniLM when not given.

    Raises:
        InputError: The data is not there.
    """
    missing = [item.graph for item in SETS if not (data / item.graph).is_file()]
    if missing:
        raise InputError(
            f"{data / missing[0]} does not exist", fix="name the folder that holds `kgqa` with --data"
        )
    encoder = encoder or MiniLM()
    report: dict[str, Any] = {"limit": limit, "sets": {}}
    checks: list[list[Outcome]] = []
    with tempfile.TemporaryDirectory() as folder:
        for path in dict.fromkeys(item.graph for item in SETS):
            with KnowledgeBase.open(Path(folder) / path.replace("/", "-"), create=True) as base:
                await add_graph(base, data / path)
                for item in (item for item in SETS if item.graph == path):
                    found, check = await _measure(item, data, base.graph, encoder, limit)
                    report["sets"][item.name] = found
                    checks.append(check)
    report["doubt"] = {"used": DOUBT, "calibrated": _calibrated(checks)}
    return report


async def _measure(
    item: QuestionSet, data: Path, graph: KnowledgeGraph, encoder: Encoder, limit: int | None
) -> tuple[dict[str, Any], list[Outcome]]:
    every = [question for question in item.read(data / item.questions) if question.answers]
    draw = random.Random(0)  # noqa: S311 - a sample, not a secret
    draw.shuffle(every)
    questions = [question for question in every if question.extra.get("kb_exact", True)][:limit]
    inexact = [question for question in every if not question.extra.get("kb_exact", True)][:limit]
    reported = [question for question in questions if not _calibrates(question)]
    calibration = [question for question in questions if _calibrates(question)][:SAMPLE]
    sample = reported[:SAMPLE]

    def answering(**options: Any) -> Solve:
        async def solve(question: Question) -> GraphAnswer:
            settings: dict[str, Any] = {
                "topics": topics_of(question),
                "rounds": ROUNDS,
                "doubt": NO_LIMIT,
                **options,
            }
            text = question.question
            if options.get("topics", ()) is None:
                text = text.replace("[", "").replace("]", "")
            return await answer_from_graph(text, graph, encoder, **settings)

        return solve

    async def hiding(question: Question) -> GraphAnswer:
        return await answering(without=[entity_key(known) for known in question.answers])(question)

    closed = await _over(reported, answering())
    opened = await _over(reported, answering(rounds=0))
    found = {
        "closed": _summary(closed),
        "open": _summary(opened),
        "linked": _summary(await _over(reported, answering(topics=None))),
        "closed against open": _compared(closed, opened),
        "rounds": {n: _summary(await _over(sample, answering(rounds=n))) for n in (0, 1, 2, 3, 5)},
        "answers removed": _summary(await _over(sample, hiding)),
    }
    if inexact:
        found["not kb_exact"] = _summary(await _over(inexact[: len(sample)], answering()))
    if item.name != "WC2014 C":  # its two topics are joined without rounds
        found["ablations"] = {
            name: _summary(await _over(sample, variant)) for name, variant in _variants(graph, encoder)
        }
    mixed = shuffled(graph)

    async def astray(question: Question) -> GraphAnswer:
        topics = topics_of(question)
        return await answer_from_graph(
            question.question, mixed, encoder, topics=topics, rounds=ROUNDS, doubt=NO_LIMIT
        )

    found["labels shuffled"] = _summary(await _over(sample[:300], astray))
    return found, await _over(calibration, answering())


def _variants(graph: KnowledgeGraph, encoder: Encoder) -> Iterator[tuple[str, Solve]]:
    """The loop with one part taken out or replaced."""

    def with_parts(**parts: Any) -> Solve:
        async def solve(question: Question) -> GraphAnswer:
            outlook = await outlook_of(question.question, graph, encoder, topics_of(question)[0])
            return answer_of(outlook, rounds_of(outlook, ROUNDS, **parts))

        return solve

    async def wide(question: Question) -> GraphAnswer:
        outlook = await outlook_of(question.question, graph, encoder, topics_of(question)[0])
        return answer_of(outlook, rounds_of(outlook, 0, first=Course(width=WIDTH)))

    yield "single pass, many paths", wide
    yield "no coverage check", with_parts(assess=_ignoring("coverage", "kind"))
    yield "no drift check", with_parts(assess=_ignoring("drift"))
    yield "restart instead of pivot, one path", with_parts(turn=_restart)
    yield "pivot, one path", with_parts(turn=_narrow)


def _ignoring(*diagnoses: str) -> Callable[[Outlook, tuple[int, ...]], Assessment]:
    def assess(outlook: Outlook, path: tuple[int, ...]) -> Assessment:
        found = evaluate(outlook, path)
        return replace(found, diagnosis="sufficient") if found.diagnosis in diagnoses else found

    return assess


def _restart(outlook: Outlook, tried: Sequence[Course], last: Assessment) -> Course:
    """Begin again at the topic, without the first hops tried so far."""
    return Course((), 1, tried[-1].tabu | {last.path[:1]})


def _narrow(outlook: Outlook, tried: Sequence[Course], last: Assessment) -> Course | None:
    """The pivot of the loop, but one path from there."""
    course = adjust(outlook, tried, last)
    return course and Course(course.pivot, 1, frozenset({last.path[: len(course.pivot) + 1]}))


async def _over(questions: Sequence[Question], solve: Solve) -> list[Outcome]:
    outcomes = []
    for question in questions:
        begin = time.perf_counter()
        answer = await solve(question)
        outcomes.append(score(answer, question, 1_000 * (time.perf_counter() - begin)))
    return outcomes


def _summary(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    if not outcomes:
        return {"n": 0}
    hits = bootstrap([float(outcome.hit) for outcome in outcomes], resamples=2_000)
    given = [outcome for outcome in outcomes if outcome.answered and outcome.doubt <= DOUBT]
    times = sorted(outcome.milliseconds for outcome in outcomes)
    return {
        "n": len(outcomes),
        "hits@1": hits.mean,
        "low": hits.low,
        "high": hits.high,
        "f1": mean(outcome.f1 for outcome in outcomes),
        "hits@1 with abstention": sum(outcome.hit for outcome in given) / len(outcomes),
        "abstains": 1 - len(given) / len(outcomes),
        "no answer at all": sum(not outcome.answered for outcome in outcomes),
        "rounds": mean(outcome.rounds for outcome in outcomes),
        "ms median": median(times),
        "ms p99": times[int(0.99 * (len(times) - 1))],
    }


def _compared(ours: Sequence[Outcome], theirs: Sequence[Outcome]) -> dict[str, float]:
    if not ours:
        return {}
    return {
        "mcnemar": mcnemar([outcome.hit for outcome in ours], [outcome.hit for outcome in theirs]),
        "permutation f1": permutation_test(
            [outcome.f1 for outcome in ours], [outcome.f1 for outcome in theirs], resamples=2_000
        ),
    }


def _calibrates(question: Question) -> bool:
    return hashlib.blake2b(question.id.encode(), digest_size=1).digest()[0] % 2 == 0


def _calibrated(checks: Sequence[Sequence[Outcome]]) -> float:
    """The least doubt that withholds at most `LOST` of the right answers, in the mean over the sets."""

    def lost(limit: float) -> float:
        right = [[o for o in real if o.hit] for real in checks]
        return mean([mean(o.doubt > limit for o in hits) for hits in right if hits] or [0.0])

    return next((limit for limit in _LIMITS if lost(limit) <= LOST), _LIMITS[-1])


def markdown(report: dict[str, Any]) -> str:
    """The report as tables."""
    head = "| set | n | Hits@1 | F1 | linked | open loop | p | abstains | ms median | ms p99 | rounds |"
    lines = [
        "# Questions over graphs",
        "",
        head,
        "|" + "---|" * 11,
        *(_main_row(name, found) for name, found in report["sets"].items()),
        "",
        "Hits@1 in percent with its 95 % interval; linked: topics found in the text; p: McNemar's test of "
        f"the closed loop against the open one; abstains: share in more doubt than {report['doubt']['used']} "
        f"(set on the calibration halves: {report['doubt']['calibrated']}).",
        "",
        "| set | "
        + " | ".join(f"T = {n}" for n in (0, 1, 2, 3, 5))
        + " | answers removed: abstains | labels "
        "shuffled | not kb_exact |",
        "|" + "---|" * 9,
        *(_check_row(name, found) for name, found in report["sets"].items()),
    ]
    names = next((list(found["ablations"]) for found in report["sets"].values() if "ablations" in found), [])
    lines += ["", "| set | " + " | ".join(names) + " |", "|" + "---|" * (len(names) + 1)]
    lines += [
        f"| {name} | " + " | ".join(_percent(found["ablations"][kind]) for kind in names) + " |"
        for name, found in report["sets"].items()
        if "ablations" in found
    ]
    return "\n".join(lines) + "\n"


def _main_row(name: str, found: dict[str, Any]) -> str:
    closed = found["closed"]
    if not closed["n"]:
        return f"| {name} | 0 |" + " |" * 9
    cells = [
        name,
        str(closed["n"]),
        f"{_percent(closed)} [{100 * closed['low']:.1f}, {100 * closed['high']:.1f}]",
        f"{100 * closed['f1']:.1f}",
        _percent(found["linked"]),
        _percent(found["open"]),
        f"{found['closed against open']['mcnemar']:.1g}",
        f"{100 * closed['abstains']:.1f}",
        f"{closed['ms median']:.1f}",
        f"{closed['ms p99']:.1f}",
        f"{closed['rounds']:.2f}",
    ]
    return "| " + " | ".join(cells) + " |"


def _check_row(name: str, found: dict[str, Any]) -> str:
    removed = found["answers removed"]
    cells = [
        name,
        *(_percent(summary) for summary in found["rounds"].values()),
        f"{100 * removed['abstains']:.1f}" if removed["n"] else "",
        _percent(found["labels shuffled"]),
        _percent(found.get("not kb_exact", {"n": 0})),
    ]
    return "| " + " | ".join(cells) + " |"


def _percent(summary: dict[str, Any]) -> str:
    return f"{100 * summary['hits@1']:.1f}" if summary["n"] else ""


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="the folder of data sets")
    parser.add_argument("--limit", type=int, help="questions of each set; all when not given")
    parser.add_argument("--out", type=Path, default=Path(), help="the folder for kgqa.json and kgqa.md")
    options = parser.parse_args()
    report = asyncio.run(run(options.data, limit=options.limit))
    (options.out / "kgqa.json").write_text(json.dumps(report, indent=1) + "\n")
    (options.out / "kgqa.md").write_text(markdown(report))
    sys.stdout.write(markdown(report))


if __name__ == "__main__":
    _main()
