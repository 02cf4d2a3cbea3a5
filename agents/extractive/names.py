"""Proper names in text, found by capitals, particles and quotation marks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

from kedge.agents.extractive.lexicon import (
    COMMON_WORDS,
    COMPANY_SUFFIXES,
    COUNTRY_OF_DEMONYM,
    DETERMINERS,
    EVENTS,
    GREETINGS,
    HONORIFICS,
    JOINED_BY_AND,
    JOINED_BY_FOR,
    MONTHS,
    NAME_PARTICLES,
    NEVER_NAMES,
    NOBLE_TITLES,
    ORDINARY_ENDINGS,
    PREPOSITIONS,
    STOP_WORDS,
    VERBS,
    WEEKDAYS,
)
from kedge.agents.extractive.spans import Span, lemma, tokens
from kedge.agents.extractive.values import Date, dates

__all__ = ["bare_title", "find_names", "names"]

_NEVER: Final = frozenset(MONTHS) | WEEKDAYS | NEVER_NAMES
_SENTENCE_END: Final = frozenset('.!?:;…•*#|>-–—“"‘([。！？')
_TITLE_QUOTES: Final = re.compile(
    r"[\"“]\s?([^\"“”\n]{2,400}?)[,.]?[\"”]|(?<![*\w])\*{1,2}(?=\w)([^*\n]{2,60}?)\*{1,2}(?![*\w])"
)
_PARENTHESES: Final = re.compile(r"\s*\([^()]*\)\s*\Z")


def bare_title(title: str) -> str:
    """A title without what an encyclopedia adds to tell it from others.

    Example:
        >>> bare_title("Kiss and Tell (1945 film)")
        'Kiss and Tell'
    """
    return _PARENTHESES.sub("", title).strip() or title


def names(text: str, known: Iterable[str] = ()) -> list[Span]:
    """Mentions of proper names, in order, without overlaps; possessive endings and honorifics left off.

    `known` names (the title of the document, say) are found as they are, whatever they look like.

    Example:
        >>> [n.text for n in names("In 1912 Dr. Ada of Lynn met Jon Cleary's son at the Bank of England.")]
        ['Ada of Lynn', 'Jon Cleary', 'Bank of England']
    """
    return find_names(text, tokens(text), dates(text), known)


def find_names(
    text: str, words: Sequence[Span], when: Sequence[Date], known: Iterable[str] = ()
) -> list[Span]:
    """As `names`, for a text whose tokens and dates were found before."""
    fixed = _known(text, known)
    if '"' in text or "“" in text or "*" in text:
        fixed += _titles(text)
    taken = _disjoint(fixed)
    scan = _Scan(text, words, [(s.start, s.end) for s in taken] + [(d.start, d.end) for d in when])
    return [_with_year(name, when, text) for name in _owned(text, _disjoint(taken + scan.run()))]


# Capitalised and alone behind a possessive these make a name of the whole: "Gimbel's Store".
_ESTABLISHMENT: Final = re.compile(
    r"(?:ship)?yard|shop|store|bank|hospital|hotel|school|college|institute|church|chapel|court|house|hall|inn"
    r"|island|bay|mill|theat(?:re|er)|gardens?|club|bakery|brewery|foundry|works|wharf|register|park|market|lane"
    r"|bar|tavern|restaurant|caf[eé]",
    re.IGNORECASE,
)


def _owned(text: str, found: Sequence[Span]) -> list[Span]:
    """Names, with "Lloyd's" and "Register" put together."""
    joined: list[Span] = []
    for name in found:
        owner = joined[-1] if joined else None
        if (
            owner
            and _ESTABLISHMENT.fullmatch(name.text)
            and re.fullmatch(r"['’]s ", text[owner.end : name.start])
        ):
            joined[-1] = Span(owner.start, name.end, text[owner.start : name.end])
        else:
            joined.append(name)
    return joined


_ORDINAL: Final = re.compile(r"(?<![\w.])\d{1,3}(?:st|nd|rd|th) \Z")


def _with_year(name: Span, when: Sequence[Date], text: str) -> Span:
    """`1980 Summer Olympics`, `20th Century Fox`: a year or an ordinal in front that is part of a name."""
    start = name.start
    if (ordinal := _ORDINAL.search(text, max(0, start - 7), start)) is not None:
        start = ordinal.start()
    elif name.text.rsplit(None, 1)[-1].lower() in EVENTS:
        start = next((d.start for d in when if d.end == name.start - 1 and len(d.text) == 4), start)
    return Span(start, name.end, text[start : name.end]) if start < name.start else name


def _known(text: str, known: Iterable[str]) -> list[Span]:
    found: list[Span] = []
    for name in known:
        at = text.find(name) if len(name) > 1 else -1
        while at >= 0:
            end = at + len(name)
            alone = not text[at - 1 : at].isalnum() and not text[end : end + 1].isalnum()
            # A capital right behind means that the known name is only the beginning of a longer one.
            if alone and not (text[end : end + 1] == " " and text[end + 1 : end + 2].isupper()):
                found.append(Span(at, end, name))
            at = text.find(name, end)
    return found


def _titles(text: str) -> list[Span]:
    """Quoted or emphasised titles; a quoted sentence is not one."""
    found: list[Span] = []
    for match in _TITLE_QUOTES.finditer(text):
        group = 1 if match.group(1) else 2
        if _is_title(match.group(group)) and text[match.end() : match.end() + 1] != ":":
            found.append(Span(*match.span(group), match.group(group)))
    return found


def _is_title(quoted: str) -> bool:
    words = quoted.split()
    if len(quoted) > 80 or not words or not (words[0][0].isupper() or words[0][0].isdigit()):
        return False
    if quoted[-1] in "?!." and len(words) > 5:
        return False
    if len(words) == 1 and words[0].lower() in COMMON_WORDS:
        return False
    # One word that is neither a capital nor a small word of the grammar is let pass.
    plain = sum(word[0].isalpha() and word[0].islower() and word not in STOP_WORDS for word in words)
    return plain <= int(len(words) > 2)


def _disjoint(spans: list[Span]) -> list[Span]:
    """In order of place; of overlapping spans the one that starts first, then the longer one, stays."""
    kept: list[Span] = []
    for span in sorted(spans, key=lambda s: (s.start, -s.end)):
        if not kept or span.start >= kept[-1].end:
            kept.append(span)
    return kept


class _Scan:
    """One pass over the tokens of a text, gathering runs of capitals."""

    def __init__(self, text: str, words: Sequence[Span], taken: list[tuple[int, int]]) -> None:
        self.text = text
        self.words = _outside(words, sorted(taken))
        self.lower_seen = {w.text for w in words if w.text[0].islower()}
        self.inner_capitals: set[str] = set()
        for before, word in pairwise(words):
            if word.text[0].isupper() and before.text not in _SENTENCE_END:
                self.inner_capitals.add(word.text)

    def run(self) -> list[Span]:
        found: list[Span] = []
        at = 0
        while at < len(self.words):
            if not _capital(self.words[at].text):
                at += 1
                continue
            end = self._extend(at)
            if (name := self._trim(at, end)) is not None:
                found.append(name)
            at = end
        return found

    def _extend(self, at: int) -> int:
        """The index after the run of name tokens that starts at `at`."""
        end = at + 1
        while end < len(self.words):
            step = self._step(at, end)
            if step == 0:
                break
            end += step
        return end

    def _step(self, first: int, at: int) -> int:
        """How many tokens from `at` on continue a run that began at `first`: 0 ends it."""
        before, word = self.words[at - 1], self.words[at]
        if (
            word.start - before.end > 1
            or "\n" in self.text[before.end : word.start]
            or _possessive(before.text)
        ):
            return 0
        following = self._after(at)
        if word.text == "." and word.start == before.end:
            # An initial or a title goes on after its full stop; a sentence does not.
            dotted = len(before.text) == 1 or before.text.lower() in {
                "st",
                "dr",
                "mr",
                "mrs",
                "ms",
                "mt",
                "jr",
                "ft",
            }
            return int(dotted and _capital(following) and self._spaced(at + 1))
        if _capital(word.text):
            return int(word.text.lower() not in STOP_WORDS or self._spaced(at))
        if word.text[0].isdigit():
            return int(self._numeral(at))
        if word.text == "," and following:
            return self._suffix(at)
        if word.text in {"&", ":"}:
            joined = word.text == "&" or (
                word.start == before.end and first + 1 < at and self._title_colon(at)
            )
            return int(joined and _capital(following) and self._spaced(at + 1))
        if word.text in "-‐‑" and word.start == before.end:
            return int(_capital(following) and self._spaced(at + 1))
        return self._particle(at)

    def _particle(self, at: int) -> int:
        word = self.words[at].text
        following, second = self._after(at), self._after(at + 1)
        if word == "and":
            return int(following.lower() in JOINED_BY_AND and following[0].isupper())
        if word == "for":
            return int(self.words[at - 1].text.lower() in JOINED_BY_FOR and _capital(following))
        if word in {"of", "for", "in", "at", "upon", "on", "to"} and following in {"the", "The", "la"}:
            # "House of the Rising Sun" is one name, "President at the White House" is not.
            return 2 * int(word in {"of", "upon"} and _capital(second))
        if word in {"the", "a"} and at > 0:
            return 0
        if word in NAME_PARTICLES and following:
            if _capital(following):
                return int(
                    not (word == "of" and self.words[at - 1].text.lower() in {"ceo", "cto", "cfo", "coo"})
                )
            if following in "-‐‑":  # "Aziz al- Dawla"
                return 2 * int(_capital(second))
            return int(following in NAME_PARTICLES and following != "of" and _capital(second))
        return 0

    def _suffix(self, at: int) -> int:
        """After a comma: "Duchess of York", "4th Earl of Lennox", "Inc.", "Jr."."""
        following = self._after(at)
        if following.lower() in COMPANY_SUFFIXES and following[0].isupper():
            return 2
        title = self._after(at + 1) if re.fullmatch(r"\d+(?:st|nd|rd|th)", following) else following
        steps = 3 if title is not following else 2
        return (
            steps
            if title[:1].isupper()
            and title.lower() in NOBLE_TITLES
            and self._after(at + steps - 1).lower() == "of"
            else 0
        )

    def _numeral(self, at: int) -> bool:
        """`Apollo 11`, `Piranha 3DD`; not the amount in `In Paris 20 people`."""
        word = self.words[at].text
        if not word[-1].isdigit():
            return word[-1].isupper()
        following = self._after(at)
        return (
            word.isdigit()
            and len(word) <= 3
            and (
                not following
                or not following[0].isalpha()
                or following.lower() in STOP_WORDS
                or lemma(following) in VERBS
            )
        )

    def _title_colon(self, at: int) -> bool:
        """A subtitle: capitals go on after the colon (`Elm Street 5: The Dream Child`)."""
        return (
            _capital(self._after(at))
            and _capital(self._after(at + 1))
            and self.words[at - 1].text[0].isdigit()
        )

    def _after(self, at: int) -> str:
        return self.words[at + 1].text if at + 1 < len(self.words) else ""

    def _spaced(self, at: int) -> bool:
        """Whether token `at` follows its predecessor on the same line, one space away at most."""
        if at >= len(self.words):
            return False
        gap = self.text[self.words[at - 1].end : self.words[at].start]
        return gap in {"", " ", "\u00a0"}

    def _starts_sentence(self, at: int) -> bool:
        if at == 0:
            return True
        before = self.words[at - 1]
        gap = self.text[before.end : self.words[at].start]
        return before.text in _SENTENCE_END or before.text[-1] in ".?!" or "\n" in gap

    def _trim(self, first: int, end: int) -> Span | None:
        """The name in tokens `first:end`, without what only opens a sentence or a form of address."""
        starts = self._starts_sentence(first)
        while first < end:
            word = self.words[first].text
            low = word.lower().rstrip(".")
            if word == "." or (low in HONORIFICS and self._addresses(first, end)):
                starts = False
            elif not self._droppable(first, end, starts):
                break
            first += 1
        while end > first and self.words[end - 1].text in {"&", ":", ",", "."}:
            end -= 1
        if first == end or not self._is_name(first, end, starts):
            return None
        start, stop = self.words[first].start, self.words[end - 1].end
        name = self.text[start:stop]
        return Span(start, stop - _possessive(name), name[: len(name) - _possessive(name)])

    def _addresses(self, first: int, end: int) -> bool:
        """`General Hale`, not `General Public License`: a form of address stands before an uncommon word."""
        return end - first > 1 and self.words[first + 1].text.lower() not in COMMON_WORDS

    def _droppable(self, first: int, end: int, starts: bool) -> bool:
        """Whether the first token of a run is there for the sentence and not for the name."""
        word = self.words[first].text
        if word.lower().replace("’", "'") in STOP_WORDS:
            # Inside a sentence only a title gives such a word a capital: "the song If You Stay".
            return starts or end - first == 1 or word == "I"
        return starts and end - first > 1 and self._opens_sentence(first)

    def _opens_sentence(self, first: int) -> bool:
        """`Directed` in "Directed Ben Hur": capital only because the sentence starts there."""
        word = self.words[first].text
        low = word.lower()
        if word in self.inner_capitals or word.isupper():
            return False
        # "Bank of England" and "River Thames" start with common words too: only words that cannot head a
        # name are left off.
        return (
            low in PREPOSITIONS
            or low in GREETINGS
            or low in DETERMINERS
            or low in self.lower_seen
            or (low.endswith(("ed", "ly")) and low in COMMON_WORDS)
        )

    def _is_name(self, first: int, end: int, starts: bool) -> bool:
        parts = [w.text for w in self.words[first:end] if w.text[0].isalpha()]
        if not parts:
            return False
        if all(piece in COUNTRY_OF_DEMONYM for part in parts for piece in part.split("-")):
            return bool(parts[0].isupper())
        if len(parts) > 1:
            return len(parts) <= 12 and not all(part.lower() in STOP_WORDS for part in parts)
        word = parts[0]
        bare = word[: len(word) - _possessive(word)] or word
        low = bare.lower().rstrip(".").replace("’", "'")
        if (
            low.endswith(("'ll", "'ve", "'re", "'m", "'d"))
            or low in _NEVER
            or low in STOP_WORDS
            or low in HONORIFICS
            or len(bare) < 2
        ):
            return False
        if bare.isupper() and len(bare) > 1:
            return low not in COMMON_WORDS
        if low in self.lower_seen or (low in COMMON_WORDS and (starts or bare not in self.inner_capitals)):
            return False
        return not starts or bare in self.inner_capitals or not _ordinary(low)


def _outside(words: Sequence[Span], taken: Sequence[tuple[int, int]]) -> list[Span]:
    """Tokens that no taken span covers."""
    kept: list[Span] = []
    spans = iter([*taken, (1 << 60, 1 << 60)])
    start, end = next(spans)
    for word in words:
        while word.start >= end:
            start, end = next(spans)
        if word.end <= start:
            kept.append(word)
    return kept


def _capital(word: str) -> bool:
    """Whether a token can begin or continue a name: its first letter is upper case ("d'Arc" counts too)."""
    if not word:
        return False
    if word[0].isupper():
        return True
    return len(word) > 3 and word[1] in "'’" and word[0] in "dlo" and word[2].isupper()


def _possessive(word: str) -> int:
    """The length of a possessive ending."""
    return 2 if word.endswith(("'s", "’s")) else 0


def _ordinary(low: str) -> bool:
    """Whether an unknown word at the start of a sentence looks like one of the language and not a name."""
    return lemma(low) in VERBS or lemma(low) in COMMON_WORDS or low.endswith(ORDINARY_ENDINGS)
