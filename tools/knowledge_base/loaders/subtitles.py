"""Subtitles, as SRT or WebVTT: what is said, with the seconds at which it is."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from kedge.tools.knowledge_base.loaders._source import Composer, Source, clean, one_line
from kedge.tools.knowledge_base.records import ParsedDocument

__all__ = ["Cue", "cues", "load_subtitles", "plain", "utterances"]

_PAUSE = 2.0  # seconds without a word, after which something new begins
_LONGEST = 300  # characters of an utterance that goes on over several cues
_CLOCK = r"(?:(\d{1,4}):)?(\d{1,2}):(\d{2})[.,](\d{1,3})"
_TIMES = re.compile(rf"(?m)^[ \t]*{_CLOCK}[ \t]*-->[ \t]*{_CLOCK}.*$")
_SPEAKER = re.compile(r"<v(?:\.[^\s>]*)?[ \t]+([^>]{1,80})>")
_MARKUP = re.compile(r"<[^<>\n]{0,200}>|\{\\[^{}\n]{0,200}\}")
_FINISHED = re.compile(r"[.!?…。！？][\"”’»)\]]*\Z")
_NEW_VOICE = re.compile(r"[-–—]\s|[^\W\d_][\w .'-]{0,30}:\s")


class Cue(NamedTuple):
    """A text and the seconds between which it is said."""

    start: float
    end: float
    text: str


def load_subtitles(source: Source) -> Iterator[ParsedDocument]:
    """The one document of a file of subtitles: a paragraph for each utterance, with its time."""
    found = cues(source.decode(source.read()))
    if not found:
        raise source.error("holds no subtitles", fix="check that it is SRT or WebVTT")
    composer = Composer(source)
    for said in utterances(found):
        composer.add("paragraph", said.text, time=(said.start, said.end))
    yield source.composed("subtitles", composer)


def cues(text: str) -> list[Cue]:
    r"""The cues of an SRT or WebVTT text in the order of time, without markup; what is no cue is left out.

    A line that only says the previous one again, as live captions do while they roll, is left out, too.

    Example:
        >>> cues("1\n00:01:05,000 --> 00:01:07,500\n<i>Ahoy,</i> keeper!\n")
        [Cue(start=65.0, end=67.5, text='Ahoy, keeper!')]
    """
    found = []
    for block in re.split(r"\n[^\S\n]*\n", clean(text)):
        if times := _TIMES.search(block):
            start, end = _seconds(times.groups()[:4]), _seconds(times.groups()[4:])
            lines = block[times.end() :].split("\n")
            found.append((start, max(start, end), [line for line in map(plain, lines) if line]))
    kept: list[Cue] = []
    last = ""
    for start, end, lines in sorted(found, key=lambda cue: cue[0]):
        new = [line for line in lines if line != last]
        last = lines[-1] if lines else last
        if new:
            kept.append(Cue(start, end, " ".join(new)))
    return kept


def utterances(found: Iterable[Cue]) -> list[Cue]:
    """Cues put together to what is said in one go: up to the end of a sentence, a pause, or another voice.

    Example:
        >>> found = Cue(1, 2, "The bell"), Cue(2, 3, "is rung."), Cue(3, 4, "Why?")
        >>> [said.text for said in utterances(found)]
        ['The bell is rung.', 'Why?']
    """
    said: list[Cue] = []
    for cue in found:
        before = said[-1] if said else None
        if (
            before is None
            or cue.start - before.end > _PAUSE
            or _FINISHED.search(before.text)
            or _NEW_VOICE.match(cue.text)
            or len(before.text) + len(cue.text) >= _LONGEST
        ):
            said.append(cue)
        else:
            said[-1] = Cue(before.start, max(before.end, cue.end), f"{before.text} {cue.text}")
    return said


def _seconds(parts: Sequence[str | None]) -> float:
    hours, minutes, seconds, fraction = (part or "0" for part in parts)
    return 3_600.0 * int(hours) + 60 * int(minutes) + int(seconds) + float(f"0.{fraction}")


def plain(line: str) -> str:
    """A line of subtitles without markup; who speaks, where it says so, stands before.

    Example:
        >>> plain("<v Ada>{\\\\i1}Ahoy!{\\\\i0}")
        'Ada: Ahoy!'
    """
    voiced = _SPEAKER.sub(r"\1: ", line)
    return one_line(html.unescape(_MARKUP.sub("", voiced)))
