"""The figures as tables: for the terminal, and for `RESULTS.md`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.table import Table

from kedge.benchmarks.performance.figures import Figure

__all__ = ["markdown", "table"]

COLUMNS = (
    "benchmark",
    "what",
    "measured",
    "goal",
    "reached",
    "reference of the same run",
    "ratio",
    "n",
    "note",
)


def cells(figure: Figure) -> tuple[str, ...]:
    """One row, under `COLUMNS`.

    Example:
        >>> cells(Figure("open", "opening", 0.2, "s", n=5, goal=0.5))[2:5]
        ('0.20 s', '≤ 0.50 s', 'yes')
    """
    goal, reached, reference, ratio = "", "", "", ""
    if figure.goal is not None:
        sign = "≥" if figure.more_is_better else "≤"
        goal = f"{sign} {_amount(figure.goal, figure.unit)}"
        reached = "yes" if figure.reached else "NO"
    if figure.reference is not None:
        reference = f"{figure.reference.name}: {_amount(figure.reference.value, figure.unit)}"
    if figure.ratio is not None:
        ratio = f"{figure.ratio:.2f}"
    measured = _amount(figure.value, figure.unit)
    return (
        figure.benchmark,
        figure.name,
        measured,
        goal,
        reached,
        reference,
        ratio,
        str(figure.n),
        figure.note,
    )


def table(figures: Sequence[Figure]) -> Table:
    """For the terminal, without the notes."""
    shown = Table(*COLUMNS[1:7])
    for figure in figures:
        shown.add_row(*cells(figure)[1:7], style="red" if figure.reached is False else "")
    return shown


def markdown(figures: Sequence[Figure], machine: Mapping[str, str], corpus: str) -> str:
    """`RESULTS.md`: the command, the machine, the figures."""
    rows = [COLUMNS, ("---",) * len(COLUMNS), *(cells(figure) for figure in figures)]
    lines = [
        "# Performance",
        "",
        "Made by `make bench` (`python -m kedge.benchmarks.performance`); do not edit.",
        f"Corpus: {corpus}. The ratio is measured divided by reference.",
        "",
        *("| " + " | ".join(row) + " |" for row in rows),
        "",
        "Measured with " + ", ".join(f"{name}: {value}" for name, value in machine.items()) + ".",
    ]
    return "\n".join(lines) + "\n"


def _amount(value: float, unit: str) -> str:
    number = f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
    return f"{number} {unit}".strip()
