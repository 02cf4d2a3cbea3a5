"""Documents into adapters: many LoRAs trained side by side on one copy of the base model, and given to it.

Follows PRAG (arXiv 2501.15915, section 3): rank 2, alpha 32, the three matrices of every feed-forward layer,
AdamW at 3e-4, one text a step, one epoch, the loss on all tokens, and one random start for all documents.
Adapters do not influence each other: the same document gets the same adapter alone or in a batch, up to the
order in which a machine adds numbers.

Needs the extra `parametric`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from kedge.errors import AdapterError, InputError, MissingExtra
from kedge.tools.adapters._beside import beside, factors_of, losses_of, tokens_of
from kedge.tools.adapters.adapter import Adapter, Factors
from kedge.tools.adapters.recipe import Encoding, Lesson, Recipe, base_of, folder_of

try:
    import torch
    from torch import Tensor
except ImportError:
    raise MissingExtra("parametric", "torch") from None

__all__ = ["encode", "injected", "load_model", "loss_of"]


def load_model(name: str) -> tuple[Any, Any]:
    """A model and its tokenizer, by folder or name on the hub: in float32, on the GPU if there is one.

    Raises:
        MissingExtra: transformers is not installed.
        AdapterError: there is no such model on this machine.
    """
    try:
        from transformers import AutoModelForCausalLM, AutoTokenizer
    except ImportError:
        raise MissingExtra("parametric", "transformers") from None
    folder = folder_of(name)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return model.to(device).eval(), AutoTokenizer.from_pretrained(folder)


def encode(model: Any, tokenizer: Any, lessons: Sequence[Lesson], encoding: Encoding) -> list[Adapter]:
    """Train one adapter per lesson, all in one batch; returns them in the order given.

    The model is left as it was. Memory grows with the number of lessons: give it as many as fit. The loss in
    an adapter's origin is the mean of its last epoch.

    Raises:
        InputError: a lesson has no turns.
        AdapterError: the model is not the one of the encoding, has none of the layers that the recipe names,
            or a loss was not finite.
    """
    if not lessons or not all(lesson.turns for lesson in lessons):
        raise InputError("there is a document with nothing to learn", fix="augment it first")
    _check_base(model, encoding.base)
    recipe = encoding.recipe
    texts = [[tokens_of(tokenizer, turn, recipe) for turn in lesson.turns] for lesson in lessons]
    trained: dict[int, Adapter] = {}
    history: list[list[float]] = []
    with beside(model, recipe, len(lessons)) as layers:
        factors = [factor for layer in layers.values() for factor in (layer.down, layer.up)]
        optimizer = torch.optim.AdamW(factors, lr=recipe.learning_rate, weight_decay=0.01, fused=True)
        for step in range(recipe.epochs * max(map(len, texts))):
            losses = losses_of(model, [turns[step % len(turns)] for turns in texts])
            optimizer.zero_grad(set_to_none=True)
            losses.sum().backward()  # each loss reaches its own document's factors alone
            optimizer.step()
            history.append(losses.detach().cpu().tolist())
            # A document with fewer turns than others is taken out as soon as it had its epochs.
            for row, turns in enumerate(texts):
                if step + 1 == recipe.epochs * len(turns):
                    loss = float(np.mean([each[row] for each in history[-len(turns) :]]))
                    modules = {name: factors_of(layer, row) for name, layer in layers.items()}
                    origin = encoding.origin(lessons[row].text).model_copy(update={"loss": loss})
                    trained[row] = Adapter(modules, origin)
    if not np.isfinite(history).all():
        raise AdapterError("the loss of a document is not finite", fix="lower the learning rate")
    return [trained[row] for row in range(len(lessons))]


def loss_of(model: Any, tokenizer: Any, turn: tuple[str, str], recipe: Recipe) -> float:
    """The mean loss of a turn's tokens, in nats, as the model stands."""
    with torch.inference_mode():
        return float(losses_of(model, [tokens_of(tokenizer, turn, recipe)])[0])


@contextmanager
def injected(model: Any, adapter: Adapter) -> Iterator[Any]:
    """The model with an adapter's changes added to its weights; afterwards every bit is as before.

    Raises:
        AdapterError: the adapter belongs to another model.
    """
    _check_base(model, adapter.origin.base)
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


def _check_base(model: Any, base: str) -> None:
    if base_of(model.name_or_path) != base:
        raise AdapterError(
            f"the adapter belongs to another model than {model.name_or_path}",
            fix="encode the documents with this one",
        )


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
