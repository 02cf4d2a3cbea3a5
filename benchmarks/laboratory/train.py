"""Trains the laboratory model from scratch: `python -m kedge.benchmarks.laboratory.train OUTPUT`.

A Llama and its own tokenizer. Eleven million parameters take a GPU about six minutes; two CPU cores need
about 35 for two million: `--size small --steps 3500 --batch 24 --rate 3e-3`. The model is saved with every
line of scores, so that a run may be cut short, and brought to a good end later by one of fewer steps that
starts from it: `--start FOLDER --seed 2`. Needs the extra `parametric` (torch, transformers).
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import json
import math
import random
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from kedge.benchmarks.laboratory.samples import (
    PASSAGES,
    TEMPLATE,
    Sample,
    Samples,
    chat,
    lasting_world,
    reading,
    unasked,
)
from kedge.benchmarks.laboratory.world import Question, World, make_world
from kedge.errors import MissingExtra
from kedge.tools.adapters.texts import ANSWER

try:
    import torch
    from torch.utils.data import DataLoader, IterableDataset, get_worker_info
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
except ImportError as missing:
    raise MissingExtra("parametric", str(missing.name)) from None

__all__ = ["main"]

SPECIAL = ["<|pad|>", "<|end|>", "<|user|>", "<|assistant|>", "<|system|>"]
PAD, END = 0, 1
VOCABULARY = 2048
LENGTH = 512  # tokens; three passages and a question take about 350
SIZES = {
    # vLLM on the CPU wants heads of 32 or a multiple.
    "small": {"hidden_size": 192, "intermediate_size": 512, "num_hidden_layers": 4, "num_attention_heads": 6},
    "medium": {
        "hidden_size": 384,
        "intermediate_size": 1024,
        "num_hidden_layers": 6,
        "num_attention_heads": 6,
    },
}
EASY = 0.25  # share of the samples that have one passage: they come first
IGNORED = -100
RECIPE = "recipe.json"


def train_tokenizer() -> PreTrainedTokenizerFast:
    """Byte-level BPE of syllables and common words; of years it sees two digits at a time."""
    tokenizer = Tokenizer(models.BPE())
    words = Regex(r" ?\d{1,2}| ?[^\s\d\w]+| ?[^\W\d]+|\s+")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(words, "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        max_token_length=8,  # whole names would be tokens otherwise, and a new name could not be spelt
        show_progress=False,
    )
    tokenizer.train_from_iterator((s.text for s in islice(Samples(-1), 20_000)), trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<|pad|>", eos_token="<|end|>")  # noqa: S106
    fast.chat_template = TEMPLATE
    return fast


class Batches(IterableDataset[tuple[torch.Tensor, torch.Tensor]]):
    """Batches of token ids and labels, right-padded; each worker draws its own samples, sorted by length."""

    def __init__(self, tokenizer: Tokenizer, batch: int, seed: int, easy: int = 0) -> None:
        self.tokenizer, self.batch, self.seed, self.easy = tokenizer, batch, seed, easy

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        worker = get_worker_info()
        number = worker.id if worker else 0
        rng = random.Random(1000 * self.seed + number)
        samples = iter(Samples(1000 * self.seed + number + 1, easy=self.easy))
        while True:
            drawn = [_ids(self.tokenizer, sample) for sample in islice(samples, 4 * self.batch)]
            drawn.sort(key=lambda pair: len(pair[0]))
            batches = [drawn[i : i + self.batch] for i in range(0, len(drawn), self.batch)]
            rng.shuffle(batches)
            yield from map(_padded, batches)


def _ids(tokenizer: Tokenizer, sample: Sample) -> tuple[list[int], list[int]]:
    ids: list[int] = []
    labels: list[int] = []
    for given, said in sample.turns:
        before, after = tokenizer.encode(given).ids, tokenizer.encode(said).ids
        ids += before + after
        labels += [IGNORED] * len(before) + after
    return ids[:LENGTH], labels[:LENGTH]


def _padded(pairs: Sequence[tuple[list[int], list[int]]]) -> tuple[torch.Tensor, torch.Tensor]:
    width = math.ceil(max(len(ids) for ids, _ in pairs) / 32) * 32
    ids, labels = torch.full((len(pairs), width), PAD), torch.full((len(pairs), width), IGNORED)
    for row, (tokens, wanted) in enumerate(pairs):
        ids[row, : len(tokens)] = torch.tensor(tokens)
        labels[row, : len(wanted)] = torch.tensor(wanted)
    return ids, labels


def train(options: argparse.Namespace) -> None:
    """Train, print a line of scores now and then, and save model, tokenizer and log."""
    torch.manual_seed(options.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if options.start:
        wrapped = PreTrainedTokenizerFast.from_pretrained(options.start)
        model = LlamaForCausalLM.from_pretrained(options.start, dtype=torch.float32).to(device)
    else:
        wrapped = train_tokenizer()
        model = LlamaForCausalLM(_config(options.size)).to(device)
    tokenizer = wrapped.backend_tokenizer
    easy = 0 if options.start else round(EASY * options.steps * options.batch / max(1, options.workers))
    loader = DataLoader(
        Batches(tokenizer, options.batch, options.seed, easy), batch_size=None, num_workers=options.workers,
        pin_memory=device.type == "cuda", prefetch_factor=8 if options.workers else None,
    )  # fmt: skip
    optimizers = _optimizers(model, options.rate)
    schedules = [
        torch.optim.lr_scheduler.LambdaLR(one, lambda step: _share(step, options.steps)) for one in optimizers
    ]
    began, log, losses = time.monotonic(), [], torch.zeros((), device=device)
    for step, (ids, labels) in enumerate(islice(loader, options.steps), start=1):
        ids, labels = ids.to(device, non_blocking=True), labels.to(device, non_blocking=True)
        with torch.autocast(device.type, torch.bfloat16):
            answers, texts = _losses(model, ids, labels)
        # Names return within a text: predicting all of it teaches to copy long before the answers do.
        (answers + texts).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for one in (*optimizers, *schedules):
            one.step()
        model.zero_grad(set_to_none=True)
        losses += answers.detach()
        if step % options.every == 0 or step == options.steps:
            scores = evaluate(model, wrapped)
            record = {
                "step": step,
                "seconds": round(time.monotonic() - began),
                "loss": losses.item() / options.every,
            }
            log.append(record | scores)
            losses.zero_()
            print(json.dumps(log[-1]), flush=True)  # noqa: T201
            _save(model, wrapped, log, options)


def _config(size: str) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=VOCABULARY, max_position_embeddings=2048, tie_word_embeddings=True, pad_token_id=PAD,
        eos_token_id=END, bos_token_id=None, **SIZES[size],
    )  # fmt: skip


def _optimizers(model: Any, rate: float) -> list[torch.optim.Optimizer]:
    """Muon for the layers' matrices, which learn in half the steps so; AdamW for embeddings and norms."""
    matrices = [weight for weight in model.model.layers.parameters() if weight.ndim == 2]
    taken = set(map(id, matrices))
    others = [weight for weight in model.parameters() if id(weight) not in taken]
    return [
        torch.optim.Muon(matrices, lr=rate, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(others, lr=rate, betas=(0.9, 0.95), weight_decay=0.0, fused=True),
    ]


def _losses(model: Any, ids: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean losses of the tokens of answers, and of all tokens."""
    # Padding is on the right, where no earlier token looks: no mask is needed.
    hidden = model.model(input_ids=ids).last_hidden_state[:, :-1]
    following, wanted = ids[:, 1:], labels[:, 1:]
    real = following != PAD
    logits = model.lm_head(hidden[real]).float()
    each = torch.nn.functional.cross_entropy(logits, following[real], reduction="none")
    return each[wanted[real] != IGNORED].mean(), each.mean()


def _share(step: int, steps: int) -> float:
    """Share of the highest learning rate: a linear rise, then half a cosine down to a hundredth."""
    warm = min(300, steps // 10)
    if step < warm:
        return (step + 1) / warm
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


def evaluate(model: Any, tokenizer: Any, *, count: int = 200) -> dict[str, float]:
    """Shares of answers that are exactly right, on questions and fresh worlds of their own."""
    rng = random.Random(7)
    fresh, lasting = make_world(rng), lasting_world()
    never = unasked(lasting)
    known = [name for name in lasting.entities if name not in never]
    asked = {
        "read, 1 hop": [_read(rng, fresh, 1) for _ in range(count)],
        "read, 2 hops": [_read(rng, fresh, 2) for _ in range(count)],
        "recalled, asked before": [
            (lasting.question(rng, about=rng.choice(known)), []) for _ in range(count)
        ],
        "recalled, only recited": [
            (lasting.question(rng, about=n), []) for n in rng.choices(sorted(never), k=count)
        ],
        "fresh, no passage": [(fresh.question(rng), []) for _ in range(count)],
    }
    return {name: right(model, tokenizer, questions) for name, questions in asked.items()}


def _read(rng: random.Random, world: World, hops: int) -> tuple[Question, list[str]]:
    question = world.question(rng, hops=hops)
    return question, [document.text for document in reading(rng, world, question, PASSAGES - hops)]


@torch.inference_mode()
def right(model: Any, tokenizer: Any, questions: Sequence[tuple[Question, Sequence[str]]]) -> float:
    """The share of questions whose greedy answer is the right one, to the letter."""
    model.eval()
    tokenizer.padding_side = "left"
    heads = [chat(question.text, list(passages)) for question, passages in questions]
    batch = tokenizer(heads, return_tensors="pt", padding=True, return_token_type_ids=False).to(model.device)
    with torch.autocast(model.device.type, torch.bfloat16):
        written = model.generate(**batch, max_new_tokens=24, do_sample=False)
    texts = tokenizer.batch_decode(written[:, batch["input_ids"].shape[1] :], skip_special_tokens=True)
    model.train()
    wanted = [ANSWER.format(answer=question.answer) for question, _ in questions]
    return sum(text.strip() == answer for text, answer in zip(texts, wanted, strict=True)) / len(wanted)


def _save(model: Any, tokenizer: Any, log: list[dict[str, float]], options: argparse.Namespace) -> None:
    tokenizer.padding_side = "right"
    options.output.mkdir(parents=True, exist_ok=True)
    copy.deepcopy(model).to(torch.bfloat16).save_pretrained(options.output, max_shard_size="14MB")
    tokenizer.save_pretrained(options.output)
    recipe = {name: value for name, value in vars(options).items() if name not in ("output", "start")}
    weights = sorted(options.output.glob("*.safetensors"))
    sums = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in weights}
    facts = {"torch": torch.__version__, "parameters": sum(p.numel() for p in model.parameters())}
    before = json.loads((options.start / RECIPE).read_text()) if options.start else None
    record = {"recipe": recipe, "sha256": sums, "log": log, "before": before} | facts
    (options.output / RECIPE).write_text(json.dumps(record, indent=1) + "\n")


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the options and train."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("output", type=Path, help="folder of the model")
    parser.add_argument("--start", type=Path, help="a model of an earlier run to go on from")
    parser.add_argument("--size", choices=list(SIZES), default="medium")
    parser.add_argument("--steps", type=int, default=8000)
    parser.add_argument("--batch", type=int, default=384)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--every", type=int, default=1000, help="steps between two lines of scores")
    parser.add_argument("--workers", type=int, default=0, help="processes that draw samples")
    train(parser.parse_args(arguments))


if __name__ == "__main__":
    main()
