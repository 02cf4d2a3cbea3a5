"""What a tiny model needs to be shown images, as Idefics3, whose processor asks for no torchvision."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

__all__ = [
    "CHAT_TEMPLATE",
    "IMAGE",
    "MARKS",
    "PROCESSORS",
    "Tensor",
    "blocks",
    "eyes",
    "norm",
    "patches",
    "seeing",
    "tensor",
]

IMAGE = "<image>"
MARKS = (IMAGE, "<fake_token_around_image>", "<global-img>", "<end_of_utterance>")
CHAT_TEMPLATE = """\
{%- for message in messages -%}
{{ '<|im_start|>' + message.role + '\n' }}
{%- if message.content is string -%}{{ message.content }}
{%- else -%}
{%- for part in message.content -%}{{ part.text if part.type == 'text' else '<image>' }}{%- endfor -%}
{%- endif -%}
{{ '<|im_end|>\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\n' }}{%- endif -%}
"""
_SIDE, _PATCH, _SCALE = 56, 14, 2  # an image is 4 × 4 patches, and 2 × 2 of those are a token
_WIDTH, _LAYERS = 64, 2
_TOKENS = (_SIDE // _PATCH // _SCALE) ** 2
PROCESSORS: Mapping[str, Mapping[str, object]] = {
    "preprocessor_config.json": {
        "processor_class": "Idefics3Processor",
        "image_processor_type": "Idefics3ImageProcessor",
        "size": {"longest_edge": _SIDE},
        "max_image_size": {"longest_edge": _SIDE},
        "do_image_splitting": False,
        "image_mean": [0.5] * 3,
        "image_std": [0.5] * 3,
    },
    "processor_config.json": {"processor_class": "Idefics3Processor", "image_seq_len": _TOKENS},
}

Tensor = npt.NDArray[np.float32]


def seeing(text: Mapping[str, object], image_token: int | None) -> dict[str, object]:
    """The configuration of a model of images and text, around that of its language model."""
    vision = {
        "model_type": "idefics3_vision",
        "hidden_size": _WIDTH,
        "intermediate_size": 2 * _WIDTH,
        "num_hidden_layers": _LAYERS,
        "num_attention_heads": 2,
        "image_size": _SIDE,
        "patch_size": _PATCH,
    }
    whole = {name: text[name] for name in text if name.endswith("_token_id") or name == "torch_dtype"}
    return whole | {
        "architectures": ["Idefics3ForConditionalGeneration"],
        "model_type": "idefics3",
        "text_config": dict(text),
        "vision_config": vision,
        "image_token_id": image_token,
        "scale_factor": _SCALE,
        "tie_word_embeddings": False,
    }


def eyes(width: int, random: np.random.Generator) -> Iterator[tuple[str, Tensor]]:
    """The tensors by name that see, and make tokens of `width` numbers of what they see."""
    at = "model.vision_model"
    yield from patches(f"{at}.embeddings", random, width=_WIDTH, patch=_PATCH, places=(_SIDE // _PATCH) ** 2)
    yield f"{at}.embeddings.patch_embedding.bias", np.zeros(_WIDTH, np.float32)
    yield from blocks(f"{at}.encoder", random, width=_WIDTH, layers=_LAYERS)
    yield from norm(f"{at}.post_layernorm", _WIDTH)
    yield "model.connector.modality_projection.proj.weight", tensor(random, width, _SCALE**2 * _WIDTH)


def patches(
    at: str, random: np.random.Generator, *, width: int, patch: int, places: int
) -> Iterator[tuple[str, Tensor]]:
    """The tensors that make a vector of each patch of an image, and tell where it stands."""
    yield f"{at}.patch_embedding.weight", tensor(random, width, 3, patch, patch)
    yield f"{at}.position_embedding.weight", tensor(random, places, width)


def blocks(at: str, random: np.random.Generator, *, width: int, layers: int) -> Iterator[tuple[str, Tensor]]:
    """The tensors of transformer blocks as vision towers have them, and CLIP for texts, too."""

    def linear(name: str, rows: int, columns: int) -> Iterator[tuple[str, Tensor]]:
        yield f"{name}.weight", tensor(random, rows, columns)
        yield f"{name}.bias", np.zeros(rows, np.float32)

    for layer in range(layers):
        inside = f"{at}.layers.{layer}"
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            yield from linear(f"{inside}.self_attn.{name}", width, width)
        yield from norm(f"{inside}.layer_norm1", width)
        yield from norm(f"{inside}.layer_norm2", width)
        yield from linear(f"{inside}.mlp.fc1", 2 * width, width)
        yield from linear(f"{inside}.mlp.fc2", width, 2 * width)


def norm(name: str, width: int) -> Iterator[tuple[str, Tensor]]:
    """The tensors of a normalisation that changes nothing yet."""
    yield f"{name}.weight", np.ones(width, np.float32)
    yield f"{name}.bias", np.zeros(width, np.float32)


def tensor(random: np.random.Generator, *shape: int) -> Tensor:
    """Random numbers that keep the size of what they are multiplied with."""
    return random.normal(0, float(np.prod(shape[1:])) ** -0.5, shape).astype(np.float32)
