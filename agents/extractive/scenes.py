"""Whether a sentence is true of a scene of plain shapes: quantifiers, colours, shapes, places, towers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby, pairwise

from kedge.tools.images.scenes import Thing

__all__ = ["holds"]

_NUMBERS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "no": 0}
_SLIPS = {
    "squere": "square",
    "cirlce": "circle",
    "tocuhing": "touching",
    "ablue": "a blue",
    "t least": "at least",
    "ll items": "all items",
    "colours": "colors",
}
_COLOUR = r"(?:yellow|black|blue|red|green|white|orange|purple)"
_NOUN = r"(?:block|item|object|square|circle|triangle|shape)s?"
_QUANTITY = re.compile(
    r"(at least|exactly|only|at most|more than|less than)?\s*\b(\d+|an?|one|two|three|four|five|six|no)\b"
)
_BLOCK = rf"({_COLOUR})\s+{_NOUN}"
_ONE = r"(?:an?|the|another|1|one)"
_THINGS = re.compile(rf"(?:(small|medium|big|large)\s+)?(?:\b({_COLOUR})\s+)?\b({_NOUN})\b")
_OVER = re.compile(rf"{_BLOCK}[\w\s]*?\b(?:on top of|on|over|above)\s+{_ONE}\s+{_BLOCK}")
_UNDER = re.compile(rf"{_BLOCK}[\w\s]*?\b(?:below|under|beneath)\s+{_ONE}\s+{_BLOCK}")
_TOP = re.compile(
    rf"{_BLOCK}\s+(?:at|as|on|in)\s+(?:the\s+|its\s+)?top"
    rf"|top[\w\s]*?\b(?:is|are)\s+({_COLOUR})|({_COLOUR})\s+tops?\b"
)
_BASE = re.compile(
    rf"{_BLOCK}\s+(?:at|as|on|in)\s+(?:the\s+|its\s+)?(?:base|bottom)"
    rf"|(?:base|bottom)[\w\s]*?\b(?:is|are)\s+({_COLOUR})|({_COLOUR})\s+bases?\b"
)
_TOUCHING = re.compile(
    r"(not\s+|nearly\s+|almost\s+)?(?:closely\s+)?touch\w*\s+(?:\w+\s+){0,2}?"
    r"(right|left|top|bottom|base|wall|edge|corner|side)"
)
_GAP = 3  # pixels between blocks of a tower

Unit = Sequence[Thing]


def holds(sentence: str, scene: Sequence[Thing]) -> bool:
    """Whether a sentence is true of a scene, as far as rules understand it.

    Example:
        >>> low = Thing(0, "yellow", "square", 0, 20, 20, 40, frozenset({"bottom"}))
        >>> high = Thing(0, "blue", "square", 0, 0, 20, 20, frozenset())
        >>> holds("There is a tower with a blue block over a yellow block.", [low, high])
        True
        >>> holds("There are exactly two yellow squares.", [low, high])
        False
    """
    text = " ".join(sentence.lower().replace(",", " ").rstrip(". ").split())
    for slip, meant in _SLIPS.items():
        text = re.sub(rf"\b{slip}\b", meant, text)
    first = re.search(rf"\b(towers?|box(?:es)?)\b|\b{_NOUN}\b", text)
    if first is None:
        return True
    boxes = [list(group) for _, group in groupby(scene, key=lambda thing: thing.panel)]
    rest = text[first.end() :]
    if first[0].startswith("tower"):
        units: list[Unit] = [tower for box in boxes for tower in _towers(box)]
        count = sum(_fits(tower, rest) for tower in units)
    elif first[0].startswith("box"):
        units = list(boxes)
        count = sum(_fits(box, rest) for box in units)
    else:
        subject = _THINGS.search(text)
        within = [thing for thing in scene if subject and _is(thing, subject)]
        count = sum(_placed(thing, rest, scene) for thing in within)
    return _enough(count, text[: first.end()], default_exact=not first[0].startswith("tower"))


def _towers(box: Unit) -> list[Unit]:
    """Blocks that stand on each other, from the top down."""
    columns: list[list[Thing]] = []
    for thing in sorted(box, key=lambda thing: thing.top):
        for column in columns:
            last = column[-1]
            if abs(last.left - thing.left) <= _GAP and 0 <= thing.top - last.bottom <= _GAP:
                column.append(thing)
                break
        else:
            columns.append([thing])
    return list(columns)


def _fits(unit: Unit, rest: str) -> bool:
    """Whether everything that is said of a tower or a box is so."""
    checks = []
    for pattern, place in ((_TOP, 0), (_BASE, -1)):
        if said := pattern.search(rest):
            ordered = sorted(unit, key=lambda thing: thing.top)
            checks.append(ordered[place].colour == next(filter(None, said.groups())))
            rest = rest.replace(said[0], " ")
    for pattern, upper in ((_OVER, 1), (_UNDER, 2)):
        if said := pattern.search(rest):
            checks.append(_stacked(unit, said[upper], said[3 - upper]))
            rest = rest.replace(said[0], " ")
    colours = len({thing.colour for thing in unit})
    if re.search(r"only one color|same color", rest):
        checks.append(colours == 1)
    elif said := re.search(r"(\d|two|three|all) (?:\d )?(?:different )?colors", rest):
        checks.append(colours == (3 if said[1] == "all" else _number(said[1])))
    rest = re.sub(r"\bof (?:only )?(?:all )?\w+ (?:different )?colors?\b|\ball \w+ colors\b", " ", rest)
    for part in re.split(r"\band\b|\bwhich\b|\bthat\b", rest):
        if (said := _THINGS.search(part)) and said[3]:
            kind = [thing for thing in unit if _is(thing, said)]
            before = part[: said.start()]
            if re.search(r"\b(only|all)\b(?! \d| one| two| three| four)", before):
                checks.append(len(kind) == len(unit))
            elif _QUANTITY.search(before):
                checks.append(_enough(len(kind), before, default_exact=not said[2]))
            touching = _TOUCHING.search(part)
            if touching:
                checks.append(any(_placed(thing, part, unit) for thing in kind))
    return all(checks)


def _placed(thing: Thing, rest: str, scene: Unit) -> bool:
    """Whether what is said of where a thing stands is so."""
    checks = []
    if said := _TOUCHING.search(rest):
        where = {"base": "bottom"}.get(said[2], said[2])
        if where == "corner":
            touching = len(thing.walls) > 1
        elif where in ("wall", "edge", "side"):
            touching = bool(thing.walls)
        else:
            touching = where in thing.walls
        checks.append(touching != bool(said[1]))
    tower = next((t for t in _towers([o for o in scene if o.panel == thing.panel]) if thing in t), [thing])
    if re.search(r"(as|at|on) (the )?top of (a|the) tower|(as|at) (the )?top$", rest):
        checks.append(tower[0] == thing)
    elif re.search(r"(as|at) (the )?(base|bottom)", rest):
        checks.append(tower[-1] == thing)
    elif said := re.search(
        rf"(?:on top of|on|over|above) (?:an?|the|other|another|1|one) ?({_COLOUR})?", rest
    ):
        below = tower[tower.index(thing) + 1 :][:1]
        checks.append(bool(below) and said[1] in (None, below[0].colour))
    if said := re.search(rf"tower with (.*{_NOUN})", rest):
        checks.append(_fits(tower, f"with {said[1]}"))
    if (said := re.search(rf"not ({_COLOUR})", rest)) is not None:
        checks.append(thing.colour != said[1])
    return all(checks)


def _stacked(unit: Unit, upper: str, lower: str) -> bool:
    return any(
        above.colour == upper and below.colour == lower
        for tower in _towers(unit)
        for above, below in pairwise(tower)
    )


def _is(thing: Thing, said: re.Match[str]) -> bool:
    size, colour, noun = said.groups()
    shape = noun.rstrip("s")
    sizes = {"small": thing.size <= 12, "medium": 12 < thing.size < 26, "big": thing.size >= 26}
    return (
        colour in (None, thing.colour)
        and shape in ("block", "item", "object", "shape", thing.shape)
        and (size is None or sizes.get(size.replace("large", "big"), True))
    )


def _number(word: str) -> int:
    return int(word) if word.isdigit() else _NUMBERS[word]


def _enough(count: int, before: str, *, default_exact: bool) -> bool:
    """Whether so many are as many as the last quantity in the text before them asks for."""
    found = list(_QUANTITY.finditer(before))
    if not found:
        return count > 0
    how, word = found[-1].groups()
    number = _number(word)
    if how in ("exactly", "only"):
        return count == number
    if how == "at most":
        return count <= number
    if how == "more than":
        return count > number
    if how == "less than":
        return count < number
    if number == 0 or (default_exact and how is None and word not in ("a", "an")):
        return count == number
    return count >= number
