"""What a set and its scores look like: tables for a terminal, and one page that needs nothing else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from kedge.benchmarks.crumq.corpus import Page
from kedge.benchmarks.crumq.judging import Judged
from kedge.benchmarks.crumq.probing import Cheats
from kedge.benchmarks.crumq.records import Item, drawn
from kedge.benchmarks.crumq.scoring import Score
from kedge.benchmarks.crumq.shortcuts import Shortcut
from kedge.benchmarks.metrics import Interval, risk_coverage

__all__ = [
    "Table",
    "cheat_table",
    "judge_table",
    "markdown",
    "page",
    "part_table",
    "score_table",
    "shortcut_table",
]

SHOWN = 50  # questions that are shown with their documents
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
details { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; margin: .35rem 0;
  padding: .4rem .8rem; } summary { cursor: pointer; }
blockquote { margin: .3rem 0; padding-left: .7rem; border-left: 3px solid #2f8f7d; }
mark { background: #2f8f7d44; color: inherit; } .side { color: #2f8f7d; font-weight: 600; }
.external { color: #c97a1e; } small { opacity: .75; } svg { background: var(--card); max-width: 100%; }
"""
_COLOURS = ("#2f8f7d", "#c97a1e", "#5b6ee1", "#b4436c", "#6b7a3a", "#7a5aa6", "#3a86a8", "#a0522d")


def score_table(scores: Sequence[Score]) -> Table:
    """The scores of methods; shares in percent."""
    head = ("method", "F1 [95 %]", "EM", "refused [95 %]", "answered", "clarification", "acceptable",
            "F1 where unanswerable", "joint", "joint, held-out half", "with threshold", "risk area", "ECE",
            "failed", "ms median", "p", "p of right")  # fmt: skip
    rows = [
        (
            score.method,
            _percent(score.f1),
            f"{100 * score.em.mean:.1f}",
            _percent(score.refused),
            f"{100 * score.ratios.answered:.1f}",
            f"{100 * score.ratios.clarification:.1f}",
            f"{100 * score.ratios.acceptable:.1f}",
            f"{100 * score.leaked:.1f}",
            f"{100 * score.joint:.1f}",
            f"{100 * score.held_out_joint:.1f}",
            f"{100 * score.thresholded:.1f} (at {score.limit:.2f})",
            f"{score.area:.3f}",
            f"{score.calibration:.3f}",
            str(score.failures),
            f"{score.median_ms:.0f}",
            "" if score.p is None else f"{score.p:.4f}",
            "" if score.p_right is None else f"{score.p_right:.4f}",
        )
        for score in scores
    ]
    return head, list(rows)


def part_table(scores: Sequence[Score], part: str) -> Table:
    """F1 and refusals by kind, by hops or by the external share; each with its own number of questions."""
    names = sorted({name for score in scores for name in score.by[part]})
    head = (part, "answerable", "unanswerable", *(f"{score.method}: F1 / refused" for score in scores))
    rows = []
    for name in names:
        cells = [score.by[part].get(name, {}) for score in scores]
        first = cells[0]
        shown = [f"{100 * cell['f1']:.1f} / {100 * cell['refused']:.1f}" for cell in cells]
        rows.append((name, str(first["answerable"]), str(first["unanswerable"]), *shown))
    return head, list(rows)


def cheat_table(found: Mapping[str, Cheats]) -> Table:
    """Cheatability by method or set."""
    head = ("method", "n", "F1, all in view", "F1, probe", "cheatability [95 %]", "conditional",
            "worst bipartition", "supports", "supports, conditional", "failed")  # fmt: skip
    rows = [
        (
            name,
            str(cheats.original.n),
            _percent(cheats.original),
            _percent(cheats.probe),
            *(_percent(ratio) if ratio else "" for ratio in (
                cheats.answers, cheats.conditional, cheats.most, cheats.supports, cheats.conditional_supports
            )),
            str(cheats.failures),
        )
        for name, cheats in found.items()
    ]  # fmt: skip
    return head, list(rows)


def shortcut_table(found: Sequence[Shortcut]) -> Table:
    """What shortcuts score."""
    rows = [(s.name, str(s.f1.n), _percent(s.f1), f"{100 * s.em.mean:.1f}") for s in found]
    return ("shortcut", "n", "F1 [95 %]", "EM"), list(rows)


def judge_table(found: Sequence[Judged]) -> Table:
    """What a judge says of methods, and how far it agrees with the exact checks."""
    rows = [
        (
            said.method,
            str(said.n),
            f"{100 * said.accuracy:.1f}",
            f"{100 * said.acceptable:.1f}",
            f"{100 * said.agreement.share:.1f}" if said.agreement else "",
            f"{said.agreement.kappa:.2f}" if said.agreement and said.agreement.kappa is not None else "",
            str(said.failed),
        )
        for said in found
    ]
    head = ("method", "n", "accuracy by judge", "acceptable by judge", "agrees with exact checks", "kappa",
            "not judged")  # fmt: skip
    return head, list(rows)


def markdown(table: Table) -> str:
    """A table as Markdown."""
    head, rows = table
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines) + "\n"


def page(
    title: str,
    given: Sequence[Item],
    pages: Sequence[Page],
    counts: Mapping[str, Any],
    scores: Sequence[Score],
    records: Sequence[Mapping[str, Any]],
    tables: Mapping[str, Table],
) -> str:
    """The report as one HTML page that loads nothing: tables, curves, and every question with its answers.

    Args:
        title: Headline.
        given: The questions.
        pages: Their documents.
        counts: Names and figures of how the set was made.
        scores: Of the methods.
        records: Of every question and method.
        tables: What is to be shown first, by headline.
    """
    texts = {p.id: p for p in pages}
    by_question: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in records:
        by_question[row["question"]].append(row)
    some = sorted(given, key=lambda item: drawn(0, "shown", item.id))[:SHOWN]
    parts = [
        f"<h1>{escape(title)}</h1>",
        _facts(given, counts),
        "<p>An answerable question earns its F1, an unanswerable one is right when it is declined; failures "
        "count as wrong. The joint score is 0.7 F1 + 0.3 acceptable refusals. Thresholds were chosen on the "
        "development half and are shown on the other one. p compares with retrieve_read.</p>",
        *(f"<h2>{escape(name)}</h2>{_html(table)}" for name, table in tables.items()),
        _curves(given, by_question),
        *(f"<h2>By {part}</h2>{_html(part_table(scores, part))}" for part in ("kind", "hops", "external")),
    ]
    parts += [f"<h2>{len(some)} questions with their documents, drawn at random</h2>"]
    parts += [_question(item, texts, ()) for item in some]
    parts += [f"<h2>All {len(given)} questions with their answers</h2>"]
    parts += [_question(item, {}, by_question[item.id]) for item in given]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">\n"
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body><main>"
        + "\n".join(parts)
        + "</main></body>\n</html>\n"
    )


def _facts(given: Sequence[Item], counts: Mapping[str, Any]) -> str:
    answerable = sum(item.answerable for item in given)
    shown = {"unanswerable": len(given) - answerable, "answerable twins": answerable, **counts}
    rows = [(name, _told(value)) for name, value in shown.items()]
    return _html((("", ""), list(rows)))


def _told(value: object) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {count}" for name, count in value.items())
    return str(value)


def _question(item: Item, texts: Mapping[str, Page], records: Sequence[Mapping[str, Any]]) -> str:
    answer = " / ".join(item.answers) if item.answers else "none"
    asked = "all documents" if item.answerable else f"internal documents: {item.reason}"
    head = f"{escape(item.question)} <small>{escape(item.kind)}, {item.hops} hops, {escape(asked)}</small>"
    supports = "".join(
        f'<blockquote><span class="side {support.side}">{support.side}</span> '
        f"<small>{escape(support.document)}</small> {_marked(support.quote, texts.get(support.document))}"
        "</blockquote>"
        for support in item.supports
    )
    rows = "".join(_record(row) for row in records)
    return (
        f"<details><summary>{head}</summary><p>Answer: <b>{escape(answer)}</b></p>{supports}{rows}</details>"
    )


def _marked(quote: str, document: Page | None) -> str:
    if document is None:
        return f"<mark>{escape(quote)}</mark>"
    before, found, after = document.text.partition(quote)
    if not found:
        return f"<b>{escape(document.title)}</b> {escape(document.text)}"
    around = f"{escape(before[-400:])}<mark>{escape(quote)}</mark>{escape(after[:400])}"
    return f"<b>{escape(document.title)}</b> {around}"


def _record(row: Mapping[str, Any]) -> str:
    said = row["text"] or f"({row['reason'] or row['failure'] or row['outcome']})"
    path = "".join(f"<li>{escape(step)}</li>" for step in row["path"])
    cited = "".join(
        f"<blockquote><small>{escape(c['title'])}</small> {escape(c['quote'])}</blockquote>"
        for c in row["citations"]
    )
    trace = "".join(f"<li>{escape(event)}</li>" for event in row["trace"])
    figures = f"F1 {row['f1']:.2f}, confidence {row['confidence']:.2f}, {row['seconds']:.2f} s"
    return (
        f"<details><summary><b>{escape(row['method'])}</b>: {escape(said)} "
        f"<small>{figures}</small></summary>"
        f"<ul>{path}</ul>{cited}<ol>{trace}</ol></details>"
    )


def _curves(given: Sequence[Item], by_question: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """Risk over coverage of each method, drawn."""
    told: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    for item in given:
        for row in by_question.get(item.id, ()):
            if row["text"]:
                right = float(item.answerable and row["f1"] > 0.5)
                told[row["method"]].append((row["confidence"], right))
    drawing = []
    for number, (method, pairs) in enumerate(told.items()):
        points = risk_coverage([sure for sure, _ in pairs], [right for _, right in pairs])
        share = len(pairs) / len(given)
        line = " ".join(f"{40 + 520 * p.coverage * share:.1f},{20 + 240 * p.risk:.1f}" for p in points)
        colour = _COLOURS[number % len(_COLOURS)]
        drawing.append(
            f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{line}"/>'
            f'<text x="580" y="{34 + 18 * number}" fill="{colour}" font-size="13">{escape(method)}</text>'
        )
    if not drawing:
        return ""
    return (
        "<h2>Risk over coverage</h2><p><small>Across: the share of all questions that is answered, the most "
        "confident first. Down: the share of these answers that is wrong, from 0 at the top to 1.</small></p>"
        '<svg viewBox="0 0 720 280" width="720" height="280" role="img">'
        '<path d="M40 20V260H560" fill="none" stroke="currentColor"/>'
        '<text x="10" y="24" font-size="12" fill="currentColor">0</text>'
        '<text x="10" y="264" font-size="12" fill="currentColor">1</text>' + "".join(drawing) + "</svg>"
    )


def _html(table: Table) -> str:
    head, rows = table
    cells = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    return f'<div class="wide"><table><tr>{cells}</tr>{"".join(map(_row, rows))}</table></div>'


def _row(cells: Iterable[str]) -> str:
    return f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"


def _percent(value: Interval) -> str:
    return f"{100 * value.mean:.1f} [{100 * value.low:.1f}, {100 * value.high:.1f}]"
