"""Training: one pass through the examples in a planned order, on any number of workers.

Workers are processes with one thread each, since threads that wait for each other at every step stand still
whenever something else needs a core. Each takes every n-th batch, and their weights are averaged every
`AVERAGED` steps. On a GPU there is one.
"""

from __future__ import annotations

import json
import math
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F  # noqa: N812
from safetensors.numpy import load_file
from safetensors.numpy import save_file as save_as_bert
from safetensors.torch import load_file as load_weights
from safetensors.torch import save_file
from tokenizers import Encoding, Tokenizer
from torch import Tensor

from kedge.agents.extractive.language import sentences
from kedge.benchmarks.reader.model import HEADS, LAYERS, ReaderNet
from kedge.benchmarks.reader.record import Example

__all__ = ["PLAN", "Settings", "encoded", "train"]

# Where in the run a source is met, as shares of it, how many of its examples at most, and how often each
# at scale 1.
PLAN: Final = {
    "cloze": (0.0, 0.5, 14_000, 1.0),
    "fact": (0.0, 0.7, 5_500, 1.0),
    "polar": (0.0, 0.6, 2_100, 1.0),
    "multihop": (0.1, 1.0, 4_000, 2.0),
    "together": (0.0, 1.0, 8_000, 4.0),
    "elsewhere": (0.1, 1.0, 1_500, 1.0),
    "altered": (0.1, 1.0, 2_000, 1.0),
    "squad": (0.05, 1.0, 11_000, 2.5),
}
QUESTION, TITLE = 48, 16  # word pieces
WINDOWS: Final = (80, 104, 136, 200)  # of question, title and text together
LONGEST: Final = 256  # of a question with several passages
AVERAGED: Final = 8
IGNORED: Final = -1.0


@dataclass(frozen=True)
class Settings:
    """How to train; `scale` multiplies how often each example is met.

    `until` stops after so many steps; `start` holds weights to go on from, `without` sources to leave out.
    """

    seed: int = 1
    rate: float = 2e-4
    layer_decay: float = 0.9
    tokens: int = 2_400  # of a batch, with its padding
    warm_up: float = 0.06
    cool_down: float = 0.3
    scale: float = 1.0
    workers: int = 2
    device: str = "cpu"
    until: int | None = None
    start: str | None = None
    without: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Encoded:
    """An example as word pieces; spans count from the text's first one, and their ends are included."""

    question: list[int]
    title: list[int]
    text: list[int]
    spans: list[tuple[int, int]]
    supports: list[tuple[int, int]]
    example: Example


def encoded(examples: Sequence[Example], tokenizer: Tokenizer) -> list[Encoded]:
    """Examples as word pieces. One whose answers are not whole word pieces is left out."""
    made: dict[Example, Encoded | None] = {}
    unique = list(dict.fromkeys(examples))
    for start in range(0, len(unique), 1_000):  # all at once would take gigabytes
        some = unique[start : start + 1_000]
        fields = ([e.question for e in some], [e.title for e in some], [e.text for e in some])
        parts = [tokenizer.encode_batch(texts, add_special_tokens=False) for texts in fields]
        for example, question, title, text in zip(some, *parts, strict=True):
            made[example] = _encoded(example, question.ids, title.ids, text)
    return [one for example in examples if (one := made[example]) is not None]


def _encoded(example: Example, question: list[int], title: list[int], text: Encoding) -> Encoded | None:
    spans = list(filter(None, (_pieces(text.offsets, start, end) for start, end in example.spans)))
    if example.spans and not spans:
        return None
    holding = [
        (start, end)
        for start, end in sentences(example.text)
        if any(start <= first < end for first, _ in example.spans)
    ]
    supports = list(filter(None, (_pieces(text.offsets, start, end) for start, end in holding)))
    return Encoded(question[:QUESTION], title[:TITLE], text.ids, spans, supports, example)


def _pieces(offsets: Sequence[tuple[int, int]], start: int, end: int) -> tuple[int, int] | None:
    inside = [i for i, (first, last) in enumerate(offsets) if first < end and last > start]
    return (inside[0], inside[-1]) if inside else None


def planned(examples: Sequence[Example], settings: Settings) -> list[Example]:
    """The examples in the order in which they are met."""
    chance = random.Random(settings.seed)
    placed: list[tuple[float, int]] = []
    for source, (low, high, most, times) in PLAN.items():
        if source in settings.without:
            continue
        own = [i for i, example in enumerate(examples) if example.source == source]
        chance.shuffle(own)
        own, times = own[:most], times * settings.scale
        span = (high - low) / max(1.0, times)
        for turn in range(math.ceil(times)):
            start = low + turn * span
            share = own if turn + 1 <= times else own[: int(len(own) * (times - turn))]
            width = min(span, high - start)
            placed += [(start + width * chance.random(), i) for i in share]
    return [examples[i] for _, i in sorted(placed)]


@dataclass(frozen=True, slots=True)
class Item:
    """What one line of a batch holds, cut to a window."""

    ids: list[int]
    segments: list[int]
    first: int  # where the text starts
    title: tuple[int, int]
    spans: list[tuple[int, int]]
    supports: list[tuple[int, int]]
    example: Example
    answered: bool


def window(one: Encoded, chance: random.Random) -> Item:
    """An example cut to a window of random size, one that holds an answer most of the time."""
    title = one.title if chance.random() < 0.8 or one.example.title_answers else []
    head = [101, *one.question, 102, *title, *([102] if title else [])]
    longest = LONGEST if one.example.source == "together" else chance.choice(WINDOWS)
    room = max(32, longest - len(head) - 1)
    start, spare = 0, len(one.text) - room
    if spare > 0:
        start = chance.randint(0, spare)
        if one.spans and chance.random() < 0.85:
            first, last = chance.choice(one.spans)
            low, high = max(0, min(last - room + 1, spare)), min(first, spare)
            start = chance.randint(min(low, high), max(low, high))
    text = one.text[start : start + room]
    shift = len(head) - start

    def inside(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
        return [(a + shift, b + shift) for a, b in spans if start <= a and b < start + len(text)]

    spans = inside(one.spans)
    titled = (len(one.question) + 2, len(one.question) + 1 + len(title)) if title else (0, 0)
    if one.example.title_answers and title:
        spans.append(titled)
    ids = [*head, *text, 102]
    question = len(one.question) + 2
    segments = [0] * question + [1] * (len(ids) - question)
    clipped = [(max(a, start), min(b, start + len(text) - 1)) for a, b in one.supports]
    answered = bool(spans) or one.example.polarity is not None
    return Item(ids, segments, len(head), titled, spans, inside(clipped), one.example, answered)


@dataclass(frozen=True)
class Batch:
    """Tensors of one batch; targets are `IGNORED` where nothing is known."""

    ids: Tensor
    segments: Tensor
    places: Tensor  # where a span may be: the first token, the title and the text
    starts: Tensor
    ends: Tensor
    supports: Tensor
    answerable: Tensor
    relevant: Tensor
    polarity: Tensor


def batches(order: Sequence[Encoded], settings: Settings) -> Iterator[list[Item]]:
    """Lines of like length together, in nearly the planned order."""
    chance = random.Random(settings.seed + 1)
    for start in range(0, len(order), 1_024):
        near = sorted((window(one, chance) for one in order[start : start + 1_024]), key=lambda i: len(i.ids))
        groups: list[list[Item]] = []
        for item in near:
            if not groups or (len(groups[-1]) + 1) * len(item.ids) > settings.tokens or len(groups[-1]) >= 40:
                groups.append([])
            groups[-1].append(item)
        chance.shuffle(groups)
        yield from groups


def tensors(items: Sequence[Item]) -> Batch:
    """A batch, padded."""
    shape = len(items), max(len(item.ids) for item in items)
    ids, segments = (np.zeros(shape, np.int64) for _ in range(2))
    places, starts, ends = (np.zeros(shape, bool) for _ in range(3))
    supports = np.full(shape, IGNORED, np.float32)
    answerable, relevant = (np.full(shape[0], IGNORED, np.float32) for _ in range(2))
    polarity = np.full(shape[0], 2, np.int64)
    for row, item in enumerate(items):
        example, size = item.example, len(item.ids)
        ids[row, :size], segments[row, :size] = item.ids, item.segments
        places[row, 0] = True
        places[row, item.first : size - 1] = True
        places[row, item.title[0] : item.title[1] + 1] = True
        for a, b in item.spans:
            starts[row, a] = ends[row, b] = True
        if example.known:
            answerable[row] = item.answered
            supports[row, item.first : size - 1] = 0.0
        if not item.answered and example.known:
            starts[row, 0] = ends[row, 0] = True
        for a, b in item.supports:
            supports[row, a : b + 1] = 1.0
        if example.relevant is not None:
            relevant[row] = example.relevant
        if example.polarity is not None:
            polarity[row] = 0 if example.polarity == "yes" else 1
    arrays = (ids, segments, places, starts, ends, supports, answerable, relevant, polarity)
    return Batch(*map(torch.from_numpy, arrays))


def loss_of(logits: Tensor, batch: Batch) -> Tensor:
    """The sum of the heads' losses."""
    logits = logits.float()
    part = {name: logits[:, :, i] for i, name in enumerate(HEADS)}
    spans = torch.zeros((), device=logits.device)
    for name, target in (("start", batch.starts), ("end", batch.ends)):
        scores = part[name].masked_fill(~batch.places, -1e4)
        inside = scores.masked_fill(~target, -1e4).logsumexp(1)
        taught = target.any(1)
        spans = spans + ((scores.logsumexp(1) - inside) * taught).sum() / taught.sum().clamp(min=1) / 2
    verdict = torch.stack([part[name][:, 0] for name in ("yes", "no", "neither")], 1)
    return (
        spans
        + 0.5 * _binary(part["answerable"][:, 0], batch.answerable)
        + 0.4 * _binary(part["relevant"][:, 0], batch.relevant)
        + 0.3 * _binary(part["supports"], batch.supports)
        + 0.3 * F.cross_entropy(verdict, batch.polarity)
    )


def _binary(logits: Tensor, target: Tensor) -> Tensor:
    known = target != IGNORED
    if not known.any():
        return torch.zeros((), device=logits.device)
    return F.binary_cross_entropy_with_logits(logits[known], target[known])


def rates(net: ReaderNet, settings: Settings) -> list[dict[str, object]]:
    """Parameters with their learning rates: the lower the layer, the smaller; the heads learn fast."""
    groups: list[dict[str, object]] = []
    for name, parameter in net.named_parameters():
        if not parameter.requires_grad:
            continue
        depth = LAYERS - int(name.split(".")[1]) if name.startswith("layers.") else LAYERS + 1
        rate = (
            5 * settings.rate
            if name.startswith("heads.")
            else settings.rate * settings.layer_decay ** (depth - 1)
        )
        decay = 0.01 if parameter.ndim > 1 else 0.0
        groups.append({"params": [parameter], "lr": rate, "base": rate, "weight_decay": decay})
    return groups


def share_of_rate(done: float, settings: Settings) -> float:
    """Up, level, and down to nothing."""
    return min(1.0, done / settings.warm_up, max(0.02, (1 - done) / settings.cool_down))


def train(
    rank: int, trunk: Path, order: Sequence[list[Item]], settings: Settings, target: Path, port: int
) -> None:
    """One worker. The first one writes the log, the weights, and some inputs to find scales on."""
    torch.manual_seed(settings.seed)
    if settings.workers > 1:
        torch.set_num_threads(1)
        address = f"tcp://127.0.0.1:{port}"
        dist.init_process_group("gloo", init_method=address, rank=rank, world_size=settings.workers)
    net = ReaderNet(load_file(trunk / "model.safetensors"))
    if settings.start is not None:
        net.load_state_dict(load(Path(settings.start)), strict=False)
    net.to(settings.device)
    groups = rates(net, settings)
    optimizer = torch.optim.AdamW(groups, fused=True, betas=(0.9, 0.98))
    own = order[rank :: settings.workers][: len(order) // settings.workers]
    start, seen, mean = time.monotonic(), 0, 0.0
    for step, items in enumerate(own[: settings.until]):
        share = share_of_rate((step + 1) / len(own), settings)
        for group in optimizer.param_groups:
            group["lr"] = group["base"] * share
        made = tensors(items)
        batch = Batch(**{name: value.to(settings.device) for name, value in vars(made).items()})
        with torch.autocast(settings.device, torch.bfloat16):
            logits = net(batch.ids, batch.segments)
        loss = loss_of(logits, batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        seen, mean = seen + len(items), 0.98 * mean + 0.02 * loss.item()
        if settings.workers > 1 and ((step + 1) % AVERAGED == 0 or step + 1 == len(own)):
            average(net, settings.workers)
        if rank == 0 and ((step + 1) % 25 == 0 or step + 1 == len(own)):
            line = {"step": step + 1, "of": len(own), "examples": seen * settings.workers}
            line |= {
                "loss": round(mean / (1 - 0.98 ** (step + 1)), 4),
                "seconds": round(time.monotonic() - start),
            }
            with (target / "log.jsonl").open("a") as log:
                log.write(json.dumps(line) + "\n")
        if rank == 0 and ((step + 1) % 100 == 0 or step + 1 == len(own)):
            save(net, target / f"step{step + 1}.safetensors")
    if rank == 0:
        save_as_bert(net.as_bert(), target / "reader.safetensors")
        lines = [" ".join(map(str, item.ids)) for items in own[-10:] for item in items]
        (target / "lines.txt").write_text("\n".join(lines))


def average(net: ReaderNet, workers: int) -> None:
    """Every worker continues from the mean of all weights."""
    with torch.no_grad():
        parameters = [p for p in net.parameters() if p.requires_grad]
        flat = torch.cat([p.reshape(-1) for p in parameters])
        dist.all_reduce(flat)
        flat /= workers
        for parameter, part in zip(parameters, flat.split([p.numel() for p in parameters]), strict=True):
            parameter.copy_(part.view_as(parameter))


def load(path: Path) -> dict[str, Tensor]:
    """What `save` wrote."""
    return {name: value.float() for name, value in load_weights(path).items()}


def save(net: ReaderNet, path: Path) -> None:
    """The weights, without the words, in half the bytes."""
    state = {
        name: value.half().contiguous() for name, value in net.state_dict().items() if name != "words.weight"
    }
    save_file(state, path)
