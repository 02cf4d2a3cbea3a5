"""Parametric injection on the laboratory model: `kedge bench parametric --output FOLDER`.

The model is a small one that ships: `benchmarks/laboratory/train.py` made it from nothing but a made-up
world. Every question is asked of a real vLLM: without anything (vanilla), with passages (text), with their
adapters (parametric), with both (combined), and with passages and an adapter that only knows the task (task
only). Of three passages none to all are replaced by random ones. The learning rate and the epochs are chosen
on a world of their own; there a translator (DyPRAG) learns too, whose adapters are asked beside the trained
ones. Records are appended as they come: the same command goes on where it was stopped. Needs torch and
transformers (extra `parametric`), vLLM, and matplotlib for the pictures.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedge.benchmarks.laboratory.asking import Asker
from kedge.benchmarks.laboratory.cases import SETS, Case, Corpus, chunk_of, corpus, task_turns
from kedge.benchmarks.metrics import exact_match, f1
from kedge.benchmarks.suites._parametric_report import Record, pictures, report
from kedge.graphs.encoding import Train, encode_passages, encoded_task, learnt_pairs
from kedge.tools.adapters import (
    ANSWER,
    MERGES,
    Adapter,
    AdapterStore,
    Encoding,
    Injector,
    Lesson,
    Merge,
    Recipe,
    base_of,
    prompt,
)
from kedge.tools.models import LoraLimits, VllmOptions, VllmServer

if TYPE_CHECKING:
    from kedge.tools.adapters.translating import Translator

__all__ = ["Arm", "main", "study"]

NOISE = (0, 1, 2, 3)
METHODS = ("text", "parametric", "combined", "task only")
TRIED = ((3e-3, 2), (3e-3, 6), (1e-2, 2), (1e-2, 6))  # learning rates and epochs
RANKS = (1, 4, 8)
AT_ONCE = 16  # questions
TOGETHER = 64  # passages that are trained side by side
ALPHA = 8.0  # times the rank: what a change counts does not depend on it
LIMITS = LoraLimits(rank=32, adapters=63)
FIGURES = "figures.json"
MODEL = Path(__file__).parents[1] / "laboratory" / "model"
FEW = 60  # questions for what is chosen, and for merging and ranks
LESSONS, TURNS = 48, 4  # passages that the translator learns from, and turns of each
TRANSLATING = (1e-3, 4)  # learning rate and epochs; DyPRAG's 1e-5 and 1 are for a hundred times the passages


@dataclass(frozen=True)
class Arm:
    """One way to ask; `gold` leaves only the passages that hold the answer."""

    method: str
    noise: int = 0
    how: Merge = "sum"
    rank: int | None = None
    gold: bool = False

    @property
    def text(self) -> bool:
        """Whether the passages are in the prompt."""
        return self.method not in ("vanilla", "parametric")

    @property
    def documents(self) -> bool:
        """Whether the passages' adapters are in the weights."""
        return self.method in ("parametric", "combined")


@dataclass
class Laboratory:
    """What the study works with: the server, the model and its tokenizer, and where things are kept."""

    server: VllmServer
    asker: Asker
    injector: Injector
    model: tuple[Any, Any]
    store: AdapterStore
    records: Path

    def train(self, lessons: Sequence[Lesson], encoding: Encoding) -> list[Adapter]:
        """Adapters of these, trained side by side."""
        from kedge.tools.adapters.training import encode

        return encode(*self.model, lessons, encoding)

    async def encode(
        self, texts: Iterable[str], told: Corpus | None, encoding: Encoding, train: Train | None = None
    ) -> None:
        """Give each passage its adapter, and note what that costs."""
        chunks = [chunk_of(text) for text in texts]
        done = await encode_passages(
            chunks, self.store, encoding, augmenter=told, train=train or self.train, together=TOGETHER
        )
        recipe = encoding.recipe
        way = f"{recipe.epochs} epochs" if told else "translated"
        if done.encoded:
            self.note(
                {
                    f"seconds a passage, rank {recipe.rank}, {way}": done.seconds / done.encoded,
                    f"kB a passage, rank {recipe.rank}": done.bytes / done.encoded / 1e3,
                }
            )

    @property
    def figures(self) -> dict[str, float]:
        """Costs and speeds measured so far, which are kept beside the records."""
        path = self.records.with_name(FIGURES)
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}

    def note(self, figures: Mapping[str, float]) -> None:
        """Keep these; what is measured again is replaced."""
        text = json.dumps(self.figures | dict(figures), indent=1)
        self.records.with_name(FIGURES).write_text(text + "\n", encoding="utf-8")

    async def ask(self, cases: Sequence[Case], arm: Arm, encoding: Encoding, note: str = "") -> list[Record]:
        """Ask every case one way; what was asked before is read from the file of records."""
        before = {record.name: record for record in read(self.records)}
        free = asyncio.Semaphore(AT_ONCE)

        async def one(case: Case) -> Record:
            blank = Record(case.id, case.set, arm.method, arm.noise, arm.how, note)
            if blank.name in before:
                return before[blank.name]
            async with free:
                done = await self._ask(case, arm, encoding, blank)
            with self.records.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(done)) + "\n")
            return done

        return list(await asyncio.gather(*(one(case) for case in cases)))

    async def _ask(self, case: Case, arm: Arm, encoding: Encoding, blank: Record) -> Record:
        gold = list(case.relevant[: case.gold])
        passages = gold if arm.gold else case.passages(arm.noise)
        asked = partial(
            self.asker.ask, question=case.question, passages=passages if arm.text else (), gold=case.answer
        )
        if arm.documents:
            ranked = gold if arm.gold else case.ranked(arm.noise)
            keys = [encoding.origin(text).key for text in ranked]
            weights = [1.0 / place for place in range(1, len(keys) + 1)]  # a retriever's scores by rank
            key = self.store.merge(keys, arm.how, weights=weights, rank=arm.rank)
            said = await self.injector.ask(self.store.merged, key, asked)
        elif arm.method == "task only" and encoding.task is not None:
            said = await self.injector.ask(self.store, encoding.task, asked)
        else:
            said = await asked(self.server.name)
        right = exact_match(said.answer, [case.answer])
        old = case.remembered is not None and exact_match(said.answer, [case.remembered]) == 1.0
        return replace(
            blank,
            answer=said.answer,
            gold=case.answer,
            right=right,
            f1=f1(said.answer, [case.answer]),
            likelihood=said.likelihood,
            tokens=said.tokens,
            remembered=old,
        )


def read(path: Path) -> list[Record]:
    """The records that were written so far."""
    if not path.exists():
        return []
    return [Record(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


async def study(laboratory: Laboratory, encoding: Encoding, count: int, seed: int) -> list[Record]:
    """All of it: choose the recipe, then ask every question every way."""
    tune = corpus("one hop", min(FEW, count), seed + 1000)  # another world
    encoding, tuned = await choose(laboratory, encoding, tune)
    turns = [
        (prompt(question, passages), ANSWER.format(answer=answer))
        for question, passages, answer in task_turns(tune, FEW)
    ]
    encoding = encoded_task(turns, laboratory.store, encoding, laboratory.train)
    translator = await taught(laboratory, encoding, tune)
    records = [*tuned]
    for kind in SETS:
        told = corpus(kind, count, seed)
        await laboratory.encode(told.used, told, encoding)
        say(f"{kind}: {len(told.used)} passages encoded")
        for arm in arms():
            records += await laboratory.ask(told.cases, arm, encoding, "gold" if arm.gold else "")
            say(f"{kind}: {arm.method}, {arm.how}, noise {arm.noise}{', gold alone' if arm.gold else ''}")
        few = told.cases[:FEW]
        for how in MERGES:
            for method in ("parametric", "combined"):
                records += await laboratory.ask(few, Arm(method, how=how), encoding, "merging")
        records += await laboratory.ask(few, Arm("parametric", rank=2), encoding, "reduced to 2")
        records += await translated(laboratory, translator, few)
        if kind == "one hop":
            records += await ranks(laboratory, encoding, told, few)
    return records


async def taught(laboratory: Laboratory, encoding: Encoding, tune: Corpus) -> Translator:
    """A translator that has learnt from the passages which the recipe was chosen on."""
    from kedge.tools.adapters.translating import TranslatorRecipe, learnt_once

    chunks = [chunk_of(text) for text in dict.fromkeys(text for case in tune.cases for text in case.relevant)]
    pairs = await learnt_pairs(chunks, laboratory.store, encoding, augmenter=tune, most=LESSONS)
    # The last turns are without any passage: those that an adapter alone has to answer.
    few = [(replace(lesson, turns=lesson.turns[-TURNS:]), adapter) for lesson, adapter in pairs]
    rate, epochs = TRANSLATING
    recipe, began = TranslatorRecipe(learning_rate=rate, epochs=epochs), time.monotonic()
    translator = await asyncio.to_thread(
        learnt_once, laboratory.store.root, *laboratory.model, few, encoding, recipe
    )
    # One that was read again took no time.
    laboratory.note({"seconds to train the translator, once": time.monotonic() - began} | laboratory.figures)
    return translator


async def translated(laboratory: Laboratory, translator: Translator, few: Sequence[Case]) -> list[Record]:
    """The same with adapters that were translated instead of trained."""
    from kedge.tools.adapters.translating import translate_each

    encoding, records = translator.record.translated, []
    texts = dict.fromkeys(text for case in few for text in case.relevant)
    await laboratory.encode(texts, None, encoding, partial(translate_each, *laboratory.model, translator))
    for method in ("parametric", "combined"):
        for how in ("sum", "mean"):
            records += await laboratory.ask(few, Arm(method, how=how), encoding, "translated")
    return records


def arms() -> list[Arm]:
    """The ways that every question is asked."""
    as_prag = [Arm(method, noise) for method in METHODS for noise in NOISE]
    shipped = [Arm(method, noise, "mean") for method in ("parametric", "combined") for noise in NOISE]
    return [Arm("vanilla"), *as_prag, *shipped, *(Arm(method, gold=True) for method in METHODS[:3])]


async def choose(laboratory: Laboratory, encoding: Encoding, tune: Corpus) -> tuple[Encoding, list[Record]]:
    """The learning rate and epochs whose adapters alone make the answers of another world likeliest."""
    best, records = (float("-inf"), encoding), []
    texts = dict.fromkeys(text for case in tune.cases for text in case.relevant)
    for rate, epochs in TRIED:
        recipe = encoding.recipe.model_copy(update={"learning_rate": rate, "epochs": epochs})
        tried = encoding.model_copy(update={"recipe": recipe})
        await laboratory.encode(texts, tune, tried)
        note = f"rate {rate:g}, {epochs} epochs"
        asked = await laboratory.ask(tune.cases, Arm("parametric"), tried, note)
        likely = sum(record.likelihood for record in asked) / len(asked)
        right = sum(record.right for record in asked) / len(asked)
        say(f"{note}: {right:.0%} right, log-likelihood {likely:.2f}")
        records += [replace(record, set="calibration") for record in asked]
        best = max(best, (likely, tried), key=lambda pair: pair[0])
    return best[1], records


async def ranks(
    laboratory: Laboratory, encoding: Encoding, told: Corpus, few: Sequence[Case]
) -> list[Record]:
    """The same with adapters of other ranks."""
    records = []
    texts = dict.fromkeys(text for case in few for text in case.relevant)
    for rank in RANKS:
        recipe = encoding.recipe.model_copy(update={"rank": rank, "alpha": ALPHA * rank})
        other = encoding.model_copy(update={"recipe": recipe})
        await laboratory.encode(texts, told, other)
        for method in ("parametric", "combined"):
            records += await laboratory.ask(few, Arm(method), other, f"rank {rank}")
    return records


def say(text: str) -> None:
    """A line of progress."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")


async def run(options: argparse.Namespace) -> tuple[list[Record], dict[str, float]]:
    """Serve the model, and study it; returns the records and the figures."""
    from kedge.benchmarks.laboratory.speed import measure
    from kedge.tools.adapters.training import load_model

    name = str(options.model)
    model, tokenizer = load_model(name)
    recipe = Recipe(rank=options.rank, alpha=ALPHA * options.rank, questions=8, recall=True)
    encoding = Encoding(model=name, base=base_of(name), recipe=recipe)
    served = VllmOptions(
        name, vllm=options.vllm, context=1024, kv_gib=0.25, threads=1, dtype="float32", lora=LIMITS
    )
    async with VllmServer(served, options.output / "vllm.log") as server:
        laboratory = Laboratory(
            server,
            Asker(server.url, tokenizer),
            Injector(server.url, limits=LIMITS),
            (model, tokenizer),
            AdapterStore(options.output / "adapters"),
            options.output / "records.jsonl",
        )
        records: list[Record] = []
        if options.only != "speed":
            records = await study(laboratory, encoding, options.questions, options.seed)
        if options.only != "study":
            laboratory.note(await measure(laboratory, encoding, corpus("one hop", FEW, options.seed)))
        await laboratory.asker.close()
    return records, laboratory.figures


def main(given: Sequence[str]) -> int:
    """Read the options and run."""
    parser = argparse.ArgumentParser(prog="kedge bench parametric", description=__doc__)
    parser.add_argument("--model", type=Path, default=MODEL, help="folder of a model (default: what ships)")
    parser.add_argument("--output", type=Path, required=True, help="folder for records, tables and pictures")
    parser.add_argument("--vllm", type=Path, help="the environment that has vLLM")
    parser.add_argument("--questions", type=int, default=150, help="of each of the three sets")
    parser.add_argument("--rank", type=int, default=2, help="of the adapters")
    parser.add_argument("--seed", type=int, default=1, help="of the worlds")
    parser.add_argument("--only", choices=["study", "speed"], help="leave out the other part")
    options = parser.parse_args(given)
    output: Path = options.output
    output.mkdir(parents=True, exist_ok=True)
    records, figures = asyncio.run(run(options))
    text = report(records, figures)
    name = "speed.md" if options.only == "speed" else "parametric.md"
    (output / name).write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    if records:
        pictures(records, output)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
