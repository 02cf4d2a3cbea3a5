"""Answers as HTML: a card for notebooks, and a report on several questions as a page of its own."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from kedge._views.clean import one_line
from kedge._views.pages import asset, escape, page
from kedge._views.svg import path_svg, plan_svg
from kedge._views.words import cost_line, place_of, reason_in_words
from kedge.errors import LoadError

if TYPE_CHECKING:
    from kedge.graphs.answer import Answer, Citation
    from kedge.graphs.events import Event

__all__ = ["answer_html", "comparison_html", "framed", "report_html", "trace_html"]

LONG = 400  # characters; a longer quotation is a whole passage, shown by its beginning
SMALL = 480  # pixels of the longer side of a picture
CONTEXT = 160  # characters of a document shown on either side of a quotation


def answer_html(answer: Answer, *, texts: Mapping[str, str] | None = None) -> str:
    """The answer as a card that looks right on light and dark backgrounds.

    With `texts` (document id to the document's text), quotations are shown within their context.
    """
    return framed(_card(answer, texts or {}))


def framed(body: str) -> str:
    """A part of a page with the style of a card, for notebooks."""
    return f'<div class="kedge"><style>{asset("card.css")}</style>{body}</div>'


def comparison_html(answers: Mapping[str, Sequence[Answer]]) -> str:
    """What several methods answered: a row for each question, a column for each method."""
    heads = "".join(f"<th>{escape(method)}</th>" for method in answers)
    rows = "".join(
        f"<tr><th>{escape(one_line(row[0].question, 120))}</th>"
        + "".join(
            f"<td>{_verdict(answer)}<br><span class='place'>{escape(cost_line(answer))}</span></td>"
            for answer in row
        )
        + "</tr>"
        for row in zip(*answers.values(), strict=True)
    )
    return f"<table><thead><tr><th></th>{heads}</tr></thead><tbody>{rows}</tbody></table>"


def report_html(
    answers: Sequence[Answer],
    stats: Mapping[str, object] | None = None,
    *,
    texts: Mapping[str, str] | None = None,
    title: str = "Kedge report",
    lead: str = "",
) -> str:
    """A self-contained page on several questions: answers, sources in context, evidence paths, traces.

    Args:
        answers: In the order to show.
        stats: Names and figures for the top of the page, such as the number of documents.
        texts: Document id to the document's text, for the context of quotations.
        title: Headline.
        lead: One line below it.
    """
    answered = sum(answer.text is not None for answer in answers)
    figures: dict[str, object] = {**(stats or {}), "questions": len(answers), "answered": answered}
    figures["declined"] = len(answers) - answered
    if answers:
        figures["median time"] = f"{median(answer.ledger.seconds for answer in answers):.2f} s"
    tiles = "".join(f"<div><dt>{escape(k)}</dt><dd>{_figure(v)}</dd></div>" for k, v in figures.items())
    contents = "".join(
        f'<li><a href="#q{n}">{escape(one_line(a.question, 120))}</a> {_verdict(a)}</li>'
        for n, a in enumerate(answers, start=1)
    )
    cards = "".join(
        f'<article id="q{n}"><h2>{n}. {escape(a.question)}</h2>'
        f'<div class="kedge">{_card(a, texts or {})}</div></article>'
        for n, a in enumerate(answers, start=1)
    )
    body = (
        f'<div class="sheet"><h1>{escape(title)}</h1><p class="lead">{escape(lead)}</p>'
        f'<dl class="tiles">{tiles}</dl>'
        f"<nav><ol>{contents}</ol></nav>{cards}</div>"
    )
    return page(title, body, style=asset("report.css") + asset("card.css"))


def _card(answer: Answer, texts: Mapping[str, str]) -> str:
    parts = [f'<p class="question">{escape(answer.question)}</p>', _said(answer)]
    abstention = answer.abstention
    if abstention is not None and abstention.missing:
        gaps = "".join(f"<li>{escape(gap.description)}</li>" for gap in abstention.missing)
        parts.append(f'<h4>Missing</h4><ul class="missing">{gaps}</ul>')
    parts.append(_sources("Sources", answer.citations, texts))
    if abstention is not None:
        parts.append(_sources("Nearest found", abstention.nearest, texts))
    if answer.path:
        parts.append(f"<h4>Evidence path</h4>{path_svg(answer.path)}")
    if answer.warnings:
        warnings = "".join(f"<li>{escape(warning)}</li>" for warning in answer.warnings)
        parts.append(f'<h4>Warnings</h4><ul class="missing">{warnings}</ul>')
    if plan := plan_svg(answer.trace):
        parts.append(f"<h4>Plan</h4>{plan}")
    if answer.trace:
        parts.append(trace_html(answer.trace))
    parts.append(f'<p class="cost">{_confidence(answer)}{escape(cost_line(answer))}</p>')
    return "".join(parts)


def _said(answer: Answer) -> str:
    if answer.text is not None:
        return f'<p class="said">{escape(answer.text)}</p>'
    return f'<p class="said declined">{escape(reason_in_words(answer))}</p>'


def _verdict(answer: Answer) -> str:
    if answer.text is not None:
        return f"<span>{escape(one_line(answer.text, 60))}</span>"
    reason = answer.abstention.reason if answer.abstention else "no answer"
    return f'<span class="declined">{escape(reason)}</span>'


def _confidence(answer: Answer) -> str:
    if answer.text is None:
        return ""
    return f'<span class="bar"><span style="width:{answer.confidence:.0%}"></span></span>'


def _sources(title: str, citations: Sequence[Citation], texts: Mapping[str, str]) -> str:
    if not citations:
        return ""
    items = "".join(
        f'<li><span class="number">[{c.number}]</span>{escape(c.title or c.source)} '
        f'<span class="place">{escape(place_of(c))}</span>'
        f"<blockquote>{_in_context(c, texts)}</blockquote>{_picture(c)}</li>"
        for c in citations
    )
    return f'<h4>{title}</h4><ol class="sources">{items}</ol>'


def _picture(citation: Citation) -> str:
    """The picture that a citation tells of, made small enough for a page; nothing where it is gone."""
    if citation.picture is None:
        return ""
    from kedge.tools.images import as_png, opened

    try:
        small = as_png(opened(Path(citation.picture).read_bytes()), longest=SMALL)
    except (LoadError, OSError):
        return ""
    data = b64encode(small).decode("ascii")
    return f'<img class="picture" alt="{escape(citation.title)}" src="data:image/png;base64,{data}">'


def _in_context(citation: Citation, texts: Mapping[str, str]) -> str:
    if len(citation.quote) > LONG:
        return f"{escape(citation.quote[:LONG].rstrip())}…"
    text = texts.get(citation.document_id, "")
    if text[citation.start : citation.end] != citation.quote:
        return f"<mark>{escape(citation.quote)}</mark>"
    start, end = max(0, citation.start - CONTEXT), citation.end + CONTEXT
    before, after = text[start : citation.start], text[citation.end : end]
    return (
        ("…" if start else "")
        + f"{escape(before)}<mark>{escape(citation.quote)}</mark>{escape(after)}"
        + ("…" if end < len(text) else "")
    )


def trace_html(events: Sequence[Event], *, opened: bool = False) -> str:
    """A bar that shows where the time went, and every event in words."""
    whole = max(event.seconds for event in events) or 1.0
    starts = [0.0, *(event.seconds for event in events)]
    clock = "".join(
        f'<span title="{escape(event.kind)}" '
        f'style="left:{start / whole:.2%};width:{(event.seconds - start) / whole:.2%}"></span>'
        for start, event in zip(starts, events, strict=False)
        if event.seconds > start
    )
    items = "".join(
        f'<li><span class="at">{event.seconds:.2f} s</span> <span class="kind">{escape(event.kind)}</span> '
        + (f'<span class="turn">round {event.round}</span> ' if event.round else "")
        + f"{escape(one_line(event.message, 300))}</li>"
        for event in events
    )
    return (
        f"<details{' open' if opened else ''}><summary>"
        f"<h4 style='display:inline'>Trace, {len(events)} events</h4></summary>"
        f'<div class="clock">{clock}</div><ol class="timeline">{items}</ol></details>'
    )


def _figure(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else escape(value)
