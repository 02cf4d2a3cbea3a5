"""What a tiny model needs to be shown images, as Idefics3, whose processor asks for no torchvision."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

__all__ = ["CHAT_TEMPLATE", "IMAGE", "MARKS", "PROCESSORS", "eyes", "seeing"]

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

    def tensor(*shape: int) -> Tensor:
        return random.normal(0, float(np.prod(shape[1:])) ** -0.5, shape).astype(np.float32)

    def linear(name: str, rows: int, columns: int) -> Iterator[tuple[str, Tensor]]:
        yield f"{name}.weight", tensor(rows, columns)
        yield f"{name}.bias", np.zeros(rows, np.float32)

    def norm(name: str) -> Iterator[tuple[str, Tensor]]:
        yield f"{name}.weight", np.ones(_WIDTH, np.float32)
        yield f"{name}.bias", np.zeros(_WIDTH, np.float32)

    at = "model.vision_model"
    yield f"{at}.embeddings.patch_embedding.weight", tensor(_WIDTH, 3, _PATCH, _PATCH)
    yield f"{at}.embeddings.patch_embedding.bias", np.zeros(_WIDTH, np.float32)
    yield f"{at}.embeddings.position_embedding.weight", tensor((_SIDE // _PATCH) ** 2, _WIDTH)
    for layer in range(_LAYERS):
        inside = f"{at}.encoder.layers.{layer}"
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            yield from linear(f"{inside}.self_attn.{name}", _WIDTH, _WIDTH)
        yield from norm(f"{inside}.layer_norm1")
        yield from norm(f"{inside}.layer_norm2")
        yield from linear(f"{inside}.mlp.fc1", 2 * _WIDTH, _WIDTH)
        yield from linear(f"{inside}.mlp.fc2", _WIDTH, 2 * _WIDTH)
    yield from norm(f"{at}.post_layernorm")
    yield "model.connector.modality_projection.proj.weight", tensor(width, _SCALE**2 * _WIDTH)
