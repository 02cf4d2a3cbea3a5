"""Markdown, by markdown-it-py."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token
from selectolax.lexbor import LexborHTMLParser

from kedge.tools.knowledge_base.loaders._source import Composer, Source, clean, one_line
from kedge.tools.knowledge_base.records import ParsedDocument

__all__ = ["load_markdown"]

_MAX_NESTING = 60  # what is deeper is left out; by default that would be a list of ten levels
_FRONT_MATTER = re.compile(r"---[^\S\n]*\n(.*?)\n(?:---|\.\.\.)[^\S\n]*(?:\n|\Z)", re.DOTALL)
_SCALAR = re.compile(r"([A-Za-z][\w-]*):[^\S\n]+(\S.*)")


def load_markdown(source: Source) -> Iterator[ParsedDocument]:
    """The one document of a Markdown file: the text that a reader sees, without the marks.

    The scalars of a front matter become metadata, and its `title` the title.
    """
    text = clean(source.decode(source.read()))
    metadata: dict[str, str] = {}
    if matter := _FRONT_MATTER.match(text):
        for line in matter[1].splitlines():
            if scalar := _SCALAR.match(line):
                metadata[scalar[1]] = scalar[2].strip().strip("\"'")
        text = text[matter.end() :]
    composer = Composer(source)
    parser = MarkdownIt("commonmark", {"maxNesting": _MAX_NESTING}).enable(["table", "strikethrough"])
    _compose(parser.parse(text), composer, source)
    yield source.composed("markdown", composer, title=metadata.pop("title", ""), metadata=metadata)


def _compose(tokens: Sequence[Token], composer: Composer, source: Source) -> None:
    position = 0
    while position < len(tokens):
        token = tokens[position]
        closing = token.type.replace("_open", "_close")
        if token.type in ("bullet_list_open", "ordered_list_open", "table_open"):
            end = position
            while (tokens[end].type, tokens[end].level) != (closing, token.level):
                end += 1
            inside = tokens[position : end + 1]
            if token.type == "table_open":
                header, *body = rows = _rows(inside)
                composer.add_table(list(map(_inline, header)), [list(map(_inline, row)) for row in body])
                _pictures(rows, composer, source)
            else:
                composer.add("list", _list(inside))
            position = end
        elif token.type == "heading_open":
            composer.add("heading", one_line(_inline(tokens[position + 1])), level=int(token.tag[1]))
            position += 2
        elif token.type == "inline":
            # A paragraph that is nothing but an image is the image.
            parts = [t for t in token.children or () if not (t.type == "text" and not t.content.strip())]
            alone = bool(parts) and all(part.type in ("image", "softbreak") for part in parts)
            if alone:
                shown = next(str(part.attrs["src"]) for part in parts if part.type == "image")
                composer.add_figure(_inline(token), shows=source.beside(shown))
            else:
                composer.add("paragraph", _inline(token))
        elif token.type in ("fence", "code_block"):
            composer.add("code", token.content)
        elif token.type == "html_block":
            composer.add("paragraph", _html(token.content))
        position += 1


def _inline(token: Token) -> str:
    parts = []
    for child in token.children or ():
        if child.type in ("softbreak", "hardbreak"):
            parts.append("\n")
        elif child.type != "html_inline":
            # An image's content is its alternative text.
            parts.append(child.content)
    return "".join(parts)


def _list(tokens: Sequence[Token]) -> str:
    lines = []
    depth = 0
    mark = ""
    for token in tokens:
        if token.type in ("bullet_list_open", "ordered_list_open"):
            depth += 1
        elif token.type in ("bullet_list_close", "ordered_list_close"):
            depth -= 1
        elif token.type == "list_item_open":
            mark = f"{token.info}{token.markup} " if token.info else "- "
        elif token.type in ("inline", "fence", "code_block"):
            body = one_line(_inline(token)) if token.type == "inline" else token.content.strip()
            if body:
                lines.append("  " * (depth - 1) + mark + body)
                mark = ""
    return "\n".join(lines)


def _rows(tokens: Sequence[Token]) -> list[list[Token]]:
    """The cells of a table, row by row."""
    rows: list[list[Token]] = []
    for token in tokens:
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline":
            rows[-1].append(token)
    return rows


def _pictures(rows: Sequence[Sequence[Token]], composer: Composer, source: Source) -> None:
    """The pictures in a table's cells that lie beside the file, each with what its row says."""
    for row in rows:
        for part in (part for cell in row for part in cell.children or () if part.type == "image"):
            if shows := source.beside(str(part.attrs["src"])):
                composer.add_figure("", row=" ".join(map(_inline, row)), shows=shows)


def _html(content: str) -> str:
    tree = LexborHTMLParser(content)
    tree.strip_tags(["script", "style"])
    images = " ".join(node.attributes.get("alt") or "" for node in tree.css("img"))
    body = tree.body.text(separator=" ") if tree.body else ""
    return one_line(f"{body} {images}")
