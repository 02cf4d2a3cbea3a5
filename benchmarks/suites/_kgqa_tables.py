"""The report of the suite on graphs, as tables."""

from __future__ import annotations

from typing import Any

__all__ = ["markdown"]


def markdown(report: dict[str, Any]) -> str:
    """The report as tables."""
    sets = report["sets"]
    ablations = list(dict.fromkeys(kind for found in sets.values() for kind in found["ablations"]))
    lines = [
        "# Questions over graphs",
        "",
        "| set | n | Hits@1 | F1 | linked | open loop | p | answers right, abstaining | abstains | ms median "
        "| ms p99 | rounds |",
        "|" + "---|" * 12,
        *(_main_row(name, found) for name, found in sets.items()),
        "",
        "Hits@1 in percent with its 95 % interval, before abstention; linked: topics found in the text; p: "
        "McNemar's test of the closed loop against the open one; abstains: share in more doubt than "
        f"{report['doubt']['used']} (set on the calibration halves: {report['doubt']['calibrated']}).",
        "",
        "| set | n | "
        + " | ".join(f"T = {n}" for n in (0, 1, 2, 3, 5))
        + " | answers removed: abstains | labels shuffled | beam walk | not kb_exact |",
        "|" + "---|" * 11,
        *(_check_row(name, found) for name, found in sets.items()),
        "",
        "| set | " + " | ".join(ablations) + " |",
        "|" + "---|" * (len(ablations) + 1),
    ]
    for name, found in sets.items():
        lines.append(
            f"| {name} | " + " | ".join(_percent(found["ablations"][kind]) for kind in ablations) + " |"
        )
    return "\n".join(lines) + "\n"


def _main_row(name: str, found: dict[str, Any]) -> str:
    closed = found["closed"]
    if not closed["n"]:
        return f"| {name} | 0 |" + " |" * 10
    cells = [
        name,
        str(closed["n"]),
        f"{_percent(closed)} [{100 * closed['low']:.1f}, {100 * closed['high']:.1f}]",
        f"{100 * closed['f1']:.1f}",
        _percent(found["linked"]),
        _percent(found["open"]),
        f"{found['closed against open']['mcnemar']:.1g}",
        f"{100 * closed['hits@1 with abstention']:.1f}",
        f"{100 * closed['abstains']:.1f}",
        f"{closed['ms median']:.1f}",
        f"{closed['ms p99']:.1f}",
        f"{closed['rounds']:.2f}",
    ]
    return "| " + " | ".join(cells) + " |"


def _check_row(name: str, found: dict[str, Any]) -> str:
    removed = found["answers removed"]
    cells = [
        name,
        str(removed["n"]),
        *(_percent(summary) for summary in found["rounds"].values()),
        f"{100 * removed['abstains']:.1f}" if removed["n"] else "",
        _percent(found["labels shuffled"]),
        _percent(found["beam walk"]),
        _percent(found.get("not kb_exact", {"n": 0})),
    ]
    return "| " + " | ".join(cells) + " |"


def _percent(summary: dict[str, Any]) -> str:
    return f"{100 * summary['hits@1']:.1f}" if summary["n"] else ""
