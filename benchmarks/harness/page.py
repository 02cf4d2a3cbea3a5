"""What reports are made of: tables for terminals and pages, drawings, and a page that loads nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from kedge.benchmarks.metrics import Interval, Point

__all__ = ["Table", "bars", "curves", "html", "markdown", "page", "percent"]

Table = tuple[Sequence[str], list[Sequence[str]]]

_STYLE = """
:root { color-scheme: light dark; --back: #fbfaf7; --fore: #22302e; --card: #fff; --line: #8c908c55; }
@media (prefers-color-scheme: dark) { :root { --back: #14191a; --fore: #e4e9e6; --card: #1c2324; } }
body { margin: 0; background: var(--back); color: var(--fore); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 76rem; margin: 0 auto; padding: 2rem 1.2rem 4rem; }
h1 { margin: 0; font-size: 1.7rem; } h2 { margin: 2rem 0 .5rem; font-size: 1.25rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; background: var(--card); }
th, td { border: 1px solid var(--line); padding: .25rem .6rem; text-align: left; vertical-align: top; }
td { white-space: nowrap; }
details { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; margin: .35rem 0;
  padding: .4rem .8rem; } summary { cursor: pointer; overflow-wrap: anywhere; }
blockquote { margin: .3rem 0; padding-left: .7rem; border-left: 3px solid #2f8f7d; }
mark { background: #2f8f7d44; color: inherit; } .side { color: #2f8f7d; font-weight: 600; }
.external { color: #c97a1e; } small { opacity: .75; } svg { background: var(--card); max-width: 100%;
  height: auto; }
"""
_COLOURS = ("#2f8f7d", "#c97a1e", "#5b6ee1", "#b4436c", "#6b7a3a", "#7a5aa6", "#3a86a8", "#a0522d")


def markdown(table: Table) -> str:
    """A table as Markdown."""
    head, rows = table
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines) + "\n"


def html(table: Table) -> str:
    """A table as HTML; a head of empty cells is left out."""
    head, rows = table
    cells = f"<tr>{''.join(f'<th>{escape(cell)}</th>' for cell in head)}</tr>" if any(head) else ""
    return f'<div class="wide"><table>{cells}{"".join(map(_row, rows))}</table></div>'


def percent(value: Interval | None) -> str:
    """A share with its interval, in percent; nothing if there is none.

    Example:
        >>> percent(Interval(0.5, 0.25, 0.75, 8)), percent(None)
        ('50.0 [25.0, 75.0]', '')
    """
    return "" if value is None else f"{100 * value.mean:.1f} [{100 * value.low:.1f}, {100 * value.high:.1f}]"


def page(title: str, parts: Iterable[str]) -> str:
    """One HTML page of these parts, which are HTML; it loads nothing and runs nothing."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">\n"
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body><main>"
        f"<h1>{escape(title)}</h1>\n" + "\n".join(parts) + "</main></body>\n</html>\n"
    )


def bars(groups: Mapping[str, Mapping[str, Interval | None]]) -> str:
    """Shares with their intervals, drawn: a line for each name, a bar for each of its shares.

    Args:
        groups: For each name its shares, from 0 to 1, by what they are called.
    """
    kinds = list(dict.fromkeys(kind for shares in groups.values() for kind in shares))
    step = 13 * len(kinds) + 9
    height = step * len(groups) + 50
    drawing = [
        f'<text x="{170 + 110 * n}" y="16" fill="{_colour(n)}" font-size="13">{escape(kind)}</text>'
        for n, kind in enumerate(kinds)
    ]
    for place in range(0, 101, 25):
        x = 170 + 5 * place
        drawing.append(
            f'<path d="M{x} 24V{height - 22}" stroke="currentColor" opacity=".2"/>'
            f'<text x="{x}" y="{height - 6}" font-size="11" text-anchor="middle" fill="currentColor">'
            f"{place}</text>"
        )
    for line, (name, shares) in enumerate(groups.items()):
        top = 28 + step * line
        drawing.append(
            f'<text x="160" y="{top + step / 2}" font-size="13" text-anchor="end" fill="currentColor">'
            f"{escape(name)}</text>"
        )
        drawing += [
            _bar(share, top + 13 * n, _colour(n))
            for n, kind in enumerate(kinds)
            if (share := shares.get(kind)) is not None
        ]
    return (
        f'<svg viewBox="0 0 720 {height}" width="720" height="{height}" role="img">{"".join(drawing)}</svg>'
    )


def curves(lines: Mapping[str, tuple[float, Sequence[Point]]]) -> str:
    """Risk over coverage, drawn.

    Args:
        lines: For each name the share of all questions that is answered, and the points of its curve.
    """
    drawing = []
    for number, (name, (share, points)) in enumerate(lines.items()):
        corners = " ".join(f"{40 + 520 * p.coverage * share:.1f},{20 + 240 * p.risk:.1f}" for p in points)
        colour = _colour(number)
        drawing.append(
            f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{corners}"/>'
            f'<text x="580" y="{34 + 18 * number}" fill="{colour}" font-size="13">{escape(name)}</text>'
        )
    return (
        '<svg viewBox="0 0 720 280" width="720" height="280" role="img">'
        '<path d="M40 20V260H560" fill="none" stroke="currentColor"/>'
        '<text x="10" y="24" font-size="12" fill="currentColor">0</text>'
        '<text x="10" y="264" font-size="12" fill="currentColor">1</text>' + "".join(drawing) + "</svg>"
    )


def _bar(share: Interval, top: float, colour: str) -> str:
    low, high = 170 + 500 * share.low, 170 + 500 * share.high
    return (
        f'<rect x="170" y="{top}" width="{500 * share.mean:.1f}" height="10" fill="{colour}"/>'
        f'<path d="M{low:.1f} {top + 5}H{high:.1f}" stroke="currentColor" stroke-width="1.5" opacity=".75"/>'
    )


def _colour(number: int) -> str:
    return _COLOURS[number % len(_COLOURS)]


def _row(cells: Iterable[str]) -> str:
    return f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"
