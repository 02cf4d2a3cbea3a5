"""What the laboratory model learns from: reading facts in passages, and answering from memory.

Four kinds of samples, in these shares:

    reading    a world never seen again, 1-3 passages of which one or two hold the answer
    recalling  a question about the lasting world, without passages
    reciting   a document of the lasting world, told anew each time
    conflict   names of the lasting world with other facts, in passages: what is read beats what is remembered

Every fifth entity of the lasting world is recited but never asked about, which shows whether the model
answers from what it recited, as it must from an adapter, or only repeats answers that it was given.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kedge.benchmarks.laboratory.world import RELATIONS, Document, Entity, Question, World, make_world
from kedge.tools.adapters.texts import ANSWER, prompt

__all__ = [
    "PASSAGES",
    "SHARES",
    "TEMPLATE",
    "Sample",
    "Samples",
    "answered",
    "chat",
    "lasting_world",
    "reading",
    "twisted",
    "unasked",
]

SHARES = {"reading": 0.50, "recalling": 0.22, "reciting": 0.13, "conflict": 0.15}
PASSAGES = 3
TWO_HOPS = 0.3
SAME_WORLD = 64  # samples drawn from a fresh world before the next one is made
TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>\n{{ message['content'] }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)


@dataclass(frozen=True)
class Sample:
    """A text; the loss is taken on what follows its first `given` characters."""

    text: str
    given: int


def chat(question: str, passages: Sequence[str]) -> str:
    """The turn of the user and the beginning of the assistant's, as `TEMPLATE` writes them."""
    return f"<|user|>\n{prompt(question, passages)}<|end|>\n<|assistant|>\n"


def reading(rng: random.Random, world: World, question: Question, noise: int) -> list[Document]:
    """The documents that hold the answer and `noise` others, in random order."""
    others = [name for name in rng.sample(list(world.entities), noise + 2) if name not in question.entities]
    documents = [world.document(rng, name) for name in (*question.entities, *others[:noise])]
    rng.shuffle(documents)
    return documents


def unasked(world: World) -> frozenset[str]:
    """The entities of the lasting world that are recited and never asked about without passages."""
    return frozenset(list(world.entities)[::5])


class Samples:
    """Endless samples; the lasting world is the same for every `seed`, which draws all else.

    Example:
        >>> sample = next(iter(Samples(1)))
        >>> sample.given < len(sample.text)
        True
    """

    def __init__(self, seed: int) -> None:
        self.lasting = lasting_world()
        self._names = list(self.lasting.entities)
        self._unasked = unasked(self.lasting)
        self._rng = random.Random(seed)

    def __iter__(self) -> Iterator[Sample]:
        kinds, shares = list(SHARES), list(SHARES.values())
        while True:
            fresh, dealt = make_world(self._rng), twisted(self.lasting, self._rng)
            for kind in self._rng.choices(kinds, shares, k=SAME_WORLD):
                if kind == "recalling":
                    yield self._recalling()
                elif kind == "reciting":
                    yield self._reciting()
                else:
                    yield self._reading(fresh if kind == "reading" else dealt)

    def _reading(self, world: World) -> Sample:
        hops = 2 if self._rng.random() < TWO_HOPS else 1
        question = world.question(self._rng, hops=hops)
        documents = reading(self._rng, world, question, self._rng.randint(0, PASSAGES - hops))
        return answered(question, [document.text for document in documents])

    def _recalling(self) -> Sample:
        hops = 2 if self._rng.random() < TWO_HOPS / 2 else 1
        question = self.lasting.question(self._rng, hops=hops)
        while not self._unasked.isdisjoint(question.entities):
            question = self.lasting.question(self._rng, hops=hops)
        return answered(question, [])

    def _reciting(self) -> Sample:
        document = self.lasting.document(self._rng, self._rng.choice(self._names))
        return Sample(document.text + "<|end|>", 0)


def lasting_world() -> World:
    """The world that is recited again and again."""
    return make_world(random.Random(0), people=120)


def answered(question: Question, passages: Sequence[str]) -> Sample:
    """A question with its answer: what an assistant should say, from the passages or from memory."""
    head = chat(question.text, passages)
    return Sample(head + ANSWER.format(answer=question.answer) + "<|end|>", len(head))


def twisted(world: World, rng: random.Random) -> World:
    """A world with its facts dealt anew among entities of the same kind."""
    dealt = {name: Entity(name, entity.kind) for name, entity in world.entities.items()}
    for relation in RELATIONS:
        owners = [entity for entity in dealt.values() if entity.kind == relation.about]
        objects = [world.entities[owner.name].facts[relation.name] for owner in owners]
        rng.shuffle(objects)
        for owner, drawn in zip(owners, objects, strict=True):
            owner.facts[relation.name] = drawn
    return World(dealt)
