"""The reader that ships with Kedge: answers in passages, and whether there are any."""

from __future__ import annotations

import hashlib
import json
import math
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import Any, NamedTuple, Protocol

import numpy as np
from tokenizers import Encoding, Tokenizer

from kedge.tools.encoders._minilm import verify_weights
from kedge.tools.encoders._onnx import FOLDER, Ids, checked, damaged, grouped, session, spread, usable_cpus
from kedge.tools.encoders._protocol import FloatArray

__all__ = ["MiniReader", "PassageReader", "PassageReading", "Phrase", "verify_reader"]

_START, _END = 101, 102
_QUESTION, _TITLE = 48, 16  # word pieces
# Of question, title and text together: the most that the model takes. Longer than most that it learnt from,
# which cost nothing on the calibration articles and spares a second window.
_WINDOW = 256
_OVERLAP = 48
_LONGEST = 30  # of an answer
_PHRASES = 5
# A chunk has one or two windows. Of a huge text, those that share most words with the question are read.
_WINDOWS = 24


class Phrase(NamedTuple):
    """Characters `start:end` of a passage's text, or of its title; `score`: log odds against no answer."""

    start: int
    end: int
    score: float
    in_title: bool = False


@dataclass(frozen=True, slots=True)
class PassageReading:
    """What was read in one passage.

    Attributes:
        phrases: The best answers in it, best first.
        answerable: Log odds that it holds the answer, by what the whole of it says.
        relevant: How probably it helps to answer, 0 to 1.
        yes: Log odds of yes against no, where the question asks that.
    """

    phrases: tuple[Phrase, ...]
    answerable: float
    relevant: float
    yes: float


class PassageReader(Protocol):
    """Reads a question's answer off passages."""

    async def read(self, question: str, passages: Sequence[tuple[str, str]]) -> list[PassageReading]:
        """What each passage, a title and a text, says to the question."""
        ...


class MiniReader:
    """Reads passages with a fine-tuned all-MiniLM-L6-v2; English only, see minilm/READER.md.

    The model is loaded by the first call, in a worker thread, where all reading happens. A long passage is
    read in windows of some 200 word pieces that overlap. One instance serves any number of threads and event
    loops.

    Args:
        threads: Batches that are read at the same time, each by one CPU thread; by default as many as there
            are CPUs for this process, at most eight.
        kept: Readings that are remembered, some 3 kB each.

    Raises:
        ModelError: by the first call, when the weights are missing or cut short.

    Example:
        >>> import asyncio
        >>> text = "The bell of Hesk was cast in 1804 and weighs 612 kg."
        >>> [reading] = asyncio.run(MiniReader().read("When was the bell cast?", [("Hesk", text)]))
        >>> best = reading.phrases[0]
        >>> text[best.start : best.end]
        '1804'
    """

    def __init__(self, threads: int | None = None, kept: int = 256) -> None:
        self._threads = threads or min(8, usable_cpus())
        self._room = kept
        self._lock = Lock()
        self._loaded: tuple[Tokenizer, Any] | None = None
        self._kept: OrderedDict[tuple[str, tuple[str, str]], PassageReading] = OrderedDict()

    @property
    def fingerprint(self) -> str:
        """The name of the model and the start of its checksum."""
        return f"kedge-reader/{_record().sha256[:12]}"

    async def read(self, question: str, passages: Sequence[tuple[str, str]]) -> list[PassageReading]:
        """What each passage, a title and a text, says to the question; the latest readings are remembered."""
        # A judge reads what is then read for the answer, and a loop reads most passages again in each round.
        with self._lock:
            known = {p: self._kept[question, p] for p in passages if (question, p) in self._kept}
        new = [passage for passage in dict.fromkeys(passages) if passage not in known]
        known |= zip(new, await self._read(question, new), strict=True)
        with self._lock:
            self._kept |= {(question, passage): known[passage] for passage in new}
            while len(self._kept) > self._room:
                self._kept.popitem(last=False)
        return [known[passage] for passage in passages]

    async def _read(self, question: str, passages: Sequence[tuple[str, str]]) -> list[PassageReading]:
        windows: list[_Window] = []
        results: dict[int, tuple[FloatArray, FloatArray]] = {}

        def batches() -> Iterator[tuple[list[int], Ids]]:
            windows.extend(_windows(self._load()[0], question, passages))
            return grouped([window.ids for window in windows], self._threads)

        def work(batch: tuple[list[int], Ids]) -> None:
            rows, ids = batch
            spans, whole = self._load()[1].run(["spans", "whole"], {"ids": ids})
            for row, of_tokens, of_all in zip(rows, spans, whole, strict=True):
                results[row] = of_tokens, of_all

        if passages:
            await spread(batches, work, self._threads)
        found: list[list[tuple[_Window, FloatArray, FloatArray]]] = [[] for _ in passages]
        for row, window in enumerate(windows):
            found[window.passage].append((window, *results[row]))
        return [_joined(parts) for parts in found]

    def _load(self) -> tuple[Tokenizer, Any]:
        with self._lock:
            if self._loaded is None:
                tokenizer = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
                tokenizer.no_truncation()
                tokenizer.no_padding()
                self._loaded = tokenizer, session(checked(FOLDER / "reader.onnx", _record().bytes))
            return self._loaded


def verify_reader() -> None:
    """Compares the checksums of the reader, and of the encoder whose words it uses, with the recorded ones.

    Raises:
        ModelError: when a file is missing or differs.
    """
    verify_weights()
    path = checked(FOLDER / "reader.onnx", _record().bytes)
    if hashlib.sha256(path.read_bytes()).hexdigest() != _record().sha256:
        raise damaged(path, "differs from the recorded checksum")


class _Record(NamedTuple):
    """What is recorded of the shipped file: its checksum and size."""

    sha256: str
    bytes: int


@lru_cache(maxsize=1)
def _record() -> _Record:
    path = FOLDER / "reader.json"
    if not path.is_file():
        raise damaged(path, "is missing")
    return _Record(**json.loads(path.read_text("utf-8")))


class _Window(NamedTuple):
    """A line of a batch: where its title and its text stand, and which characters their word pieces are."""

    passage: int
    ids: list[int]
    title: int
    titles: list[tuple[int, int]]
    text: int
    texts: list[tuple[int, int]]


def _windows(tokenizer: Tokenizer, question: str, passages: Sequence[tuple[str, str]]) -> Iterator[_Window]:
    asked = tokenizer.encode(question, add_special_tokens=False).ids[:_QUESTION]
    encoded: list[list[Encoding]] = [
        tokenizer.encode_batch([pair[i] for pair in passages], add_special_tokens=False) for i in (0, 1)
    ]
    for number, (title, text) in enumerate(zip(*encoded, strict=True)):
        named = title.ids[:_TITLE]
        head = [_START, *asked, _END, *named, *([_END] if named else [])]
        room = _WINDOW - len(head) - 1
        starts = range(0, max(1, len(text.ids) - _OVERLAP), room - _OVERLAP)
        shared = {at: len({*asked} & {*text.ids[at : at + room]}) for at in starts}
        for at in sorted(starts, key=lambda at: -shared[at])[:_WINDOWS]:
            ids, offsets = text.ids[at : at + room], text.offsets[at : at + room]
            line = [*head, *ids, _END]
            yield _Window(number, line, len(asked) + 2, title.offsets[:_TITLE], len(head), offsets)


def _joined(parts: Sequence[tuple[_Window, FloatArray, FloatArray]]) -> PassageReading:
    """Windows of a passage as one: each phrase with its best score, each logit of the window that has most.

    A phrase's score is its start's and end's logits less those of no answer in the same window, which makes
    windows comparable.
    """
    best: dict[tuple[int, int, bool], Phrase] = {}
    for window, spans, _ in parts:
        for phrase in _phrases(window, spans):
            key = phrase.start, phrase.end, phrase.in_title
            if key not in best or phrase.score > best[key].score:
                best[key] = phrase
    ranked = sorted(best.values(), key=lambda phrase: -phrase.score)[:_PHRASES]
    answerable, relevant, yes, no, _ = np.max([whole for _, _, whole in parts], axis=0)
    return PassageReading(tuple(ranked), float(answerable), _sigmoid(float(relevant)), float(yes - no))


def _sigmoid(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-max(-60.0, min(60.0, x))))


def _phrases(window: _Window, spans: FloatArray) -> Iterator[Phrase]:
    """The best phrases of one window."""
    starts, ends = spans[:, 0], spans[:, 1]
    null = starts[0] + ends[0]
    for first, offsets, in_title in (
        (window.title, window.titles, True),
        (window.text, window.texts, False),
    ):
        size = len(offsets)
        scores = starts[first : first + size, None] + ends[None, first : first + size] - null
        short = np.triu(np.ones((size, size), bool)) & np.tri(size, k=_LONGEST - 1, dtype=bool)
        scores = np.where(short, scores, -np.inf)
        for flat in np.argsort(-scores, axis=None)[:_PHRASES]:
            start, end = divmod(int(flat), size)
            if np.isfinite(scores[start, end]):
                yield Phrase(offsets[start][0], offsets[end][1], float(scores[start, end]), in_title)
