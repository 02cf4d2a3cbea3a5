"""Questions over ready-made graphs: MetaQA, PathQuestion and WorldCup2014, with one configuration for all.

`kedge bench kgqa` asks `metakgrag` itself and writes `kgqa.json` and `kgqa.md`. Questions are halved by a
hash of their ids: the limit of doubt is set on one half, everything else is said of the other. Parts of the
loop are taken out by replacing a node of its graph, or a decision of the cast: the product has no switches.
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
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, median
from typing import Any, Final

from langgraph.runtime import Runtime

from kedge.agents.decisions import Finding, Lead, Link
from kedge.agents.extractive import ExtractiveCast
from kedge.agents.extractive.graph_answers import DOUBT, follow, next_lead
from kedge.benchmarks.datasets import Question, add_graph, metaqa, pathquestion, readable, wc2014
from kedge.benchmarks.metrics import bootstrap, mcnemar, permutation_test
from kedge.benchmarks.suites._kgqa_tables import markdown
from kedge.benchmarks.suites.curves import draw
from kedge.errors import InputError
from kedge.graphs import metakgrag
from kedge.graphs.context import Context
from kedge.tools.encoders import Encoder, MiniLM
from kedge.tools.knowledge_base import KnowledgeBase, KnowledgeGraph, entity_key
from kedge.tools.knowledge_base.rows import TripleRow
from kedge.tools.models import Budget, Meter
from kedge.tools.walks import Aim, beam_walk

__all__ = [
    "SETS",
    "Condition",
    "Outcome",
    "asked",
    "main",
    "measured",
    "run",
    "score",
    "shuffled",
]

ROUNDS: Final = 3
SAMPLE: Final = 300  # questions of each set that ablations and checks of honesty are run on
LOST: Final = 0.02  # share of right answers that abstention may cost
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
    """One question under one condition. `hit` and `f1` are of the best finding, before abstention."""

    hit: bool
    f1: float
    doubt: float
    found: bool
    answered: bool
    rounds: int
    milliseconds: float


@dataclass(frozen=True, slots=True)
class Condition:
    """A way of asking: how often to adjust, who decides, with which nodes, whether the topic is marked."""

    rounds: int = ROUNDS
    cast: Callable[[Encoder, Question], ExtractiveCast] = lambda encoder, question: ExtractiveCast(encoder)
    nodes: Mapping[str, Any] = field(default_factory=dict)
    marked: bool = True


def asked(question: Question, *, marked: bool = True) -> str:
    """The question with the names of its topics in brackets, or with nothing marked.

    Example:
        >>> heat = Question("q", "who made Heat", ("Mann",), extra={"topic_entity": "Heat"})
        >>> asked(heat)
        'who made [Heat]'
    """
    text = question.question
    if not marked:
        return text.replace("[", "").replace("]", "")
    if "gold_paths" in question.extra:
        names = [readable(path[0][0]) for path in question.extra["gold_paths"]]
    else:
        names = [readable(question.extra["topic_entity"])]
    for name in dict.fromkeys(names) if "[" not in text else ():
        text = text.replace(name, f"[{name}]", 1)
    return text


def score(found: Finding | None, question: Question, *, answered: bool, rounds: int, ms: float) -> Outcome:
    """Hits@1 and the F1 of the set of answers, by entity."""
    gold = {entity_key(known) for known in question.answers}
    given = set(found.answers) if found else set()
    shared = len(given & gold)
    return Outcome(
        hit=found is not None and bool(found.answers) and found.answers[0] in gold,
        f1=2 * shared / (len(given) + len(gold)) if shared else 0.0,
        doubt=found.doubt if found else 1.0,
        found=bool(given),
        answered=answered,
        rounds=rounds,
        milliseconds=ms,
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


@dataclass(frozen=True)
class _Hiding(ExtractiveCast):
    """Sees a graph from which some entities are taken out."""

    hidden: tuple[str, ...] = ()

    async def follow(self, question: str, base: KnowledgeBase, lead: Lead) -> Finding:
        return await follow(question, base.graph, self.encoder, lead, without=self.hidden)


@dataclass(frozen=True)
class _Astray(ExtractiveCast):
    """Sees another graph than that of the base."""

    other: KnowledgeGraph = field(default_factory=KnowledgeGraph)

    async def lead(
        self, question: str, base: KnowledgeBase, links: Sequence[Link], findings: Sequence[Finding]
    ) -> Lead | None:
        return await next_lead(question, self.other, self.encoder, links, findings)

    async def follow(self, question: str, base: KnowledgeBase, lead: Lead) -> Finding:
        return await follow(question, self.other, self.encoder, lead)


Turn = Callable[[Lead, Sequence[Finding]], Lead | None]


@dataclass(frozen=True)
class _Turning(ExtractiveCast):
    """Chooses the next lead in another way; what the product would have chosen is given."""

    turn: Turn = lambda lead, findings: lead

    async def lead(
        self, question: str, base: KnowledgeBase, links: Sequence[Link], findings: Sequence[Finding]
    ) -> Lead | None:
        lead = await super().lead(question, base, links, findings)
        return lead and self.turn(lead, findings)


def _turning(turn: Turn) -> Condition:
    return Condition(cast=lambda encoder, question: _Turning(encoder, turn))


def _wide(lead: Lead, findings: Sequence[Finding]) -> Lead:
    return lead.model_copy(update={"wide": True})


def _restart(lead: Lead, findings: Sequence[Finding]) -> Lead:
    """Begin again at the topic, without the first hops tried so far."""
    if not findings or not findings[-1].paths or len(lead.entities) > 1:
        return lead
    last = findings[-1]
    return Lead(entities=lead.entities, tabu=(*last.lead.tabu, last.paths[0][:1]))


def _narrow(lead: Lead, findings: Sequence[Finding]) -> Lead:
    """The pivot of the loop, but one path from there."""
    if not findings or not findings[-1].paths or len(lead.entities) > 1:
        return lead
    return Lead(entities=lead.entities, kept=lead.kept, tabu=(findings[-1].paths[0][: len(lead.kept) + 1],))


def _anywhere(lead: Lead, findings: Sequence[Finding]) -> Lead:
    """A pivot at random on the last path: nothing of what was perceived is used."""
    if not findings or not findings[-1].paths or len(lead.entities) > 1:
        return lead
    path = findings[-1].paths[0]
    draw = random.Random(str((path, len(findings))))  # noqa: S311 - a sample, not a secret
    kept = path[: draw.randrange(len(path))]
    return Lead(entities=lead.entities, kept=kept, tabu=(path[: len(kept) + 1],))


def _blind(*diagnoses: str) -> Any:
    """The node `evaluate`, which takes these diagnoses for sufficient."""

    async def evaluate(state: metakgrag.State, runtime: Runtime[Context]) -> metakgrag.State:
        change = await metakgrag.evaluate(state, runtime)
        [turn] = change["rounds"]
        if turn.diagnosis in diagnoses:
            change["rounds"] = [turn.model_copy(update={"diagnosis": "sufficient"})]
        return change

    return evaluate


ABLATIONS: Final = {
    "single pass, many paths": Condition(rounds=0, cast=lambda encoder, question: _Turning(encoder, _wide)),
    "no perceive: pivot at random": _turning(_anywhere),
    "no coverage check": Condition(nodes={"evaluate": _blind("coverage", "kind")}),
    "no relevance check": Condition(nodes={"evaluate": _blind("drift")}),
    "restart instead of pivot, one path": _turning(_restart),
    "pivot, one path": _turning(_narrow),
}


async def run(data: Path, *, limit: int | None = None, encoder: Encoder | None = None) -> dict[str, Any]:
    """Measure every set.

    Args:
        data: The folder of data; graphs and questions are below `kgqa`.
        limit: Questions of each set, drawn at random; all when not given.
        encoder: Compares words with relations; MiniLM when not given.

    Raises:
        InputError: The data is not there.
    """
    files = {name: _file(data / name) for item in SETS for name in (item.graph, item.questions)}
    encoder = encoder or MiniLM()
    report: dict[str, Any] = {"limit": limit, "sets": {}}
    checks: list[list[Outcome]] = []
    with tempfile.TemporaryDirectory() as folder:
        for path in dict.fromkeys(item.graph for item in SETS):
            with KnowledgeBase.open(
                Path(folder) / path.replace("/", "-"), create=True, encoder=encoder
            ) as base:
                await add_graph(base, files[path])
                for item in (item for item in SETS if item.graph == path):
                    found, check = await _measure(item, files[item.questions], base, limit)
                    report["sets"][item.name] = found
                    checks.append(check)
                    sys.stderr.write(f"{item.name}: measured\n")
    report["doubt"] = {"used": DOUBT, "calibrated": _calibrated(checks)}
    return report


def _file(path: Path) -> Path:
    """The file, or the one of the official release of MetaQA, which has the ending `.txt`."""
    found = next((file for file in (path, path.with_suffix(".txt")) if file.is_file()), None)
    if found is None:
        raise InputError(
            f"{path} does not exist",
            fix="name the folder that holds `kgqa`; benchmarks/suites/DATA.md says how to get the data",
        )
    return found


async def _measure(
    item: QuestionSet, path: Path, base: KnowledgeBase, limit: int | None
) -> tuple[dict[str, Any], list[Outcome]]:
    every = [question for question in item.read(path) if question.answers]
    draw = random.Random(0)  # noqa: S311 - a sample, not a secret
    draw.shuffle(every)
    questions = [question for question in every if question.extra.get("kb_exact", True)]
    inexact = [question for question in every if not question.extra.get("kb_exact", True)]
    reported = [question for question in questions if not _calibrates(question)][:limit]
    calibration = [question for question in questions if _calibrates(question)][: limit or SAMPLE]
    sample = reported[:SAMPLE]
    mixed = shuffled(base.graph)

    def hiding(encoder: Encoder, question: Question) -> ExtractiveCast:
        return _Hiding(encoder, tuple(entity_key(known) for known in question.answers))

    async def over(asking: Sequence[Question], condition: Condition = Condition()) -> list[Outcome]:
        return [await measured(base, question, condition) for question in asking]

    closed, opened = await over(reported), await over(reported, Condition(rounds=0))
    found = {
        "closed": _summary(closed),
        "open": _summary(opened),
        "closed against open": _compared(closed, opened),
        "linked": _summary(await over(reported, Condition(marked=False))),
        "rounds": {n: _summary(await over(sample, Condition(rounds=n))) for n in (0, 1, 2, 3, 5)},
        "answers removed": _summary(await over(sample, Condition(cast=hiding))),
        "labels shuffled": _summary(
            await over(sample, Condition(cast=lambda encoder, question: _Astray(encoder, mixed)))
        ),
        "beam walk": _summary([await _beam(base, question) for question in sample[:50]]),
        "ablations": {name: _summary(await over(sample, condition)) for name, condition in ABLATIONS.items()},
    }
    if inexact:
        found["not kb_exact"] = _summary(await over(inexact[: len(sample)]))
    return found, await over(calibration)


async def measured(base: KnowledgeBase, question: Question, condition: Condition) -> Outcome:
    """Ask the loop as it is shipped, but for what the condition replaces."""
    cycle = metakgrag.wired(**condition.nodes).compile() if condition.nodes else metakgrag.graph
    meter = Meter(Budget(rounds=condition.rounds, seconds=None))
    context = Context(base, condition.cast(base.encoder, question), meter=meter)
    text = asked(question, marked=condition.marked)
    begin = time.perf_counter()
    state = await cycle.ainvoke({"question": text, "trace": []}, context=context)
    ms = 1_000 * (time.perf_counter() - begin)
    findings = [turn.sight.finding for turn in state["rounds"] if turn.sight.finding is not None]
    best = max(findings, key=lambda finding: finding.quality, default=None)
    return score(best, question, answered=state["answer"].answered, rounds=len(state["rounds"]), ms=ms)


async def _beam(base: KnowledgeBase, question: Question) -> Outcome:
    """The baseline: one beam walk that triples are scored for by likeness, as far as it seems good to go."""
    lead = await ExtractiveCast(base.encoder).lead(asked(question), base, (), ())
    begin = time.perf_counter()
    starts = lead.entities if lead else ()
    walks = await beam_walk(base.graph, base.encoder, starts, Aim(asked(question, marked=False)))
    ms = 1_000 * (time.perf_counter() - begin)
    ends = tuple(dict.fromkeys(walk.end for walk in walks if walk.hops))
    found = Finding(lead=lead, answers=ends[:1], doubt=0.0) if lead else None
    return score(found, question, answered=bool(ends), rounds=1, ms=ms)


def _summary(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    if not outcomes:
        return {"n": 0}
    hits = bootstrap([float(outcome.hit) for outcome in outcomes], resamples=2_000)
    given = [outcome for outcome in outcomes if outcome.answered]
    times = sorted(outcome.milliseconds for outcome in outcomes)
    return {
        "n": len(outcomes),
        "hits@1": hits.mean,
        "low": hits.low,
        "high": hits.high,
        "f1": mean(outcome.f1 for outcome in outcomes),
        "hits@1 with abstention": sum(outcome.hit for outcome in given) / len(outcomes),
        "abstains": 1 - len(given) / len(outcomes),
        "nothing found": sum(not outcome.found for outcome in outcomes),
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


def main(given: Sequence[str]) -> int:
    """Measure, show, write."""
    parser = argparse.ArgumentParser(prog="kedge bench kgqa", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the data sets")
    parser.add_argument("--limit", type=int, help="questions of each set; all when not given")
    parser.add_argument("--output", type=Path, help="folder for kgqa.md and kgqa.json")
    parser.add_argument("--curves", action="store_true", help="also kgqa.svg (needs matplotlib)")
    options = parser.parse_args(given)
    report = asyncio.run(run(options.data, limit=options.limit))
    sys.stdout.write(markdown(report))
    if options.output is not None:
        options.output.mkdir(parents=True, exist_ok=True)
        (options.output / "kgqa.md").write_text(markdown(report))
        (options.output / "kgqa.json").write_text(json.dumps(report, indent=1) + "\n")
        if options.curves:
            lines = {
                name: [(rounds, 100 * found["hits@1"]) for rounds, found in of["rounds"].items()]
                for name, of in report["sets"].items()
            }
            draw("Questions over graphs", "rounds (T)", "Hits@1", lines, options.output / "kgqa.svg")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
