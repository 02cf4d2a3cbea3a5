"""The relations that questions are composed of, and how they are worded; data, and how it is read.

A sense is a relation whatever words a text has for it; `~found` is the label `found`, read backwards. Each
has several wordings, so that the questions of a set do not all look alike: noun phrases
("the director of {x}"), and questions ("Who directed {x}?").
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["OF_WORKS", "SENSES", "Range", "Sense", "sense_of"]

Range = Literal["person", "year", "date", "place", "name"]


@dataclass(frozen=True, slots=True)
class Sense:
    """A relation: the labels that triples have for it, what it leads to, and its wordings.

    `clause` says the same of a thing that is looked for: "the film that was directed by {x}".
    """

    name: str
    range: Range
    labels: tuple[str, ...]
    nouns: tuple[str, ...]
    questions: tuple[str, ...]
    clause: str = ""


# name | range | labels | noun phrases | questions | clause
_TABLE: Final = """
director | person | directed by; director; ~direct; ~director of | the director of {x};
    the person who directed {x}; the one who directed {x}
    | Who directed {x}?; Who was the director of {x}?; By whom was {x} directed? | directed by {x}
writer | person | written by; scripted by; authored by; author; writer; ~write | the writer of {x};
    the person who wrote {x}
    | Who wrote {x}?; Who was the writer of {x}?; By whom was {x} written? | written by {x}
producer | person | produced by; producer; ~produce | the producer of {x}; the person who produced {x}
    | Who produced {x}?; Who was the producer of {x}? | produced by {x}
composer | person | composed by; scored by; composer; ~compose | the composer of {x};
    the person who composed {x}
    | Who composed {x}?; By whom was {x} composed? | composed by {x}
creator | person | created by; creator; ~create; ~creator of; painted by; ~paint | the creator of {x};
    the person who created {x}
    | Who created {x}?; By whom was {x} created? | created by {x}
designer | person | designed by; designer; architect; ~design | the designer of {x};
    the person who designed {x}
    | Who designed {x}?; By whom was {x} designed? | designed by {x}
builder | person | built by; builder; ~build | the builder of {x}; whoever built {x} | Who built {x}?;
    By whom was {x} built?
    | built by {x}
performer | person | sung by; performed by; recorded by; ~record; ~perform | the performer of {x};
    the one who performed {x}
    | Who performed {x}?; By whom was {x} performed? | performed by {x}
founder | person | founded by; established by; formed by; founder; ~found; ~founder of
    | the founder of {x}; the person who founded {x}
    | Who founded {x}?; By whom was {x} founded? | founded by {x}
leader | person | led by; headed by; leader; ~lead; ~command | the leader of {x}; the person who led {x}
    | Who led {x}?; By whom was {x} led? |
spouse | person | wife; husband; marry; married to; wife of; husband of; consort of; spouse; ~marry
    | the spouse of {x};
    the person whom {x} married; the person to whom {x} was married
    | Who was the spouse of {x}?; Whom did {x} marry?; To whom was {x} married? |
parent | person | | the parent of {x} | Who was a parent of {x}? |
father | person | father; ~father of | the father of {x}
    | Who was the father of {x}?; What was the name of the father of {x}? |
mother | person | mother; ~mother of | the mother of {x}
    | Who was the mother of {x}?; What was the name of the mother of {x}? |
brother | person | brother; brother of | the brother of {x} | Who was the brother of {x}? |
sister | person | sister; sister of | the sister of {x} | Who was the sister of {x}? |
child | person | son; daughter; father of; mother of | the child of {x} | Who was the child of {x}? |
publisher | name | published by; publisher; ~publish | the publisher of {x}; the company that published {x}
    | Which company published {x}?; Who was the publisher of {x}? | published by {x}
distributor | name | released by; distributed by | the company that released {x}
    | Which company released {x}?; By which company was {x} released? | released by {x}
developer | name | developed by; developer; ~develop | the developer of {x}; the company that developed {x}
    | Who developed {x}?; By whom was {x} developed? | developed by {x}
owner | name | owned by; owner; ~own | the owner of {x} | Who owns {x}?; Who is the owner of {x}?
    | owned by {x}
operator | name | operated by; operator; ~operate | the operator of {x} | Who operates {x}?;
    By whom is {x} operated? |
maker | name | manufactured by; made by; maker; ~make | the maker of {x} | Who made {x}?;
    By whom was {x} made?
    | made by {x}
school | name | educated at; graduate from
    | the school where {x} was educated; the place where {x} was educated
    | Where was {x} educated?; At which institution was {x} educated? |
birth date | date | born on | the day on which {x} was born
    | On what date was {x} born?; What is the birth date of {x}?; On which day was {x} born? |
death date | date | died on; die on | the day on which {x} died
    | On what date did {x} die?; What is the death date of {x}?; On which day did {x} die? |
release date | date | released on; premier on | the day on which {x} was released
    | On what date was {x} released?; On which day did {x} come out? |
birth year | year | born in; born on | the year in which {x} was born
    | In which year was {x} born?; In what year did the birth of {x} take place? |
death year | year | died in; die in; died on; die on | the year in which {x} died
    | In which year did {x} die?; In what year did the death of {x} occur? |
release year | year | released in; published in; released on | the year in which {x} was released
    | In which year was {x} released?; In what year did {x} come out? | released in {x}
founding year | year | founded in; formed in; established in; created in | the year in which {x} was founded
    | In which year was {x} founded?; In what year did {x} come into being? | founded in {x}
opening year | year | opened in; open in | the year in which {x} was opened
    | In which year was {x} opened?; In what year did {x} open? | opened in {x}
building year | year | built in; build in; built; completed in; launched in; launch in; finished in
    | the year in which {x} was built | In which year was {x} built?;
    In what year was the building of {x} finished? |
birthplace | place | born in; born at | the birthplace of {x}; the place where {x} was born
    | Where was {x} born?; In which place was {x} born?; What was the birthplace of {x}? |
deathplace | place | died in; die in; died at; die at | the place where {x} died
    | Where did {x} die?; In which place did {x} die?; What was the place of death of {x}? |
burial | place | buried in; buried at; interred at | the burial place of {x}; the place where {x} is buried
    | Where is {x} buried?; What is the burial place of {x}? |
home | place | based in; headquartered in | the place where {x} is based
    | Where is {x} based?; In which place is {x} based? |
origin | place | formed in; founded in; established in | the place where {x} was founded
    | Where was {x} founded?; In which place was {x} founded? |
location | place | located in; situated in; located at | the place where {x} is located
    | Where is {x} located?; In which place is {x} located? |
"""


def _parts(cell: str) -> tuple[str, ...]:
    return tuple(" ".join(part.split()) for part in cell.split(";") if part.strip())


def _read() -> dict[str, Sense]:
    senses = {}
    for row in re.split(r"\n(?=\w)", _TABLE.strip()):
        name, range_, labels, nouns, questions, clause = (cell.strip() for cell in row.split("|"))
        kind: Range = range_  # type: ignore[assignment]
        senses[name] = Sense(name, kind, _parts(labels), _parts(nouns), _parts(questions), clause)
    return senses


SENSES: Final = _read()
"""All senses by name."""


OF_WORKS: Final = frozenset(
    ("director", "writer", "producer", "composer", "creator", "designer", "builder", "performer", "publisher",
     "distributor", "developer", "maker", "release date", "release year", "opening year",
     "building year")
)  # fmt: skip
"""Senses that nobody has who is a person."""


def sense_of(label: str, range_: Range) -> Sense | None:
    """The sense of a triple's relation that leads to such a thing.

    Example:
        >>> sense_of("born in", "year").name, sense_of("born in", "place").name, sense_of("likes", "person")
        ('birth year', 'birthplace', None)
    """
    return next((s for s in SENSES.values() if label in s.labels and s.range == range_), None)
