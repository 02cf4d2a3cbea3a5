"""Low-rank factors beside a model's layers, for several documents at once; shared by all who train them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from kedge.errors import AdapterError, MissingExtra
from kedge.tools.adapters.adapter import Factors
from kedge.tools.adapters.recipe import Recipe

try:
    import torch
    from torch import Tensor, nn
except ImportError:
    raise MissingExtra("parametric", "torch") from None

__all__ = [
    "IGNORED",
    "SideBySide",
    "beside",
    "factors_of",
    "losses_of",
    "mean_losses",
    "predicted",
    "tokens_of",
]

IGNORED = -100  # a label that no loss is taken on
Turn = tuple[list[int], list[int]]


class SideBySide(nn.Module):
    """A frozen linear layer with one pair of factors per document; a batch comes grouped by document."""

    def __init__(self, layer: nn.Linear, down: Tensor, documents: int, scale: float) -> None:
        super().__init__()
        self.layer, self.scale = layer, scale
        # No parameters of the model: what is trained is elsewhere, or comes from a translator.
        self.down = down.expand(documents, *down.shape).clone().requires_grad_()
        self.up = down.new_zeros(documents, layer.out_features, len(down)).requires_grad_()

    def forward(self, inputs: Tensor) -> Tensor:
        grouped = inputs.reshape(len(self.down), -1, inputs.shape[-1]).to(self.down.dtype)
        change = torch.bmm(torch.bmm(grouped, self.down.mT), self.up.mT) * self.scale
        return self.layer(inputs) + change.reshape(*inputs.shape[:-1], -1).to(inputs.dtype)


@contextmanager
def beside(model: Any, recipe: Recipe, documents: int) -> Iterator[Mapping[str, SideBySide]]:
    """Put factors beside every target layer while training; take them away again, whatever happens."""
    named = [(n, m) for n, m in model.named_modules() if n.rsplit(".", 1)[-1] in recipe.targets]
    if not named:
        raise AdapterError(
            f"the model has no layer called {' or '.join(recipe.targets)}", fix="name its targets"
        )
    required = {name: parameter.requires_grad for name, parameter in model.named_parameters()}
    training = model.training
    model.requires_grad_(False).eval()  # no dropout: PRAG trains with 0
    random = torch.Generator().manual_seed(recipe.seed)
    layers = {}
    for name, layer in named:
        bound = layer.in_features**-0.5  # Kaiming's, as PEFT draws it
        down = (2 * torch.rand(recipe.rank, layer.in_features, generator=random) - 1) * bound
        layers[name] = SideBySide(layer, down.to(layer.weight.device), documents, recipe.alpha / recipe.rank)
    try:
        for name, layer in layers.items():
            model.set_submodule(name, layer)
        yield layers
    finally:
        for name, layer in named:
            model.set_submodule(name, layer)
        model.train(training)
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(required[name])


def tokens_of(tokenizer: Any, turn: tuple[str, str], recipe: Recipe) -> Turn:
    """Ids and labels of a turn; of one that is too long the end is kept, which holds the answer."""
    user, assistant = (
        {"role": role, "content": text} for role, text in zip(("user", "assistant"), turn, strict=True)
    )
    # As it is asked later: a model that could think does not.
    template = partial(tokenizer.apply_chat_template, tokenize=False, enable_thinking=False)
    head = template([user], add_generation_prompt=True)
    whole = template([user, assistant])
    ids = tokenizer(whole, add_special_tokens=False)["input_ids"]
    given = len(tokenizer(head, add_special_tokens=False)["input_ids"])
    labels = ids if recipe.loss == "all" else [IGNORED] * given + ids[given:]
    return ids[-recipe.tokens :], labels[-recipe.tokens :]


def losses_of(model: Any, turns: Sequence[Turn]) -> Tensor:
    """The mean loss of each document's turn, shape `(documents,)`."""
    return mean_losses(*predicted(model, turns))


def predicted(model: Any, turns: Sequence[Turn]) -> tuple[Tensor, Tensor]:
    """Logits `(counted tokens, vocabulary)`; labels `(documents, tokens)`, `IGNORED` where none counts."""
    width = max(len(ids) for ids, _ in turns)
    device = next(model.parameters()).device
    ids = torch.tensor([row + [0] * (width - len(row)) for row, _ in turns], device=device)
    labels = torch.tensor([row + [IGNORED] * (width - len(row)) for _, row in turns], device=device)[:, 1:]
    # Padding is on the right, where no token before it looks, and bears no loss.
    logits = model(input_ids=ids, use_cache=False).logits[:, :-1]
    return logits[labels != IGNORED].float(), labels


def mean_losses(logits: Tensor, labels: Tensor) -> Tensor:
    counted = labels != IGNORED
    each = nn.functional.cross_entropy(logits, labels[counted], reduction="none")
    spread = each.new_zeros(labels.shape).masked_scatter(counted, each)
    return spread.sum(dim=1) / counted.sum(dim=1)


def factors_of(layer: SideBySide, row: int) -> Factors:
    down, up = layer.down[row].detach().cpu().numpy(), layer.up[row].detach().cpu().numpy()
    return Factors(np.array(down), np.float32(layer.scale) * up)
