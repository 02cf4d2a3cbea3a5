"""Documents into adapters: many LoRAs trained side by side on one copy of the base model, and given to it.

Follows PRAG (arXiv 2501.15915, section 3): rank 2, alpha 32, the three matrices of every feed-forward layer,
AdamW at 3e-4, one text a step, one epoch, the loss on all tokens, and one random start for all documents.
Adapters do not influence each other: the same document gets the same adapter alone or in a batch, up to the
order in which a machine adds numbers.

Needs the extra `parametric`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from kedge.errors import AdapterError, InputError, MissingExtra
from kedge.tools.adapters.adapter import Adapter, Factors, Origin

try:
    import torch
    from torch import Tensor, nn
except ImportError:
    raise MissingExtra("parametric", "torch") from None

__all__ = ["Lesson", "Recipe", "base_of", "encode", "injected", "origin_of"]

IGNORED = -100  # a label that no loss is taken on


class Recipe(BaseModel):
    """How an adapter is trained; the defaults are PRAG's.

    `loss` is taken on all tokens, the prompt included, or on those of the answer alone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rank: int = Field(default=2, ge=1)
    alpha: float = Field(default=32.0, gt=0)
    targets: tuple[str, ...] = ("down_proj", "gate_proj", "up_proj")
    learning_rate: float = Field(default=3e-4, gt=0)
    epochs: int = Field(default=1, ge=1)
    loss: Literal["all", "answers"] = "all"
    seed: int = 42
    tokens: int = Field(default=3000, ge=8)

    @property
    def fingerprint(self) -> str:
        """Changes with whatever changes the adapters."""
        return blake2b(self.model_dump_json().encode(), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True)
class Lesson:
    """What one document's adapter is to learn: turns of a user and an assistant (see `training_turns`)."""

    content: str
    turns: Sequence[tuple[str, str]]


def base_of(model: Any) -> str:
    """Names a base model by its weights' shapes and a sample of their values, wherever it was loaded from."""
    digest = blake2b(digest_size=12)
    for name, weight in sorted(model.state_dict().items()):
        digest.update(f"{name} {tuple(weight.shape)}".encode())
        sample = weight.detach().flatten()[:: max(1, weight.numel() // 64)][:64]
        digest.update(sample.to("cpu", torch.float32).numpy().tobytes())
    return digest.hexdigest()


def origin_of(base: str, lesson: Lesson, recipe: Recipe) -> Origin:
    """The origin that `encode` gives this lesson's adapter: what a store is asked before it is trained."""
    start = blake2b(f"{recipe.seed} {recipe.rank} {recipe.targets}".encode(), digest_size=8).hexdigest()
    content = blake2b(repr((lesson.content, list(lesson.turns))).encode(), digest_size=12).hexdigest()
    return Origin(content=content, base=base, init=start, recipe=recipe.fingerprint)


class _SideBySide(nn.Module):
    """A frozen linear layer with one pair of factors per document; a batch comes grouped by document."""

    def __init__(self, layer: nn.Linear, down: Tensor, documents: int, scale: float) -> None:
        super().__init__()
        self.layer, self.scale = layer, scale
        self.down = nn.Parameter(down.expand(documents, *down.shape).clone())
        self.up = nn.Parameter(down.new_zeros(documents, layer.out_features, len(down)))

    def forward(self, inputs: Tensor) -> Tensor:
        grouped = inputs.reshape(len(self.down), -1, inputs.shape[-1]).to(self.down.dtype)
        change = torch.bmm(torch.bmm(grouped, self.down.mT), self.up.mT) * self.scale
        return self.layer(inputs) + change.reshape(*inputs.shape[:-1], -1).to(inputs.dtype)


def encode(
    model: Any, tokenizer: Any, lessons: Sequence[Lesson], recipe: Recipe | None = None
) -> list[Adapter]:
    """Train one adapter per lesson, all in one batch; returns them in the order given.

    The model is left as it was. Memory grows with the number of lessons: give it as many as fit.

    Raises:
        InputError: a lesson has no turns.
        AdapterError: the model has none of the layers that the recipe names, or a loss was not finite.
    """
    recipe = recipe or Recipe()
    if not lessons or not all(lesson.turns for lesson in lessons):
        raise InputError("there is a document with nothing to learn", fix="augment it first")
    base = base_of(model)
    texts = [[_tokens(tokenizer, turn, recipe) for turn in lesson.turns] for lesson in lessons]
    with _layers(model, recipe, len(lessons)) as layers:
        factors = [factor for layer in layers.values() for factor in (layer.down, layer.up)]
        optimizer = torch.optim.AdamW(factors, lr=recipe.learning_rate, weight_decay=0.01)
        for step in range(recipe.epochs * max(len(turns) for turns in texts)):
            # A document with fewer turns than others begins again: no other document's adapter notices.
            losses = _losses(model, [turns[step % len(turns)] for turns in texts])
            optimizer.zero_grad(set_to_none=True)
            losses.sum().backward()  # each loss reaches its own document's factors alone
            optimizer.step()
        final = losses.detach().cpu().tolist()
        if not np.isfinite(final).all():
            raise AdapterError("the loss of a document is not finite", fix="lower the learning rate")
        return [
            Adapter(
                {name: _factors(layer, row) for name, layer in layers.items()},
                origin_of(base, lesson, recipe).model_copy(update={"loss": loss}),
            )
            for row, (lesson, loss) in enumerate(zip(lessons, final, strict=True))
        ]


@contextmanager
def injected(model: Any, adapter: Adapter) -> Iterator[Any]:
    """The model with an adapter's changes added to its weights; afterwards every bit is as before.

    Raises:
        AdapterError: the adapter belongs to another model.
    """
    if adapter.origin.base not in ("", base_of(model)):
        raise AdapterError(
            "this adapter was trained on another base model", fix="encode the document with this one"
        )
    changed: dict[str, Tensor] = {}
    try:
        with torch.no_grad():
            for name, factors in adapter.modules.items():
                weight = _weight(model, name, factors)
                changed[name] = weight.clone()
                up, down = (torch.from_numpy(side).to(weight.device) for side in (factors.up, factors.down))
                weight.copy_((weight.float() + up @ down).to(weight.dtype))
        yield model
    finally:
        with torch.no_grad():
            for name, before in changed.items():
                model.get_submodule(name).weight.copy_(before)


def _weight(model: Any, name: str, factors: Factors) -> Tensor:
    shape = (len(factors.up), factors.down.shape[1])
    try:
        weight: Tensor = model.get_submodule(name).weight
    except AttributeError:
        raise AdapterError(f"the model has no layer {name}", fix="use the model it was trained on") from None
    if tuple(weight.shape) != shape:
        raise AdapterError(
            f"{name} has the shape {tuple(weight.shape)}, not {shape}", fix="use the right model"
        )
    return weight


@contextmanager
def _layers(model: Any, recipe: Recipe, documents: int) -> Iterator[Mapping[str, _SideBySide]]:
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
        layers[name] = _SideBySide(layer, down.to(layer.weight.device), documents, recipe.alpha / recipe.rank)
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


def _tokens(tokenizer: Any, turn: tuple[str, str], recipe: Recipe) -> tuple[list[int], list[int]]:
    """Ids and labels of a turn; of one that is too long the end is kept, which holds the answer."""
    user, assistant = (
        {"role": role, "content": text} for role, text in zip(("user", "assistant"), turn, strict=True)
    )
    head = tokenizer.apply_chat_template([user], add_generation_prompt=True, tokenize=False)
    whole = tokenizer.apply_chat_template([user, assistant], tokenize=False)
    ids = tokenizer(whole, add_special_tokens=False)["input_ids"]
    given = len(tokenizer(head, add_special_tokens=False)["input_ids"])
    labels = ids if recipe.loss == "all" else [IGNORED] * given + ids[given:]
    return ids[-recipe.tokens :], labels[-recipe.tokens :]


def _losses(model: Any, turns: Sequence[tuple[list[int], list[int]]]) -> Tensor:
    """The mean loss of each document's turn, shape `(documents,)`."""
    width = max(len(ids) for ids, _ in turns)
    device = next(model.parameters()).device
    ids = torch.tensor([row + [0] * (width - len(row)) for row, _ in turns], device=device)
    labels = torch.tensor([row + [IGNORED] * (width - len(row)) for _, row in turns], device=device)
    # Padding is on the right, where no token before it looks, and bears no loss.
    logits = model(input_ids=ids, use_cache=False).logits[:, :-1].float()
    wanted = labels[:, 1:]
    each = nn.functional.cross_entropy(logits.mT, wanted, ignore_index=IGNORED, reduction="none")
    return each.sum(dim=1) / (wanted != IGNORED).sum(dim=1)


def _factors(layer: _SideBySide, row: int) -> Factors:
    down, up = layer.down[row].detach().cpu().numpy(), layer.up[row].detach().cpu().numpy()
    return Factors(np.array(down), np.float32(layer.scale) * up)
