"""Cuts documents into chunks along their structure: headings, pages, paragraphs, rows, sentences."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kedge.tools.knowledge_base.records import Block, BlockKind, ParsedDocument

__all__ = ["MAX_CHARACTERS", "WHOLE", "Piece", "chunk", "sentences"]

MAX_CHARACTERS = 1_000
"""With its title 205-229 tokens (medians, measured): an encoder with a window of 256 tokens sees it whole."""

WHOLE = 1_500
"""A passage up to this length stays whole: 95-99 % of 2Wiki, HotpotQA and MuSiQue (at 1,000: 91-95 %).

The end of such a passage may lie outside the window of the dense encoder, but full text still finds it, and
a passage that is cut in two loses the subject of its second half.
"""

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Piece:
    """One chunk to be: `text[start:end]` of its document.

    `heading` is the path of headings above it, joined with ` > `; a heading that the piece itself begins with
    is in its text instead. `kind` is the kind of the first block that is not a heading.
    """

    start: int
    end: int
    heading: str = ""
    kind: BlockKind = "paragraph"
    page: int | None = None


@dataclass(slots=True)
class _Section:
    heading: str
    inner: str  # the path with the section's own headings, for every piece but the first
    page: int | None
    blocks: list[Block]


def chunk(
    document: ParsedDocument, *, max_characters: int = MAX_CHARACTERS, whole: int = WHOLE
) -> list[Piece]:
    """The pieces of a document: in order, without overlap, together all of its text that is not blank.

    A piece never crosses a heading or a page, and holds tables, code and images apart from prose. Within
    these bounds it takes short paragraphs together, and cuts a long one after a sentence, a table after a
    row, and a sentence that is itself too long at white space. Pieces of a section are about equally long.

    Args:
        document: What a loader gave.
        max_characters: No piece is longer, except by `whole`.
        whole: Prose that is a whole document, under one heading and on one page, stays one piece up to this
            length.

    Example:
        >>> from kedge.tools.knowledge_base.loaders import load_text
        >>> [document] = load_text("# Tides\\n\\nTwice a day.\\n\\n## Neap\\n\\nSmall.", kind="markdown")
        >>> [(document.text[piece.start : piece.end], piece.heading) for piece in chunk(document)]
        [('Tides\\n\\nTwice a day.', ''), ('Neap\\n\\nSmall.', 'Tides')]
    """
    if max_characters < 1:
        raise ValueError("max_characters must be at least 1")
    text = document.text
    sections = list(_sections(document))
    if len(sections) == 1:
        max_characters = max(max_characters, _whole_length(text, sections[0], whole))
    pieces: list[Piece] = []
    for section in sections:
        heading = section.heading
        for run in _runs(section.blocks):
            kind = next((block for block in run if block.kind != "heading"), run[0]).kind
            for start, end in _pack(text, run, max_characters):
                pieces.append(Piece(start, end, heading, kind, section.page))
                heading = section.inner
    return pieces


def _sections(document: ParsedDocument) -> Iterator[_Section]:
    """Blocks under the same headings and on the same page; a heading without a body goes with the next."""
    path: list[tuple[int, str]] = []
    section: _Section | None = None
    for block in document.blocks:
        is_heading = block.kind == "heading"
        deeper = is_heading and bool(path) and block.level > path[-1][0]
        only_headings = section is not None and all(b.kind == "heading" for b in section.blocks)
        above = " > ".join(name for _, name in path)
        if is_heading:
            while path and path[-1][0] >= block.level:
                path.pop()
            above = " > ".join(name for _, name in path)
            path.append((block.level, " ".join(document.text[block.start : block.end].split())))
        if section is None or section.page != block.page or (is_heading and not (only_headings and deeper)):
            if section is not None:
                yield section
            section = _Section(above, above, block.page, [])
        section.blocks.append(block)
        section.inner = " > ".join(name for _, name in path)
    if section is not None:
        yield section


def _whole_length(text: str, section: _Section, whole: int) -> int:
    first, last = section.blocks[0], section.blocks[-1]
    prose = all(block.kind in ("heading", "paragraph", "list") for block in section.blocks)
    length = len(text[first.start : last.end].strip())
    return length if prose and length <= whole else 0


def _runs(blocks: Sequence[Block]) -> Iterator[list[Block]]:
    """Blocks that may share a piece: prose with prose; a table, code or image alone but for its headings."""
    run: list[Block] = []
    for block in blocks:
        alone = block.kind in ("table", "code", "image")
        if run and (alone or run[-1].kind in ("table", "code", "image")) and run[-1].kind != "heading":
            yield run
            run = []
        run.append(block)
    if run:
        yield run


def _pack(text: str, run: Sequence[Block], limit: int) -> Iterator[Span]:
    """Spans of at most `limit` characters, about equally long, that end where a unit ends."""
    start, end = _stripped(text, run[0].start, run[-1].end)
    if start == end:
        return
    if end - start <= limit:
        yield start, end
        return
    units = [unit for block in run for unit in _units(text, block, limit)]
    position = 0
    while position < len(units):
        start, reach = units[position]
        rest = units[-1][1] - start
        target = rest / -(-rest // limit)
        position += 1
        while position < len(units):
            further = units[position][1]
            if further - start > limit or further - start - target > target - (reach - start):
                break
            reach = further
            position += 1
        yield start, reach


def _units(text: str, block: Block, limit: int) -> Iterator[Span]:
    """What is not cut unless it alone is too long: a short paragraph, a sentence, an item, a row."""
    if block.kind in ("paragraph", "heading"):
        spans: Sequence[Span] = list(_lines_or_sentences(text, block.start, block.end, limit // 3))
    else:
        spans = [match.span() for match in _LINE.finditer(text, block.start, block.end)]
    for start, end in spans:
        span = _stripped(text, start, end)
        if span[1] - span[0] <= limit:
            if span[0] < span[1]:
                yield span
        elif block.kind == "list":
            for inner in sentences(text[span[0] : span[1]]):
                yield from _cut(text, span[0] + inner[0], span[0] + inner[1], limit)
        else:
            yield from _cut(text, *span, limit)


def _lines_or_sentences(text: str, start: int, end: int, short: int) -> Iterator[Span]:
    """Sentences; those of a short paragraph, or of a short line such as an utterance in a chat, together."""
    if end - start <= short:
        yield start, end
        return
    line: list[Span] = []
    for sentence in [*sentences(text[start:end]), (end - start, end - start)]:
        span = start + sentence[0], start + sentence[1]
        if line and (span[0] == end or "\n" in text[line[-1][1] : span[0]]):
            together = line[0][0], line[-1][1]
            yield from [together] if together[1] - together[0] <= short else line
            line = []
        line.append(span)


_LINE = re.compile(r"[^\n]+")


def _cut(text: str, start: int, end: int, limit: int) -> Iterator[Span]:
    """Cut at the last white space within the limit, or within a word when there is none."""
    while end - start > limit:
        cut = start + limit
        if not text[cut].isspace():
            space = next((i for i in range(cut - 1, start, -1) if text[i].isspace()), 0)
            cut = space or _before_marks(text, start, cut)
        yield _stripped(text, start, cut)
        start, _ = _stripped(text, cut, end)
    yield start, end


def _before_marks(text: str, start: int, cut: int) -> int:
    """A place to cut that does not part a letter from its accents, if there is one near."""
    for place in range(cut, max(start, cut - 8), -1):
        if not unicodedata.combining(text[place]):
            return place
    return cut


def _stripped(text: str, start: int, end: int) -> Span:
    piece = text[start:end]
    first = start + len(piece) - len(piece.lstrip())
    return first, max(first, start + len(piece.rstrip()))


_STOP = re.compile(
    r"""
      (?<![.!?…])(?P<mark>[.!?…]++) (?:["'”’»›)\]]|\[\d{1,3}\])*+ (?=\s|\Z)
    | [。！？｡]++ [」』”’）】]*+
    | \n\s*+
    """,
    re.VERBOSE,
)
_NEXT = re.compile(r"""\s*+["'“‘«‹(\[¿¡—–-]*+\s*+(\w*+\.?)""")  # "A." is an initial and starts no sentence
_LAST_TOKEN = re.compile(r"[^\s(\[\"“‘'/—–-]*\Z")
_ABBREVIATION_LIST = """
    adm al approx apr assoc aug ave bros brig c ca capt cf ch cmdr co col corp cpl dec dept dr ed
    eds esp est etc feb fig figs fl fr ft gen gov hon inc jan jr jul jun lt ltd maj mar messrs mohd mr
    mrs ms msgr mt mts nat no nos nov oct op p ph.d pl pp pres prof pt pvt rep repr res rev sec sen
    sep sept sgt sr st ste supt trans univ v viz vol vols vs bzw ggf nr str usw"""
_STARTER_LIST = """
    a after although an and as at because but during each for from he her his however how i if in it
    its later many most my no on one our she since so some such that the their then there these they
    this those to today two under until we what when where which while who why with you your"""
_ABBREVIATIONS = frozenset(_ABBREVIATION_LIST.split())
_STARTERS = frozenset(_STARTER_LIST.split())
_UTTERANCE = re.compile(r"(?:[-*•–—]|\(?\w{1,3}[.)]|\w[^\n:]{0,40}:)\s")


def sentences(text: str) -> list[Span]:
    """Where the sentences of a text begin and end, without the white space between them.

    Rules only, for scripts with `.`, `!`, `?`, `…` and for Chinese and Japanese full stops. A newline ends a
    sentence unless the line looks wrapped.

    Example:
        >>> text = 'Dr. J. Ray left the U.S. in 1854. "Why?" he was asked.'
        >>> [text[start:end] for start, end in sentences(text)]
        ['Dr. J. Ray left the U.S. in 1854.', '"Why?" he was asked.']
    """
    spans: list[Span] = []
    start = 0
    for stop in _STOP.finditer(text):
        if stop.end() <= start or not _ends(text, start, stop):
            continue
        span = _stripped(text, start, stop.end())
        if span[0] < span[1]:
            spans.append(span)
        start = stop.end()
    span = _stripped(text, start, len(text))
    if span[0] < span[1]:
        spans.append(span)
    return spans


def _ends(text: str, start: int, stop: re.Match[str]) -> bool:
    mark = stop["mark"]
    if mark is None:
        return stop[0][0] != "\n" or _line_ends(text, start, stop)
    following = _NEXT.match(text, stop.end())
    word = following[1] if following else ""
    if word[:1].islower():
        return False
    if mark != ".":
        return True
    token = _LAST_TOKEN.search(text, max(start, stop.start() - 24), stop.start())
    before = token[0] if token else ""
    at_start = not text[start : stop.start() - len(before)].strip() if stop.start() - start < 40 else False
    if at_start and (before.isdigit() or len(before) == 1):
        return False  # the number of an item
    if "." in before and before.islower() and before not in ("a.m", "p.m"):
        return False  # e.g., i.e., a.k.a.
    abbreviated = (
        before.casefold() in _ABBREVIATIONS
        or (len(before) == 1 and before.isalpha() and before != "I")
        or ("." in before and all(len(part) <= 2 for part in before.split(".")) and not before[-1:].isdigit())
    )
    return not abbreviated or word.casefold() in _STARTERS


def _line_ends(text: str, start: int, stop: re.Match[str]) -> bool:
    """Whether a newline ends a sentence: not when the line is long and goes on as if it had been wrapped."""
    if stop[0].count("\n") > 1:
        return True
    line_start = max(text.rfind("\n", 0, stop.start()) + 1, start)
    if stop.start() - line_start < 50 and not text[stop.end() : stop.end() + 1].islower():
        return True
    return bool(_UTTERANCE.match(text, stop.end()))
