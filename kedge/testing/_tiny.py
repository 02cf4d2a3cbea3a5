"""A language model with random weights: small enough to make in a test, real enough for a real server."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from kedge.testing import _tiny_clip, _tiny_eyes

__all__ = ["make_tiny_model"]

END_OF_TEXT, TURN, END_OF_TURN = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
MARKS = (END_OF_TEXT, TURN, END_OF_TURN)
# Parsers of tool calls and of reasoning look for these in the vocabulary.
PARSED = ("<tool_call>", "</tool_call>", "<think>", "</think>")
# As Qwen3 has it: `enable_thinking=False` writes the empty reasoning ahead.
CHAT_TEMPLATE = """\
{%- for message in messages -%}
{{ '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}
{{ '<|im_start|>assistant\n' }}
{%- if enable_thinking is defined and not enable_thinking -%}{{ '<think>\n\n</think>\n\n' }}{%- endif -%}
{%- endif -%}
"""
TEXT = """\
To kedge is to move a ship by hauling on an anchor that a boat has laid at a well-chosen point.
The keeper of the lighthouse wrote down who came, when they left, and what the weather was like.
She asked him where the river begins; he answered that nobody in the village had ever gone to see.
{"answer": "yes", "reason": "The letter says so.", "score": 3, "names": ["Ada Moss", "Edda Sorley"]}
"""
ARCHITECTURES = {
    "qwen3": "Qwen3ForCausalLM",
    "llama": "LlamaForCausalLM",
    "idefics3": "LlamaForCausalLM",  # the part of it that reads and writes
    "clip": "CLIPModel",
}


def make_tiny_model(
    folder: str | Path,
    *,
    architecture: Literal["qwen3", "llama", "idefics3", "clip"] = "qwen3",
    layers: int = 2,
    width: int = 64,
    heads: int = 2,
    vocabulary: int = 512,
    context: int = 4096,
    texts: Iterable[str] = (TEXT,),
    seed: int = 0,
) -> Path:
    """Write a language model with random weights, its tokenizer and its chat template into `folder`.

    It says nonsense, always the same for the same arguments, and is served like a real model, for example by
    vLLM. The tokenizer is a byte-level BPE trained on `texts`, so it takes any text. Weights are float32, in
    safetensors, about 0.2 MB by default; no torch is needed.

    Args:
        folder: Made if it is not there; files of the same names are replaced.
        architecture: `qwen3` or `llama`; `idefics3`, a Llama that is also shown images, 7 tokens each; or
            `clip`, which writes nothing and makes vectors of `width` numbers of texts and images.
        layers: Transformer blocks.
        width: Length of a hidden vector; `heads` must divide it, and half of the heads share keys and values.
        heads: Attention heads, an even number; vLLM on the CPU wants `width / heads` to be 32, 64, 96 or 128.
        vocabulary: Most tokens that the tokenizer may have, at least 263: the bytes and the marks.
        context: Longest prompt and answer together, in tokens.
        texts: What the tokenizer is trained on.
        seed: Other weights for other numbers.

    Returns:
        `folder`, as a path.

    Example:
        >>> folder = make_tiny_model(tmp / "tiny", layers=1)
        >>> sorted(path.name for path in folder.glob("*"))[:3]
        ['config.json', 'generation_config.json', 'model.safetensors']
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    begin = END_OF_TEXT if architecture != "clip" else TURN  # vLLM wants CLIP's token 0 to be no mark
    tokenizer = _tokenizer(texts, vocabulary, _tiny_eyes.MARKS if architecture == "idefics3" else ())
    if architecture == "clip":
        around = [(mark, tokenizer.token_to_id(mark)) for mark in (TURN, END_OF_TURN)]
        tokenizer.post_processor = processors.TemplateProcessing(f"{TURN} $A {END_OF_TURN}", None, around)
    tokenizer.save(str(folder / "tokenizer.json"))
    ends = {
        "bos_token_id": tokenizer.token_to_id(begin),
        "eos_token_id": tokenizer.token_to_id(END_OF_TURN),
        "pad_token_id": tokenizer.token_to_id(begin),
    }
    config = {
        "architectures": [ARCHITECTURES[architecture]],
        "model_type": "llama" if architecture == "idefics3" else architecture,
        "vocab_size": tokenizer.get_vocab_size(),
        "hidden_size": width,
        "intermediate_size": 2 * width,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": heads // 2,
        "head_dim": width // heads,
        "hidden_act": "silu",
        "max_position_embeddings": context,
        "rms_norm_eps": 1e-6,
        "rope_theta": 10_000.0,
        "tie_word_embeddings": False,
        "attention_bias": False,
        "torch_dtype": "float32",
        **ends,
    }
    made = _made(architecture, config, tokenizer, np.random.default_rng(seed))
    _write(folder / "config.json", made.config)
    _write(folder / "generation_config.json", ends)
    _write(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": begin,
            "eos_token": END_OF_TURN,
            "pad_token": begin,
            "model_max_length": context,
            "chat_template": made.template,
        },
    )
    for name, processor in made.processors.items():
        _write(folder / name, processor)
    save_file(made.weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


class _Made(NamedTuple):
    config: Mapping[str, object]
    template: str
    processors: Mapping[str, Mapping[str, object]]
    weights: dict[str, npt.NDArray[np.float32]]


def _made(
    architecture: str, config: Mapping[str, object], tokenizer: Tokenizer, random: np.random.Generator
) -> _Made:
    """A model of this architecture around, or in the size of, the language model that `config` tells of."""
    sizes = {name: value for name, value in config.items() if isinstance(value, int)}
    if architecture == "clip":
        towers = _tiny_clip.towers(
            random,
            width=sizes["hidden_size"],
            layers=sizes["num_hidden_layers"],
            vocabulary=sizes["vocab_size"],
            context=sizes["max_position_embeddings"],
        )
        template, processors = _tiny_clip.CHAT_TEMPLATE, _tiny_clip.PROCESSORS
        return _Made(_tiny_clip.configured(config), template, processors, dict(towers))
    weights = dict(_weights(config, random))
    if architecture != "idefics3":
        return _Made(config, CHAT_TEMPLATE, {}, weights)
    inside = {re.sub(r"\Amodel\.", "model.text_model.", name): each for name, each in weights.items()}
    return _Made(
        _tiny_eyes.seeing(config, tokenizer.token_to_id(_tiny_eyes.IMAGE)),
        _tiny_eyes.CHAT_TEMPLATE,
        _tiny_eyes.PROCESSORS,
        inside | dict(_tiny_eyes.eyes(sizes["hidden_size"], random)),
    )


def _tokenizer(texts: Iterable[str], vocabulary: int, marks: Iterable[str]) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary - len(PARSED),
        special_tokens=[*MARKS, *marks],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_tokens(list(PARSED))
    return tokenizer


def _weights(
    config: Mapping[str, object], random: np.random.Generator
) -> Iterator[tuple[str, npt.NDArray[np.float32]]]:
    """The tensors by name; both architectures share the names."""
    sizes = {name: value for name, value in config.items() if isinstance(value, int)}
    width, inner, head = sizes["hidden_size"], sizes["intermediate_size"], sizes["head_dim"]
    queries, keys = sizes["num_attention_heads"] * head, sizes["num_key_value_heads"] * head

    def matrix(rows: int, columns: int) -> npt.NDArray[np.float32]:
        return random.normal(0, columns**-0.5, (rows, columns)).astype(np.float32)

    def ones(length: int) -> npt.NDArray[np.float32]:
        return np.ones(length, np.float32)

    yield "model.embed_tokens.weight", matrix(sizes["vocab_size"], width)
    for layer in range(sizes["num_hidden_layers"]):
        at = f"model.layers.{layer}"
        yield f"{at}.input_layernorm.weight", ones(width)
        yield f"{at}.self_attn.q_proj.weight", matrix(queries, width)
        yield f"{at}.self_attn.k_proj.weight", matrix(keys, width)
        yield f"{at}.self_attn.v_proj.weight", matrix(keys, width)
        yield f"{at}.self_attn.o_proj.weight", matrix(width, queries)
        if config["model_type"] == "qwen3":
            yield f"{at}.self_attn.q_norm.weight", ones(head)
            yield f"{at}.self_attn.k_norm.weight", ones(head)
        yield f"{at}.post_attention_layernorm.weight", ones(width)
        yield f"{at}.mlp.gate_proj.weight", matrix(inner, width)
        yield f"{at}.mlp.up_proj.weight", matrix(inner, width)
        yield f"{at}.mlp.down_proj.weight", matrix(width, inner)
    yield "model.norm.weight", ones(width)
    yield "lm_head.weight", matrix(sizes["vocab_size"], width)


def _write(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
