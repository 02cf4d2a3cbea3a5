"""HTML, by selectolax."""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

from kedge.tools.knowledge_base.loaders._source import Composer, Source, clean, one_line, verbalise
from kedge.tools.knowledge_base.records import ParsedDocument

__all__ = ["load_webpage"]

_DROPPED = "head script style noscript template nav footer svg iframe object select button"
_INLINE_TAGS = """
    a abbr acronym b bdi bdo big cite code data del dfn em font i ins kbd label mark math nobr picture
    q rp rt ruby s samp small span strike strong sub sup time tt u var wbr"""
_VOID_TAGS = "area base br col embed hr img input link meta param source track wbr"
_FORMATTING_TAGS = "a b big code em font i nobr s small strike strong tt u"
_INLINE = frozenset(_INLINE_TAGS.split())
_VOID = frozenset(_VOID_TAGS.split())
_FORMATTING = frozenset(_FORMATTING_TAGS.split())
_TAG = re.compile(r"<(/?)([A-Za-z][^\s/>]*)")
_CHARSET = re.compile(
    rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([\w:.-]+)|<\?xml[^>]{0,200}?encoding=["']([\w:.-]+)"""
)
_MAX_DEPTH = 3_000  # browsers stop at 512; the parser's time grows with the square of it
_MAX_SPAN = 100
_MAX_REPEATED = 1_000_000  # characters of a page's table cells said again because they span several
_SIGN = 48  # pixels of a side, up to which a picture in a cell is a sign: a flag, a tick


def load_webpage(source: Source) -> Iterator[ParsedDocument]:
    """The one document of a page: what it says, without navigation, scripts and styles."""
    data = source.read()
    markup = clean(source.decode(data, declared=_declared(data)))
    _refuse_bomb(source, markup)
    tree = LexborHTMLParser(markup)
    heading = tree.css_first("title")
    title = heading.text() if heading else ""
    tree.strip_tags(_DROPPED.split())
    composer = Composer(source)
    if tree.body is not None:
        _Page(composer, source).walk(tree.body)
    yield source.composed("html", composer, title=title)


def _declared(data: bytes) -> str | None:
    found = _CHARSET.search(data[:4096].lower())
    if found is None:
        return None
    try:
        name = codecs.lookup((found[1] or found[2]).decode("ascii")).name
    except LookupError:
        return None
    # The standard of the web: these two names mean Windows-1252, and a page that could be read as bytes
    # up to here is not UTF-16 whatever it declares.
    return {"iso8859-1": "cp1252", "ascii": "cp1252"}.get(name, None if name.startswith("utf-16") else name)


def _refuse_bomb(source: Source, markup: str) -> None:
    """Refuse a page that would blow up in the parser, by a look at its tags.

    Open elements make its time grow with their square; every open formatting element is opened again in each
    block that follows.
    """
    still_open: Counter[str] = Counter()
    depth = deepest = formatting = most_formatting = tags = 0
    for closing, name in _TAG.findall(markup):
        tag = name.lower()
        if tag in _VOID:
            continue
        tags += 1
        if closing and not still_open[tag]:
            continue
        step = -1 if closing else 1
        still_open[tag] += step
        # `p` and `li` are rarely closed, and close each other.
        if tag not in ("p", "li", "td", "th", "tr", "dt", "dd", "option"):
            depth += step
            deepest = max(deepest, depth)
        if tag in _FORMATTING:
            formatting += step
            most_formatting = max(most_formatting, formatting)
    if deepest > _MAX_DEPTH or most_formatting * tags > 20_000_000:
        message = f"its elements are nested {deepest:,} deep, more than the limit of {_MAX_DEPTH:,}"
        raise source.error(message, fix="save the page's text in another format")


class _Page:
    """Walks a page in document order. Without recursion: pages nest deeper than Python does."""

    def __init__(self, composer: Composer, source: Source) -> None:
        self._composer = composer
        self._source = source
        self._buffer: list[str] = []
        self._items: list[str] = []
        self._lists: list[int] = []  # for each open list: the next number, or -1 for bullets
        self._mark = ""
        self._room = _MAX_REPEATED

    def walk(self, root: LexborNode) -> None:
        stack: list[tuple[LexborNode, bool]] = [(root, False)]
        while stack:
            node, leaving = stack.pop()
            if leaving:
                self._leave(node)
            elif self._enter(node):
                stack.append((node, True))
                stack.extend((child, False) for child in reversed(list(node.iter(include_text=True))))
        self._end_list()

    def _leaf(self, tag: str, node: LexborNode) -> None:
        """Take in what stands in a line of text."""
        if tag == "img":
            self._image(node)
            return
        text = "\n" if tag == "br" else re.sub(r"\s+", " ", node.text())
        if text != " " or (self._buffer and not self._buffer[-1].endswith(" ")):
            self._buffer.append(text)

    def _enter(self, node: LexborNode) -> bool:
        """Take a node in; whether its children are still to be taken in."""
        tag = node.tag or ""
        if tag in ("-text", "br", "img"):
            self._leaf(tag, node)
            return False
        if tag in _INLINE:
            return True
        self._flush()
        if tag in ("h1", "h2", "h3", "h4", "h5", "h6"):
            self._end_list()
            self._composer.add("heading", one_line(node.text()), level=int(tag[1]))
            return False
        if tag == "pre":
            self._end_list()
            self._composer.add("code", node.text())
            return False
        if tag == "table" and not node.css_first("table table"):
            self._end_list()
            self._table(node)
            return False
        if tag == "figure" and not node.css_first("table, pre"):
            self._end_list()
            parts = [image.attributes.get("alt") or "" for image in node.css("img")]
            text = "\n".join(filter(None, map(one_line, [*parts, node.text(separator=" ")])))
            first = node.css_first("img")
            self._composer.add_figure(text, shows=self._shown(first) if first else "")
            return False
        if tag in ("ul", "ol"):
            self._lists.append(1 if tag == "ol" else -1)
        elif tag == "li":
            number = self._lists[-1] if self._lists else -1
            self._mark = "  " * (len(self._lists) - 1) + (f"{number}. " if number > 0 else "- ")
            if number > 0:
                self._lists[-1] += 1
        return True

    def _leave(self, node: LexborNode) -> None:
        if node.tag in _INLINE:
            return
        self._flush()
        if node.tag in ("ul", "ol"):
            self._lists.pop()
            if not self._lists:
                self._end_list()

    def _flush(self) -> None:
        if not self._buffer:
            return
        text = "\n".join(filter(None, map(one_line, "".join(self._buffer).split("\n"))))
        self._buffer.clear()
        if text and self._lists:
            self._items.append(self._mark + one_line(text))
            self._mark = ""
        else:
            self._composer.add("paragraph", text)

    def _end_list(self) -> None:
        self._flush()
        self._composer.add("list", "\n".join(self._items))
        self._items.clear()

    def _image(self, node: LexborNode) -> None:
        alternative = _alternative(node)
        if not alternative:
            return
        parent = node.parent.tag if node.parent is not None else ""
        if parent in ("p", "span", "li") or any(map(str.strip, self._buffer)):
            self._buffer.append(f" {alternative} ")  # a sign within a sentence
        else:
            self._end_list()
            self._composer.add_figure(alternative, shows=self._shown(node))

    def _shown(self, node: LexborNode) -> str:
        return self._source.beside(node.attributes.get("src") or "")

    def _table(self, table: LexborNode) -> None:
        if caption := table.css_first("caption"):
            self._composer.add("paragraph", one_line(caption.text()))
        rows = [row for row in self._grid(table) if any(text for text, _ in row)]
        if not rows:
            return
        texts = [[text for text, _ in row] for row in rows]
        if len(rows) > 1 and all(is_name for text, is_name in rows[0] if text):
            self._composer.add_table(texts[0], texts[1:])
        elif all(len(row) == 2 and row[0][1] and not row[1][1] for row in rows):
            # An infobox: each row names its value.
            self._composer.add("table", "\n".join(verbalise(row[:1], row[1:]) for row in texts))
        else:
            self._composer.add_table((), texts)
        self._pictures(table)

    def _pictures(self, table: LexborNode) -> None:
        """The pictures in a table's cells that lie beside the page, each with what its row says."""
        for row in table.css("tr"):
            beside = [(image, self._shown(image)) for image in row.css("img") if not _is_sign(image)]
            said = row.text(separator=" ") if beside else ""
            for image, shows in beside:
                if shows:
                    self._composer.add_figure(_alternative(image), row=said, shows=shows)

    def _grid(self, table: LexborNode) -> list[list[tuple[str, bool]]]:
        """Rows of (text, is a header cell), cells that span several columns or rows repeated in each."""
        grid: list[list[tuple[str, bool]]] = []
        hanging: dict[int, tuple[int, tuple[str, bool]]] = {}  # column: rows still to fill, and with what
        for row in table.css("tr"):
            line: list[tuple[str, bool]] = []
            cells = [cell for cell in row.iter() if cell.tag in ("td", "th")]
            while cells or len(line) in hanging:
                column = len(line)
                if column in hanging:
                    left, value = hanging.pop(column)
                    line.append(value)
                    if left > 1:
                        hanging[column] = (left - 1, value)
                    continue
                cell = cells.pop(0)
                value = (_said(cell), cell.tag == "th")
                wide, high = _span(cell, "colspan"), _span(cell, "rowspan")
                cost = (wide * high - 1) * (len(value[0]) + 1)
                if cost > self._room:
                    wide = high = 1
                else:
                    self._room -= cost
                for offset in range(wide):
                    # A value is said once a row, however many columns it covers.
                    line.append(value if offset == 0 or value[1] else ("", False))
                    if high > 1:
                        hanging[column + offset] = (high - 1, line[-1])
            grid.append(line)
        return grid


def _alternative(image: LexborNode) -> str:
    return one_line(image.attributes.get("alt") or "")


def _said(cell: LexborNode) -> str:
    """The text of a cell; of one that only holds pictures, what is said in their place."""
    return one_line(cell.text(separator=" ")) or " ".join(filter(None, map(_alternative, cell.css("img"))))


def _is_sign(image: LexborNode) -> bool:
    return any(0 < _number(image, side) <= _SIGN for side in ("width", "height"))


def _span(cell: LexborNode, name: str) -> int:
    return min(max(_number(cell, name), 1), _MAX_SPAN)


def _number(node: LexborNode, name: str) -> int:
    """The number that an attribute holds, 0 without one."""
    value = node.attributes.get(name) or ""
    return int(value[:9]) if value.isascii() and value.isdigit() else 0
