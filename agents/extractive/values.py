"""Dates and numbers in text, with values that can be compared."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from kedge.agents.extractive.lexicon import (
    MAGNITUDES,
    MONTHS,
    NUMBER_WORDS,
    ORDINALS,
    SEASONS,
    UNITS,
    WEEKDAYS,
)

__all__ = ["Date", "Moment", "Number", "dates", "find_numbers", "numbers"]

Moment = tuple[int, int, int, int]
"""Year (negative before Christ), month, day, minute of the day."""


class Date(NamedTuple):
    """A date or time in a text: `text` is characters `start:end`.

    `value` is written as far as it is known: `1912-06-03`, `1912-06`, `1912`, `1910s`, `19th century`,
    `2026-04-08T08:38`, `-0044` (44 BC), `--06-03` (no year), `T20:38` (no day), `friday`.
    `earliest` and `latest` bound the moment, so that dates of different precision compare; both are
    `None` where there is no year.
    """

    start: int
    end: int
    text: str
    value: str
    earliest: Moment | None
    latest: Moment | None

    @property
    def has_day(self) -> bool:
        """Whether the date says which day, not only which month or year."""
        return self.earliest is not None and self.latest is not None and self.earliest[:3] == self.latest[:3]


class Number(NamedTuple):
    """A number in a text: `value` without its unit, `unit` as compared ("USD", "percent", "km", or "")."""

    start: int
    end: int
    text: str
    value: float
    unit: str


_LONGEST_FIRST = sorted(MONTHS, key=len, reverse=True)
_MONTH = "(?P<month>" + "|".join(_LONGEST_FIRST) + r")\b\.?"
_DAY = r"(?P<day>[0-3]?\d)(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>\d{3,4})(?!\d|,\d{3}|[.:]\d)"
_CLOCK = r"(?P<hour>[0-2]?\d):(?P<minute>[0-5]\d)(?::[0-5]\d)?"
_HALF = r"(?P<half>[ap])\.?m\b(?:\.(?=\s+[a-z]))?"

# "Twelve minutes past four", "half past six", "ten o'clock": times of day in words, or half in words.
_HOURS: Final = "|".join(list(NUMBER_WORDS)[12:0:-1])
_MINUTES: Final = (
    rf"(?P<minutes>half|(?:a )?quarter|(?:(?:twenty|thirty|forty|fifty)(?:-(?:{_HOURS}))?"
    rf"|{'|'.join(list(NUMBER_WORDS)[19:0:-1])}|[1-5]?\d)(?P<counted> minutes?)?)"
)
_O_CLOCK: Final = rf"(?P<words>{_HOURS}|1[0-2]|[1-9])"
_PART: Final = r"(?: in the (?P<part>morning|afternoon|evening))?"
_SPELT: Final = rf"{_MINUTES} (?P<side>past|to) {_O_CLOCK}\b(?: o['’]clock)?{_PART}"
_STROKE: Final = rf"{_O_CLOCK} o['’]clock{_PART}"

_Groups = dict[str, str]
_Read = tuple[str, Moment | None, Moment | None]


def _month_number(groups: _Groups) -> int:
    name = groups["month"].lower()
    return int(name) if name.isdigit() else MONTHS[name]


def _minutes(groups: _Groups) -> int:
    hour = int(groups["hour"])
    half = groups.get("half", "").lower()
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    return hour * 60 + int(groups.get("minute") or 0)


def _full(groups: _Groups) -> _Read | None:
    year, month, day = int(groups["year"]), _month_number(groups), int(groups["day"])
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    value = f"{year:04}-{month:02}-{day:02}"
    if not groups.get("hour"):
        return value, (year, month, day, 0), (year, month, day, 1439)
    minute = _minutes(groups)
    moment = (year, month, day, minute)
    return f"{value}T{minute // 60:02}:{minute % 60:02}", moment, moment


def _numeric(groups: _Groups) -> _Read | None:
    """`3/6/1912`: month first with slashes, as in American English, unless that is impossible."""
    first, second = int(groups["first"]), int(groups["second"])
    month_first = (groups["mark"] == "/" and first <= 12) or second > 12
    month, day = (first, second) if month_first else (second, first)
    return _full({"year": groups["year"], "month": str(month), "day": str(day)})


def _month_of_year(groups: _Groups) -> _Read:
    year, month = int(groups["year"]), _month_number(groups)
    return f"{year:04}-{month:02}", (year, month, 1, 0), (year, month, 31, 1439)


def _season(groups: _Groups) -> _Read:
    year, month = int(groups["year"]), SEASONS[groups["season"].lower()]
    last_year, last_month = (year, month + 2) if month < 12 else (year + 1, 2)
    return f"{year:04}-{month:02}", (year, month, 1, 0), (last_year, last_month, 31, 1439)


def _day_of_month(groups: _Groups) -> _Read | None:
    day = int(groups["day"])
    return (f"--{_month_number(groups):02}-{day:02}", None, None) if 1 <= day <= 31 else None


def _years(value: str, first: int, last: int) -> _Read:
    return value, (first, 1, 1, 0), (last, 12, 31, 1439)


def _decade(groups: _Groups) -> _Read:
    first = int(groups["decade"])
    return _years(f"{first}s", first, first + (99 if first % 100 == 0 and first < 1900 else 9))


def _century(groups: _Groups) -> _Read:
    word = groups["century"].lower()
    number = ORDINALS[word] if word in ORDINALS else int(re.sub(r"\D", "", word))
    if groups.get("era", "").lower().startswith("b"):
        return _years(f"{number}th century BC", -100 * number, -100 * number + 99)
    return _years(f"{number}th century", 100 * number - 99, 100 * number)


def _era(groups: _Groups) -> _Read:
    year = int(groups["year"])
    if groups["era"].lower().startswith("b"):
        return _years(f"-{year:04}", -year, -year)
    return _years(f"{year:04}", year, year)


def _year(groups: _Groups) -> _Read:
    year = int(groups["year"])
    short = groups.get("short")
    if short and int(short) > year % 100:
        last = year - year % 100 + int(short)
        return _years(f"{year:04}/{last:04}", year, last)
    return _years(f"{year:04}", year, year)


def _clock(groups: _Groups) -> _Read | None:
    minute = _minutes(groups)
    return (f"T{minute // 60:02}:{minute % 60:02}", None, None) if minute < 1440 else None


def _spelt(groups: _Groups) -> _Read | None:
    """A time in words; "five to ten" may be a span of anything, "five minutes to ten" is none."""
    hour = _small(groups["words"])
    said = groups.get("minutes", "").lower()
    minutes = 30 if said == "half" else 15 if said.endswith("quarter") else _small(said.split(" ")[0])
    if groups.get("side", "").lower() == "to":
        if not (groups.get("counted") or minutes == 15):
            return None
        minutes = -minutes
    if groups.get("part", "") in ("afternoon", "evening") and hour < 12:
        hour += 12
    minute = (hour * 60 + minutes) % 1440
    return f"T{minute // 60:02}:{minute % 60:02}", None, None


def _small(words: str) -> int:
    """A number below sixty in digits or words."""
    if words.isdigit():
        return int(words)
    return sum(NUMBER_WORDS[word] for word in words.lower().split("-") if word)


def _weekday(groups: _Groups) -> _Read:
    return groups["weekday"].lower(), None, None


# Tried in this order at each place. Every pattern starts with a word boundary and something rare,
# so that the whole is one pass over the text.
_FORMS: Final[tuple[tuple[str, Callable[[_Groups], _Read | None]], ...]] = (
    (rf"(?P<year>\d{{4}})-(?P<month>[01]\d)-(?P<day>[0-3]\d)(?:[T_ ]{_CLOCK})?(?!\d)", _full),
    (rf"(?P<year>[12]\d{{3}})(?P<month>[01]\d)(?P<day>[0-3]\d)(?:[T_ ]{_CLOCK})?(?!\d)", _full),
    (rf"{_DAY}\s+(?:of\s+)?{_MONTH},?\s+{_YEAR}", _full),
    (rf"{_MONTH}\s+{_DAY}(?:\s*,\s*|\s+){_YEAR}", _full),
    (rf"(?P<year>[12]\d{{3}})\s+{_MONTH}\s+{_DAY}\b", _full),
    (r"(?P<first>[0-3]?\d)(?P<mark>[/.])(?P<second>[0-3]?\d)(?P=mark)(?P<year>\d{4})(?!\d)", _numeric),
    (rf"{_MONTH},?\s+(?:of\s+)?{_YEAR}", _month_of_year),
    (rf"(?P<season>{'|'.join(SEASONS)})\s+(?:of\s+)?(?P<year>[12]\d{{3}})(?!\d)", _season),
    (rf"{_DAY}\s+(?:of\s+)?{_MONTH}", _day_of_month),
    (rf"{_MONTH}\s+{_DAY}(?![\d:.]\d|\d|,\d)", _day_of_month),
    (r"(?P<decade>[12]\d\d0)'?s\b", _decade),
    (
        rf"(?P<century>\d{{1,2}}(?:st|nd|rd|th)|{'|'.join(ORDINALS)})[\s-](?-i:century|Century(?![\s-]+[A-Z]))\b(?:\s+(?P<era>BCE?)\b)?",
        _century,
    ),
    (r"(?P<year>\d{1,4})\s*(?P<era>BCE?|B\.C\.|AD|CE|A\.D\.)(?![\w])", _era),
    (rf"{_CLOCK}(?:\s*{_HALF})?(?![\d:])", _clock),
    (rf"(?P<hour>1?\d)\s*{_HALF}(?!\w)", _clock),
    (_SPELT, _spelt),
    (_STROKE, _spelt),
    (r"(?P<year>1\d{3}|20\d{2})(?:[–/-](?P<short>\d{2})(?!\d))?(?!\d|[.,:]\d|[\w%°]|-\w)", _year),
    (rf"(?P<weekday>{'|'.join(sorted(WEEKDAYS))})\b", _weekday),
)
_READERS: Final = [(re.compile(form, re.IGNORECASE), read) for form, read in _FORMS]
# Where a date can begin at all: this one cheap scan keeps the forms above off most of the text.
_START: Final = re.compile(
    rf"(?<![\w$€£¥₹#.,])(?:\d|(?:{'|'.join([*_LONGEST_FIRST, *SEASONS, *ORDINALS, *WEEKDAYS])})\b)"
    r"|(?<=\d[–—-])\d"
    rf"|(?<![\w-])(?:half|(?:a )?quarter|(?:{'|'.join(NUMBER_WORDS)})(?:-(?:{_HOURS}))?)"
    r"(?= (?:minutes? )?(?:past|to) | o['’]clock)",
    re.IGNORECASE,
)
# Lower-case "may", "march", "second" are rarely dates; they must be followed by a digit or "century".
_TITLE_ONLY: Final = frozenset({"may", "march", "mar", "sun", "sat", "dec", "jan"})


def dates(text: str) -> list[Date]:
    """Dates and times in order, without overlaps; the most specific reading of each.

    Example:
        >>> [d.value for d in dates("Born 3 June 1912, he left in the 1930s and came back on May 4, 1945.")]
        ['1912-06-03', '1930s', '1945-05-04']
    """
    return list(_dates(text))


def _dates(text: str) -> Iterator[Date]:
    end = 0
    for start in _START.finditer(text):
        if start.start() < end:
            continue
        for pattern, read in _READERS:
            match = pattern.match(text, start.start())
            if match is None:
                continue
            groups = {name: value for name, value in match.groupdict().items() if value}
            if groups.get("month", "") in _TITLE_ONLY or (reading := read(groups)) is None:
                continue
            end = match.end()
            yield Date(start.start(), end, match.group(), *reading)
            break


_UNIT_WORDS = "|".join(
    sorted((re.escape(unit) for unit in UNITS if unit not in "$€£¥₹"), key=len, reverse=True)
)
_MAGNITUDE_WORDS = "|".join(sorted(MAGNITUDES, key=len, reverse=True))
_BIG = "hundred|dozen|thousand|million|billion|trillion"
_SMALL = "|".join(sorted(NUMBER_WORDS, key=len, reverse=True))
_UNIT: Final = rf"(?:[\s-]?(?P<unit>{_UNIT_WORDS})(?!\w))?"
_DIGITS: Final = re.compile(
    r"(?<![\w.,])(?P<sign>[-−+](?=[\d$€£¥₹]))?(?:(?P<money>(?:US)?\$|[€£¥₹])\s?)?"
    r"(?P<number>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)(?![\d])"
    rf"(?:(?P<ordinal>st|nd|rd|th)(?!\w)|(?:\s?(?P<magnitude>{_MAGNITUDE_WORDS})(?!\w))?{_UNIT})(?!\w)",
    re.IGNORECASE,
)
_WORDS: Final = re.compile(
    rf"(?<![\w-])(?P<words>(?:a\s+(?:{_BIG})|{_SMALL})\b"
    rf"(?:[\s-]+(?:and\s+)?(?:{_SMALL}|{_BIG})\b)*){_UNIT}",
    re.IGNORECASE,
)


def numbers(text: str) -> list[Number]:
    """Numbers in order, in digits or words, without those that belong to dates.

    Example:
        >>> [(n.value, n.unit) for n in numbers("It cost $2.5 million for twenty-one people, 40% in 1912.")]
        [(2500000.0, 'USD'), (21.0, 'people'), (40.0, 'percent')]
    """
    return find_numbers(text, dates(text))


def find_numbers(text: str, when: Sequence[Date]) -> list[Number]:
    """As `numbers`, for a text whose dates were found before."""
    taken = iter([*when, None])
    date = next(taken)
    found: list[Number] = []
    spelled = [_from_words(match) for match in _WORDS.finditer(text)]
    written = [_from_digits(match) for match in _DIGITS.finditer(text)]
    for number in sorted([*spelled, *written]):
        while date is not None and date.end <= number.start:
            date = next(taken)
        overlaps = date is not None and number.start < date.end and number.end > date.start
        if not overlaps and (not found or number.start >= found[-1].end):
            found.append(number)
    return found


def _metres(match: re.Match[str]) -> bool:
    """Whether an "m" behind a number is metres: always but after money, in capitals, or in "31m users"."""
    written = match["magnitude"] or ""
    if written != "m" or match["money"] or match["unit"]:
        return False
    glued = match.string[match.end() - 2].isdigit()
    following = re.match(r" ([a-z]+)", match.string[match.end() : match.end() + 30])
    return not (glued and following and (following[1] == "people" or following[1].endswith("s")))


def _from_digits(match: re.Match[str]) -> Number:
    groups = match.groupdict()
    if _metres(match):
        groups |= {"magnitude": "", "unit": "m"}
    value = float(groups["number"].replace(",", "")) * MAGNITUDES.get(
        (groups["magnitude"] or "").lower(), 1.0
    )
    if (groups["sign"] or "+") != "+":
        value = -value
    if groups["ordinal"]:
        unit = "ordinal"
    elif groups["money"]:
        unit = UNITS[groups["money"][-1]]
    else:
        unit = UNITS.get((groups["unit"] or "").lower(), "")
    return Number(*match.span(), match.group(), value, unit)


def _from_words(match: re.Match[str]) -> Number:
    total = group = 0.0
    for word in re.findall(r"[a-z]+", match["words"].lower()):
        if word in NUMBER_WORDS:
            group += NUMBER_WORDS[word]
        elif word in ("hundred", "dozen"):
            group = max(group, 1.0) * MAGNITUDES[word]
        elif word in MAGNITUDES:
            total, group = total + max(group, 1.0) * MAGNITUDES[word], 0.0
    unit = UNITS.get((match["unit"] or "").lower(), "")
    return Number(*match.span(), match.group(), total + group, unit)
