"""`python -m kedge.benchmarks.performance [names] [--data FOLDER] [--vllm FOLDER] [--output FOLDER]`."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

from rich.console import Console

from kedge.benchmarks.performance import corpora
from kedge.benchmarks.performance.figures import Figure
from kedge.benchmarks.performance.machine import describe
from kedge.benchmarks.performance.measures import BENCHMARKS, Site
from kedge.benchmarks.performance.results import markdown, table
from kedge.tools.encoders import MiniLM

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def arguments(given: Sequence[str]) -> argparse.Namespace:
    """The command line, understood."""
    parser = argparse.ArgumentParser(prog="python -m kedge.benchmarks.performance", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="name", help=f"which: {', '.join(BENCHMARKS)} (all by default)"
    )
    parser.add_argument(
        "--data", type=Path, help="folder of real data (default: ../shared/data beside the checkout)"
    )
    parser.add_argument("--vllm", type=Path, help="environment with vLLM (default: the first that is found)")
    parser.add_argument(
        "--output",
        type=Path,
        help="folder for RESULTS.md and results.json (default: beside this file, if all are run)",
    )
    options = parser.parse_args(given)
    unknown = sorted(set(options.names) - set(BENCHMARKS))
    if unknown:
        parser.error(f"no benchmark is called {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    return options


async def measure(names: Sequence[str], site: Site, console: Console) -> list[Figure]:
    """Run the benchmarks in their order, and say how each went."""
    figures: list[Figure] = []
    for name in names:
        start = perf_counter()
        with console.status(f"{name} ..."):
            figures += await BENCHMARKS[name](site)
        console.print(f"{name}: {perf_counter() - start:.0f} s")
    return figures


def main(given: Sequence[str]) -> int:
    """Measure, show, write; the exit code is 1 when a goal was not reached."""
    options = arguments(given)
    names = options.names or list(BENCHMARKS)
    # Into a file, too, the table is to be readable.
    console = Console() if sys.stdout.isatty() else Console(width=180)
    with tempfile.TemporaryDirectory(prefix="kedge-bench-") as scratch:
        folder = Path(scratch)
        data = options.data or ROOT.parent / "shared" / "data"
        corpus = corpora.find(data, folder)
        console.print(f"corpus: {corpus.name}")
        site = Site(folder, corpus, ROOT / "examples", MiniLM(), data, options.vllm)
        figures = asyncio.run(measure(names, site, console))
    console.print(table(figures))
    output = options.output or (None if options.names else HERE)
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
        machine = describe()
        (output / "RESULTS.md").write_text(markdown(figures, machine, corpus.name))
        records = {
            "machine": machine,
            "corpus": corpus.name,
            "figures": [figure.as_record() for figure in figures],
        }
        (output / "results.json").write_text(json.dumps(records, indent=2) + "\n")
        console.print(f"written: {output / 'RESULTS.md'}")
    return int(any(figure.reached is False for figure in figures))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
