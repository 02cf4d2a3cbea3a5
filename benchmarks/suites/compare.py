"""Runs side by side, on the questions that all of them were asked: `kedge bench compare RUN RUN ...`.

Scores are set beside the first method of the first run; below, every pair with a paired permutation test
(also corrected for their number, after Holm) and McNemar's test. One run with several methods will do.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from kedge.benchmarks.harness.comparing import compared, pair_table
from kedge.benchmarks.harness.page import markdown
from kedge.benchmarks.harness.report import report, score_table
from kedge.benchmarks.harness.runs import read_run

__all__ = ["main"]


def main(given: Sequence[str]) -> int:
    """Compare, show, write."""
    parser = argparse.ArgumentParser(prog="kedge bench compare", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="folders of runs")
    parser.add_argument("--output", type=Path, default=Path("comparison.html"), help="the page to write")
    options = parser.parse_args(given)
    found = compared([read_run(folder) for folder in options.runs])
    tables = {"Systems": score_table(found.scores), "Pairs": pair_table(found.pairs)}
    facts = {
        "runs": ", ".join(map(str, options.runs)),
        "questions in common": len(found.questions),
        "questions left out": found.left_out,
    }
    text = report("Comparison of runs", found.questions, found.scores, found.records, tables, facts=facts)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(text, encoding="utf-8")
    console = Console() if sys.stdout.isatty() else Console(width=400)
    told = f"{len(found.questions)} questions in common, {found.left_out} left out"
    for part in (told, *map(markdown, tables.values()), f"the page is {options.output}"):
        console.print(part, highlight=False)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
