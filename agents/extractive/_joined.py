"""Questions joined in one sentence: lists, things that must both hold, a question and another."""

from __future__ import annotations

import re
from typing import Final, Literal, NamedTuple

from kedge.agents.extractive._asking import is_named, read_units
from kedge.agents.extractive._relative import inverted
from kedge.agents.extractive._vocabulary import EXPECTATIONS
from kedge.agents.extractive.language import lemma, singular
from kedge.agents.extractive.lexicon import AUXILIARIES, BE, POSSESSIVES, TIME_NOUNS, VERBS
from kedge.agents.extractive.units import Unit, tag_at

__all__ = ["Joined", "joined", "when"]


class Joined(NamedTuple):
    """Questions to ask apart. In a `search` the later one refers to the first one's answer as `{}`."""

    questions: tuple[str, ...]
    operation: Literal["union", "intersect", "subtract", "search"]


def joined(text: str) -> Joined | None:
    """The questions of a sentence that joins several, if it does."""
    return (
        _apart_by(text)
        or _asked_inside(text)
        or _asked_twice(text)
        or _for_each(text)
        or _listed(text)
        or _shared(text)
        or _both(text)
    )


# --- amounts between two -----------------------------------------------------------------------------------

_TIMES: Final = re.compile(
    r"How many (?:years|months|weeks|days) (?:after|before) (?P<one>.+) "
    r"(?P<aux>did|was|were) (?P<other>[^?]+)\??"
)
_MORE: Final = re.compile(
    r"How many (?:more|fewer) (?P<what>[^?]+?),? (?:than|compared to) (?P<other>[^?]+)\??"
)


def when(event: str) -> str:
    """The question for the date of an event: a clause, or a noun.

    Example:
        >>> when("Ada Lund was born"), when("the siege of Tarn")
        ('When was Ada Lund born?', 'When was the siege of Tarn?')
    """
    turned = inverted(event, read_units(event))
    return f"When {turned}?" if turned != event else f"When was {event}?"


def _apart_by(text: str) -> Joined | None:
    """`How many years after the siege of Tarn did Ada die?`, `How many more live in Hesk than in Tarn?`."""
    if match := _TIMES.fullmatch(text):
        later = f"When {match['aux']} {match['other']}?"
        return Joined((when(match["one"]), later), "subtract") if is_named(match["one"]) else None
    match = _MORE.fullmatch(text)
    if match is None:
        return None
    what, other = match["what"], match["other"]
    places = [unit for unit in read_units(what) if unit.tag in "ND"]
    if not places or not is_named(other):
        return None
    start, end = places[-1].start, places[-1].end
    if tag_at(read_units(other), 0) == "i":
        start = what.rfind(" ", 0, max(0, start - 1)) + 1
    return Joined((f"How many {what}?", f"How many {what[:start]}{other}{what[end:]}?"), "subtract")


# --- a statement that ends in a question -------------------------------------------------------------------

_ASKED: Final = re.compile(r"\b(?:what|which|whom|where|when|how many|who)\b", re.IGNORECASE)
_INSIDE: Final = re.compile(
    r"(?P<before>(?!(?:who|whom|whose|what|which|where|when|why|how|in|on|at)\b).*?[a-z)\"]) "
    r"(?P<article>a|an|another|the|this) (?P<noun>(?:[\w'-]+ ){0,4}?[a-z-]+) "
    r"(?P<link>that|who|which|with|(?:in|by)(?= (?:what|which|whom))"
    r"|(?=[a-z]+(?:ed|en|wn|lt|ght|de|ng) (?:by|in|on|at|between|from|for|during|under))) ?"
    r"(?P<clause>(?:(?!\b(?:a|an|another)\b)[^?])*)\??",
    re.IGNORECASE,
)
_NO_NOUN: Final = AUXILIARIES | {"who", "that", "which", "and", "of"}


def _asked_inside(text: str) -> Joined | None:
    """`Ada Lund was born in a town that lies on which river?`: the town first, then its river."""
    match = _INSIDE.fullmatch(text)
    if match is None or not is_named(match["before"]) or not _ASKED.search(match["clause"]):
        return None
    if match["link"] in ("in", "by") and match["article"] in ("the", "this"):
        return None
    words = match["noun"].lower().split()
    if match["before"].rsplit(" ", 1)[-1] in BE:  # what it is, and not another thing
        return None
    if _ASKED.search(match["before"]) or words[-1].endswith("ed") or _NO_NOUN & set(words):
        return None
    verb = {"with": "has ", "in": "is in ", "by": "is by ", "": "was "}.get(match["link"].lower(), "")
    asked = f"{match['before']} which {match['noun']}?"
    return Joined((asked, f"{{}} {verb}{match['clause']}?"), "search")


# --- a question and another --------------------------------------------------------------------------------

_OPENS: Final = re.compile(r"(?:who|what|which|where|when|how|list|name|in|on|at)\b", re.IGNORECASE)
_AND_ASKS: Final = re.compile(
    r"(?P<one>.{8,}?),? and (?P<two>(?:(?:in|at|on|by|for|of|to|from) )?"
    r"(?:who|whom|whose|what|which|where|when|why|how)\b.{4,})",
    re.IGNORECASE,
)
_POINTING: Final = re.compile(r"\b(?:they|them|it|he|she|him|their|its|his|her|each of them|each one|each)\b")


def _asked_twice(text: str) -> Joined | None:
    """`Who directed Jaws, and when was he born?`, `Who directed Jaws and who wrote Alien?`."""
    match = _AND_ASKS.fullmatch(text)
    if match is None or not _OPENS.match(text):
        return None
    one, two = match["one"].rstrip(" ,?") + "?", match["two"].rstrip(" ?") + "?"
    two = two[:1].upper() + two[1:]
    pointing = _POINTING.search(two)
    if pointing is None:
        return Joined((one, two), "union") if is_named(two) and is_named(one) else None
    owner = "'s" if pointing[0] in POSSESSIVES and not two[pointing.end() :].startswith("?") else ""
    return Joined((one, f"{two[: pointing.start()]}{{}}{owner}{two[pointing.end() :]}"), "search")


# --- the same of many --------------------------------------------------------------------------------------

_EACH: Final = re.compile(
    r"(?P<before>.*\b(?:of|in|for|by|did|do|does|from|have|has) )each (?:one )?of (?P<group>the [^,?]+)"
    r"(?P<rest>(?:,[^?]*)?)\??"
)
_NUMBER: Final = r"(?:\d+|two|three|four|five|six|seven|eight|nine|ten)"
_RANKED: Final = r"(?:top|main|founding|most|first|last|[a-z]{3,}est)"
_MANY: Final = re.compile(
    r"(?P<before>.{6,}?\b(?:of|in|for|by|from|are|were|do|did) )"
    rf"(?P<group>the (?=[^?]*\b{_NUMBER}\b)(?=[^?]*\b{_RANKED}\b)(?:(?:current|recent|{_RANKED}|{_NUMBER}) )+"
    r"(?P<noun>(?:[a-zA-Z.'-]+ ){0,3}?[a-z]+s\b)[^,?]*)(?P<rest>)\??"
)
_IS: Final = re.compile(r"(?:who|what|which)(?: \w+)? (?:are|were|is|was) ", re.IGNORECASE)
_VERBAL: Final = re.compile(r"(?<!who)(?<!that)(?<!which) (?:are|were|is|was|do|did|does|have|has|had)\b")


def _for_each(text: str) -> Joined | None:
    """`What is the height of each of the towers in Hesk?`, `... of the five tallest towers in Hesk?`."""
    match = _EACH.fullmatch(text) or _MANY.fullmatch(text)
    if match is None or not _OPENS.match(text) or _IS.fullmatch(match["before"]):
        return None
    if singular((match.groupdict().get("noun") or "").split(" ")[-1]) in TIME_NOUNS:
        return None
    group, rest = match["group"].strip(), match["rest"]
    if re.search(r"\b(?:did|do|does|are|were) $", match["before"]):  # its verb stands behind the group
        group, _, verb = group.rpartition(" ")
        if verb not in AUXILIARIES and lemma(verb) not in VERBS:
            return None
        rest = f" {verb}{rest}"
    if _VERBAL.search(group):
        return None
    return Joined((f"What are {group}?", f"{match['before']}{{}}{rest}?"), "search")


_PROPERTIES: Final = {noun for noun, kind in EXPECTATIONS.items() if kind != "name"} - {"town", "city"}
_MOST_LISTED: Final = 8


def _listed(text: str) -> Joined | None:
    """`What are the heights of K2, Lhotse and Makalu?`: three names or more."""
    found = read_units(text)
    for first, unit in enumerate(found):
        if unit.tag != "N" or not _of_properties(found, first):
            continue
        members, at = [unit], first + 1
        while (step := _next_member(found, at)) and tag_at(found, step) == "N":
            members.append(found[step])
            at = step + 1
        if len(members) > 2 and any(word.low == "and" for word in found[first:at]):
            before, after = text[: unit.start], text[members[-1].end :]
            return Joined(tuple(f"{before}{m.text}{after}" for m in members[:_MOST_LISTED]), "union")
    return None


def _of_properties(found: list[Unit], at: int) -> bool:
    """Whether properties of what begins at `at` are asked for: "the heights in metres of"."""
    if at < 2 or found[at - 1].low not in ("of", "for"):
        return False
    nouns = [unit.low for unit in found[:at] if unit.tag == "w"]
    return any(noun != singular(noun) and singular(noun) in _PROPERTIES for noun in nouns)


def _next_member(found: list[Unit], at: int) -> int:
    """Where the next member of a list would stand, behind a comma, "and" or both; 0 if no list goes on."""
    step = at + (tag_at(found, at) == ",")
    step += step < len(found) and found[step].low == "and"
    return step if step > at else 0


# --- what two share ----------------------------------------------------------------------------------------

_NAME: Final = r"(?:\"[^\"]+\"|[A-Z0-9][^,?]*?)"
_COMMON: Final = re.compile(
    r"(?P<asked>(?:in |on |at )?(?:what|which)(?: [a-z-]+){0,4}?) (?P<aux>do|does|did|are|were) (?:both )?"
    rf"(?P<a>{_NAME}),? and (?P<b>.+?) "
    r"(?P<rest>(?:both )?(?:have in common|share)|both .+|(?:[a-z]+ )?in common)\??",
    re.IGNORECASE,
)
_BOTH_LAST: Final = re.compile(
    rf"(?P<a>{_NAME}),? and (?P<b>.+?),? (?P<aux>are|were|have|had)"
    r"(?P<rest> both .*\b(?:what|which|where)\b.*?)\??"
)
_ONE: Final = {"do": "does", "are": "is", "were": "was", "have": "has"}
_VERB: Final = r"(?:is|was|are|were|has|had|[a-z]+ed|wrote|won|led)"
_HOLD: Final = re.compile(
    rf"(?P<wh>(?:who|what|which)(?: [a-z-]+){{0,3}}?) (?P<one>(?:{_VERB}|[a-z]+s)\b.+?),? and "
    rf"(?:also )?(?P<two>{_VERB}\b.+?)\??",
    re.IGNORECASE,
)
_ENTANGLED: Final = re.compile(r"\b(?:that|which|who|whose|where|when|both|between)\b")


def _shared(text: str) -> Joined | None:
    """`What do Jaws and Alien have in common?`, `Hesk and Tarn are both in which county?`."""
    if match := _COMMON.fullmatch(text):
        rest = match["rest"].replace("both ", "").replace("share", "have").removesuffix(" in common")
        aux = _ONE.get(match["aux"].lower(), match["aux"])
        questions = [f"{match['asked']} {aux} {match[side]} {rest}?" for side in "ab"]
    elif match := _BOTH_LAST.fullmatch(text):
        rest, aux = match["rest"].replace(" both", ""), _ONE.get(match["aux"], match["aux"])
        questions = [f"{match[side]} {aux}{rest}?" for side in "ab"]
    else:
        return None
    named = is_named(match["a"]) and is_named(match["b"])
    return Joined(tuple(questions), "intersect") if named else None


def _both(text: str) -> Joined | None:
    """`Which actor played in Jaws and was born in Hesk?`: the answers that two questions share."""
    match = _HOLD.fullmatch(text)
    if match is None or _ENTANGLED.search(match["one"]):
        return None
    if not (is_named(match["one"]) and is_named(match["two"])):
        return None
    return Joined(tuple(f"{match['wh']} {match[part]}?" for part in ("one", "two")), "intersect")
