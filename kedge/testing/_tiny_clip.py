"""What a tiny CLIP is made of: a tower for texts, one for images, and a space for both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from kedge.testing._tiny_eyes import Tensor, blocks, norm, patches, tensor

__all__ = ["CHAT_TEMPLATE", "PROCESSORS", "configured", "towers"]

CHAT_TEMPLATE = """\
{%- for message in messages -%}
{%- if message.content is string -%}{{ message.content }}
{%- else -%}{%- for part in message.content if part.type == 'text' -%}{{ part.text }}{%- endfor -%}
{%- endif -%}
{%- endfor -%}
"""
_SIDE, _PATCH = 56, 14
PROCESSORS: Mapping[str, Mapping[str, object]] = {
    "preprocessor_config.json": {
        "processor_class": "CLIPProcessor",
        "image_processor_type": "CLIPImageProcessor",
        "size": {"shortest_edge": _SIDE},
        "crop_size": {"height": _SIDE, "width": _SIDE},
        "image_mean": [0.5] * 3,
        "image_std": [0.5] * 3,
    },
    "processor_config.json": {"processor_class": "CLIPProcessor"},
}


def configured(text: Mapping[str, object]) -> dict[str, object]:
    """The configuration of a CLIP whose towers are of the size that a language model's configuration says."""
    names = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")
    size = {name: text[name] for name in names} | {"projection_dim": text["hidden_size"]}
    reads = ("vocab_size", "max_position_embeddings", "bos_token_id", "eos_token_id", "pad_token_id")
    return {
        "architectures": ["CLIPModel"],
        "model_type": "clip",
        "projection_dim": text["hidden_size"],
        "torch_dtype": text["torch_dtype"],
        "text_config": {"model_type": "clip_text_model", **size, **{name: text[name] for name in reads}},
        "vision_config": {
            "model_type": "clip_vision_model",
            "image_size": _SIDE,
            "patch_size": _PATCH,
            **size,
        },
    }


def towers(
    random: np.random.Generator, *, width: int, layers: int, vocabulary: int, context: int
) -> Iterator[tuple[str, Tensor]]:
    """The tensors by name."""
    yield "text_model.embeddings.token_embedding.weight", tensor(random, vocabulary, width)
    yield "text_model.embeddings.position_embedding.weight", tensor(random, context, width)
    yield from blocks("text_model.encoder", random, width=width, layers=layers)
    yield from norm("text_model.final_layer_norm", width)
    yield "text_projection.weight", tensor(random, width, width)
    seen = "vision_model.embeddings"
    yield f"{seen}.class_embedding", tensor(random, width)
    yield from patches(seen, random, width=width, patch=_PATCH, places=(_SIDE // _PATCH) ** 2 + 1)
    yield from norm("vision_model.pre_layrnorm", width)  # as it is written there
    yield from blocks("vision_model.encoder", random, width=width, layers=layers)
    yield from norm("vision_model.post_layernorm", width)
    yield "visual_projection.weight", tensor(random, width, width)
    yield "logit_scale", np.zeros((), np.float32)
