"""`python -m kedge.benchmarks.reader train|calibrate|score|curve`: see RESULTS.md beside this file."""

from __future__ import annotations

import argparse
import asyncio
import gc
import hashlib
import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

__all__ = ["main"]

DATA = Path("../shared/data")


def _train(options: argparse.Namespace) -> int:
    import torch.multiprocessing as workers
    from tokenizers import Tokenizer

    from kedge.benchmarks.reader.examples import training
    from kedge.benchmarks.reader.training import Settings, batches, encoded, planned, train

    settings = Settings(
        seed=options.seed,
        rate=options.rate,
        scale=options.scale,
        workers=options.workers,
        device=options.device,
        until=options.until,
        start=options.start,
        without=tuple(options.without),
    )
    options.output.mkdir(parents=True, exist_ok=True)
    examples = list(training(options.data, settings.seed))
    tokenizer = Tokenizer.from_file(str(options.trunk / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    order = planned(examples, settings)
    groups = list(batches(encoded(order, tokenizer), settings))
    digest = hashlib.sha256("".join(map(repr, examples)).encode()).hexdigest()
    first = {
        "settings": asdict(settings),
        "examples": len(examples),
        "sha256": digest,
        "taken": Counter(one.source for one in order),
        "batches": len(groups),
    }
    (options.output / "log.jsonl").write_text(json.dumps(first) + "\n")
    arguments = (options.trunk, groups, settings, options.output, 29_500 + settings.seed)
    gc.freeze()  # what is shared with the workers stays shared
    workers.start_processes(train, arguments, nprocs=settings.workers, start_method="fork")
    return 0


def _calibrate(options: argparse.Namespace) -> int:
    """Fit the calibration on what is kept for it: the weights that agents/extractive/_weights.py holds."""
    from kedge.benchmarks.reader.examples import CALIBRATION
    from kedge.benchmarks.reader.scoring import (
        FEATURES,
        fitted,
        read_articles,
        read_found,
        read_helpful,
        read_hops,
        regression,
        threshold,
    )

    own = asyncio.run(read_articles(options.data, CALIBRATION))
    found = asyncio.run(read_found(options.data, CALIBRATION))
    hops = asyncio.run(read_hops(options.data, options.cache))
    weights = fitted([*own, *found, *hops, *hops])  # twice, since there are few
    for name, each in (("READ_RIGHT", weights.alone), ("TOGETHER_RIGHT", weights.together)):
        named = dict(zip(("", *FEATURES), (round(float(w), 2) for w in each), strict=True))
        sys.stdout.write(f"{name} = {named}\n")
    helps = regression(asyncio.run(read_helpful(options.data, options.cache)))
    named = dict(zip(("", "relevant", "cosine"), (round(float(w), 1) for w in helps), strict=True))
    sys.stdout.write(f"HELPS = {named}\n")
    sys.stdout.write(f"best threshold {threshold(own, weights)}\n")
    return 0


def _score(options: argparse.Namespace) -> int:
    """The figures on the reported articles, as JSON, and the reliability diagram."""
    import numpy as np

    from kedge.agents.extractive._weights import READ_RIGHT, TOGETHER_RIGHT
    from kedge.benchmarks.reader.examples import REPORTED
    from kedge.benchmarks.reader.scoring import Weights, diagram, read_articles, scores

    read = asyncio.run(read_articles(options.data, REPORTED))
    weights = Weights(*(np.array(list(each.values())) for each in (READ_RIGHT, TOGETHER_RIGHT)))
    found = scores(read, weights, options.threshold)
    sys.stdout.write(json.dumps(asdict(found), indent=1) + "\n")
    if options.diagram is not None:
        diagram(found.bins, options.diagram)
    return 0


def _curve(options: argparse.Namespace) -> int:
    """What was learnt after so many examples, as JSON lines and a picture."""
    from kedge.benchmarks.reader.curve import curve

    curve(options.runs, options.trunk, options.data, options.every, options.picture)
    return 0


def main(given: Sequence[str]) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m kedge.benchmarks.reader", description=__doc__)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("train", help="make the examples and train")
    command.set_defaults(run=_train)
    command.add_argument("--data", type=Path, default=DATA, help="folder of the data sets")
    command.add_argument("--trunk", type=Path, required=True, help="folder of all-MiniLM-L6-v2")
    command.add_argument("--output", type=Path, required=True, help="where weights and log are written")
    command.add_argument("--seed", type=int, default=1)
    command.add_argument("--rate", type=float, default=2e-4, help="highest learning rate")
    command.add_argument("--scale", type=float, default=1.0, help="how often examples are met")
    command.add_argument("--workers", type=int, default=2)
    command.add_argument("--device", default="cpu")
    command.add_argument("--until", type=int, metavar="STEP", help="stop there")
    command.add_argument("--start", metavar="WEIGHTS", help="go on from these weights")
    command.add_argument("--without", nargs="+", default=[], metavar="SOURCE", help="sources to leave out")
    command = commands.add_parser("calibrate", help=_calibrate.__doc__)
    command.set_defaults(run=_calibrate)
    command.add_argument("--data", type=Path, default=DATA, help="folder of the data sets")
    command.add_argument("--cache", type=Path, default=Path(".bench"), help="where bases are built and kept")
    command = commands.add_parser("score", help=_score.__doc__)
    command.set_defaults(run=_score)
    command.add_argument("--data", type=Path, default=DATA, help="folder of the data sets")
    command.add_argument("--threshold", type=float, default=0.3, help="answers are given from this chance on")
    command.add_argument("--diagram", type=Path, help="where the reliability diagram is drawn (SVG)")
    command = commands.add_parser("curve", help=_curve.__doc__)
    command.set_defaults(run=_curve)
    command.add_argument("runs", nargs="+", type=Path, help="folders that train wrote, each from the last on")
    command.add_argument("--data", type=Path, default=DATA, help="folder of the data sets")
    command.add_argument("--trunk", type=Path, required=True, help="folder of all-MiniLM-L6-v2")
    command.add_argument("--every", type=int, default=2, help="take every n-th of the weights that were kept")
    command.add_argument("--picture", type=Path, help="where the curves are drawn (SVG)")
    options = parser.parse_args(given)
    result: int = options.run(options)
    return result


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
