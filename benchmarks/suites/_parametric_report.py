"""The tables and pictures of the suite `parametric`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

from kedge.benchmarks.metrics import Interval, bootstrap, permutation_test
from kedge.benchmarks.suites.curves import draw

__all__ = ["Record", "pictures", "report"]

WAYS = ("vanilla", "text", "parametric", "parametric, mean", "combined", "combined, mean", "task only")
PAIRS = (
    ("parametric", "vanilla"),
    ("parametric, mean", "vanilla"),
    ("text", "parametric"),
    ("text", "parametric, mean"),
    ("combined", "text"),
    ("combined, mean", "text"),
    ("task only", "text"),
    ("combined, mean", "task only"),
)
"""What the papers order: the first is expected to be at least as good as the second."""


@dataclass(frozen=True)
class Record:
    """One question asked one way, and what came of it; `note` tells variants apart."""

    id: str
    set: str
    method: str
    noise: int
    how: str
    note: str = ""
    answer: str = ""
    gold: str = ""
    right: float = 0.0
    f1: float = 0.0
    likelihood: float = 0.0
    tokens: int = 0
    remembered: bool = False

    @property
    def name(self) -> tuple[str, str, str, int, str, str]:
        """What no two records share."""
        return (self.id, self.set, self.method, self.noise, self.how, self.note)

    @property
    def way(self) -> str:
        """The method; and how adapters were merged, if it was not by their sum."""
        return self.method if self.how == "sum" else f"{self.method}, {self.how}"


Cell = tuple[str, ...]
Measure = Callable[[Record], float]
RIGHT: Measure = attrgetter("right")
LIKELIHOOD: Measure = attrgetter("likelihood")


def report(records: Sequence[Record], figures: Mapping[str, float]) -> str:
    """Everything as Markdown; `figures` are costs and speeds by their names."""
    parts = []
    for kind in dict.fromkeys(record.set for record in records if record.set != "calibration"):
        mine = [record for record in records if record.set == kind]
        n = len({record.id for record in mine})
        parts += [f"### {kind.capitalize()} (n = {n})", _ladder(mine), _tests(mine), _others(mine)]
    parts += [_saved(records), _figures(figures)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _ladder(records: Sequence[Record]) -> str:
    """Right answers by method and noise, then log-likelihoods and tokens at no noise."""
    rows = []
    for way in WAYS:
        plain = [r for r in records if r.way == way and not r.note]
        levels = [[r for r in plain if r.noise == noise] for noise in range(4)]
        gold = [r for r in records if r.way == way and r.note == "gold"]
        if not levels[0]:
            continue
        shown = [_share([r.right for r in part]) for part in (*levels, gold)]
        likely = f"{bootstrap([r.likelihood for r in levels[0]]).mean:.2f}"
        overlap = f"{100 * bootstrap([r.f1 for r in levels[0]]).mean:.1f}"
        old = f"{100 * sum(r.remembered for r in levels[0]) / len(levels[0]):.1f}"
        tokens = f"{sum(r.tokens for r in levels[0]) / len(levels[0]):.0f}"
        rows.append((way, *shown, overlap, likely, old, tokens))
    head = ("method", *(f"{n} of 3 random" for n in range(4)), "gold passages alone")
    return _table((*head, "F1 at 0", "log-likelihood at 0", "remembered at 0", "tokens at 0"), rows)


def _tests(records: Sequence[Record]) -> str:
    """Paired differences of what the papers order."""
    rows = []
    for first, second in PAIRS:
        for noise in range(4):
            one = {r.id: r for r in records if r.way == first and r.noise == noise and not r.note}
            level = 0 if second == "vanilla" else noise
            other = {r.id: r for r in records if r.way == second and r.noise == level and not r.note}
            both = sorted(one.keys() & other.keys())
            if not both:
                continue
            right, likely = ([pick(one[i]) for i in both] for pick in (RIGHT, LIKELIHOOD))
            theirs, their_likely = ([pick(other[i]) for i in both] for pick in (RIGHT, LIKELIHOOD))
            shown = (*_difference(right, theirs, 100), *_difference(likely, their_likely, 1))
            rows.append((f"{first} - {second}", str(noise), *shown))
    return _table(("difference", "random", "right, points [95 %]", "p", "log-likelihood [95 %]", "p"), rows)


def _others(records: Sequence[Record]) -> str:
    """Ways to merge, ranks, and adapters that were translated instead of trained."""
    rows = []
    for note in dict.fromkeys(r.note for r in records if r.note not in ("", "gold")):
        for how in dict.fromkeys(r.how for r in records if r.note == note):
            part = [r for r in records if r.note == note and r.how == how]
            cells = []
            for method in ("parametric", "combined"):
                mine = [r for r in part if r.method == method]
                cells += [_share([r.right for r in mine]), _mean(r.likelihood for r in mine)]
            rows.append((f"{how} ({note})", *cells))
    head = ("adapters", "parametric", "log-likelihood", "combined", "log-likelihood")
    return _table(head, rows) if rows else ""


def _saved(records: Sequence[Record]) -> str:
    means = {way: [r.tokens for r in records if r.way == way and not r.note] for way in WAYS}
    if not means["parametric"] or not means["text"]:
        return ""
    text, weights = (sum(m) / len(m) for m in (means["text"], means["parametric"]))
    return f"Adapters alone save {text - weights:.0f} of {text:.0f} tokens of a prompt."


def _figures(figures: Mapping[str, float]) -> str:
    rows = [(name, f"{value:,.3g}" if value < 1 else f"{value:,.1f}") for name, value in figures.items()]
    return _table(("cost or speed", "measured"), rows) if rows else ""


def _difference(ours: Sequence[float], theirs: Sequence[float], scale: float) -> Cell:
    found = bootstrap([scale * (one - other) for one, other in zip(ours, theirs, strict=True)])
    digits = 1 if scale > 1 else 2
    p = permutation_test(ours, theirs)
    return f"{found.mean:+.{digits}f} [{found.low:+.{digits}f}, {found.high:+.{digits}f}]", f"{p:.4f}"


def _share(values: Sequence[float]) -> str:
    return _interval(bootstrap(values), 100) if values else ""


def _mean(values: Iterable[float]) -> str:
    listed = list(values)
    return f"{sum(listed) / len(listed):.2f}" if listed else ""


def _interval(found: Interval, scale: float) -> str:
    return f"{scale * found.mean:.1f} [{scale * found.low:.1f}, {scale * found.high:.1f}]"


def _table(head: Cell, rows: Iterable[Cell]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def pictures(records: Sequence[Record], output: Path) -> None:
    """The noise ladder of each set: right answers, and log-likelihoods."""
    measures: dict[str, tuple[str, Measure]] = {
        "right": ("right answers, %", lambda record: 100 * record.right),
        "likelihood": ("log-likelihood of the answer", lambda record: record.likelihood),
    }
    for kind in dict.fromkeys(record.set for record in records if record.set != "calibration"):
        mine = [r for r in records if r.set == kind and not r.note]
        for name, (label, value) in measures.items():
            asked = {record.way for record in mine}
            lines = {way: _line(mine, way, value) for way in WAYS if way in asked}
            path = output / f"{kind.replace(' ', '-')}-{name}.svg"
            draw(kind.capitalize(), "random passages of 3", label, lines, path)


def _line(records: Sequence[Record], way: str, value: Measure) -> list[tuple[float, float]]:
    points = []
    for noise in range(4):
        level = 0 if way == "vanilla" else noise
        part = [value(r) for r in records if r.way == way and r.noise == level]
        points.append((float(noise), sum(part) / len(part)))
    return points
