"""What the reader has learnt after so many examples: the weights that runs kept on their way, in fp32.

Each reads every third question of the calibration articles off its own paragraph, as `score` has the shipped
file read the reported ones. Needs torch.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from kedge.agents.extractive._weights import READ_RIGHT, TOGETHER_RIGHT
from kedge.benchmarks.reader.examples import CALIBRATION
from kedge.benchmarks.reader.model import ReaderNet
from kedge.benchmarks.reader.scoring import Weights, read_articles, scores
from kedge.benchmarks.reader.training import load
from kedge.benchmarks.suites.curves import draw
from kedge.tools.encoders import MiniReader

__all__ = ["curve"]

ASKED: Final = 3  # every third question
SEPARATOR: Final = 102
TOKEN_HEADS: Final = 3  # start, end, supports; the others are read off the first token


class _Session:
    """A network that is run like the exported file."""

    def __init__(self, net: ReaderNet) -> None:
        self._net = net.eval()

    def run(self, _: Sequence[str], given: dict[str, Any]) -> list[Any]:
        ids = torch.from_numpy(given["ids"])
        ends = (ids == SEPARATOR).long()
        with torch.inference_mode():
            logits = self._net(ids, (ends.cumsum(1) - ends).clamp(max=1)).numpy()
        return [logits[:, :, :TOKEN_HEADS], logits[:, 0, TOKEN_HEADS:]]


class _Learner(MiniReader):
    """The reader with weights of its own."""

    def __init__(self, tokenizer: Tokenizer, net: ReaderNet) -> None:
        super().__init__()
        self._loaded = tokenizer, _Session(net)


def _kept(run: Path) -> Iterator[tuple[int, Path]]:
    """Examples met, and the weights that were kept then."""
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()[1:]]
    for line in lines:
        path = run / f"step{line['step']}.safetensors"
        if path.is_file():
            yield line["examples"], path


def curve(runs: Sequence[Path], trunk: Path, data: Path, every: int, picture: Path | None) -> None:
    """One line of JSON for each `every`-th kept weights of the runs, each of which went on from the last."""
    tokenizer = Tokenizer.from_file(str(trunk / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    net = ReaderNet(load_file(trunk / "model.safetensors"))
    weights = Weights(*(np.array(list(each.values())) for each in (READ_RIGHT, TOGETHER_RIGHT)))
    forced: list[tuple[float, float]] = []
    areas: list[tuple[float, float]] = []
    before = 0
    for run in runs:
        kept = list(_kept(run))
        for met, path in kept[every - 1 :: every]:
            net.load_state_dict(load(path), strict=False)
            reader = _Learner(tokenizer, net)
            found = scores(asyncio.run(read_articles(data, CALIBRATION, reader, ASKED)), weights, 0.3)
            forced.append((before + met, 100 * found.forced.mean))
            areas.append((before + met, 100 * found.auc))
            line = {"examples": before + met, "forced": found.forced.mean, "auc": found.auc}
            print(json.dumps(line), flush=True)  # noqa: T201
        before += kept[-1][0]
    if picture is not None:
        lines = {"F1 of the best phrase, answerable": forced, "ROC-AUC of answerability, in percent": areas}
        draw("The reader on its calibration articles", "examples met", "", lines, picture)
