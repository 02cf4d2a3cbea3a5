"""Questions joined in one sentence: a list of things, two things that must both hold, a question and another."""

from __future__ import annotations

import re
from typing import Final, Literal, NamedTuple

from kedge.agents.extractive._folded import read_units
from kedge.agents.extractive._vocabulary import EXPECTATIONS
from kedge.agents.extractive.language import lemma, singular
from kedge.agents.extractive.lexicon import AUXILIARIES, POSSESSIVES, TIME_NOUNS, VERBS, word_set
from kedge.agents.extractive.units import Unit, tag_at

__all__ = ["Joined", "joined"]


class Joined(NamedTuple):
    """Questions to ask apart. In a `search` the later one refers to the first one's answer as `{}`."""

    questions: tuple[str, ...]
    operation: Literal["union", "intersect", "search"]


_AND_ASKS: Final = re.compile(
    r"(?P<one>.{8,}?),? and (?P<two>(?:(?:in|at|on|by|for|of|to|from) )?(?:who|whom|whose|what|which|where|when|why|how)\b.{4,})$",
    re.IGNORECASE,
)
_PRONOUN: Final = re.compile(r"\b(?:they|them|it|he|she|him|their|its|his|her|each of them|each one|each)\b")
_EACH: Final = re.compile(
    r"(?P<before>.*\b(?:of|in|for|by|did|do|does|from|have|has) )(?:each (?:of|one of) )(?P<group>the [^,?]+)(?P<rest>(?:,[^?]*)?)\??$"
)
_NUMBER: Final = r"(?:\d+|two|three|four|five|six|seven|eight|nine|ten)"
_MANY: Final = re.compile(
    r"(?P<before>.{6,}?\b(?:of|in|for|by|from|are|were|do|did) )"
    rf"(?P<group>the (?=[^?]*\b{_NUMBER}\b)(?=[^?]*\b(?:top|most|first|last|main|founding|[a-z]{{3,}}est)\b)"
    rf"(?:(?:current|top|first|last|main|founding|most|recent|[a-z]{{3,}}est|{_NUMBER}) )+"
    r"(?P<noun>(?:[a-zA-Z.'-]+ ){0,3}?[a-z]+s\b)[^,?]*)(?P<rest>)\??$"
)


_PROPERTIES: Final = {noun for noun, kind in EXPECTATIONS.items() if kind != "name"} - word_set("town city")


_VERBAL: Final = re.compile(r"(?<!who)(?<!that)(?<!which) (?:are|were|is|was|do|did|does|have|has|had)\b")


def joined(text: str) -> Joined | None:
    """The questions of a sentence that joins several, if it does."""
    return (
        _asked_inside(text)
        or _asked_twice(text)
        or _for_each(text)
        or _listed(text)
        or _shared(text)
        or _both(text)
    )


_INSIDE: Final = re.compile(
    r"(?P<before>(?!(?:who|whom|whose|what|which|where|when|why|how|in|on|at)\b).*?[a-z)\"]) (?:a|an|another|the|this) "
    r"(?P<noun>(?:[\w'-]+ ){0,4}?[a-z-]+) "
    r"(?P<link>(?:that|who|which|with)|(?=[a-z]+(?:ed|en|wn|lt|ght|de|ng) (?:by|in|on|at|between|from|for|during|under)))"
    r" ?(?P<clause>(?:(?!\b(?:a|an|another)\b)[^?])*?\b(?:what|which|whom|where|when|how many|who)\b[^?]*)\??",
    re.IGNORECASE,
)


def _asked_inside(text: str) -> Joined | None:
    """`Ada Lund was born in a town that lies on which river?`: the town first, then its river."""
    match = _INSIDE.fullmatch(text)
    if match is None or not _named(match["before"]) or not _ASKED.search(match["clause"]):
        return None
    words = match["noun"].lower().split()
    if _ASKED.search(match["before"]) or words[-1].endswith("ed") or _NO_NOUN & set(words):
        return None
    link, clause = match["link"], match["clause"]
    said = f"has {clause}" if link == "with" else clause if link else f"was {clause}"
    return Joined((f"{match['before']} which {match['noun']}?", f"{{}} {said}?"), "search")


_NO_NOUN: Final = AUXILIARIES | {"who", "that", "which", "and", "of"}
_ASKED: Final = re.compile(r"\b(?:what|which|whom|where|when|how many|who)\b", re.IGNORECASE)
_NAME: Final = r"(?:\"[^\"]+\"|[A-Z0-9][^,?]*?)"
_COMMON: Final = re.compile(
    rf"(?P<asked>(?:in |on |at )?(?:what|which)(?: [a-z-]+){{0,4}}?) (?P<aux>do|does|did|are|were) (?:both )?(?P<a>{_NAME}),? and "
    r"(?P<b>.+?) (?P<rest>(?:both )?(?:have in common|share)|both .+|(?:[a-z]+ )?in common)\??",
    re.IGNORECASE,
)
_BOTH_LAST: Final = re.compile(
    rf"(?P<a>{_NAME}),? and (?P<b>.+?),? (?P<aux>are|were|have|had)(?P<rest> both .*\b(?:what|which|where)\b.*?)\??"
)


def _shared(text: str) -> Joined | None:
    """`What do Jaws and Alien have in common?`, `Hesk and Tarn are both in which county?`."""
    if match := _COMMON.fullmatch(text):
        rest = match["rest"].replace("both ", "").replace("share", "have").removesuffix(" in common")
        aux = {"do": "does", "are": "is", "were": "was"}.get(match["aux"].lower(), match["aux"])
        questions = [f"{match['asked']} {aux} {match[side]} {rest}?" for side in "ab"]
    elif match := _BOTH_LAST.fullmatch(text):
        one = {"are": "is", "were": "was", "have": "has"}.get(match["aux"], match["aux"])
        questions = [f"{match[side]} {one}{match['rest'].replace(' both', '')}?" for side in "ab"]
    else:
        return None
    return Joined(tuple(questions), "intersect") if all(map(_named, (match["a"], match["b"]))) else None


def _asked_twice(text: str) -> Joined | None:
    """`Who directed Jaws, and when was he born?`, `Who directed Jaws and who wrote it?`"""
    match = _AND_ASKS.match(text)
    if match is None or not re.match(r"(?:who|what|which|where|when|how|list|name|in|on|at)\b", text, re.I):
        return None
    one, two = match["one"].rstrip(" ,?") + "?", match["two"].rstrip(" ?") + "?"
    two = two[:1].upper() + two[1:]
    pronoun = _PRONOUN.search(two)
    if pronoun is None:
        return Joined((one, two), "union") if _named(two) and _named(one) else None
    owner = "'s" if pronoun[0] in POSSESSIVES and not two[pronoun.end() :].startswith("?") else ""
    return Joined((one, f"{two[: pronoun.start()]}{{}}{owner}{two[pronoun.end() :]}"), "search")


def _for_each(text: str) -> Joined | None:
    """`What is the height of each of the five tallest towers in Hesk?`"""
    match = _EACH.match(text) or _MANY.match(text)
    if match is None or not re.match(r"(?:who|what|which|where|when|how|in|list|name)\b", text, re.I):
        return None
    if singular((match.groupdict().get("noun") or "").split(" ")[-1]) in TIME_NOUNS:
        return None
    if re.fullmatch(r"(?:who|what|which)(?: \w+)? (?:are|were|is|was) ", match["before"], re.I):
        return None
    group, rest = match["group"].strip(), match["rest"]
    if re.search(r"\b(?:did|do|does|are|were) $", match["before"]):
        group, _, verb = group.rpartition(" ")
        if verb not in AUXILIARIES and lemma(verb) not in VERBS:
            return None
        rest = f" {verb}{rest}"
    if _VERBAL.search(group):
        return None
    return Joined((f"What are {group}?", f"{match['before']}{{}}{rest}?"), "search")


def _named(text: str) -> bool:
    return any(unit.tag in "ND" for unit in read_units(text))


def _listed(text: str) -> Joined | None:
    """`What are the heights of K2, Lhotse and Makalu?`: three names or more."""
    found = read_units(text)
    for first, unit in enumerate(found):
        if unit.tag != "N":
            continue
        members, at = [unit], first + 1
        while (step := _next_member(found, at)) and step < len(found) and found[step].tag == "N":
            members.append(found[step])
            at = step + 1
        if len(members) > 2 and _of_properties(found, first) and any(u.low == "and" for u in found[first:at]):
            before, after = text[: unit.start], text[members[-1].end :]
            if re.search(r"[a-z]", before):
                return Joined(tuple(f"{before}{m.text}{after}" for m in members[:8]), "union")
    return None


def _of_properties(found: list[Unit], at: int) -> bool:
    """Whether properties of what begins at `at` are asked for: "the heights in metres of"."""
    if at < 2 or found[at - 1].low not in ("of", "for"):
        return False
    nouns = [unit.low for unit in found[:at] if unit.tag == "w"]
    return any(noun != singular(noun) and singular(noun) in _PROPERTIES for noun in nouns)


def _next_member(found: list[Unit], at: int) -> int:
    """Where the next member of a list would stand, behind a comma, "and" or both; 0 if no list goes on."""
    step = at
    if tag_at(found, step) == ",":
        step += 1
    if step < len(found) and found[step].low == "and":
        step += 1
    return step if step > at else 0


def _both(text: str) -> Joined | None:
    """`Which actor played in Jaws and in Alien?`: the answers that two questions share."""
    match = re.match(
        r"(?P<wh>(?:who|what|which)(?: [a-z-]+){0,3}?) (?P<one>(?:is|was|are|were|has|had|[a-z]+ed|[a-z]+s|starred|wrote|won"
        r"|played|led)\b.+?),? and (?P<two>(?:is|was|are|were|has|had|also|[a-z]+ed|wrote|won|led)\b.+?)\??$",
        text, re.I,
    )  # fmt: skip
    if match is None or re.search(r"\b(?:that|which|who|whose|where|when|both|between)\b", match["one"]):
        return None
    one, two = (f"{match['wh']} {match[part].removeprefix('also ')}?" for part in ("one", "two"))
    return Joined((one, two), "intersect") if _named(match["one"]) and _named(match["two"]) else None
