"""What a run looks like: tables of scores, drawings, and every question with its answers and grounds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from kedge.benchmarks.datasets import Question
from kedge.benchmarks.harness.asking import gold_of
from kedge.benchmarks.harness.page import Table, bars, curves, html, page, percent
from kedge.benchmarks.harness.scoring import PARTS, RIGHT, Score, point
from kedge.benchmarks.metrics import risk_coverage

__all__ = ["part_table", "question_html", "report", "score_bars", "score_table"]

DRILLED = 500  # questions that are shown with their answers; those on which methods differ come first

HOW = (
    "An answerable question earns its F1, an unanswerable one is right when it is declined; failures count "
    "as wrong. The joint score is 0.7 F1 + 0.3 acceptable refusals. Thresholds were chosen on the "
    "development half and are shown on the other one. Intervals are 95 % bootstrap intervals; p compares "
    "with the baseline, by a paired permutation test of what each question earned, and by McNemar's test of "
    "what is right."
)


def score_table(scores: Sequence[Score]) -> Table:
    """The scores of methods; shares in percent."""
    head = ("method", "answerable", "unanswerable", "joint [95 %]", "F1 [95 %]", "refused [95 %]", "p",
            "p of right", "EM", "answered", "clarification", "F1 where unanswerable", "joint, held-out half",
            "with threshold", "risk area", "ECE", "failed", "ms median")  # fmt: skip
    return head, [_cells(score) for score in scores]


def part_table(scores: Sequence[Score], part: str) -> Table:
    """F1 and refusals by kind, by hops or by the external share; each with its own number of questions."""
    names = sorted({name for score in scores for name in score.by.get(part, ())})
    head = (part, "answerable", "unanswerable", *(f"{score.method}: F1 / refused" for score in scores))
    rows = []
    for name in names:
        cells = [score.by[part][name] for score in scores]
        shown = [
            f"{_share(cell['f1'], cell['answerable'])} / {_share(cell['refused'], cell['unanswerable'])}"
            for cell in cells
        ]
        rows.append((name, str(cells[0]["answerable"]), str(cells[0]["unanswerable"]), *shown))
    return head, list(rows)


def score_bars(given: Sequence[Question], scores: Sequence[Score]) -> str:
    """The scores of methods on these questions with their intervals, as a drawing."""
    answerable = sum(question.answerable for question in given)
    return bars(
        {
            score.method: {
                "F1": score.f1 if answerable else None,
                "refused": score.refused if answerable < len(given) else None,
                "joint": score.joint,
            }
            for score in scores
        }
    )


def report(
    title: str,
    given: Sequence[Question],
    scores: Sequence[Score],
    records: Sequence[Mapping[str, Any]],
    tables: Mapping[str, Table],
    *,
    facts: Mapping[str, Any],
    parts: Iterable[str] = (),
) -> str:
    """The report as one HTML page that loads nothing: tables, drawings, and questions with their answers.

    Args:
        title: Headline.
        given: The questions.
        scores: Of the methods.
        records: Of every question and method.
        tables: What is to be shown first, by headline.
        facts: Names and figures of what was asked, and how.
        parts: More HTML, before the questions.
    """
    by_question: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in records:
        by_question[row["question"]].append(row)
    answerable = sum(question.answerable for question in given)
    found = sorted(given, key=lambda question: -_spread(question, by_question[question.id]))[:DRILLED]
    left = len(given) - len(found)
    told = f", and {left} more in records.jsonl" if left else ""
    return page(
        title,
        [
            f"<p>{answerable} answerable questions, {len(given) - answerable} unanswerable ones.</p>",
            f"<details><summary>What was run, and with what</summary>{_facts(facts)}</details>",
            f"<h2>Scores in percent, with their intervals</h2>{score_bars(given, scores)}",
            f"<p>{escape(HOW)}</p>",
            *(f"<h2>{escape(name)}</h2>{html(table)}" for name, table in tables.items()),
            _risks(given, by_question),
            *(
                f"<h2>By {part}</h2>{html(part_table(scores, part))}"
                for part in PARTS
                if scores[0].by.get(part)
            ),
            *parts,
            f"<h2>{len(found)} questions with their answers{told}</h2>"
            "<p>Those on which methods differ most come first.</p>",
            *(question_html(question, by_question[question.id]) for question in found),
        ],
    )


def question_html(question: Question, records: Sequence[Mapping[str, Any]], *, more: str = "") -> str:
    """A question to open: its gold answer, what it rests on, and what was said to it; `more` is HTML."""
    gold = gold_of(question)
    state = "answerable" if question.answerable else f"unanswerable: {question.extra.get('reason') or ''}"
    about = ", ".join(filter(None, (question.kind, f"{question.hops} hops" if question.hops else "", state)))
    supports = question.extra.get("supports", ())
    named = () if supports else question.gold
    return (
        f"<details><summary>{escape(question.question)} <small>{escape(about.rstrip(': '))}</small></summary>"
        f"<p>{'Answer' if question.answerable else 'Answer elsewhere'}: "
        f"<b>{escape(' / '.join(gold) or 'none')}</b></p>"
        + "".join(_support(support) for support in supports)
        + (f"<p><small>{escape(', '.join(named))}</small></p>" if named else "")
        + more
        + "".join(_record(row) for row in records)
        + "</details>"
    )


def _cells(score: Score) -> Sequence[str]:
    inside, outside = score.f1.n, score.refused.n
    return (
        score.method,
        str(inside),
        str(outside),
        percent(score.joint),
        percent(score.f1) if inside else "",
        percent(score.refused) if outside else "",
        "" if score.p is None else f"{score.p:.4f}",
        "" if score.p_right is None else f"{score.p_right:.4f}",
        f"{100 * score.em.mean:.1f}" if inside else "",
        f"{100 * score.ratios.answered:.1f}" if outside else "",
        f"{100 * score.ratios.clarification:.1f}" if outside else "",
        f"{100 * score.leaked:.1f}" if outside else "",
        f"{100 * score.held_out_joint:.1f}" if score.joint else "",
        f"{100 * score.thresholded:.1f} (at {score.limit:.2f})" if score.joint else "",
        f"{score.area:.3f}",
        f"{score.calibration:.3f}",
        str(score.failures),
        f"{score.median_ms:.0f}",
    )


def _share(value: float, n: int) -> str:
    return f"{100 * value:.1f}" if n else "–"


def _facts(facts: Mapping[str, Any]) -> str:
    rows = [
        (
            name,
            "; ".join(f"{n}: {count}" for n, count in value.items())
            if isinstance(value, Mapping)
            else str(value),
        )
        for name, value in facts.items()
        if value not in (None, "", False)
    ]
    return html((("", ""), list(rows)))


def _spread(question: Question, records: Sequence[Mapping[str, Any]]) -> float:
    """How far apart the best and the worst answer to a question are."""
    earned = [point(question, row) for row in records]
    return max(earned) - min(earned) if earned else 0.0


def _support(support: Mapping[str, str]) -> str:
    return (
        f'<blockquote><span class="side {escape(support["side"])}">{escape(support["side"])}</span> '
        f"<small>{escape(support['document'])}</small> <mark>{escape(support['quote'])}</mark></blockquote>"
    )


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


def _risks(given: Sequence[Question], by_question: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """Risk over coverage of each method."""
    told: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    for question in given:
        for row in by_question.get(question.id, ()):
            if row["text"]:
                right = float(question.answerable and row["f1"] > RIGHT)
                told[row["method"]].append((row["confidence"], right))
    lines = {
        method: (len(pairs) / len(given), risk_coverage(*map(list, zip(*pairs, strict=True))))
        for method, pairs in told.items()
    }
    if not lines:
        return ""
    return (
        "<h2>Risk over coverage</h2><p><small>Across: the share of all questions that is answered, the most "
        "confident first. Down: the share of these answers that is wrong, from 0 at the top to 1.</small></p>"
        + curves(lines)
    )
