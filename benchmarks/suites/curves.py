"""Curves as pictures: quality over rounds, one line for each set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path

from kedge.errors import InputError

__all__ = ["draw"]


Lines = Mapping[str, Sequence[tuple[float, float]]]


def draw(title: str, across: str, up: str, lines: Lines, path: Path) -> None:
    """Write a picture (SVG or PNG, by the ending of `path`) of some lines, each given as points.

    Raises:
        InputError: matplotlib, which only benchmarks use, is not installed.
    """
    try:
        mpl, plt = import_module("matplotlib"), import_module("matplotlib.pyplot")
    except ImportError:
        raise InputError("pictures need matplotlib", fix="pip install matplotlib") from None
    mpl.rcParams["svg.hashsalt"] = "kedge"  # the same figures make the same file
    plt.switch_backend("Agg")
    figure, axes = plt.subplots(figsize=(7, 4))
    for name, points in lines.items():
        axes.plot(*zip(*points, strict=True), marker="o", markersize=3, label=name)
    axes.set(title=title, xlabel=across, ylabel=up, xticks=sorted({x for p in lines.values() for x, _ in p}))
    axes.grid(visible=True, alpha=0.3)
    axes.legend(fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5))
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None} if path.suffix == ".svg" else None)
    plt.close(figure)
