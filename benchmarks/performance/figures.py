"""What a benchmark finds: a figure, its goal, and what it is compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median, quantiles
from typing import Any

__all__ = ["Figure", "Reference", "percentile", "spread"]


@dataclass(frozen=True, slots=True)
class Reference:
    """Something else that was measured in the same run, in the same unit."""

    name: str
    value: float


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value.

    `goal` is an upper limit, or a lower one with `more_is_better`. `n` is how many measurements the value
    summarises, and `note` how: the median and range, or what the corpus was.

    Example:
        >>> figure = Figure("open", "opening", 0.2, "s", n=5, goal=0.5, reference=Reference("import", 0.4))
        >>> figure.reached, figure.ratio
        (True, 0.5)
    """

    benchmark: str
    name: str
    value: float
    unit: str
    n: int
    goal: float | None = None
    more_is_better: bool = False
    reference: Reference | None = None
    note: str = ""

    @property
    def reached(self) -> bool | None:
        """Whether the goal is reached; `None` without a goal."""
        if self.goal is None:
            return None
        return self.value >= self.goal if self.more_is_better else self.value <= self.goal

    @property
    def ratio(self) -> float | None:
        """The value divided by that of the reference."""
        return self.value / self.reference.value if self.reference and self.reference.value else None

    def as_record(self) -> dict[str, Any]:
        """Everything, as JSON holds it."""
        return {**asdict(self), "reached": self.reached, "ratio": self.ratio}


def percentile(values: Sequence[float], percent: int) -> float:
    """The value that `percent` of the values do not exceed, interpolated.

    Example:
        >>> percentile([1.0, 2.0, 3.0], 50)
        2.0
    """
    if len(values) == 1:
        return values[0]
    return quantiles(values, n=100, method="inclusive")[percent - 1]


def spread(values: Sequence[float], unit: str = "s") -> str:
    """Median and range, for a note.

    Example:
        >>> spread([0.3, 0.1, 0.2])
        'median 0.2 s, 0.1 to 0.3 s'
    """
    return f"median {median(values):.3g} {unit}, {min(values):.3g} to {max(values):.3g} {unit}"
