"""Operations on answers, executed by code: a model may read a date, but it need not compare two of them.

An answer is text. Here it is a date, a number with its unit, yes or no, or names; what cannot be read as the
operation needs it is a problem said in words, never a guess.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import reduce
from typing import Final

from kedge.agents.decisions import Operation
from kedge.agents.extractive.language import Date, Moment, Number, dates, names, numbers
from kedge.agents.extractive.lexicon import AUXILIARIES, COUNTRY_OF_DEMONYM
from kedge.tools.knowledge_base import entity_key

__all__ = ["Operand", "Outcome", "items", "operate"]


@dataclass(frozen=True, slots=True)
class Operand:
    """An answer, and the questions that led to it, the first one first; `answer` is `None` when unknown."""

    id: str
    about: tuple[str, ...]
    answer: str | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an operation gives: an answer, or the problem and the operand that has it."""

    answer: str | None = None
    problem: str = ""
    operand: str = ""


class _Unfit(Exception):
    """An operand is not what the operation needs."""

    def __init__(self, operand: Operand, problem: str) -> None:
        super().__init__(problem)
        self.outcome = Outcome(problem=problem, operand=operand.id)


def operate(operation: Operation, question: str, operands: Sequence[Operand]) -> Outcome:
    """Execute an operation that answers `question`.

    `compare` finds out from the question which way to compare. Picking one of several gives what the operand
    is about ("Who is older?"), or its value where that is asked ("When was the first one built?").

    Example:
        >>> monet = Operand("1", ("When was Claude Monet born?",), "14 November 1840")
        >>> pissarro = Operand("2", ("When was Camille Pissarro born?",), "1830")
        >>> operate("compare", "Who is older, Monet or Pissarro?", (monet, pissarro)).answer
        'Camille Pissarro'
        >>> operate("subtract", "How many years older is Pissarro?", (monet, pissarro)).answer
        '10 years'
        >>> operate("largest", "Which is larger?", (monet, Operand("2", ("And B?",), "unknown"))).problem
        "#2 is no date or number: 'unknown'"
    """
    if not operands:
        return Outcome(problem=f"nothing to {operation}")
    try:
        return Outcome(answer=_OPERATIONS[operation](question, operands))
    except _Unfit as unfit:
        return unfit.outcome


def items(answer: str) -> list[str]:
    """The things that an answer lists, each once.

    Example:
        >>> items("Ada Moss, Ben Lowe and Cy Rook"), items("Simon & Garfunkel")
        (['Ada Moss', 'Ben Lowe', 'Cy Rook'], ['Simon & Garfunkel'])
    """
    parts = re.split(r"\s*[;\n]\s*|\s*,\s*(?:and\s+|or\s+)?(?!\d{3}\b)", answer.strip(" ."))
    parts = [*parts[:-1], *re.split(r"\s+and\s+", parts[-1])]
    return list({_key(part): part for part in parts if part}.values())


# --- reading answers ----------------------------------------------------------------------------------------

_Value = Date | Number

# How many of its dimension's base unit a unit is; units that are not here compare only with themselves.
_SCALES: Final[dict[str, tuple[str, float]]] = {
    unit: (base, factor)
    for base, factors in {
        "m": {"km": 1e3, "m": 1.0, "cm": 1e-2, "mm": 1e-3, "mile": 1609.344, "yard": 0.9144, "foot": 0.3048,
              "inch": 0.0254},
        "g": {"tonne": 1e6, "kg": 1e3, "g": 1.0, "mg": 1e-3, "pound": 453.59237, "ounce": 28.349523},
        "s": {"ms": 1e-3, "second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86_400.0, "week": 604_800.0},
        "year": {"month": 1 / 12, "year": 1.0, "decade": 10.0, "century": 100.0},
        "m²": {"hectare": 1e4, "acre": 4046.8564},
        "byte": {"byte": 1.0, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12},
        "Hz": {"Hz": 1.0, "kHz": 1e3, "MHz": 1e6, "GHz": 1e9},
        "W": {"W": 1.0, "kW": 1e3, "MW": 1e6},
        "km/h": {"km/h": 1.0, "mph": 1.609344, "knot": 1.852},
        "litre": {"litre": 1.0, "ml": 1e-3},
    }.items()
    for unit, factor in factors.items()
}  # fmt: skip


def _key(name: str) -> str:
    """A name as it is compared: without case, accents, punctuation and article; a people as its country."""
    words = re.sub(r"[^\w\s]", " ", COUNTRY_OF_DEMONYM.get(name.strip(" ."), name))
    return re.sub(r"^(?:the|an?) ", "", entity_key(words))


def _known(operand: Operand) -> str:
    if operand.answer is None or not operand.answer.strip(" .,;\n"):
        raise _Unfit(operand, f"#{operand.id} has no answer")
    return operand.answer


def _value(operand: Operand) -> _Value:
    answer = _known(operand)
    found = [when for when in dates(answer) if when.earliest is not None]
    counted = [number for number in numbers(answer) if number.unit != "ordinal"]
    if found:
        return found[0]
    if counted:
        return counted[0]
    raise _Unfit(operand, f"#{operand.id} is no date or number: {answer!r}")


def _is_value(operand: Operand) -> bool:
    """Whether an answer is a date or number and little else: "7 Up" is a name."""
    try:
        return 3 * len(_value(operand).text) >= len(_known(operand))
    except _Unfit:
        return False


def _truth(operand: Operand) -> bool:
    first = re.match(r"\W*(yes|true|no|false)\b", _known(operand), re.IGNORECASE)
    if first is None:
        raise _Unfit(operand, f"#{operand.id} is neither yes nor no: {operand.answer!r}")
    return first[1].lower() in ("yes", "true")


def _quantities(operands: Sequence[Operand]) -> list[tuple[float, float]]:
    """Each value as the interval it may lie in, all on one scale: minutes for dates, a unit for numbers."""
    values = [_value(operand) for operand in operands]
    first = values[0]
    scales: list[tuple[float, float]] = []
    for operand, value in zip(operands, values, strict=True):
        if isinstance(value, Date) and isinstance(first, Date):
            scales.append((_minutes(value.earliest), _minutes(value.latest)))
        elif isinstance(value, Number) and isinstance(first, Number):
            amount = value.value * _factor(operand, value.unit, first.unit)
            scales.append((amount, amount))
        else:
            raise _Unfit(operand, f"#{operand.id} cannot be compared: {operand.answer!r}, {first.text!r}")
    return scales


def _factor(operand: Operand, unit: str, wanted: str) -> float:
    """What turns `unit` into `wanted`; a number without a unit is taken to have the other's."""
    if not unit or not wanted or unit == wanted:
        return 1.0
    (base, amount), (wanted_base, one) = _SCALES.get(unit, (unit, 1.0)), _SCALES.get(wanted, (wanted, 1.0))
    if base != wanted_base:
        raise _Unfit(operand, f"#{operand.id} is in {unit}, not in {wanted}: {operand.answer!r}")
    return amount / one


def _minutes(moment: Moment | None) -> float:
    assert moment is not None  # noqa: S101 - `_value` takes no other dates
    year, month, day, minute = moment
    return ((year * 12 + month) * 31 + day) * 1440 + minute


# --- what the answer is called ------------------------------------------------------------------------------


def _label(question: str, chosen: Operand, operands: Sequence[Operand]) -> str:
    """What an operand is about that the others are not: for "who" the nearest name, else the one asked of."""
    others = " ".join(entity_key(text) for other in operands if other != chosen for text in other.about)
    found = [name for text in chosen.about for name in _subjects(text) if entity_key(name) not in others]
    if not found:
        return _difference(chosen, operands) or _known(chosen)
    if re.match(r"\W*(?:who|whom|whose)\b", question, re.IGNORECASE):
        return found[-1]
    asked = entity_key(question)
    return next((name for name in found if entity_key(name) in asked), found[-1])


def _subjects(text: str) -> list[str]:
    return [span.text.strip("\"“”'") for span in names(text)]


def _difference(chosen: Operand, operands: Sequence[Operand]) -> str:
    """The words of the first question that the other first questions lack: in any language."""
    words = [re.findall(r"[^\s?¿!,]+", operand.about[0]) for operand in operands]
    own = words[list(operands).index(chosen)]
    others = {word for other in words if other != own for word in other}
    return " ".join(word for word in own if word not in others)


def _asks_value(question: str) -> bool:
    return bool(
        re.match(r"\W*(?:when|how|(?:in |on |at )?(?:what|which) (?:year|date|day|month|age|number|amount)"
                 r"|what (?:is|was|were|are) the (?:\w+ )?(?:earliest|latest|largest|smallest|highest|lowest"
                 r"|total|sum|difference|average))\b", question, re.IGNORECASE)
    )  # fmt: skip


def _measure(value: float, unit: str) -> str:
    text = f"{value:,.0f}" if value == round(value) else f"{value:,.2f}".rstrip("0").rstrip(".")
    if unit in ("year", "day", "month", "week", "hour", "minute", "second", "mile", "tonne"):
        unit += "s" * (value != 1)
    return f"{text} {unit}".strip()


def _yes(truth: bool) -> str:
    return "yes" if truth else "no"


# --- the operations -----------------------------------------------------------------------------------------

_WAYS: Final[dict[Operation, str]] = {
    "earliest": "earlier earliest older oldest elder eldest first before sooner",
    "latest": "later latest younger youngest last after newer newest recent recently",
    "largest": """larger largest bigger biggest greater greatest more most higher highest longer longest
        taller tallest heavier heaviest deeper deepest wider widest farther furthest faster fastest above
        over""",
    "smallest": """smaller smallest fewer fewest less least lower lowest shorter shortest lighter lightest
        closer closest nearer nearest narrower slower below under""",
    "same": "same equal identical both share shared common",
}
_DIRECTIONS: Final = {word: operation for operation, words in _WAYS.items() for word in words.split()}
_OF_AGES: Final[dict[Operation, Operation]] = {"earliest": "largest", "latest": "smallest"}


def _compare(question: str, operands: Sequence[Operand]) -> str:
    """Whichever way the question says."""
    words = re.findall(r"[a-z]+", question.lower())
    way = next((_DIRECTIONS[word] for word in words if word in _DIRECTIONS), None)
    if way is None:
        raise _Unfit(operands[0], f"no way to compare is known from: {question}")
    if way == "same":
        return _same(question, operands)
    if all(isinstance(_value(operand), Number) for operand in operands):
        way = _OF_AGES.get(way, way)
    chosen = _extreme(way, operands)
    if words and words[0] in AUXILIARIES:
        return _yes(chosen == operands[0])
    return _label(question, chosen, operands)


def _extreme(operation: Operation, operands: Sequence[Operand]) -> Operand:
    low = operation in ("earliest", "smallest")
    scales = _quantities(operands)
    best = min(range(len(operands)), key=lambda at: scales[at][0] if low else -scales[at][1])
    for at, operand in enumerate(operands):
        apart = scales[best][1] < scales[at][0] if low else scales[best][0] > scales[at][1]
        if at != best and not apart:
            raise _Unfit(operand, f"cannot tell {operands[best].answer!r} and {operand.answer!r} apart")
    return operands[best]


def _pick(operation: Operation) -> Callable[[str, Sequence[Operand]], str]:
    def pick(question: str, operands: Sequence[Operand]) -> str:
        chosen = _extreme(operation, operands)
        return _known(chosen) if _asks_value(question) else _label(question, chosen, operands)

    return pick


def _same(question: str, operands: Sequence[Operand]) -> str:
    """Whether all are one: names by their keys, dates as exactly as the vaguest of them is given."""
    keys = {_key(items(_known(operand))[0]) for operand in operands}
    if len(keys) == 1 or not all(_is_value(operand) for operand in operands):
        return _yes(len(keys) == 1)
    scales = _quantities(operands)
    low, high = max(low for low, _ in scales), min(high for _, high in scales)
    return _yes(low <= high)


def _count(question: str, operands: Sequence[Operand]) -> str:
    """How many: of yes among yes and no, a number that was read, or the things listed."""
    try:
        return str(sum(_truth(operand) for operand in operands))
    except _Unfit:
        pass
    listed = {_key(item): item for operand in operands for item in items(_known(operand))}
    if len(listed) == 1 and (counted := numbers(next(iter(listed.values())))):
        return _measure(counted[0].value, "")
    return str(len(listed))


def _combine(join: Callable[[dict[str, str], dict[str, str]], dict[str, str]]) -> Callable[..., str]:
    def combine(question: str, operands: Sequence[Operand]) -> str:
        sets = [{_key(item): item for item in items(_known(operand))} for operand in operands]
        left = reduce(join, sets)
        if not left:
            raise _Unfit(operands[-1], "nothing is left")
        return ", ".join(left.values())

    return combine


def _sum(question: str, operands: Sequence[Operand]) -> str:
    values = [_value(operand) for operand in operands]
    if not isinstance(values[0], Number):
        raise _Unfit(operands[0], f"#{operands[0].id} is a date, and dates have no sum")
    return _measure(sum(low for low, _ in _quantities(operands)), values[0].unit)


def _subtract(question: str, operands: Sequence[Operand]) -> str:
    """How far two are apart, as a positive amount; dates in years, or in days where those are asked for."""
    if len(operands) != 2:
        raise _Unfit(operands[-1], "a difference needs two answers")
    first, second = (_value(operand) for operand in operands)
    if isinstance(first, Number) or isinstance(second, Number):
        (one, _), (other, _) = _quantities(operands)
        return _measure(abs(one - other), first.unit if isinstance(first, Number) else "")
    days = [_day(when) for when in (first, second)]
    if re.search(r"\bdays\b", question) and all(days):
        return _measure(abs((days[0] - days[1]).days), "day")  # type: ignore[operator]
    early, late = sorted(when.earliest or (0, 0, 0, 0) for when in (first, second))
    exact = all(when.has_day for when in (first, second))
    return _measure(late[0] - early[0] - (exact and late[1:3] < early[1:3]), "year")


def _day(when: Date) -> date | None:
    if not when.has_day or when.earliest is None or when.earliest[0] < 1:
        return None
    try:
        return date(*when.earliest[:3])
    except ValueError:  # the 31st of June
        return None


def _all(question: str, operands: Sequence[Operand]) -> str:
    return _decided(operands, by=False)


def _any(question: str, operands: Sequence[Operand]) -> str:
    return _decided(operands, by=True)


def _decided(operands: Sequence[Operand], *, by: bool) -> str:
    """One answer that decides is enough, even where others are unknown."""
    unfit: _Unfit | None = None
    for operand in operands:
        try:
            if _truth(operand) == by:
                return _yes(by)
        except _Unfit as problem:
            unfit = unfit or problem
    if unfit:
        raise unfit
    return _yes(not by)


_OPERATIONS: Final[dict[str, Callable[[str, Sequence[Operand]], str]]] = {
    "compare": _compare,
    "count": _count,
    "intersect": _combine(lambda left, right: {key: left[key] for key in left if key in right}),
    "union": _combine(lambda left, right: {**left, **right}),
    "difference": _combine(lambda left, right: {key: left[key] for key in left if key not in right}),
    "earliest": _pick("earliest"),
    "latest": _pick("latest"),
    "largest": _pick("largest"),
    "smallest": _pick("smallest"),
    "sum": _sum,
    "subtract": _subtract,
    "same": _same,
    "all": _all,
    "any": _any,
}
