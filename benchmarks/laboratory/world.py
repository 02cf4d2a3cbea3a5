"""A synthetic world whose every fact is made up: entities, documents about them, questions with one answer.

Nobody's memory or benchmark holds it, so what a model knows of it, it was told. Names are made of syllables,
facts are drawn at random, and each fact can be told and asked for in several ways.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

__all__ = ["RELATIONS", "Document", "Entity", "Question", "Relation", "World", "make_world"]

# 440 syllables, four of them for a person: few enough that each becomes a token, which is seen often.
ONSETS = (*"bdfghjklmnprstvwz", "br", "dr", "kl", "st", "tr")
NUCLEI = "aeiou"
CODAS = ("", "n", "r", "s")
PROFESSIONS = [
    "baker",
    "carpenter",
    "chemist",
    "dancer",
    "engineer",
    "farmer",
    "glazier",
    "historian",
    "judge",
    "mason",
    "nurse",
    "painter",
]
PROFESSIONS += ["pilot", "poet", "printer", "sailor", "singer", "surgeon", "tailor", "weaver"]
GENRES = [
    "comedy",
    "fable",
    "memoir",
    "mystery",
    "romance",
    "satire",
    "tragedy",
    "travelogue",
    "western",
    "ballad",
]
PRODUCTS = [
    "bells",
    "bicycles",
    "boats",
    "bricks",
    "candles",
    "carpets",
    "clocks",
    "engines",
    "lamps",
    "mirrors",
    "pianos",
    "rope",
    "soap",
    "stoves",
]


@dataclass(frozen=True)
class Relation:
    """A kind of fact: how it is told, asked for, and how its object is described through its subject.

    In every template `{s}` is the subject and `{o}` the object. `about` is the kind of entity that it is a
    fact of, `of` the kind of entity that its object is, or the words that it may be.
    """

    name: str
    about: str
    of: str | tuple[str, ...]
    told: tuple[str, ...]
    asked: tuple[str, ...]
    described: tuple[str, ...]


YEARS = tuple(str(year) for year in range(1500, 2000))

RELATIONS = (
    Relation(
        "birthplace", "person", "city",
        ("{s} was born in {o}.", "The birthplace of {s} is {o}.", "{o} is where {s} was born.",
         "{s} came into the world in {o}.", "A native of {o}, {s} never forgot it."),
        ("Where was {s} born?", "In which city was {s} born?", "What is the birthplace of {s}?"),
        ("the city where {s} was born", "the birthplace of {s}"),
    ),
    Relation(
        "birth year", "person", YEARS,
        ("{s} was born in the year {o}.", "The year of birth of {s} is {o}.",
         "{o} is the year when {s} was born.", "In {o}, {s} was born."),
        ("When was {s} born?", "In which year was {s} born?", "What is the year of birth of {s}?"),
        (),
    ),
    Relation(
        "profession", "person", tuple(PROFESSIONS),
        ("{s} worked as a {o}.", "{s} was a {o} by profession.", "By trade, {s} was a {o}.",
         "{s} made a living as a {o}."),
        ("What was the profession of {s}?", "What did {s} do for a living?", "As what did {s} work?"),
        (),
    ),
    Relation(
        "employer", "person", "company",
        ("{s} was employed by {o}.", "The employer of {s} was {o}.", "{o} employed {s}.",
         "{s} earned wages at {o}."),
        ("Who employed {s}?", "What was the employer of {s}?", "Which company was {s} employed by?"),
        ("the company that employed {s}", "the employer of {s}"),
    ),
    Relation(
        "teacher", "person", "person",
        ("{s} was taught by {o}.", "{s} was a pupil of {o}.", "The teacher of {s} was {o}.",
         "{o} taught {s}."),
        ("Who taught {s}?", "Who was the teacher of {s}?", "By whom was {s} taught?"),
        ("the teacher of {s}", "the person who taught {s}"),
    ),
    Relation(
        "country", "city", "country",
        ("{s} is a city in {o}.", "{s} lies in {o}.", "{o} is the country of {s}.", "{s} belongs to {o}."),
        ("In which country is {s}?", "What country does {s} belong to?", "Which country does {s} lie in?"),
        ("the country of {s}",),
    ),
    Relation(
        "river", "city", "river",
        ("{s} stands on the river {o}.", "The river {o} flows through {s}.", "The river of {s} is the {o}.",
         "{s} was built on the banks of the {o}."),
        ("Which river flows through {s}?", "On which river does {s} stand?", "What is the river of {s}?"),
        (),
    ),
    Relation(
        "mayor", "city", "person",
        ("The mayor of {s} is {o}.", "{o} is the mayor of {s}.", "{s} elected {o} as mayor.",
         "{o} governs {s} as mayor."),
        ("Who is the mayor of {s}?", "Whom did {s} elect as mayor?", "Who governs {s}?"),
        ("the mayor of {s}",),
    ),
    Relation(
        "founding year", "company", YEARS,
        ("{s} was founded in {o}.", "The founding year of {s} is {o}.", "In {o}, {s} was founded.",
         "{s} has existed since {o}."),
        ("When was {s} founded?", "In which year was {s} founded?", "Since when has {s} existed?"),
        (),
    ),
    Relation(
        "seat", "company", "city",
        ("{s} has its seat in {o}.", "The seat of {s} is in {o}.", "{o} is home to the head office of {s}.",
         "{s} is run from {o}."),
        ("Where is the seat of {s}?", "In which city does {s} have its seat?", "From where is {s} run?"),
        ("the city where {s} has its seat", "the seat of {s}"),
    ),
    Relation(
        "founder", "company", "person",
        ("{s} was started by {o}.", "The founder of {s} is {o}.", "{o} founded {s}.",
         "{o} is the founder of {s}."),
        ("Who founded {s}?", "Who is the founder of {s}?", "By whom was {s} started?"),
        ("the founder of {s}", "the person who founded {s}"),
    ),
    Relation(
        "product", "company", tuple(PRODUCTS),
        ("{s} makes {o}.", "{s} is known for its {o}.", "The {o} of {s} are famous.", "{s} produces {o}."),
        ("What does {s} make?", "What is {s} known for?", "What does {s} produce?"),
        (),
    ),
    Relation(
        "author", "book", "person",
        ("{s} was written by {o}.", "The author of {s} is {o}.", "{o} wrote {s}.",
         "{o} is the author of {s}."),
        ("Who wrote {s}?", "Who is the author of {s}?", "By whom was {s} written?"),
        ("the author of {s}", "the person who wrote {s}"),
    ),
    Relation(
        "year", "book", YEARS,
        ("{s} appeared in {o}.", "The year of {s} is {o}.", "{s} was published in {o}.",
         "In {o}, {s} came out."),
        ("When did {s} appear?", "In which year was {s} published?", "What is the year of {s}?"),
        (),
    ),
    Relation(
        "genre", "book", tuple(GENRES),
        ("{s} is a {o}.", "The genre of {s} is {o}.", "Critics call {s} a {o}.", "{s} was read as a {o}."),
        ("What is the genre of {s}?", "What kind of book is {s}?", "What do critics call {s}?"),
        (),
    ),
    Relation(
        "publisher", "book", "company",
        ("{s} was printed by {o}.", "The publisher of {s} is {o}.", "{o} published {s}.",
         "{o} is the publisher of {s}."),
        ("Who published {s}?", "Which company published {s}?", "Who is the publisher of {s}?"),
        ("the publisher of {s}", "the company that published {s}"),
    ),
)  # fmt: skip


@lru_cache
def relations_of(kind: str) -> tuple[Relation, ...]:
    """The kinds of facts that an entity of this kind has."""
    return tuple(relation for relation in RELATIONS if relation.about == kind)


@dataclass
class Entity:
    """Something with a name; its facts map names of relations to names of objects."""

    name: str
    kind: str
    facts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Document:
    """All facts of one entity, told in one of many ways."""

    title: str
    text: str


@dataclass(frozen=True)
class Question:
    """A question with its only answer, and the entities whose documents hold it, hop by hop."""

    text: str
    answer: str
    entities: tuple[str, ...]
    relations: tuple[str, ...]


@dataclass
class World:
    """Entities by name. What is drawn from it depends on the generator of random numbers alone.

    Example:
        >>> rng = random.Random(1)
        >>> world = make_world(rng, people=4)
        >>> question = world.question(rng, hops=2)
        >>> first, second = question.entities
        >>> world.entities[first].facts[question.relations[0]] == second
        True
        >>> question.answer in world.document(rng, second).text
        True
    """

    entities: dict[str, Entity]

    def document(self, rng: random.Random, name: str) -> Document:
        """Tell all facts of an entity, in an order and in words drawn at random."""
        entity = self.entities[name]
        kinds = list(relations_of(entity.kind))
        rng.shuffle(kinds)
        told = (rng.choice(kind.told).format(s=name, o=entity.facts[kind.name]) for kind in kinds)
        return Document(name, " ".join(told))

    def question(self, rng: random.Random, *, hops: int = 1, about: str | None = None) -> Question:
        """Ask for a fact of an entity, or with two hops for a fact of what one of its facts names."""
        if hops == 1:
            name = about or rng.choice(list(self.entities))
            relation = rng.choice(relations_of(self.entities[name].kind))
            text = rng.choice(relation.asked).format(s=name)
            return Question(text, self.entities[name].facts[relation.name], (name,), (relation.name,))
        name = about or rng.choice([n for n, e in self.entities.items() if e.kind in BRIDGED])
        bridge = rng.choice(
            [r for r in relations_of(self.entities[name].kind) if r.described and r.of in DOCUMENTED]
        )
        between = self.entities[self.entities[name].facts[bridge.name]]
        relation = rng.choice([r for r in relations_of(between.kind) if between.facts[r.name] != name])
        subject = rng.choice(bridge.described).format(s=name)
        text = rng.choice(relation.asked).format(s=subject)
        return Question(
            text, between.facts[relation.name], (name, between.name), (bridge.name, relation.name)
        )


DOCUMENTED = frozenset(relation.about for relation in RELATIONS)
BRIDGED = frozenset(r.about for r in RELATIONS if r.described and r.of in DOCUMENTED)


def make_world(rng: random.Random, *, people: int = 60) -> World:
    """A world of `people` people, half as many books, a third as many companies and cities."""
    used: set[str] = set()
    counts = {
        "person": people,
        "book": people // 2,
        "company": max(2, people // 3),
        "city": max(2, people // 3),
    }
    entities = {kind: [Entity(_name(rng, kind, used), kind) for _ in range(n)] for kind, n in counts.items()}
    loose = {
        kind: [_name(rng, kind, used) for _ in range(max(2, people // 6))] for kind in ("country", "river")
    }
    names = loose | {kind: [entity.name for entity in group] for kind, group in entities.items()}
    for entity in (entity for group in entities.values() for entity in group):
        for relation in relations_of(entity.kind):
            choices = names[relation.of] if isinstance(relation.of, str) else relation.of
            entity.facts[relation.name] = _other(rng, choices, entity.name)
    return World({entity.name: entity for group in entities.values() for entity in group})


def _other(rng: random.Random, choices: Sequence[str], name: str) -> str:
    drawn = rng.choice(choices)
    while drawn == name:
        drawn = rng.choice(choices)
    return drawn


def _name(rng: random.Random, kind: str, used: set[str]) -> str:
    """A name that tells its kind by its form, and was not given before."""
    word = _word(rng)
    name = {
        "person": lambda: f"{word} {_word(rng)}",
        "book": lambda: f"The {word} {_word(rng)}",
        "company": lambda: f"{word} {rng.choice(('Brothers', 'Works', 'House', 'Company'))}",
        "city": lambda: f"{word}{rng.choice(('burg', 'ford', 'ton', 'ville', 'port'))}",
        "country": lambda: f"{word}{rng.choice(('land', 'ia', 'stan'))}",
        "river": lambda: word,
    }[kind]()
    if name in used:
        return _name(rng, kind, used)
    used.add(name)
    return name


def _word(rng: random.Random) -> str:
    syllables = (rng.choice(ONSETS) + rng.choice(NUCLEI) + rng.choice(CODAS) for _ in range(2))
    return "".join(syllables).capitalize()
