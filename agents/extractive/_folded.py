"""What is folded inside a question: parts that stand for a name which must be found first."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from kedge.agents.extractive._expecting import WH
from kedge.agents.extractive._vocabulary import COUNTRIES, EXPECTATIONS, RELATIONAL
from kedge.agents.extractive.language import STOP_WORDS, Span, dates, lemma, names, numbers, singular, tokens
from kedge.agents.extractive.lexicon import (
    AUXILIARIES,
    COUNTRY_OF_DEMONYM,
    IRREGULAR_VERBS,
    NAMING,
    ORDINALS,
    PERSON_NOUNS,
    TIME_NOUNS,
    VERBS,
    WORKS,
    word_set,
)
from kedge.agents.extractive.phrases import verb_group
from kedge.agents.extractive.units import Unit, tag_at, units

__all__ = ["Folded", "folded", "interrogative", "read_units"]


class Folded(NamedTuple):
    """Characters `start:end` of a question, and the question whose answer can take their place."""

    start: int
    end: int
    question: str


# Places that the name behind "of" belongs to: "the city of Paris" is Paris.
_SAME_AS: Final = word_set(
    "city town village state county province island district kingdom republic state isle"
)
# "place of birth": nouns that complete another one to a relation.
_OF: Final = word_set("birth death burial origin citizenship residence education employment formation")
_ROLES: Final = (
    RELATIONAL
    | {noun for noun, kind in EXPECTATIONS.items() if kind in ("person", "country")}
    | word_set("birthplace team club band company country city state county continent league label")
    | word_set("hometown school university college employer residence performer")
) - word_set("people")
# Who makes works: what is behind "of" is a title, which may be longer than a run of capitals.
_MAKERS: Final = word_set("""
    director producer author writer composer performer singer creator publisher editor artist screenwriter
    illustrator cinematographer lyricist
""")
_PEOPLE: Final = word_set("man woman person individual boy girl people one")
# What may be left of a question that asks for nothing but what is folded in it.
_LIGHT: Final = (
    STOP_WORDS
    | AUXILIARIES
    | {*WH}
    | word_set("name names title full real exact term list known called give tell identify find")
)
# Behind these stands what somebody is or becomes, not somebody to be found.
_PREDICATES: Final = word_set(
    "as be become became becoming named called elected appointed made hired considered"
)
# Heads of clauses that point at no thing of its own.
_AFTER_NOUN: Final = "it.,sR("
_RANKS: Final = {*ORDINALS, "last"}
_VAGUE: Final = TIME_NOUNS - {"year"} | word_set("thing way reason fact part time case idea")
_PLACED: Final = word_set("born located situated based died raised lived buried held formed headquartered")
_REFERENCE: Final = re.compile(r"#\d+")
_QUOTES: Final = ('"', "“", "”")
# What belongs to a name behind it: a quotation mark, a bracket, a title of nobility.
_AROUND: Final = re.compile(r"[\"”]?(?: \([^()]*\))?(?:, \d+(?i:st|nd|rd|th)(?: [A-Z][\w-]*)+)?")


def read_units(text: str) -> list[Unit]:
    """The units of a question; references and names with brackets behind them are names."""
    found = [Span(*m.span(), m[0]) for m in _REFERENCE.finditer(text)]
    taken = {span.start for span in found}
    for name in names(text):
        around = _AROUND.match(text, name.end)
        start, end = name.start, around.end() if around else name.end
        if text[start - 1 : start] in _QUOTES and text[name.end : name.end + 1] in _QUOTES:
            start -= 1
        if name.start not in taken:
            found.append(Span(start, end, text[start:end]))
    return list(_with_owners(units(tokens(text), found, dates(text), numbers(text))))


def _with_owners(found: Sequence[Unit]) -> Iterator[Unit]:
    """The units with the "'s" behind a bracket as one."""
    for at, unit in enumerate(found):
        before = found[at - 1] if at else unit
        if unit.text == "s" and before.text in "'’" and before.end == unit.start:
            continue
        follows = found[at + 1] if at + 1 < len(found) else unit
        owns = unit.text in "'’" and follows.text == "s" and follows.start == unit.end
        yield unit._replace(tag="'", end=follows.end, text="'s", low="'s") if owns else unit


def interrogative(text: str) -> bool:
    """Whether a text is one question in English, short enough to be taken apart."""
    words = re.findall(r"[a-z']+", text.lower())
    if not words or len(text) > 600 or re.search(r"[.?!] +[A-Z].*[.?!]?$", _without_titles(text)):
        return False
    return bool({*WH} & set(words)) or words[0] in AUXILIARIES or words[0] in _ORDERS


_ORDERS: Final = word_set("name list give identify find tell")


def _without_titles(text: str) -> str:
    """A text without full stops that end no sentence: in quotes, in initials, in abbreviations."""
    text = re.sub(r"[\"“][^\"“”]*[\"”]", "", text)
    return re.sub(r"\b(?:[A-Z]|Dr|Mr|Mrs|Ms|St|Mt|Jr|Sr|vs|No|Inc|Co|Ltd|Bros|Ft|Vol)\.", "", text)


def folded(text: str) -> Folded | None:
    """The innermost part of a question that stands for something else, if anything is asked beyond it."""
    found = read_units(text)
    inner = [part for part in _parts(text, found) if _asks_more(text, part) and not _is_asked(found, part)]
    return min(inner, key=lambda part: (part.end - part.start, part.start), default=None)


def _asks_more(text: str, part: Folded) -> bool:
    rest = re.findall(r"[^\W\d_]+", f"{text[: part.start]} {text[part.end :]}".lower())
    return any(word not in _LIGHT for word in rest)


def _is_asked(found: Sequence[Unit], part: Folded) -> bool:
    """Whether a part says what is asked for, or what someone became: "What was the capital of Hesk in 1900?"."""
    at = next(i for i, unit in enumerate(found) if unit.end > part.start)
    before = found[at - 1] if at else None
    after = next((unit for unit in found if unit.start >= part.end), None)
    if before is None:
        return False
    if before.low in _PREDICATES or (after is not None and after.low in ("and", "or")):
        return after is None or after.low in ("and", "or") or after.tag in _AFTER_NOUN
    goes_on = after is not None and after.tag not in _AFTER_NOUN
    if before.tag != "B" or goes_on or found[0].low not in ("who", "what", "which"):
        return False
    nouns = [unit.low for unit in found[1 : at - 1]]
    return not nouns or EXPECTATIONS.get(nouns[-1], "name") in ("person", "name")


def _parts(text: str, found: Sequence[Unit]) -> Iterator[Folded]:
    for at, unit in enumerate(found):
        if unit.tag == "'":
            yield from _owned(text, found, at)
        elif unit.low == "of":
            yield from _role_of(text, found, at)
        elif unit.low in ("a", "an", "this") and tag_at(found, at - 1) not in "B,." and at:
            yield from _described(text, found, at)
        elif unit.tag == "d" and unit.low == "the":
            yield from _described(text, found, at)
            yield from _compound(text, found, at)
            yield from _superlative(text, found, at)
            yield from _same_as(text, found, at)


def _who_is(noun: str) -> str:
    """How to ask for what a noun names: "Who is", "What are"."""
    one = singular(noun)
    person = EXPECTATIONS.get(one) == "person" or one in PERSON_NOUNS or one == "spouse"
    return f"{'Who' if person else 'What'} {'is' if one == noun else 'are'}"


def _role_end(found: Sequence[Unit], at: int) -> int:
    """The end of the words from `at` that name a relation: "birthplace", "city of birth"; `at` if none do."""
    end = at
    for i in range(at, min(at + 4, len(found))):
        if found[i].tag not in "wV-":
            break
        if found[i].low != "people" and singular(found[i].low) in _ROLES:
            end = i + 1
    if tag_at(found, end) == "i" and end + 1 < len(found) and found[end + 1].low in _OF:
        return end + 2
    if end == at and tag_at(found, at) == "w" and at + 2 < len(found):
        if found[at + 1].low == "of" and found[at + 2].low in _OF:
            return at + 3
    return end


def _owned(text: str, found: Sequence[Unit], at: int) -> Iterator[Folded]:
    """`Ada's father`, `#1's city of birth`."""
    if tag_at(found, at - 1) != "N":
        return
    end = _role_end(found, at + 1)
    if end == at + 1 or tag_at(found, end) == "N" or _noun_goes_on(found, end):  # "Denmark's king Hamlet"
        return
    if at > 2 and found[at - 2].low == "of" and found[at - 3].low in WH:  # "which of Ada's sons"
        return
    start = found[at - 1 - (tag_at(found, at - 2) == "d" and found[at - 2].low == "the")].start
    role = text[found[at + 1].start : found[end - 1].end]
    owner = text[start : found[at - 1].end]
    yield Folded(start, found[end - 1].end, f"{_who_is(found[end - 1].low)} the {role} of {owner}?")


def _noun_goes_on(found: Sequence[Unit], at: int) -> bool:
    """Whether the word at `at` continues a compound: "city centre", not "city lie" or "father famous"."""
    return (
        tag_at(found, at) == "w" and lemma(found[at].low) not in VERBS and tag_at(found, at + 1) not in "it"
    )


def _role_of(text: str, found: Sequence[Unit], at: int) -> Iterator[Folded]:
    """`the director of Jaws`, `the place of death of #1`."""
    first = at
    while first > 0 and first > at - 4 and _leads(found[first - 1]):
        first -= 1
    if at - 2 > 0 and found[at - 1].low in _OF and found[at - 2].low == "of":
        first = at - 3
        while first > 0 and found[first - 1].tag == "w" and found[first - 1].low not in WH:
            first -= 1
    elif first == at or singular(found[at - 1].low) not in _ROLES:
        return
    definite = tag_at(found, first - 1) == "d" and found[first - 1].low == "the"
    if found[first].low in WH or (not definite and tag_at(found, first - 1) == ","):
        return
    last = at + 1
    while tag_at(found, last) in "dw-" and last < at + 5:
        last += 1
    if tag_at(found, last) != "N" or tag_at(found, last + 1) in "'-" or _noun_goes_on(found, last + 1):
        return
    if found[last].text in COUNTRIES and found[at - 1].low == "country":
        return
    if found[at - 1].low in _MAKERS:
        last = _title_end(found, last)
    if found[at - 1].low in _SAME_AS or (not definite and found[at - 1].low not in RELATIONAL):
        return
    role = text[found[first].start : found[at - 1].end]
    whose = text[found[at + 1].start : found[last].end]
    start = found[first - 1].start if definite else found[first].start
    yield Folded(start, found[last].end, f"{_who_is(found[at - 1].low)} the {role} of {whose}?")


def _leads(unit: Unit) -> bool:
    """Whether a unit may stand before a relation: "first", "14th", "executive"."""
    return unit.tag in "w-" or unit.low in _RANKS or bool(re.fullmatch(r"\d+(?:st|nd|rd|th)", unit.low))


def _title_end(found: Sequence[Unit], at: int) -> int:
    """The last unit of a title that small words hold together: "Songs to Sing with Ada"."""
    while tag_at(found, at + 1) in "it" and found[at + 1].low not in ("in", "of"):
        step = at + 2 + (tag_at(found, at + 2) == "d")
        if tag_at(found, step) != "N":
            break
        at = step
    return at


def _compound(text: str, found: Sequence[Unit], at: int) -> Iterator[Folded]:
    """`the It'll Be Me singer`: a name before the relation."""
    if tag_at(found, at + 1) != "N" or found[at + 1].text in COUNTRY_OF_DEMONYM:
        return
    end = _role_end(found, at + 2)
    if at == 1 and found[0].tag == "B":  # "Is the Ferry Inn host to ..."
        return
    if end != at + 3 or tag_at(found, end) in "NwtR'-" or found[end - 1].low not in RELATIONAL:
        return
    role = found[end - 1].text
    yield Folded(found[at].start, found[end - 1].end, f"{_who_is(role)} the {role} of {found[at + 1].text}?")


def _noun_end(found: Sequence[Unit], at: int) -> int:
    """The end of the common words of the noun phrase that starts behind the article `at`."""
    end = at + 1
    while end < len(found) and _in_noun(found, end):
        end += 1
    if tag_at(found, end) in "VG" and tag_at(found, end + 1) == "w":
        return end + 2  # "the leading role"
    return end


def _in_noun(found: Sequence[Unit], at: int) -> bool:
    unit, following = found[at], tag_at(found, at + 1)
    if unit.tag == "N":  # "the American company that", "the King who"
        demonym = all(part in COUNTRY_OF_DEMONYM for part in unit.text.split("-"))
        return (demonym and following in "w#D") or (unit.low in EXPECTATIONS and following == "R")
    if unit.tag == "c":
        return tag_at(found, at - 1) == following == "w" and tag_at(found, at + 2) == "w"
    return unit.tag in "w#D-a" or unit.low in ("most", "other")


_ESTS: Final = re.compile(r"(?:[a-z]{2,}est|latest|best|worst)$")
_NOT_SUPERLATIVE: Final = word_set("west forest interest request harvest test guest quest protest conquest")


def _superlative(text: str, found: Sequence[Unit], at: int) -> Iterator[Folded]:
    """`the highest-grossing film of 1994`, `the largest city in Hesk`."""
    end = _noun_end(found, at)
    first = found[at + 1].low if end > at + 2 else ""
    if not first or not (first == "most" or _ESTS.match(first.split("-")[0])) or first in _NOT_SUPERLATIVE:
        return
    noun = found[end - 1].low
    if tag_at(found, end) != "i" or EXPECTATIONS.get(singular(noun)) not in ("person", "place", "name"):
        return
    last = end + 1
    while tag_at(found, last) in "dw#":
        last += 1
    if tag_at(found, last) in "ND" and last < len(found):
        words = text[found[at].start : found[last].end]
        yield Folded(found[at].start, found[last].end, f"{_who_is(noun)} {words}?")


def _same_as(text: str, found: Sequence[Unit], at: int) -> Iterator[Folded]:
    """`the same county as #1`: what the other one is in."""
    words = [unit.low for unit in found[at + 1 : at + 4]]
    if len(words) < 3 or words[0] != "same" or words[2] != "as" or tag_at(found, at + 4) != "N":
        return
    other = found[at + 4]
    yield Folded(found[at].start, other.end, f"Which {words[1]} is {other.text} in?")


# --- clauses -----------------------------------------------------------------------------------------------


def _described(text: str, found: Sequence[Unit], at: int) -> Iterator[Folded]:
    """`the town where Ada was born`, `the film directed by #1`, `the company Ada works for`."""
    end = _noun_end(found, at)
    if end == at + 1 or end >= len(found):
        return
    head, link = found[end - 1], found[end]
    if head.tag not in "wN" or singular(head.low) in _VAGUE or _ESTS.match(head.low):
        return
    if found[at].low != "the" and link.tag != "R":
        return
    noun = text[found[at + 1].start : head.end]
    start, waits = end, True
    if link.tag == "R" and link.low != "when":
        start = end + 1
    elif link.tag == "i" and end + 1 < len(found) and found[end + 1].low in ("which", "whom"):
        start = end + 2
    elif link.low in NAMING and tag_at(found, end + 1) == "N":  # "the ship called Ada" is Ada
        return
    elif (link.tag == "G" and lemma(link.low) in VERBS) or (
        link.tag == "V" and not link.low.endswith("s") and tag_at(found, end + 1) == "i"
    ):
        waits = False
    elif not (
        link.tag == "N" and tag_at(found, end + 1) in "BAV" and head.low in EXPECTATIONS.keys() - WORKS
    ):
        return
    stop = _clause_end(found, start, waits=waits, bare=_awaits_bare(found, at))
    clause = found[start:stop]
    anchored = link.low == "whose" or any(unit.tag in "ND" or unit.low.isdigit() for unit in clause)
    if len(clause) < 2 or not anchored:
        return
    if any(unit.low in ("what", "which", "how", "else") for unit in clause):
        return
    if waits and not any(unit.tag in "BAV" for unit in clause):
        return
    question = _clause_question(text, noun, head.low, found[end:start], clause)
    if question:
        yield Folded(found[at].start, clause[-1].end, question)


def _awaits_bare(found: Sequence[Unit], at: int) -> bool:
    """Whether the question's own verb, in its bare form, is still to come: "When did the ..."."""
    return tag_at(found, at - 1) == "A" and found[at - 1].low in ("did", "does", "do")


def _clause_end(found: Sequence[Unit], start: int, *, waits: bool, bare: bool) -> int:
    """Where a clause stops: at a verb that it does not need, a comma or a full stop."""
    owed, at = int(waits), start
    anchored = False
    while at < len(found):
        unit, before = found[at], _before(found, at)
        if unit.tag in ".()" or (unit.tag == "," and anchored and owed <= 0):
            break
        if unit.tag in "Rs" and at > start:
            owed += 1
        if at == start and not waits:
            at += 1
            continue
        if unit.tag in "BAV" and before not in "tc":
            if unit.tag == "V" and before in "wN" and _reduced(found, at):
                at += 1
                continue
            if owed <= 0:
                break
            owed -= 1
            at = max(at + 1, verb_group(found, at)[0])
            continue
        if bare and owed <= 0 and anchored and _is_bare(found, at):
            break
        anchored = anchored or unit.tag in "ND"
        at += 1
    return at


def _before(found: Sequence[Unit], at: int) -> str:
    """The tag of what stands before, adverbs and negations left out: "to no longer be"."""
    at -= 1
    while tag_at(found, at) in "an":
        at -= 1
    return tag_at(found, at)


def _reduced(found: Sequence[Unit], at: int) -> bool:
    """Whether a participle only describes the noun before it: "the airport named Dodge"."""
    return (
        found[at].low in NAMING
        and found[at].low != "born"
        or (at + 1 < len(found) and found[at + 1].low == "by")
    )


def _is_bare(found: Sequence[Unit], at: int) -> bool:
    low, before = found[at].low, tag_at(found, at - 1)
    if found[at].tag not in "wV" or before in "dS'#":
        return False
    if lemma(low) == low and (low in VERBS or low in IRREGULAR_VERBS.values()):
        return True
    return before == "i" and tag_at(found, at + 1) == "."


def _clause_question(text: str, noun: str, head: str, link: Sequence[Unit], clause: Sequence[Unit]) -> str:
    said = text[clause[0].start : clause[-1].end]
    asked = f"Which {noun}"
    if head in _PEOPLE:
        asked = "Who"
    if link and link[-1].low == "whose":
        return f"Which {noun}'s {said}?"
    first = clause[0]
    if first.tag == "V" and not link:
        return f"{asked} {'is' if first.low in NAMING - {'born'} or first.low == 'known' else 'was'} {said}?"
    if first.tag == "G":
        rest = said[len(first.text) :]
        return f"{asked} {_third_person(lemma(first.low))}{rest}?"
    if first.tag in "BAVan":
        return f"{asked} {said}?"
    inverted = _inverted(text, clause)
    stranded = _stranded(clause)
    if link and link[0].tag == "i":
        return f"{link[0].text.capitalize()} {asked[0].lower()}{asked[1:]} {inverted}?"
    placed = not link and any(unit.low in _PLACED for unit in clause)
    if (link and link[-1].low == "where" or placed) and not stranded:
        return f"In {asked[0].lower()}{asked[1:]} {inverted}?"
    if not link and not stranded:
        return ""
    return f"{asked} {inverted}?"


def _stranded(clause: Sequence[Unit]) -> bool:
    """Whether a preposition has lost its noun to the beginning: "Ada came from", "Ada played for before 1990"."""
    return clause[-1].tag == "i" or any(
        unit.tag == "i" and tag_at(clause, at + 1) in "is" for at, unit in enumerate(clause)
    )


def _inverted(text: str, clause: Sequence[Unit]) -> str:
    """A clause in the order of a question: "was Ada born", "did Ada live in"."""
    at = next((i for i, unit in enumerate(clause) if unit.tag in "BAV"), None)
    said = text[clause[0].start : clause[-1].end]
    if at is None or at == 0:
        return said
    verb = clause[at]
    subject = text[clause[0].start : clause[at - 1].end]
    rest = text[verb.end : clause[-1].end]
    if verb.tag in "BA":
        return f"{verb.text} {subject}{rest}"
    if verb.low.endswith("s") and verb.low not in IRREGULAR_VERBS:
        return f"does {subject} {lemma(verb.low)}{rest}"
    return f"did {subject} {lemma(verb.low)}{rest}"


def _third_person(verb: str) -> str:
    if verb.endswith(("s", "sh", "ch", "x", "z")):
        return f"{verb}es"
    return f"{verb[:-1]}ies" if re.search(r"[^aeiou]y$", verb) else f"{verb}s"
