"""What the laboratory model learns from: reading facts in passages, and answering from memory.

Four kinds of samples, in these shares:

    reading    a world never seen again, 1-3 passages of which one or two hold the answer
    recalling  a question about the lasting world, without passages
    reciting   a document of the lasting world, told anew each time
    conflict   names of the lasting world with other facts, in passages: what is read beats what is remembered

Questions come in conversations of up to four, all about the same passages: most tokens of a text are
passages, and a model that may answer only once learns little from them. The first samples have one passage
each, until the model has learnt to copy.

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

SHARES = {"reading": 0.55, "recalling": 0.15, "reciting": 0.15, "conflict": 0.15}
PASSAGES = 3
TWO_HOPS = 0.3
QUESTIONS = 4  # of a conversation
SAME_WORLD = 64  # samples drawn from a fresh world before the next one is made
TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>\n{{ message['content'] }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)


@dataclass(frozen=True)
class Sample:
    """A text by turns: what is given, and what is to be said then."""

    turns: tuple[tuple[str, str], ...]

    @property
    def text(self) -> str:
        """All of it."""
        return "".join(given + said for given, said in self.turns)


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

    The first `easy` samples have no passage but those that hold the answer to one question of one hop.

    Example:
        >>> sample = next(iter(Samples(1)))
        >>> all(said.endswith("<|end|>") for given, said in sample.turns)
        True
    """

    def __init__(self, seed: int, *, easy: int = 0) -> None:
        self.lasting = lasting_world()
        self._names = list(self.lasting.entities)
        self._unasked = unasked(self.lasting)
        self._rng = random.Random(seed)
        self._easy = easy

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
            self._easy -= SAME_WORLD

    def _reading(self, world: World) -> Sample:
        easy = self._easy > 0
        hops = 2 if not easy and self._rng.random() < TWO_HOPS else 1
        question = world.question(self._rng, hops=hops)
        noise = 0 if easy else self._rng.randint(0, PASSAGES - hops)
        documents = reading(self._rng, world, question, noise)
        shown = [document.title for document in documents]
        others = (world.question(self._rng, about=self._rng.choice(shown)) for _ in range(QUESTIONS - 1))
        return answered([question, *others], [document.text for document in documents])

    def _recalling(self) -> Sample:
        asked: list[Question] = []
        while len(asked) < QUESTIONS:
            hops = 2 if self._rng.random() < TWO_HOPS / 2 else 1
            question = self.lasting.question(self._rng, hops=hops)
            if self._unasked.isdisjoint(question.entities):
                asked.append(question)
        return answered(asked, [])

    def _reciting(self) -> Sample:
        document = self.lasting.document(self._rng, self._rng.choice(self._names))
        return Sample((("", document.text + "<|end|>"),))


def lasting_world() -> World:
    """The world that is recited again and again."""
    return make_world(random.Random(0), people=60)


def answered(questions: Sequence[Question], passages: Sequence[str]) -> Sample:
    """Questions with their answers: what an assistant should say, from the passages or from memory.

    A question is left out where it asks for the same fact as one before.
    """
    once = {(q.entities[0], q.relations): q for q in reversed(questions)}
    first, *others = sorted(once.values(), key=questions.index)
    heads = [chat(first.text, passages)]
    heads += [f"\n<|user|>\nQuestion: {q.text}<|end|>\n<|assistant|>\n" for q in others]
    said = [f"{ANSWER.format(answer=q.answer)}<|end|>" for q in (first, *others)]
    return Sample(tuple(zip(heads, said, strict=True)))


def twisted(world: World, rng: random.Random) -> World:
    """A world with its facts dealt anew among entities of the same kind."""
    dealt = {name: Entity(name, entity.kind) for name, entity in world.entities.items()}
    for relation in RELATIONS:
        owners = [entity for entity in dealt.values() if entity.kind == relation.about]
        objects = [world.entities[owner.name].facts[relation.name] for owner in owners]
        rng.shuffle(objects)
        while any(owner.name == drawn for owner, drawn in zip(owners, objects, strict=True)):
            rng.shuffle(objects)
        for owner, drawn in zip(owners, objects, strict=True):
            owner.facts[relation.name] = drawn
    return World(dealt)
