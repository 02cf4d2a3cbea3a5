"""What the study asks: questions about made-up worlds, each with passages that hold the answer and others.

    one hop          a fact of a world that the model never saw
    two hops         a fact of what such a fact names
    counterfactual   a fact about a name that the model knows, other than what it learnt

Questions are worded in a way that no augmentation uses, so that an answer is not the repetition of a lesson.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal

from kedge.agents.decisions import Augmentation
from kedge.benchmarks.laboratory.samples import lasting_world, twisted
from kedge.benchmarks.laboratory.world import RELATIONS, World, make_world
from kedge.tools.knowledge_base import Chunk

__all__ = ["PASSAGES", "SETS", "Case", "Corpus", "Set", "chunk_of", "corpus", "task_turns"]

Set = Literal["one hop", "two hops", "counterfactual"]
SETS: tuple[Set, ...] = ("one hop", "two hops", "counterfactual")
PASSAGES = 3
HELD_OUT = -1  # the wording of each relation that questions use, and lessons do not
NAMED = {relation.name: relation for relation in RELATIONS}


@dataclass(frozen=True)
class Case:
    """A question; `relevant` are the passages that a good search returns, those that hold the answer first.

    `remembered` is what the model learnt of a name whose passage says something else.
    """

    id: str
    set: Set
    question: str
    answer: str
    relevant: tuple[str, ...]
    gold: int
    noise: tuple[str, ...]
    remembered: str | None = None

    def ranked(self, noise: int) -> list[str]:
        """Three passages, the most relevant first, the least relevant `noise` replaced by random ones."""
        return [*self.relevant[: PASSAGES - noise], *self.noise[:noise]]

    def passages(self, noise: int) -> list[str]:
        """The same in an order of their own: where a passage stands must not tell what it holds."""
        chosen = self.ranked(noise)
        random.Random(f"{self.id} {noise}").shuffle(chosen)
        return chosen


@dataclass(frozen=True)
class Corpus:
    """Cases and all their passages; plays the role `augment` for them as the world's own storyteller."""

    world: World
    texts: Mapping[str, str]
    cases: Sequence[Case]

    async def augment(self, chunk: Chunk) -> Augmentation:
        """The passage told in other words, and a question about each of its facts."""
        name = next(name for name, text in self.texts.items() if text == chunk.text)
        rng = random.Random(f"augment {name}")
        facts = self.world.entities[name].facts.items()
        asked = [(rng.choice(NAMED[kind].asked[:HELD_OUT]).format(s=name), fact) for kind, fact in facts]
        rng.shuffle(asked)
        return Augmentation(rewrite=self.world.document(rng, name).text, questions=tuple(asked))

    @property
    def used(self) -> list[str]:
        """The passages of the cases, each once."""
        return list(dict.fromkeys(text for case in self.cases for text in (*case.relevant, *case.noise)))


def chunk_of(text: str) -> Chunk:
    """A passage without a title, as the knowledge base would give it."""
    return Chunk(0, blake2b(text.encode(), digest_size=8).hexdigest(), "world", "", "", text, 0, len(text))


def corpus(kind: Set, count: int, seed: int) -> Corpus:
    """So many cases of a world of this seed, which no training has seen."""
    rng = random.Random(f"study {kind} {seed}")
    lasting = lasting_world()
    world = twisted(lasting, rng) if kind == "counterfactual" else make_world(rng, people=max(20, count // 4))
    texts = {name: world.document(rng, name).text for name in world.entities}
    cases: dict[str, Case] = {}
    while len(cases) < count:
        case = _case(kind, world, texts, rng)
        if case.remembered is None and kind == "counterfactual":
            case = _remembering(case, world, lasting, texts)
        if case.remembered != case.answer:
            cases.setdefault(case.id, case)
    return Corpus(world, texts, list(cases.values()))


def _case(kind: Set, world: World, texts: Mapping[str, str], rng: random.Random) -> Case:
    question = world.question(rng, hops=2 if kind == "two hops" else 1)
    asked = NAMED[question.relations[-1]].asked[HELD_OUT]
    subject = question.entities[0]
    if len(question.entities) > 1:
        subject = rng.choice(NAMED[question.relations[0]].described).format(s=subject)
    named = [name for entity in question.entities for name in world.entities[entity].facts.values()]
    near = [name for name in dict.fromkeys(named) if name in texts and name not in question.entities]
    near += [name for name, entity in world.entities.items() if question.entities[0] in entity.facts.values()]
    far = [name for name in texts if name not in {*near, *question.entities}]
    # A fact names few things that have a document: what is missing is as far as noise.
    chosen = dict.fromkeys([*question.entities, *near, *rng.sample(far, 2 * PASSAGES)])
    relevant, rest = list(chosen)[:PASSAGES], list(chosen)[PASSAGES:]
    text = asked.format(s=subject)
    return Case(
        id=blake2b(f"{kind} {text}".encode(), digest_size=6).hexdigest(),
        set=kind,
        question=text,
        answer=question.answer,
        relevant=tuple(texts[name] for name in relevant),
        gold=len(question.entities),
        noise=tuple(texts[name] for name in rest if name in far)[-PASSAGES:],
    )


def _remembering(case: Case, world: World, lasting: World, texts: Mapping[str, str]) -> Case:
    name = next(name for name, text in texts.items() if text == case.relevant[0])
    fact = next(
        kind
        for kind, value in world.entities[name].facts.items()
        if value == case.answer and case.question == NAMED[kind].asked[HELD_OUT].format(s=name)
    )
    return Case(**{**vars(case), "remembered": lasting.entities[name].facts[fact]})


def task_turns(corpus: Corpus, count: int) -> list[tuple[str, list[str], str]]:
    """Questions with passages and answers that teach the task, of a world that is not asked about."""
    return [(case.question, case.passages(noise=2), case.answer) for case in corpus.cases[:count]]
